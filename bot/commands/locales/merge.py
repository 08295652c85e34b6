"""A language's file and the English of now -> its new lines. What need not change keeps its lines as they stand, so
that a difference shows just what the English brought."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bot.commands.locales.notes import base_line
from bot.commands.locales.writing import entry_lines, field_lines, flag_lines, kept_strings, string_names, wraps
from bot.languages.po_document import Document, PoEntry, unescape
from dialogs.examples import EXAMPLE_KEYS
from dialogs.translations import SOURCE

_FUZZY = "fuzzy"
_ASIDE = "#~"  # begins each line of an entry that is no longer used
_WORD = re.compile(r"[^\W\d_]+")

_Edit = tuple[int, int, tuple[str, ...]]
"""Lines from and to, from 0, the end not included, and what takes their place."""


@dataclass(frozen=True)
class SourceEntry:
    """One entry of the source as it now reads."""

    key: str
    source: tuple[str, ...]
    comments: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def plural(self) -> bool:
        """Whether it depends on a count."""
        return len(self.source) > 1


@dataclass(frozen=True)
class Merged:
    """The new lines, and the keys of the entries that were touched."""

    lines: tuple[str, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]  # their English, or what a variant's language says, reads otherwise now
    reworded: tuple[str, ...]  # likewise, but it means what it meant
    remarked: tuple[str, ...]  # only comments, flags or the number of forms
    dropped: tuple[str, ...]
    back: tuple[str, ...]  # were put aside, and mean what they meant

    def __str__(self) -> str:
        counted = {
            "new": self.added,
            "with changed English": self.changed,
            "with reworded English": self.reworded,
            "with other comments": self.remarked,
            "no longer used": self.dropped,
            "used again": self.back,
        }
        return ", ".join(f"{len(keys)} {what}" for what, keys in counted.items() if keys)


def merge(
    found: Document,
    tag: str,
    forms: int,
    english: Mapping[str, SourceEntry],
    *,
    whole: bool = True,
    reworded: Container[str] = (),
    back: Container[str] = (),
) -> Merged:
    """The file with the English of now; `forms` is how many plural forms its language has.

    `whole`: it holds a whole language, so that what it lacks gets an empty entry. `reworded`: the keys of texts that
    say the same in other words, so that their translations hold. `back`: those of entries that were put aside before.
    """
    return _Merge(found, tag, forms, english, wraps(found), whole, reworded, back).done()


@dataclass
class _Merge:
    found: Document
    tag: str
    forms: int
    english: Mapping[str, SourceEntry]
    wrap: bool
    whole: bool
    reworded: Container[str]
    again: Container[str]
    changed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    remarked: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)

    def done(self) -> Merged:
        gone = [entry for entry in self.found.entries if entry.key and entry.key not in self.english]
        here = {entry.key for entry in self.found.entries}
        fresh = tuple(key for key in self.english if key not in here) if self.whole else ()
        edits = [*self._edited(), *self._inserted(fresh), *((entry.start, self._after(entry), ()) for entry in gone)]
        lines = _with_end(list(_changed(self.found.lines, edits)), [line for entry in gone for line in _aside(entry)])
        dropped = tuple(entry.key for entry in gone)
        return Merged(
            tuple(lines), fresh, tuple(self.changed), tuple(self.kept), tuple(self.remarked), dropped, tuple(self.back)
        )

    def _edited(self) -> Iterator[_Edit]:
        for entry in self.found.entries:
            now = self.english.get(entry.key)
            if now is not None and not self._same(entry, now):
                self._list_for(entry, now).append(entry.key)
                yield entry.start, entry.end, self._renewed(entry, now)

    def _list_for(self, entry: PoEntry, now: SourceEntry) -> list[str]:
        if entry.source == now.source and not _base_changed(entry, now):
            return self.back if entry.key in self.again else self.remarked
        return self.kept if entry.key in self.reworded else self.changed

    def _same(self, entry: PoEntry, now: SourceEntry) -> bool:
        comments = entry.comments["#."] == now.comments
        flags = set(entry.flags) - {_FUZZY} == set(now.flags)
        return entry.source == now.source and comments and flags and len(entry.strings) == self._count(now)

    def _count(self, now: SourceEntry) -> int:
        return self.forms if now.plural else 1

    def _renewed(self, entry: PoEntry, now: SourceEntry) -> tuple[str, ...]:
        fuzzy, previous = entry.fuzzy, entry.comments["#|"]
        strings = self._strings(entry, now)
        if self._translates(entry):
            changed = entry.source != now.source and entry.key not in self.reworded
            other_base = _base_changed(entry, now) and entry.key not in self.reworded
            miscounted = len(entry.strings) != self._count(now)
            # The oldest English is the one that was translated; when it is back, so is the translation.
            back = changed and entry.previous == now.source
            fuzzy = miscounted or other_base or (changed and not back) or (fuzzy and not back)
            if changed:
                previous = () if back else previous or self._previous(entry)
        elif misplaced := self._misplaced(entry, now):
            fuzzy, strings = True, self._written(now, _as_many(misplaced, self._count(now)))
        comments = {
            **entry.comments,
            "#.": now.comments,
            "#,": flag_lines((*((_FUZZY,) if fuzzy else ()), *now.flags)),
            "#|": previous,
        }
        return entry_lines(comments, entry.key, now.source, strings, wrap=self.wrap)

    def _translates(self, entry: PoEntry) -> bool:
        """Whether its text follows the English: an installation's own English and what people type do not."""
        return self.tag != SOURCE and entry.key not in EXAMPLE_KEYS and any(form.text for form in entry.strings)

    def _misplaced(self, entry: PoEntry, now: SourceEntry) -> tuple[str, ...]:
        """What stands in the place of the English and is none, where nothing is translated: it was typed there."""
        if self.tag == SOURCE or any(form.text for form in entry.strings):
            return ()
        known = {*now.source, *entry.previous}
        # What is left of an earlier English has words that the English has somewhere; a translation has others.
        return tuple(text for text in entry.source if text not in known and not _words(text) <= self._english_words)

    @cached_property
    def _english_words(self) -> frozenset[str]:
        return frozenset(word for one in self.english.values() for text in one.source for word in _words(text))

    def _previous(self, entry: PoEntry) -> tuple[str, ...]:
        named = zip(("msgid", "msgid_plural"), entry.source, strict=False)
        return tuple(line for name, text in named for line in field_lines(name, text, wrap=self.wrap, prefix="#| "))

    def _strings(self, entry: PoEntry, now: SourceEntry) -> tuple[str, ...]:
        texts = tuple(form.text for form in entry.strings)
        if self.tag == SOURCE and texts == entry.source != now.source:
            texts = now.source  # English that was not edited follows the source
        elif len(texts) == self._count(now) and bool(entry.plural) == now.plural:
            return kept_strings(entry)
        return self._written(now, _as_many(texts, self._count(now)))

    def _written(self, now: SourceEntry, texts: tuple[str, ...]) -> tuple[str, ...]:
        named = zip(string_names(len(texts), plural=now.plural), texts, strict=True)
        return tuple(line for name, text in named for line in field_lines(name, text, wrap=self.wrap))

    def _inserted(self, fresh: tuple[str, ...]) -> Iterator[_Edit]:
        """New entries."""
        written: dict[str, Sequence[str]] = {}
        for key in fresh:
            now = self.english[key]
            same = self.tag == SOURCE and key not in EXAMPLE_KEYS
            texts = now.source if same else ("",) * self._count(now)
            comments = {"#.": now.comments, "#,": flag_lines(now.flags)}
            written[key] = entry_lines(comments, key, now.source, self._written(now, texts), wrap=self.wrap)
        return _placed(self.found, self.english, written)

    def _after(self, entry: PoEntry) -> int:
        """Where an entry ends with the empty line behind it."""
        lines, end = self.found.lines, entry.end
        return end + 1 if end < len(lines) and not lines[end].strip() else end


