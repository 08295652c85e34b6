"""A typed message -> an event of the conversation.

First what is exact: the title of a button, the name of a language alone. Then the classifier, whose scores are judged
by `dialogs.meaning`. The model is mapped when the first message comes; an installation's own examples are laid over it
by `learn`, for people who speak that language, and for others where the model alone is not sure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from bot.understanding import classifier, own
from bot.understanding.classifier import LONGEST, Model, features
from bot.understanding.own import Corrections
from dialogs.examples import Example
from dialogs.frozen import replace
from dialogs.meaning import NO_QUESTION, Meaning, Vocabulary, judge
from dialogs.model import Step, Typed
from dialogs.text import folded
from dialogs.translations import SOURCE

_VALUES = {"rate_up": ("rate", "up"), "rate_down": ("rate", "down")}
_STEM = 4  # letters of a language's name that its inflected forms share at least
_MOST_WORDS = 20  # of a message in which an inflected name is looked for
_ENDING = 3  # letters at its end in which they may differ
# The Greek one in both its forms, and the syllables that stand for one in Chinese and Japanese.
_QUESTION_MARKS = ("?", "？", "؟", ";", "\u037e", "吗", "嗎", "か")
_AFTER_A_QUESTION = " \t\r\n.。!！"
_SUREST = 0.999  # 1 is for what is exact
_OVERRIDES = ("\u202d", "\u202e")  # of the direction of letters
_SURE_SIGN = 0.9  # share from which on a thumb without words is an answer; there is nothing to ask about either
_MERE_YES = 0.98  # share from which on one word is a mere yes: what people say for it has 0.99 in each language
_SHORT = 4  # letters that a word has at most in a script without blanks
_COMMAND = 4  # words that a whole command has at most
_CLEAR = 0.5  # margin: how much more a language has to score than the next for a text to be in it
# Serbian is written in two alphabets, letter for letter: what is typed in Cyrillic is read as Latin, in which the
# examples are.
_SERBIAN = "sr"
_CYRILLIC = "абвгдђежзијклмнопрстћуфхцчш"
_LATIN = "abvgdđežzijklmnoprstćufhcčš"
_OF_TWO = {"љ": "lj", "њ": "nj", "џ": "dž"}
_SMALL = dict(zip(_CYRILLIC, _LATIN, strict=True)) | _OF_TWO
_IN_LATIN = str.maketrans(_SMALL | {letter.upper(): latin.capitalize() for letter, latin in _SMALL.items()})


class Understanding:
    """What typed words mean."""

    def __init__(self) -> None:
        self._own: dict[str, Corrections] = {}
        self._learned: Mapping[str, tuple[Example, ...]] = {}

    @cached_property
    def _meanings(self) -> Model:
        return classifier.load(classifier.MEANINGS)

    @cached_property
    def _languages(self) -> Model:
        return classifier.load(classifier.LANGUAGES)

    def learn(self, examples: Mapping[str, tuple[Example, ...]]) -> None:
        """Lay an installation's own examples over the model; takes up to seconds, beside the event loop."""
        if examples == self._learned:
            return
        kept = {tag: found for tag, found in self._own.items() if examples.get(tag) == self._learned.get(tag)}
        self._own = {
            tag: kept.get(tag) or own.learn(self._meanings, _read(given, tag)) for tag, given in examples.items()
        }
        self._learned = examples

    def understand(self, text: str, locale: str, step: Step, words: Vocabulary) -> Typed:
        """What a message means to someone who speaks `locale` and sees the card of `step`. Raises nothing."""
        message = folded(text)
        titled = _titled(message, (locale, SOURCE), step.id, words) or words.commands.get(message, "")
        question = text.rstrip(_AFTER_A_QUESTION).endswith(_QUESTION_MARKS)
        action = titled if message else ""
        if action and not (question and action in NO_QUESTION):
            return Typed(*_VALUES.get(action, (action, "")), text, whole=True)
        if message in words.names:
            return Typed("set_language", words.names[message], text, whole=True)
        rows = features(_in_latin(text, locale))
        if any(sign in text[:LONGEST] for sign in _OVERRIDES):
            return Typed(text=text, confidence=0.0)  # what the person sees is not what the text says
        if not message and not any(map(_says_something, text[:LONGEST])):
            return Typed(text=text, confidence=0.0)
        found = self._judged(rows, locale, step, words, question=question)
        if not message and found.confidence < _SURE_SIGN:  # most that are not known come out as "yes"
            return Typed(text=text, confidence=0.0)
        typed = _event(found, text, message, words)
        if typed.action == "yes" and typed.confidence >= _MERE_YES and _is_one_word(message):
            return replace(typed, confidence=1.0)
        if step.checklist and typed.action == "next" and _leads_on(message, (locale, SOURCE), words):
            return replace(typed, confidence=1.0)
        return typed

    def language_of(self, text: str) -> str:
        """The language that a text is surely written in; "" where that is not sure."""
        rows = features(text)
        if not rows:
            return ""
        scores = self._languages.scores(rows)
        best, next_best = sorted(scores, reverse=True)[:2]
        return self._languages.labels[scores.index(best)] if best - next_best > _CLEAR else ""

    def _judged(self, rows: set[int], locale: str, step: Step, words: Vocabulary, *, question: bool) -> Meaning:
        def judged(corrections: Corrections | None) -> Meaning:
            scores = dict(zip(self._meanings.labels, self._meanings.scores(rows, corrections), strict=True))
            return judge(scores, step, question=question)

        # Those of a draft are learned too, and count only for who has the draft among their words.
        corrected = {tag: self._own[tag] for tag in words.examples if tag in self._own}
        spoken = locale if locale in corrected else words.bases.get(locale, locale)
        found = judged(corrected.get(spoken))
        if spoken in corrected or not found.alternatives:
            return found
        others = [judged(corrections) for corrections in corrected.values()]
        return max([found, *others], key=lambda one: one.confidence)


