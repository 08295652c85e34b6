"""A card's content -> an Adaptive Card 1.5 in one language. Pure; golden files hold what comes out.

What Teams shows of it: six actions at most; a picture as `data:` address; Markdown in every text
block, so a value from outside is escaped; `rtl` mirrors the card.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta

from bot.conversation import Message, visible
from dialogs.card_content import Button, CardContent, Summary
from dialogs.translations import SOURCE, Catalog, MissingText, Translations

Card = dict[str, Any]

NAME_LENGTH = 80
_MARKDOWN = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]()<>~#|"})
_VALUE_NAMES = {"set_language": "locale", "question": "question"}  # of a button's value in its data
_LONG = {"question": 800}  # letters of what may be longer than a name
_PLAIN = ("contact",)  # the admin's own words, from the settings


@dataclass(frozen=True)
class Photos:
    """The two pictures of a verdict card, as small JPEGs; None where there is none. Never stored, never logged."""

    microsoft365: bytes | None = field(default=None, repr=False)
    sharepoint: bytes | None = field(default=None, repr=False)
    copied: datetime | None = None  # when SharePoint's copy was made, UTC


@dataclass(frozen=True)
class CardSetting:
    """What every card of this installation needs."""

    translations: Translations
    illustrations: Mapping[str, bytes] = field(repr=False)  # PNG by name; `NAME.rtl` where a direction is meant
    chat: str  # address of the bot's own 1:1 chat


def message(setting: CardSetting, content: CardContent, *, name: str = "", photos: Photos | None = None) -> Message:
    """The card in the nearest language that has every sentence of it, so that no card mixes two."""
    for catalog in setting.translations.chain(content.locale):
        try:
            return _Renderer(setting, catalog, content, name, photos or Photos()).message()
        except MissingText:
            continue
    raise MissingText(content.locale, content.title)


@lru_cache
def babel(tag: str) -> Locale:
    """What the CLDR knows of a language; to it a pseudo-language (`bot.languages.pseudo`) is English."""
    return Locale.parse(SOURCE if tag.startswith("qps-") else tag, sep="-")


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """A time zone by its IANA name or as an offset such as "+02:00"; UTC where there is none such on this machine."""
    try:
        if name.startswith(("+", "-")):
            return datetime.fromisoformat(f"2000-01-01T00:00{name}").tzinfo or UTC
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def escape_markdown(value: str, longest: int = NAME_LENGTH) -> str:
    """Text from outside as text: one line, not too long, nothing that Markdown would take for markup."""
    line = visible(value)
    if len(line) > longest:
        line = line[: longest - 1] + "…"
    return line.translate(_MARKDOWN)


@dataclass(frozen=True)
class _Renderer:
    """One card in one language."""

    setting: CardSetting
    language: Catalog
    content: CardContent
    name: str
    photos: Photos

    def message(self) -> Message:
        title = self._text(self.content.title)
        card: Card = {
            "type": "AdaptiveCard",
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "version": "1.5",
            "lang": self.language.tag,
            "fallbackText": title,
            "body": self._body(title),
            "actions": self._actions(),
        }
        if self.language.rtl:
            card["rtl"] = True
        return Message(card, title, self.language.tag)

    def _text(self, key: str, **values: str | int) -> str:
        known = {
            name: value if name in _PLAIN else escape_markdown(value, _LONG.get(name, NAME_LENGTH))
            for name, value in self.content.values.items()
        }
        return self.language.text(key, **{**known, **self._spans(), **values})

    def _spans(self) -> dict[str, str]:
        """Spans of time, as the language says them."""
        locale = babel(self.language.tag)
        return {
            name: format_timedelta(timedelta(seconds=seconds), add_direction=name == "when", locale=locale)
            for name, seconds in self.content.spans.items()
            if seconds
        }

    def _body(self, title: str) -> list[Card]:
        content, text = self.content, self._text
        parts: list[Card] = []
        if content.notice:
            parts.append(
                {"type": "Container", "style": "accent", "bleed": True, "items": [_line(text(content.notice))]}
            )
        if content.earlier:
            key, case, ticket = content.earlier
            parts.append(_line(text(key, case=escape_markdown(case), ticket=escape_markdown(ticket))))
        if content.progress:
            number, total = content.progress
            parts.append(_line(text("card.progress", number=number, total=total), size="Small", isSubtle=True))
        if content.greeting and self.name:
            parts.append(_line(text("card.greeting", name=escape_markdown(self.name)), isSubtle=True))
        parts.append(_line(title, size="Large", weight="Bolder", style="heading", spacing="Small"))
        if content.picture:
            parts.append(self._picture(content.picture))
        if content.photos:
            parts.append(self._two_photos())
        parts += [_line(text(key)) for key in content.body]
        if content.steps_ahead:
            parts.append(_line(text("card.steps", count=content.steps_ahead)))
        if content.hint:
            parts.append({"type": "Container", "style": "emphasis", "items": [_line(text(content.hint), size="Small")]})
        if content.form:
            parts += [_FORMS[content.form](self)] if content.form in _FORMS else []
        return parts

    def _picture(self, name: str) -> Card:
        return {
            "type": "Image",
            "url": _data(self._illustration(name), "png"),
            "altText": self._text(f"picture.{name}"),
            "size": "Stretch",
        }

    def _illustration(self, name: str) -> bytes:
        pictures = self.setting.illustrations
        mirrored = pictures.get(f"{name}.rtl") if self.language.rtl else None
        return mirrored or pictures[name]

    def _two_photos(self) -> Card:
        copied = self._copied()
        return {
            "type": "ColumnSet",
            "columns": [
                self._photo("microsoft365", self.photos.microsoft365, ""),
                self._photo("sharepoint", self.photos.sharepoint, copied),
            ],
        }

    def _copied(self) -> str:
        if self.photos.copied is None or self.photos.sharepoint is None:
            return ""
        local = self.photos.copied.astimezone(zone(self.content.timezone))
        return self._text("card.copied", date=format_date(local, "medium", babel(self.language.tag)))

    def _photo(self, side: str, picture: bytes | None, note: str) -> Card:
        there = picture is not None
        shown: Card = {
            "type": "Image",
            "url": _data(picture, "jpeg") if there else _data(self.setting.illustrations["no_photo"], "png"),
            "altText": self._text(f"photo.{side}.alt" if there else "picture.no_photo"),
            "width": "96px",
            "height": "96px",
            "horizontalAlignment": "Center",
        }
        below = note if there else self._text("photo.none")
        lines = [_line(below, size="Small", isSubtle=True, horizontalAlignment="Center")] if below else []
        caption = _line(self._text(f"photo.{side}.caption"), weight="Bolder", horizontalAlignment="Center")
        return {"type": "Column", "width": "stretch", "items": [caption, shown, *lines]}

    def _comment(self) -> Card:
        return {
            "type": "Input.Text",
            "id": "comment",
            "label": self._text("form.comment.label"),
            "placeholder": self._text("form.comment.placeholder"),
            "isMultiline": True,
            "maxLength": 1000,
            "value": self.content.comment,
        }

    def _summary(self) -> Card:
        """Text to copy: in an input, since what a text block shows cannot be selected on a phone."""
        summary, text = self.content.summary or Summary(), self.language.text
        lines = [text("summary.case", case=self.content.case)]
        if summary.looked_at:
            lines.append(text("summary.looked", date=self._time(summary.looked_at)))
            lines += [f"- {text(key)}" for key in summary.found]
        else:
            lines.append(text("summary.not_looked"))
        if summary.steps:
            lines += [text("summary.steps"), *(f"- {text(key)}" for key in summary.steps)]
        if summary.comment:
            lines += [text("summary.comment"), summary.comment]
        return {
            "type": "Input.Text",
            "id": "summary",
            "label": text("form.summary.label"),
            "isMultiline": True,
            "value": "\n".join(lines),
        }

    def _time(self, at: str) -> str:
        """A time of the case, which is UTC, on the person's own clock, as the language writes it."""
        local = datetime.fromisoformat(at).astimezone(zone(self.content.timezone))
        return format_datetime(local, "long", locale=babel(self.language.tag))

    def _locale(self) -> Card:
        catalogs = sorted(self.setting.translations.catalogs.values(), key=lambda one: one.name.casefold())
        return {
            "type": "Input.ChoiceSet",
            "id": "locale",
            "label": self._text("form.locale.label"),
            "style": "compact",
            "value": self.language.tag,
            "choices": [{"title": one.name, "value": one.tag} for one in catalogs],
        }

    def _actions(self) -> list[Card]:
        buttons = [self._button(button, first=place == 0) for place, button in enumerate(self.content.buttons)]
        if not self.content.link:
            return buttons
        address = self.setting.chat if self.content.link == "chat" else self.content.link
        link = {"type": "Action.OpenUrl", "title": self._text(f"{self.content.step}.link"), "url": address}
        return [*buttons[:1], link, *buttons[1:]]

    def _button(self, button: Button, *, first: bool) -> Card:
        data: Card = {
            "action": button.action,
            "case": self.content.case,
            "step": self.content.step,
            "rev": self.content.rev,
        }
        if button.score:
            data["score"] = button.score
        if button.value:
            data[_VALUE_NAMES[button.action]] = button.value
        known = self.setting.translations.catalogs
        # A language that was left by mistake is called what itself calls it: the person may not read the present one.
        named = button.action == "set_language" and button.value in known
        title = known[button.value].name if named else self._text(button.title)
        card: Card = {"type": "Action.Submit", "title": title, "data": data}
        if first and button.main:
            card["style"] = "destructive" if button.action == "forget_confirmed" else "positive"
        if not button.main and button.action not in {"back", "rate"}:
            card["mode"] = "secondary"  # behind the three dots where the channel has them
        return card


_FORMS: dict[str, Callable[[_Renderer], Card]] = {
    "comment": _Renderer._comment,  # noqa: SLF001 - the table belongs to the class
    "locale": _Renderer._locale,  # noqa: SLF001
    "summary": _Renderer._summary,  # noqa: SLF001
}


def _line(text: str, **looks: Any) -> Card:
    return {"type": "TextBlock", "text": text, "wrap": True, **looks}


def _data(picture: bytes | None, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(picture or b'').decode()}"
