"""Which texts each card needs, and how many cards a language can show: a card of which one is missing is in English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from bot import resources
from bot.cards import render
from bot.cards.render import CardSetting, Photos
from bot.commands.preview.samples import samples
from bot.languages import packaged
from dialogs.library import Library
from dialogs.translations import SOURCE, Catalog, Translations

CHAT = "https://teams.microsoft.com/l/chat/0/0?users=28:bot"
_PHOTO = b"photo"  # a card with pictures has texts for them
_COPIED = datetime(2026, 3, 9, tzinfo=UTC)
_NAME = "Ada"

Needs = Mapping[str, frozenset[str]]
"""Card, as the preview names it -> keys of its texts."""


@dataclass(frozen=True)
class CardCoverage:
    """What people see of a language."""

    cards: int  # that it has whole
    of: int
    lacking: Mapping[str, tuple[str, ...]]  # card that is in English -> what it lacks
    holding: tuple[tuple[str, int], ...]  # entry -> how many cards lack it, most first

    def __str__(self) -> str:
        return self.summary(1)

    def summary(self, most: int) -> str:
        """How many cards are shown, and the entries that hold most of the others back."""
        holding = f"; missing most: {self.entries(most)}" if self.holding else ""
        return f"cards shown: {self.cards} of {self.of}{holding}"

    def entries(self, most: int) -> str:
        """The entries that hold most cards back."""
        return ", ".join(f"{key} ({counted(cards)})" for key, cards in self.holding[:most])

    def next_cards(self, most: int) -> str:
        """The cards that lack least, with what they lack."""
        nearest = sorted(self.lacking.items(), key=lambda one: len(one[1]))[:most]
        return "; ".join(f"{card} lacks {', '.join(keys)}" for card, keys in nearest)


def needs(setting: CardSetting, library: Library) -> Needs:
    """Every card there is, drawn in English, with what was asked of the English for it."""
    english = setting.translations.catalogs[SOURCE]
    found = {}
    for sample in samples(library, SOURCE):
        asked = _Asked(english.entries)
        catalog = Catalog(SOURCE, english.name, False, asked, english.plural)
        photos = Photos(
            None if "microsoft365" in sample.absent else _PHOTO,
            None if "sharepoint" in sample.absent else _PHOTO,
            _COPIED,
            difference=_PHOTO,
        )
        drawn = CardSetting(Translations({SOURCE: catalog}), setting.illustrations, setting.chat, setting.pages)
        render.message(drawn, sample.content, name=_NAME, photos=photos)
        found[sample.name] = frozenset(asked.keys_asked)
    return found


@cache
def packaged_needs() -> Needs:
    """Of the cards that ship."""
    spoken, pictures = packaged.languages(), resources.illustrations()
    return needs(CardSetting(spoken.translations, pictures, CHAT), packaged.topics(spoken, pictures))


def shown(needed: Needs, keys: Collection[str]) -> CardCoverage:
    """What a language shows that has these keys."""
    lacking = {card: tuple(sorted(wanted - set(keys))) for card, wanted in needed.items() if not wanted <= set(keys)}
    counts = Counter(key for missing in lacking.values() for key in missing)
    holding = tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
    return CardCoverage(len(needed) - len(lacking), len(needed), lacking, holding)


def counted(cards: int) -> str:
    """So many cards, in words."""
    return f"{cards} card{'' if cards == 1 else 's'}"


class _Asked(Mapping[str, tuple[str, ...]]):
    """Entries that remember which of them were asked for."""

    def __init__(self, entries: Mapping[str, tuple[str, ...]]) -> None:
        self._entries = entries
        self.keys_asked: set[str] = set()

    def __getitem__(self, key: str) -> tuple[str, ...]:
        self.keys_asked.add(key)
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
