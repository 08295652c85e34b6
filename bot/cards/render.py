"""A card's content -> an Adaptive Card 1.5 in one language. Pure; golden files hold what comes out.

What Teams shows of it: six actions at most; a picture as `data:` address; Markdown in every text
block, so a value from outside is escaped; `rtl` mirrors the card.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta

from bot.clouds import CLOUDS
from bot.conversation import Message
from dialogs.card_content import Button, CardContent, Row, Summary
from dialogs.library import PAGES
from dialogs.text import visible
from dialogs.translations import SOURCE, Catalog, MissingText, Translations

Card = dict[str, Any]

NAME_LENGTH = 80
LARGEST = 27 * 1024  # bytes of a card: Teams takes 28 KB, the message around it included
PHOTO_SIZE = 150  # pixels of a card; the file has more, for screens that are finer
SIGNS = {"good": "✓", "warning": "!", "attention": "!", "accent": "…"}
_MONTHS = 60 * 86_400.0  # seconds from which on the month says enough of a date
_MARKDOWN = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]()<>~#|"})
_VALUE_NAMES = {"set_language": "locale", "question": "question", "answer": "answer"}  # of a button's value in its data
_LONG = {"question": 800}  # letters of what may be longer than a name
_PLAIN = ("contact",)  # the admin's own words, from the settings


@dataclass(frozen=True)
class Photos:
    """The two pictures of a verdict card, as small JPEGs; None where there is none. Never stored, never logged."""

    microsoft365: bytes | None = field(default=None, repr=False)
    sharepoint: bytes | None = field(default=None, repr=False)
    copied: datetime | None = None  # when SharePoint's copy was made, UTC
    # The same in smaller files, for a card whose texts leave them no more room.
    smaller: tuple[bytes | None, bytes | None] = field(default=(None, None), repr=False)
    difference: bytes | None = field(default=None, repr=False)  # SharePoint's, with what differs marked


@dataclass(frozen=True)
class CardSetting:
    """What every card of this installation needs."""

    translations: Translations
    illustrations: Mapping[str, bytes] = field(repr=False)  # PNG by name; `NAME.rtl` where a direction is meant
    chat: str  # address of the bot's own 1:1 chat
    pages: Mapping[str, str] = field(default_factory=lambda: CLOUDS["public"].pages)  # addresses of the cloud's own


def message(setting: CardSetting, content: CardContent, *, name: str = "", photos: Photos | None = None) -> Message:
    """The card in the nearest language that has every sentence of it, so that no card mixes two."""
    for catalog in setting.translations.chain(content.locale):
        with suppress(MissingText):
            made = _Renderer(setting, catalog, content, name, photos or Photos()).message()
            if photos is not None and any(photos.smaller) and len(orjson.dumps(made.rendered)) > LARGEST:
                ours, theirs = photos.smaller
                smaller = replace(photos, microsoft365=ours, sharepoint=theirs, difference=None)
                made = _Renderer(setting, catalog, content, name, smaller).message()
            return made
    raise MissingText(content.locale, content.title)


def closed(setting: CardSetting, locale: str) -> Message:
    """What is left of a card when another one takes over: a line that says where it goes on, and nothing to press."""
    catalog = next(one for one in setting.translations.chain(locale) if "card.closed" in one.entries)
    text = catalog.text("card.closed")
    card: Card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "lang": catalog.tag,
        "fallbackText": text,
        "body": [_line(text, size="Small", isSubtle=True)],
        "actions": [],
    }
    if catalog.rtl:
        card["rtl"] = True
    return Message(card, text, catalog.tag)


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
        return Message(card, title, self.language.tag, self.content.asks_rating)

    def _text(self, key: str, **values: str | int) -> str:
        return self.language.text(key, **{**self._values, **values})

    @cached_property
    def _values(self) -> Mapping[str, str]:
        """What the places in this card's sentences stand for."""
        known = {
            name: value if name in _PLAIN else escape_markdown(value, _LONG.get(name, NAME_LENGTH))
            for name, value in self.content.values.items()
        }
        times = {name: self._clock(at) for name, at in self.content.times.items()}
        pages = {name: _bare(page) for name, page in self.setting.pages.items()}
        return {**known, **times, **pages, "address": _bare(self._address(self.content.link))}

    def _address(self, link: str) -> str:
        """What a link leads to; "" where this cloud has no such page."""
        if link == "chat":
            return self.setting.chat
        return self.setting.pages.get(link, "") if link in PAGES else link

    def _clock(self, at: str) -> str:
        """A time of the day on the person's own clock; with the day where that is another one than the card's."""
        where, locale = zone(self.content.timezone), babel(self.language.tag)
        local, shown = (datetime.fromisoformat(one).astimezone(where) for one in (at, self.content.shown_at or at))
        clock = format_time(local, "short", locale=locale) + (" UTC" if where is UTC else "")
        return clock if local.date() == shown.date() else f"{format_date(local, 'medium', locale)}, {clock}"

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
        parts.append(self._heading(title))
        if content.picture:
            parts.append(self._picture(content.picture))
        if content.photos:
            parts += self._both_photos()
        parts += [_line(text(key)) for key in content.body]
        if content.steps_ahead:
            parts.append(_line(text("card.steps", count=content.steps_ahead)))
        parts += [self._row(row) for row in content.rows]
        parts += [self._place(button) for button in content.places]
        if content.hint:
            parts.append({"type": "Container", "style": "emphasis", "items": [_line(text(content.hint), size="Small")]})
        if content.form:
            parts += [_FORMS[content.form](self)] if content.form in _FORMS else []
        return parts

    def _heading(self, title: str) -> Card:
        """The title; on a card with a state as a banner in its colour, with a sign for those who see no colours."""
        heading = _line(title, size="Large", weight="Bolder", style="heading", spacing="Small")
        state = self.content.state
        if not state:
            return heading
        sign = _line(SIGNS[state], size="Large", weight="Bolder", wrap=False)
        columns = [_column("auto", sign), _column("stretch", heading)]
        return {
            "type": "Container",
            "style": state,
            "bleed": True,
            "items": [_columns(*columns)],
        }

    def _row(self, row: Row) -> Card:
        text = self._text(row.text)
        if not row.sign:
            return _line(text, weight="Bolder", spacing="Medium")
        items = [_line(text)]
        if row.hint:
            items.append(_line(self._text(row.hint), size="Small", isSubtle=True, spacing="None"))
        if address := self._address(row.link):
            items.append(_line(f"[{_bare(address)}]({address})", spacing="None"))
        sign = _line(row.sign, weight="Bolder", wrap=False)
        columns = [_column("24px", sign), _column("stretch", *items)]
        return {**_columns(*columns), "spacing": "Small"}

    def _place(self, button: Button) -> Card:
        """A place to choose from: its picture and its name, both to be pressed."""
        name = f"place_{button.action}"
        title = self._text(button.title)
        picture = self._image(f"{name}.small", f"picture.{name}", width="48px", height="48px")
        action = self._button(button, first=False)
        return {
            "type": "Container",
            "style": "emphasis",
            "spacing": "Small",
            "selectAction": {name: value for name, value in action.items() if name != "mode"},
            "items": [
                _columns(
                    _column("auto", picture),
                    {**_column("stretch", _line(title, weight="Bolder")), "verticalContentAlignment": "Center"},
                )
            ],
        }

    def _picture(self, name: str) -> Card:
        return self._image(name, f"picture.{name}", size="Stretch")

    def _image(self, name: str, words: str, **looks: Any) -> Card:
        """An illustration, mirrored where the language is, and its dark twin for who uses the dark theme."""
        pictures = self.setting.illustrations
        mirrored = f"{name}.rtl"
        shown = mirrored if self.language.rtl and mirrored in pictures else name
        image: Card = {
            "type": "Image",
            "url": _data(pictures[shown], "png"),
            "altText": self._text(words),
            **looks,
        }
        if dark := pictures.get(f"{shown}.dark"):
            image["themedUrls"] = [{"theme": "Dark", "url": _data(dark, "png")}]
        return image

    def _both_photos(self) -> list[Card]:
        """Side by side; below them what differs, where the person has to tell whether they are the same."""
        photos = self.photos
        ours, theirs = (
            self._photo("microsoft365", photos.microsoft365, ""),
            self._photo("sharepoint", photos.sharepoint, self._copied()),
        )
        if not self.content.difference or photos.difference is None:
            return [_columns(ours, theirs)]
        return [_columns(ours, theirs), _columns(self._photo("difference", photos.difference, ""))]

    def _copied(self) -> str:
        """When SharePoint's copy was made, and how long before the photo: a month where that says enough."""
        if self.photos.copied is None or self.photos.sharepoint is None:
            return ""
        local, locale = self.photos.copied.astimezone(zone(self.content.timezone)), babel(self.language.tag)
        older_by = self.content.older_by
        if not older_by:
            return self._text("card.copied", date=format_date(local, "long", locale))
        age = format_timedelta(timedelta(seconds=older_by), locale=locale)
        long_ago = older_by >= _MONTHS
        date = format_skeleton("yMMMM", local, locale=locale) if long_ago else format_date(local, "long", locale)
        return self._text("card.copied_before", date=date, age=age)

    def _photo(self, side: str, picture: bytes | None, note: str) -> Card:
        size = f"{PHOTO_SIZE}px"
        looks: Card = {"width": size, "height": size, "horizontalAlignment": "Center"}
        if picture is None:
            shown = self._image("no_photo", "picture.no_photo", **looks)
        else:
            shown = {
                "type": "Image",
                "url": _data(picture, "jpeg"),
                "altText": self._text(f"photo.{side}.alt"),
                **looks,
                "msTeams": {"allowExpand": True},
            }
        below = self._text("photo.none") if picture is None else note
        lines = [_line(below, size="Small", isSubtle=True, horizontalAlignment="Center")] if below else []
        caption = _line(self._text(f"photo.{side}.caption"), weight="Bolder", horizontalAlignment="Center")
        return _column("stretch", caption, shown, *lines)

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

    def _to_copy(self) -> Card:
        """An address for another window than the one that a button would open."""
        return {
            "type": "Input.Text",
            "id": "address",
            "label": self._text("form.address.label"),
            "value": _bare(self._address(self.content.link)),
        }

    def _time(self, at: str) -> str:
        """A time of the case, which is UTC, on the person's own clock, as the language writes it."""
        local = datetime.fromisoformat(at).astimezone(zone(self.content.timezone))
        return format_datetime(local, "long", locale=babel(self.language.tag))

    def _locale(self) -> Card:
        choices = self.setting.translations.choices()
        tag = self.language.tag
        return {
            "type": "Input.ChoiceSet",
            "id": "locale",
            "label": self._text("form.locale.label"),
            "style": "filtered",
            "value": tag if any(one.tag == tag for one in choices) else self.language.base,
            "choices": [{"title": one.name, "value": one.tag} for one in choices],
        }

    def _actions(self) -> list[Card]:
        buttons = [self._button(button, first=place == 0) for place, button in enumerate(self.content.buttons)]
        address = self._address(self.content.link)
        if not address or self.content.form == "address":
            return buttons
        link = {"type": "Action.OpenUrl", "title": self._text(f"{self.content.step}.link"), "url": address}
        after = 0 if self.content.link_first else 1
        return [*buttons[:after], link, *buttons[after:]]

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
        card: Card = {
            "type": "Action.Submit",
            "title": title,
            "data": data,
            "msTeams": {"feedback": {"hide": True}},  # the changed card says that the press arrived
        }
        # Neither the way back nor "I still see the old one" after good news is what people are led to.
        leads = button.action != "back" and not (self.content.state == "good" and button.action == "next")
        if first and button.main and leads:
            card["style"] = "destructive" if button.action == "forget_confirmed" else "positive"
        if not button.main:
            card["mode"] = "secondary"  # behind the three dots where the channel has them
        return card


_FORMS: dict[str, Callable[[_Renderer], Card]] = {
    "comment": _Renderer._comment,  # noqa: SLF001 - the table belongs to the class
    "locale": _Renderer._locale,  # noqa: SLF001
    "summary": _Renderer._summary,  # noqa: SLF001
    "address": _Renderer._to_copy,  # noqa: SLF001
}


def _columns(*columns: Card) -> Card:
    return {"type": "ColumnSet", "columns": list(columns)}


def _column(width: str, *items: Card) -> Card:
    return {"type": "Column", "width": width, "items": list(items)}


def _bare(address: str) -> str:
    """An address as people write it."""
    return address.removeprefix("https://")


def _line(text: str, **looks: Any) -> Card:
    return {"type": "TextBlock", "text": text, "wrap": True, **looks}


def _data(picture: bytes | None, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(picture or b'').decode()}"
