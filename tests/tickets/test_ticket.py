"""What a ticket carries, whichever system it goes to: no more than the systems take."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot import resources
from bot.languages import packaged
from bot.store import LogEntry, Record
from bot.tickets.ticket import Ticket, evidence
from bot.tickets.words import AgentWords
from dialogs.engine import CHECKS_LENGTH, COMMENT_LENGTH, TRACES_LENGTH
from dialogs.model import Check, Trace, Verdict
from tests.tickets.ground import ADA, AT, CASE

MOST_BYTES = 64 * 1024  # what many receivers of webhooks take
FEWEST_LETTERS = 4_000  # ServiceNow's `description` as it comes
ADA_RECORD = Record("ada-1", name="Ada O'Neil")
WRITTEN = ["yes", "x" * 500, "图" * 500, "\U0001f937" * 500]


def log_of(entries: int, written: str) -> list[LogEntry]:
    return [LogEntry(AT, "typed", f"{number} {written}") for number in range(entries)]


@pytest.mark.parametrize("written", WRITTEN, ids=["short", "long", "Chinese", "emoji"])
def test_a_case_of_5000_entries_is_a_ticket_that_systems_take(written: str) -> None:
    checks = tuple(Check(AT, Verdict.MISSING, similarity=0.123456) for _ in range(CHECKS_LENGTH))
    traces = tuple(Trace("resync.private_window", AT, "next") for _ in range(TRACES_LENGTH))
    case = replace(CASE, checks=checks, traces=traces, comment="图" * COMMENT_LENGTH)
    body = evidence(ADA_RECORD, case, ADA, log_of(5_000, written))
    assert len(Ticket("ticket_1", body).evidence) < MOST_BYTES


@pytest.mark.parametrize("written", WRITTEN, ids=["short", "long", "Chinese", "emoji"])
def test_of_a_long_log_a_ticket_has_both_ends_and_says_how_much_is_left_out(written: str) -> None:
    lines = evidence(ADA_RECORD, CASE, ADA, log_of(5_000, written))["transcript"].split("\n")
    (mark,) = [line for line in lines if line.startswith("[")]
    left_out = int(re.sub(r"\D", "", mark))
    place = lines.index(mark)
    assert left_out + len(lines) - 1 == 5_000
    numbers = [int(line.split()[2]) for line in lines if line != mark]
    assert numbers == [*range(place), *range(place + left_out, 5_000)]
    assert 0 < place < len(lines) - place  # more of the end, where it is seen how it stands


def test_a_log_of_an_ordinary_case_is_whole() -> None:
    lines = evidence(ADA_RECORD, CASE, ADA, log_of(100, "what a person writes"))["transcript"].split("\n")
    assert [line.split()[2] for line in lines] == [str(number) for number in range(100)]


def test_the_words_of_a_ticket_are_as_many_as_every_system_takes_in_every_language() -> None:
    spoken = packaged.languages(None)
    library = packaged.topics(spoken, resources.illustrations())
    steps = [f"{topic.id}.{step}" for topic in library.topics.values() for step in topic.steps]
    walked = tuple(Trace(ref, AT, "next") for ref in steps[:TRACES_LENGTH])
    case = replace(CASE, traces=walked, comment="x" * COMMENT_LENGTH)
    for tag in spoken.translations.catalogs:
        words = AgentWords(lambda: spoken.translations, tag, lambda: library)
        _, text, note = words.of(Record("ada-1", name="n" * 200), case, f"{'u' * 100}@contoso.example", arrived=False)
        assert max(len(text), len(note)) < FEWEST_LETTERS, tag
