"""What a person wrote, out of what Teams made of it.

`text` is plain text in which `&`, `<` and `>` are entities, mentions stand as `<at>Name</at>` and, since 2026, a quoted
reply as `<quoted messageId="..."/>`. With every message comes an attachment of type `text/html` with the same words as
the person's client shows them. Only there can be found: the address behind a link, which Teams replaces by the page's
title in `text`; and which part is a quotation in the older form, a `blockquote` whose words `text` repeats. Pictures,
GIFs and stickers are elements without words there, and leave `text` empty.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 2_000  # letters that are kept of what a person wrote
_MAX_READ = 20_000  # letters that are looked at
_MAX_LINKS = 10
_MAX_LINK = 2_000  # letters
_MAX_MENTIONS = 20  # of one message, that are looked at

_LESS, _GREATER = "(?:<|&lt;)", "(?:>|&gt;)"
_QUOTED = re.compile(
    rf"{_LESS}quoted\b(?:(?!{_GREATER})[\s\S]){{0,500}}{_GREATER}(?:\s{{0,50}}{_LESS}/quoted\s?{_GREATER})?",
    re.IGNORECASE,
)
_AT = re.compile(r"<at\b([^<>]{0,100})>([^<>]{0,300})</at\s?>", re.IGNORECASE)
_AT_ID = re.compile(r"""\bid\s?=\s?["']?(\d{1,3})""", re.IGNORECASE)
_TAG = re.compile(r"(/?)([A-Za-z][A-Za-z0-9]{0,20})")
_FIELD = re.compile(r"""\b(href|itemtype|itemid|id)\s{0,9}=\s{0,9}("[^"]*"|'[^']*'|[^\s"']+)""", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\xa0]+")
_QUOTATION = "schema.skype.com/Reply"
_MENTION = "schema.skype.com/Mention"
_BREAKS = frozenset({"p", "div", "br", "li", "tr", "blockquote", "h1", "h2", "h3", "pre"})


@dataclass(frozen=True)
class Written:
    """The words, and the addresses of the links among them."""

    text: str
    links: tuple[str, ...] = ()


def written(text: str, attachments: object, mentions: Sequence[Mapping[str, Any]], bot: str, name: str) -> Written:
    """What a person wrote.

    `mentions` are the message's entities of that type, `bot` is the id that the bot has in them and `name` its own.
    """
    page = _Page()
    content = _html(attachments)
    if not text.strip() or "href" in content or "blockquote" in content:
        page.read(content)
    source = page.text if page.has_quotation or not text.strip() else html.unescape(text[:_MAX_READ])
    source = _QUOTED.sub(" ", source)
    source = _without_mentions(source, mentions[:_MAX_MENTIONS], bot, name)
    return Written(_BLANKS.sub(" ", source).strip()[:MAX_TEXT], tuple(dict.fromkeys(page.links))[:_MAX_LINKS])


def _html(attachments: object) -> str:
    """The message as HTML, "" if it came without."""
    for one in attachments if isinstance(attachments, list) else []:
        if isinstance(one, dict) and one.get("contentType") == "text/html":
            content = one.get("content")
            return content[:_MAX_READ] if isinstance(content, str) else ""
    return ""


def _without_mentions(text: str, mentions: Sequence[Mapping[str, Any]], bot: str, name: str) -> str:
    """Without the bot's name where it was mentioned; of other people only the name."""
    ours = [_id(one) == bot for one in mentions]
    names = {_plain(name)} if name else set()
    for mention in (one for one, is_ours in zip(mentions, ours, strict=True) if is_ours):
        called = mention.get("text")
        if isinstance(called, str) and called and "<at" not in called.lower():
            text = text.replace(html.unescape(called), " ", 1)
        names |= {_plain(one) for one in (called, _mentioned(mention).get("name")) if isinstance(one, str) and one}
    only_us = bool(ours) and all(ours)

    def replaced(tag: re.Match[str]) -> str:
        number = _AT_ID.search(tag[1])
        numbered = int(number[1]) if number else -1
        is_ours = _plain(tag[2]) in names or only_us or (numbered in range(len(ours)) and ours[numbered])
        return " " if is_ours else tag[2]

    return _AT.sub(replaced, text)


def _mentioned(mention: Mapping[str, Any]) -> Mapping[str, Any]:
    mentioned = mention.get("mentioned")
    return mentioned if isinstance(mentioned, dict) else {}


def _id(mention: Mapping[str, Any]) -> object:
    return _mentioned(mention).get("id")


def _plain(name: str) -> str:
    """A name as it can be compared: without markup, entities and differences of blanks and case."""
    return " ".join(re.sub(r"</?at\b[^<>]{0,100}>", "", html.unescape(name[:500])).split()).casefold()


class _Page:
    """The words of a message's HTML without quotations, and its links.

    Read in one pass by what stands between `<` and `>`: the library's parser takes seconds for 20 KB of half tags.
    """

    def __init__(self) -> None:
        self.links: list[str] = []
        self._words: list[str] = []
        self._quotations = 0
        self._depth = 0  # of blockquotes within a quotation, 0 outside
        self._mention = ""  # the element that a mention stands in

    def read(self, content: str) -> None:
        """Take a message's HTML."""
        first, *parts = content.split("<")
        self._data(first)
        for part in parts:
            tag, end, data = part.partition(">")
            name = _TAG.match(tag)
            if not end or name is None:
                self._data("" if tag[:1] in ("!", "?") else f"<{part}")
                continue
            if name[1]:
                self._end(name[2].lower())
            else:
                self._start(name[2].lower(), tag)
            self._data(data)

    @property
    def has_quotation(self) -> bool:
        """Whether there is a quotation, and it ends."""
        return self._quotations > 0 and self._depth == 0

    @property
    def text(self) -> str:
        """The words, with mentions as `text` has them."""
        lines = (line.strip() for line in "".join(self._words).splitlines())
        return "\n".join(line for line in lines if line)

    def _start(self, name: str, tag: str) -> None:
        fields = {key.lower(): html.unescape(value.strip("\"'")) for key, value in _FIELD.findall(tag)}
        kind = fields.get("itemtype", "")
        if self._depth or (name == "blockquote" and kind.endswith(_QUOTATION)):
            self._quotations += 1
            self._depth += name == "blockquote"
            return
        if name in _BREAKS:
            self._words.append("\n")
        if not self._mention and (name == "at" or kind.endswith(_MENTION)):
            number = fields.get("itemid", fields.get("id", ""))
            self._words.append(f'<at id="{number}">' if number.isdecimal() else "<at>")
            self._mention = name
        target = fields.get("href", "").strip() if name == "a" else ""
        if target.lower().startswith(("https://", "http://")) and len(target) <= _MAX_LINK:
            self.links.append(target)

    def _end(self, name: str) -> None:
        if self._depth:
            self._depth -= name == "blockquote"
            return
        if name == self._mention:
            self._mention = ""
            self._words.append("</at>")
        if name in _BREAKS:
            self._words.append("\n")

    def _data(self, data: str) -> None:
        if not self._depth:
            words = html.unescape(data)
            self._words.append(words.replace("<", " ") if self._mention else words)
