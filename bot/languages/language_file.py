"""One PO file -> the texts that may be shown, and a fault with its line for each that may not.

The bot and `photosync locales check` both read a language here, so they agree: what has no fault is shown, and what is
not shown has one. A fault of the file's syntax, encoding or kind means that nothing of it is used, so that a half-saved
file changes nothing. A fault of an entry stays with the entry. What is not translated yet, or marked fuzzy, is no
fault: it is counted as unfinished.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from babel import Locale

from bot.languages import plurals, po_reader, rules, tags
from bot.languages.budgets import NAME_LENGTH
from bot.languages.plurals import PluralForms, WrongRule
from bot.languages.po_document import Document, Fault, PoEntry
from bot.languages.rules import Text
from dialogs.examples import EXAMPLE_KEYS, PREFIX

Forms = Mapping[str, tuple[str, ...]]
"""Key -> what is shown: one text, or one for each plural form."""

BASE, DRAFT = "X-Photosync-Base", "X-Photosync-Draft"  # fields of the header
_NO_DRAFT = ("", "no", "false")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']*)", re.IGNORECASE)
_EXAMPLES = f'msgctxt "{PREFIX}'.encode()
_NONE, _COUNT = frozenset[str](), frozenset({"count"})


@dataclass(frozen=True)
class LanguageFile:
    """What one file comes to."""

    tag: str
    document: Document
    texts: Forms  # what is shown, by key
    faults: tuple[Fault, ...]  # by line
    usable: bool  # False: the first fault is of the file as a whole
    unfinished: tuple[PoEntry, ...]  # fuzzy or not wholly translated
    name: str  # what the language calls itself; "" where the file does not say
    rule: PluralForms | None  # how counts choose among forms; None where the header does not say

    @property
    def base(self) -> str:
        """Of a variant: the language that it is laid over, as its header names it; "" of a language."""
        return base_of(self.document)

    @property
    def draft(self) -> bool:
        """Whether its header says so: then it is for the people of the pilot."""
        return self.document.fields.get(DRAFT, "").strip().lower() not in _NO_DRAFT


def base_of(document: Document) -> str:
    """The language that a file says it is a variant of, a tag where it is one; "" where it says nothing."""
    named = document.fields.get(BASE, "").strip()
    return tags.of_file(named) or named


def read(path: Path, tag: str, english: Forms | None, *, typed: bool = True) -> LanguageFile:
    """Read a language's file beside the packaged English; None: it is that English itself. Raises nothing.

    `typed` False: not the examples of what people type, which stand at the end of a packaged file.
    """
    document = po_reader.read(path, before=b"" if typed else _EXAMPLES)
    try:
        locale = Locale.parse(tag, sep="-")
        faults = (*document.faults, *_charset(document))
        if not faults:
            return _checked(document, tag, locale, english)
    except Exception as error:  # whatever a library makes of one file stays with that file
        faults = (Fault(1, f"cannot be read: {type(error).__name__}: {error}"),)
    return LanguageFile(tag, document, {}, faults, usable=False, unfinished=(), name="", rule=None)


def _charset(document: Document) -> Iterator[Fault]:
    """The header has to say what the file is, for every other program that reads or writes it."""
    written = document.fields.get("Content-Type", "")
    found = _CHARSET.search(written)
    if written and not (found and found[1].lower().replace("-", "").replace("_", "") == "utf8"):
        named = f"charset={found[1]}" if found else written[:60]
        text = f"the header says “{named}”; write charset=UTF-8, and save the file as UTF-8"
        yield Fault(document.field_line("Content-Type"), text)


def _checked(document: Document, tag: str, locale: Locale, english: Forms | None) -> LanguageFile:
    checked = _Checked(document, locale, english)
    faults = tuple(sorted(checked.faults, key=lambda fault: fault.line))
    return LanguageFile(
        tag, document, checked.texts, faults, True, tuple(checked.unfinished), checked.name, checked.rule
    )


class _Checked:
    """A file without a fault of syntax, its entries sorted into what is shown, faulty, and unfinished."""

    def __init__(self, document: Document, locale: Locale, english: Forms | None) -> None:
        self.texts: dict[str, tuple[str, ...]] = {}
        self.faults: list[Fault] = []
        self.unfinished: list[PoEntry] = []
        self._english = english
        self._document = document
        self.rule, self._rule_fault = self._header_rule(locale)
        self.name = self._header_name()
        lines: dict[str, int] = {}
        for entry in document.entries:
            first = lines.setdefault(entry.key, entry.line) if entry.key else entry.line
            texts = entry.texts
            whole = self._whole(entry, texts) and not entry.fuzzy
            found = self._faults_of(entry, first, whole=whole)
            if found:
                self.faults += [fault._replace(key=entry.key) for fault in found]
            elif not whole:
                self.unfinished.append(entry)
            elif english is None or entry.key in english or entry.key in EXAMPLE_KEYS:
                self.texts[entry.key] = texts

    def _header_rule(self, locale: Locale) -> tuple[PluralForms | None, str]:
        document = self._document
        written = document.fields.get("Plural-Forms", "")
        if not written and not any(entry.plural for entry in document.entries):
            return None, ""  # a few texts of one's own that do not count
        try:
            return plurals.rule(written, locale), ""
        except WrongRule as error:
            self.faults.append(Fault(document.field_line("Plural-Forms"), f"Plural-Forms {error}"))
            return None, "the header's Plural-Forms is wrong, so its forms cannot be told apart"

    def _header_name(self) -> str:
        name = self._document.fields.get("X-Language-Name", "").strip()
        found = rules.unshowable(name)
        problem = f"has the character {found}" if found else ""
        if len(name) > NAME_LENGTH:
            problem = f"has {len(name)} characters; at most {NAME_LENGTH} have room"
        if problem:
            self.faults.append(Fault(self._document.field_line("X-Language-Name"), f"X-Language-Name {problem}"))
        return "" if problem else name

    def _whole(self, entry: PoEntry, texts: tuple[str, ...]) -> bool:
        """Whether each form that counts take is written."""
        if all(texts):
            return True
        used = self.rule.used if self.rule and entry.plural else range(len(texts))
        return all(texts[form : form + 1] != ("",) for form in used)

    def _faults_of(self, entry: PoEntry, first: int, *, whole: bool) -> list[Fault]:
        if not entry.key:
            return [Fault(entry.line, "no msgctxt: without its key nothing shows this entry")]
        if first != entry.line:
            return [Fault(entry.line, f"the key stands in line {first} already")]
        forms = entry.texts if self._english is None else self._english.get(entry.key)
        if entry.key in EXAMPLE_KEYS:
            forms = entry.source  # everybody writes his own: the English is no measure for them
        if forms is None:
            return []  # the English has no such entry: nothing asks for it
        if bool(entry.plural) != (len(forms) > 1):
            return [Fault(entry.line, "plural forms on one side only; sync mends it")]
        if entry.plural and self._rule_fault:
            return [Fault(entry.line, self._rule_fault)]
        if entry.plural and self.rule and not max(self.rule.used) < len(entry.strings) <= self.rule.forms:
            text = f"plural forms here: {len(entry.strings)}; of this language: {self.rule.forms}"
            return [Fault(entry.strings[0].line, text)]
        return list(self._problems(entry, forms)) if whole else []

    def _problems(self, entry: PoEntry, english: tuple[str, ...]) -> Iterator[Fault]:
        source = rules.source(english)
        for at, form in enumerate(entry.strings):
            if entry.plural and self.rule and at not in self.rule.used:
                continue  # no whole number takes this form
            lacking = bool(entry.plural and self.rule and "{count}" not in form.text and at in self.rule.seldom)
            text = Text(form.text, entry.key, source, _COUNT if lacking else _NONE)
            for problem in rules.problems(text):
                yield Fault(form.line, problem)