def revived(found: Document, english: Mapping[str, SourceEntry]) -> tuple[str, ...]:
    """The lines of a file with entries that were put aside and that the English has again as entries once more. Where
    one is there anyway, what was put aside goes: gettext refuses a file with both."""
    here = {entry.key for entry in found.entries}
    edits, back = list[_Edit](), dict[str, Sequence[str]]()
    for start, end, key in _put_aside(found.lines):
        if key in english:
            edits.append((start - (start > 0 and not found.lines[start - 1].strip()), end, ()))
            if key not in here:
                back.setdefault(key, [_in_use(line) for line in found.lines[start:end]])
    return _changed(found.lines, [*edits, *_placed(found, english, back)])


def _put_aside(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Where each entry that was put aside begins, with its comments, and ends, and its key."""
    start, key, translated = -1, "", False
    for at, line in enumerate((*lines, "")):
        aside, text = line.startswith(_ASIDE), line.removeprefix(_ASIDE).strip()
        if translated and (not aside or text.startswith(("|", "msgctxt ", "msgid "))):
            if key:
                yield start, at, key
            start, key, translated = -1, "", False
        if not line.startswith("#"):
            start, key = -1, ""
        elif start < 0:
            start = at
        if aside and text.startswith("msgctxt "):
            key = unescape(text.removeprefix("msgctxt ").strip())
        translated = translated or (aside and text.startswith("msgstr"))


def _in_use(line: str) -> str:
    """A line of an entry that was put aside, as it stands in one that is used."""
    return line.replace(f"{_ASIDE}|", "#|", 1) if line.startswith(f"{_ASIDE}|") else line.removeprefix(_ASIDE).lstrip()


def _placed(
    found: Document, english: Mapping[str, SourceEntry], written: Mapping[str, Sequence[str]]
) -> Iterator[_Edit]:
    """Entries that a file lacks, by their keys, each after the one that it follows in the English."""
    ends = {entry.key: entry.end for entry in found.entries}
    at = found.header.end if found.header else 0
    places: dict[int, list[str]] = {}
    for key in english:
        at = ends.get(key, at)
        if key in written:
            places.setdefault(at, []).extend(("", *written[key]))
    return ((at, at, tuple(lines)) for at, lines in places.items())


def _changed(lines: Sequence[str], edits: Sequence[_Edit]) -> tuple[str, ...]:
    changed = list(lines)
    for start, end, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        changed[start:end] = new
    return tuple(changed)


def _words(text: str) -> frozenset[str]:
    """The words of a text in small letters, those inside placeholders too."""
    return frozenset(_WORD.findall(text.casefold()))


def _as_many(texts: Sequence[str], count: int) -> tuple[str, ...]:
    """So many forms: the last one again where there are fewer."""
    return tuple(texts[min(at, len(texts) - 1)] for at in range(count))


def _base_changed(entry: PoEntry, now: SourceEntry) -> bool:
    """Whether a variant's language says something else than when the entry was written."""
    before = base_line(entry.comments["#."])
    return bool(before) and before != base_line(now.comments)


def _aside(entry: PoEntry) -> tuple[str, ...]:
    """An entry that is no longer used, as Poedit keeps one: commented out. Nothing of one never translated."""
    if not any(form.text for form in entry.strings):
        return ()
    fields = [one for one in (entry.context, entry.id, entry.plural, *entry.strings) if one]
    # Should it come back, it is to be as sure as it was.
    unsure = (*flag_lines([_FUZZY]), *(f"{_ASIDE}{line[1:]}" for line in entry.comments["#|"])) if entry.fuzzy else ()
    return ("", *entry.comments["#"], *unsure, *(f"{_ASIDE} {line}" for one in fields for line in one.raw))


def _with_end(lines: list[str], more: list[str]) -> list[str]:
    if not more:
        return lines
    while lines and not lines[-1].strip():
        lines.pop()
    return [*lines, *more, ""]
