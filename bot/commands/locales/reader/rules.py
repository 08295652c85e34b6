"""The table of rules, and a language's file read by all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bot.commands.locales.issue import Issue, Language, Level
from bot.commands.locales.reader import counts, kept, meaning, room, terms, titles, typography
from bot.commands.locales.reader.text import Knowledge, Text
from bot.languages.plurals import Rule
from bot.languages.po_document import PoEntry
from dialogs.examples import EXAMPLE_KEYS

Check = Callable[[Text], Iterator[str]]
"""A text -> a sentence for each thing that is doubtful in it."""
RULES: Mapping[str, Check] = {
    "number": kept.numbers,
    "shortcut": kept.shortcuts,
    "name": kept.names,
    "address": kept.addresses,
    "twice": kept.doubled,
    "order": kept.order,
    "negation": meaning.negation,
    "side": meaning.sides,
    "glossary": terms.glossary,
    "word": terms.forbidden,
    "button": titles.named,
    "unknown": titles.unknown,
    "quotes": typography.quotes,
    "blanks": typography.blanks,
    "marks": typography.marks,
    "doubled": typography.doubled,
    "letters": typography.letters,
    "capital": typography.capital,
    "title": room.title,
    "length": room.length,
}
PLURAL = "plural"
"""The one rule that is about all forms of an entry together (`counts`)."""
_ERRORS = {"twice"}


@dataclass(frozen=True)
class Reader:
    """Reads one language's file."""

    language: Language
    knows: Knowledge
    rule: Rule | None  # how counts choose among plural forms

    def issues(self) -> Iterator[Issue]:
        """What is doubtful and not explained."""
        for entry in self.language.document.entries:
            english = self.language.english.get(entry.key)
            if english is not None and entry.key not in EXAMPLE_KEYS and self.language.shows(entry):
                for found in self._of_entry(entry, english):
                    if not any(one.covers(found.rule, entry.key, found.text) for one in self.knows.lists.allowances):
                        yield found

    def _of_entry(self, entry: PoEntry, english: PoEntry) -> Iterator[Issue]:
        used = self.rule.used if self.rule and entry.plural else range(len(entry.strings))
        for at, form in enumerate(entry.strings):
            if at not in used:
                continue
            source = english.source[0 if self._only_one(at, entry) else -1]
            text = Text(entry.key, form.text, source, self.knows)
            for name, check in RULES.items():
                level = Level.ERROR if name in _ERRORS else Level.WARNING
                yield from (Issue(form.line, said, level, entry.key, name) for said in check(text))
        if entry.plural and self.rule:
            words = self.knows.lists.plurals.get(entry.key, {})
            for at, said in counts.wrong(entry.texts, self.rule, self.language.locale, words):
                yield Issue(entry.strings[at].line, said, Level.WARNING, entry.key, PLURAL)

    def _only_one(self, form: int, entry: PoEntry) -> bool:
        """Whether a form shows for the count of one, beside which the English has its singular."""
        return not entry.plural or (self.rule is not None and self.rule(1) == form and len(self.rule.used) > 1)
