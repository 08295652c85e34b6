"""What the pretend organisation's people are made to have asked in the last twelve weeks, so that the demo's helpdesk
has a past. None of them is anybody of the demo: nothing of it is in a chat."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.store import Change, LogEntry, Record
from dialogs.model import Case, Check, Trace, Verdict

_DAYS = 83
_LANGUAGES = ("en",) * 9 + ("sv",) * 5 + ("ar",) * 3 + ("ru",) * 2 + ("lv",)
_PLATFORMS = ("Windows", "Windows", "Windows", "Mac", "Android", "iOS", "Web")
_VERDICTS = (Verdict.DIFFER,) * 6 + (Verdict.MISSING,) * 2 + (Verdict.NO_PHOTO, Verdict.MATCH)
_OUTCOMES = ("resolved",) * 6 + ("resolved_later",) * 3 + ("escalated", "stopped", "expired", "")
_LATER = (300, 900, 4 * 3600, 30 * 3600)  # seconds until the photo had arrived
_STEPS = ("resync.office", "resync.tile", "resync.tile", "resync.private_window")


def history(cases: int = 180, seed: int = 7) -> Iterator[Change]:
    """Each with its log, and with a ticket or a rating where it has one; the same but for today's date."""
    dice, now = random.Random(seed), datetime.now(UTC)  # noqa: S311 - a made-up past
    for number in range(cases):
        begun = now - timedelta(days=dice.uniform(0, _DAYS))
        verdict, outcome = dice.choice(_VERDICTS), dice.choice(_OUTCOMES)
        case = _case(number, begun, verdict, "resolved" if verdict is Verdict.MATCH else outcome, dice)
        person, at = f"person-{number}", case.opened_at
        record = Record(person, name=f"Person {number}", locale=case.locale, platform=case.platform, case=case)
        log = (LogEntry(at, "looked", verdict.value), LogEntry(at, "pressed", "next"))
        yield Change(record, log=log)


def _case(number: int, begun: datetime, verdict: Verdict, outcome: str, dice: random.Random) -> Case:
    later = _at(begun, dice.choice(_LATER))
    checks = [Check(_at(begun, 5), verdict, similarity=0.21 if verdict is Verdict.DIFFER else None)]
    if outcome.startswith("resolved") and verdict is not Verdict.MATCH:
        checks.append(Check(later, Verdict.MATCH, similarity=0.98))
    answer = {"stopped": "stop", "escalated": "ticket"}.get(outcome, "next")
    step = dice.choice(_STEPS)
    ticket = f"INC{1000 + number}" if outcome == "escalated" else ""
    return Case(
        f"H{number:04}",
        step=step,
        locale=dice.choice(_LANGUAGES),
        platform=dice.choice(_PLATFORMS),
        opened_at=_at(begun, 0),
        checks=tuple(checks),
        traces=(Trace(step, later, answer),),
        outcome=outcome,
        ticket=ticket,
        ticket_state="working" if ticket else "",
        submissions=int(bool(ticket)),
        rating=dice.choice(("up", "up", "up", "down", "")),
    )


def _at(begun: datetime, seconds: float) -> str:
    return (begun + timedelta(seconds=seconds)).isoformat(timespec="seconds")
