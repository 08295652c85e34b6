"""Cards that are rendered once and then only filled in: those that differ in nothing but the case's id and rev.

So do the steps of a walk, which are most of what is shown. To render a card costs as much as the rest of its turn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from bot.cards import render
from bot.cards.render import CardSetting, Photos
from bot.conversation import Message
from dialogs.card_content import CardContent, content_of, platform_of
from dialogs.frozen import replace
from dialogs.library import PAGES, Library
from dialogs.model import Case

_CASE, _REV = "@case@", 987_654_321_987  # stand for what is filled in
_SLOT = re.compile(f"({_CASE}|{_REV})".encode())
_MOST = 1_000  # templates of some 6 KB
_SETTINGS = 2  # at a time
# A place for a value, but for addresses: those are the installation's, the same on all its cards.
_OF_A_CASE = re.compile(rf"\{{(?!(?:address|{'|'.join(PAGES)})\}})")

TemplateKey = tuple[str, str, str, str, tuple[str, ...], str, bool, bool]


@dataclass(frozen=True)
class CardTemplate:
    """A card without its case: `parts` of its JSON, the odd ones standing for the case's id or its rev."""

    parts: tuple[bytes, ...]
    summary: str
    locale: str
    asks_rating: bool = False

    def render(self, case: Case) -> Message:
        """The card of one case."""
        values = {b"%b" % _CASE.encode(): orjson.dumps(case.id)[1:-1], b"%d" % _REV: b"%d" % case.rev}
        card = b"".join([values.get(part, part) for part in self.parts])
        return Message(card, self.summary, self.locale, self.asks_rating)


class CardTemplates:
    """Renders cases' cards. `cached` holds at most `most` templates, of the settings they were last rendered in."""

    def __init__(self, contact: str = "", again: float = 0.0, *, most: int = _MOST) -> None:
        """`contact` is how this installation's helpdesk is reached, if that was set; `again` the seconds after which
        we look again by ourselves.
        """
        self._contact = contact
        self._next_look = again
        self._most = most
        self._settings: tuple[CardSetting, ...] = ()  # everybody's, and the pilot's
        self.cached: dict[tuple[int, TemplateKey], CardTemplate] = {}

    def card(self, library: Library, setting: CardSetting, case: Case, name: str, photos: Photos) -> Message:
        """The case's present card."""
        known = template_key(library, case)
        key = (self._number(setting), known) if known is not None else None
        if key is not None and (template := self.cached.get(key)) is not None:
            return template.render(case)
        content = content_of(library, case, contact=self._contact, next_look=self._next_look)
        if key is None or _has_values(setting, content):
            return render.message(setting, content, name=name, photos=photos)
        while len(self.cached) >= self._most:
            del self.cached[next(iter(self.cached))]
        template = self.cached[key] = _template(setting, content)
        return template.render(case)

    def _number(self, setting: CardSetting) -> int:
        """Which of the two settings it is. With another language, or a changed sentence, all is drawn again."""
        for number, one in enumerate(self._settings):
            if one is setting:
                return number
        if len(self._settings) >= _SETTINGS:
            self._settings, self.cached = (), {}
        self._settings = (*self._settings, setting)
        return len(self._settings) - 1


def template_key(library: Library, case: Case) -> TemplateKey | None:
    """What a static card shows of a case but its id and rev: whatever `content_of` reads of it. Equal keys, equal
    cards. None where a card shows more."""
    step = library.step(case.step)
    if not step.static or case.earlier_case or case.before_locale:
        return None
    platform = platform_of(case.platform) if step.hints else ""
    before, ended, in_case = case.trail[-1:], bool(case.outcome), bool(case.id)
    return case.step, case.locale, case.notice, platform, before, case.rating, ended, in_case


def _has_values(setting: CardSetting, content: CardContent) -> bool:
    """Whether a sentence of the card has a place for a value of the case: an installation's own English may."""
    titles = (button.title for button in content.buttons)
    pictured, linked = f"picture.{content.picture}", f"{content.step}.link"
    keys = (content.title, *content.body, content.notice, content.hint, pictured, linked, *titles)
    chain = tuple(setting.translations.chain(content.locale))
    forms = (form for key in keys for one in chain for form in one.entries.get(key, ()))
    return any(_OF_A_CASE.search(form) for form in forms)


def _template(setting: CardSetting, content: CardContent) -> CardTemplate:
    message = render.message(setting, replace(content, case=_CASE, rev=_REV))
    parts = tuple(_SLOT.split(orjson.dumps(message.card)))
    return CardTemplate(parts, message.summary, message.locale, message.asks_rating)
