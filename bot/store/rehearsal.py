"""A turn's writes, tried and taken back.

What readiness asks of a database beside a write that stays (`jobs.probe`): a trigger, a right or a column of another
type refuses what a turn writes, and nothing else shows it.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import NoReturn

from bot.conversation import Address
from bot.store import Change, Job, JobKind, LogEntry, PendingCard, Record
from bot.store.operation import Operation
from bot.store.people import commit, discard, receive
from dialogs.frozen import replace
from dialogs.model import Case

_LENGTH = 200  # letters of each text: a column may have been made shorter than what people are called


class Rehearsed(Exception):
    """Everything went, and nothing of it stays."""


def rehearse() -> Operation[NoReturn]:
    """A new person's first turn, and the next one. Raises `Rehearsed`, with which the transaction is undone."""
    name, at = f"rehearsal-{secrets.token_hex(8)}", datetime.now(UTC).isoformat(timespec="seconds")
    yield from receive(name, "1", {})
    text = "-" * _LENGTH
    record = Record(name, name=text, address=Address(text, text, text, text, text), case=Case(name, opened_at=at))
    put = (Job(JobKind.FOLLOW_UP, name, name, time.time() + 86_400, {}),)
    pending = PendingCard(time.time() + 86_400, in_place=True)
    record = yield from commit(Change(record, "1", log=(LogEntry(at, "typed", text),), put=put, pending_card=pending))
    yield from discard(name, "1")
    case = replace(record.case, outcome="stopped") if record.case is not None else None
    yield from commit(Change(replace(record, case=case), "2", drop=((JobKind.FOLLOW_UP, name),)))
    raise Rehearsed
