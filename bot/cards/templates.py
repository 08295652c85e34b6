"""Cards that are drawn once and then only filled in: where nothing but a case's id and rev tells two of them apart.

So are the steps of a walk, which are most of what is shown. A card drawn anew costs as much as the rest of its turn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from bot.cards import render
from bot.cards.render import Photos, Setting
from bot.conversation import Message
from dialogs.card_content import CardContent, content_of, template_key
from dialogs.frozen import replace
from dialogs.library import Library
from dialogs.model import Case

_CASE, _REV = "@case@", 987_654_321_987  # stand for what is filled in
_BLANKS = re.compile(f"({_CASE}|{_REV})".encode())
_MOST = 1_000  # cards of some 6 KB


@dataclass(frozen=True)
class CardTemplate:
    """A card without its case; between the parts, the case's id and rev in turn as `rev` tells."""

    parts: tuple[bytes, ...]
    summary: str
    locale: str

    def filled(self, case: Case) -> Message:
        """The card of one case."""
        values = {b"%b" % _CASE.encode(): orjson.dumps(case.id)[1:-1], b"%d" % _REV: b"%d" % case.rev}
        return Message(b"".join([values.get(part, part) for part in self.parts]), self.summary, self.locale)


@dataclass(frozen=True)
class CardTemplates:
    """Everything that cards show beside the case."""

    library: Library
    contact: str = ""  # how this installation's helpdesk is reached, if that was set
    again: float = 0.0  # seconds after which we look again by ourselves

    def card(self, setting: Setting, case: Case, name: str, photos: Photos) -> Message:
        """The case's present card."""
        key = template_key(self.library, case)
        blank = setting.drawn.get(key)
        if blank is not None:
            return blank.filled(case)
        told = self._say(case)
        if key is not None and not _varies(setting, told):
            while len(setting.drawn) >= _MOST:
                del setting.drawn[next(iter(setting.drawn))]
            blank = setting.drawn[key] = _blank(setting, told)
            return blank.filled(case)
        return render.message(setting, told, name=name, photos=photos)

    def _say(self, case: Case) -> CardContent:
        return content_of(self.library, case, contact=self.contact, again=self.again)


def _varies(setting: Setting, told: CardContent) -> bool:
    """Whether a sentence of the card has a place for a value of the case: an installation's own English may."""
    titles = (button.title for button in told.buttons)
    keys = (told.title, *told.body, told.notice, told.hint, f"picture.{told.picture}", f"{told.step}.link", *titles)
    chain = tuple(setting.wording.chain(told.locale))
    return any("{" in form for key in keys for one in chain for form in one.entries.get(key, ()))


def _blank(setting: Setting, told: CardContent) -> CardTemplate:
    drawn = render.message(setting, replace(told, case=_CASE, rev=_REV))
    raw = orjson.dumps(drawn.card)
    return CardTemplate(tuple(_BLANKS.split(raw)), drawn.summary, drawn.locale)