def _read(given: Iterable[Example], tag: str) -> Iterator[Example]:
    """Examples of a language as what its people type is read."""
    yield from (one._replace(text=_in_latin(one.text, tag)) for one in given)


def _in_latin(text: str, locale: str) -> str:
    """What somebody who speaks `locale` typed, in Latin letters if that is Serbian."""
    return text.translate(_IN_LATIN) if locale.partition("-")[0] == _SERBIAN else text


def _says_something(letter: str) -> bool:
    """Whether a sign is one that people answer with: a thumb, a heart."""
    return unicodedata.category(letter) == "So"


def _is_one_word(message: str) -> bool:
    """Whether there is nothing beside it that could take it back: "yes, but later" is no mere yes."""
    return " " not in message and (len(message) <= _SHORT or not _joined(message))


def _titled(message: str, tags: tuple[str, ...], step: str, words: Vocabulary) -> str:
    """The action of a button of this title: one of the present card, or else one of every card."""
    for tag in dict.fromkeys(tags):
        found = dict(words.titles[tag].get(message, ())) if tag in words.titles else {}
        action = found.get(step) or found.get("", "")
        if action:
            return action
    return ""


def _leads_on(message: str, tags: tuple[str, ...], words: Vocabulary) -> bool:
    """Whether it is the second half of "Done, next step", in words of one of the languages: not done, but the next."""
    titles = (title for tag in tags for title, steps in words.titles.get(tag, {}).items() if ("", "next") in steps)
    return any(message in title and not title.startswith(message) for title in titles)


def _event(found: Meaning, text: str, message: str, words: Vocabulary) -> Typed:
    label, value = found.label, ""
    if label in ("language", "set_language"):
        value = named(message, words.names)
        label = "set_language" if value else "language"
    label, value = _VALUES.get(label, (label, value))
    whole = bool(label) and message.count(" ") < _COMMAND
    return Typed(label, value, text, whole, alternatives=found.alternatives, confidence=min(found.confidence, _SUREST))


def named(message: str, names: Mapping[str, str]) -> str:
    """The language that is named somewhere in a folded message, inflected or not; "" if none is.

    Only asked where the message is about languages at all: many names are everyday words of another language.
    """
    padded = f" {message} "
    exact = [name for name in names if f" {name} " in padded or (_joined(name) and name in message)]
    if exact:
        return names[max(exact, key=len)]
    best, found = 0, ""
    for word in message.split()[:_MOST_WORDS]:
        beginning = word[:_STEM]
        for name, tag in names.items():
            if not name.startswith(beginning):
                continue
            shared = _shared(word, name)
            if shared >= max(_STEM, len(name) - _ENDING) and shared > best:
                best, found = shared, tag
    return found


def _joined(name: str) -> bool:
    """Of a script that writes no blanks between words, or joins small words to the next: Hebrew and Arabic too."""
    first = name[:1]
    return "\u0590" <= first <= "\u06ff" or "\u0e00" <= first <= "\u0eff" or first >= "\u3040"


def _shared(one: str, other: str) -> int:
    length = 0
    for letter, its in zip(one, other, strict=False):
        if letter != its:
            break
        length += 1
    return length
