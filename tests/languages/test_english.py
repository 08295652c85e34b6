"""The English: short plain sentences, short buttons, and one word for one thing (`docs/terms.md`)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from bot import resources
from bot.languages import po_reader

MOST_WORDS = 20  # in a sentence
MOST_GRADE = 7.0
SHORT_TITLE = 25  # of a button: more has no room beside two others
MOST_TITLE = 40  # Teams cuts the rest
LONG_TITLES: frozenset[str] = frozenset()  # keys of buttons that cannot be said in SHORT_TITLE characters

ENGLISH = {
    (entry.key, at): text
    for entry in po_reader.read(resources.LOCALES / "en.po").entries
    if not entry.key.startswith("examples.")
    for at, text in enumerate(entry.texts)
}
BUTTON = re.compile(r"(.*\.)?button\..*|.*\.link")
TITLE = re.compile(rf"{BUTTON.pattern}|.*\.(title|heading|label)")
# Where a case may be named without its number: what the help desk and administrators read, and what says what is kept.
OF_CASES = re.compile(r"page\..*|privacy\..*")

# what is never said | where it may stand after all
NEVER = [
    ("a control is selected, on phones tapped", r"\b(click|press|choos|chose)\w*", None),
    ("sign in", r"\blog[- ]?(in|on|out|off)\b", None),
    ("help desk", r"\bhelpdesk", r"Photosync\.Helpdesk"),
    ("US spelling", r"\b(organis|recognis|synchronis|licence|grey|colour|centre\b|catalogue|behaviour|favourite|cancelled|afterwards|towards)\w*", None),
    ("contractions: not", r"\b(cannot|(do|does|did|is|are|was|were|has|have|had|will|would|could|should) not)\b", None),
    ("contractions: verbs", r"\b(I am|(you|we|they) are|(it|that|there|here|what) is|(I|you|we|they|it|that|there) will)\b(?![.,]|$)", r"where you are now"),
    ("a check, not a look", r"\b(a|the|last|no|one) looks?\b|\blook(ed|ing)? (again|at (the|your) (two )?photos)\b", None),
    ("the current photo", r"\bpresent (photo|copy|one)\b|\b(anew|altogether|at times)\b", None),
    ("tickets are sent", r"\bhand(s|ing)? (it |them )?over\b", None),
]  # fmt: skip


def sentences(text: str) -> Iterator[list[str]]:
    """The words of each; a placeholder is one."""
    plain = re.sub(r"\{\w+\}", "it", text)
    for sentence in re.split(r"(?<=[.!?])[”\"]?\s+|\n", plain):
        if words := re.findall(r"[A-Za-z0-9][\w'./+-]*", sentence):
            yield words


def syllables(word: str) -> int:
    """Groups of vowels, but for an e that is not heard at the end."""
    letters = re.sub(r"[^a-z]", "", word.lower())
    silent = re.search(r"[^aeiouyl]e$|[^aeiouytd]ed$|[^aeiouylscgxzh]es$", letters)
    return max(1, len(re.findall(r"[aeiouy]+", letters)) - bool(silent))


def grade(texts: list[str]) -> float:
    """Years at school that reading asks for, by Flesch and Kincaid."""
    each = [words for text in texts for words in sentences(text)]
    words = [word for sentence in each for word in sentence]
    return 0.39 * len(words) / len(each) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def test_no_sentence_is_too_long_to_take_in() -> None:
    long = {
        key: " ".join(words) for key, text in ENGLISH.items() for words in sentences(text) if len(words) > MOST_WORDS
    }
    assert long == {}


def test_every_group_of_texts_is_easy_to_read() -> None:
    groups = defaultdict(list)
    for (key, _), text in ENGLISH.items():
        if text.endswith((".", "?", "!")) and not TITLE.fullmatch(key):  # whole sentences: titles would flatter
            groups[key.partition(".")[0]].append(text)
    grades = {group: round(grade(texts), 1) for group, texts in groups.items()}
    assert {group: found for group, found in grades.items() if found > MOST_GRADE} == {}
    assert {"desk", "look", "resync", "questions", "agent", "privacy", "terms", "page"} <= grades.keys()


def test_buttons_are_short() -> None:
    titles = {key: text for (key, _), text in ENGLISH.items() if BUTTON.fullmatch(key)}
    assert {key: text for key, text in titles.items() if len(text) > MOST_TITLE} == {}
    assert {key for key, text in titles.items() if len(text) > SHORT_TITLE} == LONG_TITLES


def test_titles_begin_with_a_capital_and_end_without_a_period() -> None:
    titles = {key: text for (key, _), text in ENGLISH.items() if TITLE.fullmatch(key)}
    odd = {key: text for key, text in titles.items() if re.match(r"[a-z]", text) or text.endswith(".")}
    assert odd.keys() <= {"agent.input.label"}  # two sentences


@pytest.mark.parametrize(("never", "allowed"), [row[1:] for row in NEVER], ids=[row[0] for row in NEVER])
def test_words_that_we_do_not_use_are_nowhere(never: str, allowed: str | None) -> None:
    texts = {key: re.sub(allowed, "", text) if allowed else text for key, text in ENGLISH.items()}
    assert {key: text for key, text in texts.items() if re.search(never, text, re.IGNORECASE)} == {}


def test_people_hear_of_a_case_only_with_its_number() -> None:
    said = {key: text for (key, _), text in ENGLISH.items() if re.search(r"\bcases?\b", text, re.IGNORECASE)}
    assert {key: text for key, text in said.items() if "{case}" not in text and not OF_CASES.fullmatch(key)} == {}
