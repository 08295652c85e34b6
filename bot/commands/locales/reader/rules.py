"""The table of rules, and a language's file read by all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bot.commands.locales.issue import Issue, Language, Level
from bot.commands.locales.reader import counts, kept, meaning, room, terms, titles, typography
from bot.commands.locales.reader.text import EntryForm, Knowledge
from bot.languages.plurals import PluralForms
from bot.languages.po_document import PoEntry

TextRule = Callable[[EntryForm], Iterator[str]]
"""A text -> a sentence for each thing that is doubtful in it."""
RULES: Mapping[str, TextRule] = {
    "english": kept.sentences,
    "same": kept.words,
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
NAMES = (*RULES, PLURAL)
_ERRORS = {"english", "twice"}


@dataclass(frozen=True)
class Reader:
    """Reads one language's file."""

    language: Language
    knows: Knowledge
    rule: PluralForms | None  # how counts choose among plural forms

    def issues(self) -> Iterator[Issue]:
        """What is doubtful and not explained, in every entry that the bot shows."""
        for entry in self.language.document.entries:
            if entry.key in self.knows.source and self.language.shows(entry):
                yield from self.of(entry)

    def of(self, entry: PoEntry) -> Iterator[Issue]:
        """The same of one entry, which the English has too."""
        for found in self.all_of(entry):
            if not any(one.covers(found.rule, entry.key, found.text) for one in self.knows.lists.waivers):
                yield found

    def all_of(self, entry: PoEntry) -> Iterator[Issue]:
        """What is doubtful in one entry, explained or not."""
        yield from self._of_forms(entry)
        yield from self._of_counts(entry)

    def texts(self, entry: PoEntry) -> Iterator[tuple[int, EntryForm]]:
        """The forms that whole numbers take, each with its number and beside the English for the same counts."""
        source = self.knows.source[entry.key]
        for at, form in enumerate(entry.strings):
            if entry.plural and self.rule and at not in self.rule.used:
                continue
            yield at, EntryForm(entry.key, form.text, source[0 if self._only_one(at, entry) else -1], self.knows)

    def _only_one(self, form: int, entry: PoEntry) -> bool:
        """Whether a form shows for the count of one, beside which the English has its singular."""
        return not entry.plural or (self.rule is not None and self.rule(1) == form and len(self.rule.used) > 1)

    def _of_forms(self, entry: PoEntry) -> Iterator[Issue]:
        for at, text in self.texts(entry):
            for name, check in RULES.items():
                level = Level.ERROR if name in _ERRORS else Level.WARNING
                yield from (Issue(entry.strings[at].line, said, level, entry.key, name) for said in check(text))

    def _of_counts(self, entry: PoEntry) -> Iterator[Issue]:
        words = self.knows.lists.plurals.get(entry.key)
        if entry.plural and self.rule and words:
            for at, said in counts.wrong(entry.texts, self.rule, self.language.locale, words):
                yield Issue(entry.strings[at].line, said, Level.WARNING, entry.key, PLURAL)
