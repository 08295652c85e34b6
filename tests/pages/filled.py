"""A quarter of a helpdesk's cases, always the same but for today's date, put into a store."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from bot.store import Change, Job, JobKind, LogEntry, Record
from bot.store.interface import Store
from bot.store.page import Affected, ScanSummary
from dialogs.model import Case, Check, Trace, Verdict

LANGUAGES = ("en",) * 9 + ("sv",) * 5 + ("ar",) * 3 + ("ru",) * 2 + ("lv",)
PLATFORMS = ("Windows", "Windows", "Windows", "Mac", "Android", "iOS", "Web")
VERDICTS = (Verdict.DIFFER,) * 6 + (Verdict.MISSING,) * 2 + (Verdict.NO_PHOTO, Verdict.MATCH)
OUTCOMES = ("resolved",) * 6 + ("resolved_later",) * 3 + ("escalated", "stopped", "expired", "")
WORDS = "<script>alert(1)</script> my photo & the other one"
HOUR = 3600


async def fill(store: Store, cases: int = 180) -> None:
    """Cases of the last twelve weeks, with their logs, tickets and ratings; one job given up; one scan with names."""
    dice, now = random.Random(7), datetime.now(UTC)
    for number in range(cases):
        begun = now - timedelta(days=dice.uniform(0, 83))
        verdict, outcome = dice.choice(VERDICTS), dice.choice(OUTCOMES)
        case = _case(number, begun, verdict, "resolved" if verdict is Verdict.MATCH else outcome, dice)
        record = Record(f"person-{number}", name=f"Person {number}", locale=case.locale, platform=case.platform, case=case)  # fmt: skip
        at = case.opened_at
        log = (LogEntry(at, "typed", WORDS), LogEntry(at, "looked", verdict.value), LogEntry(at, "pressed", "next"))
        await store.commit(Change(record, f"activity-{number}", log))
    await _given_up(store)
    counts = (("differ", "", 212), ("missing", "no_site", 31), ("no_photo", "", 140), ("match", "", 1609), ("unknown", "disabled", 3))  # fmt: skip
    await store.begin_scan()
    await store.add_affected(tuple(Affected(f"id-{one}", f"anna.{one}@fabrikam.example", "differ", "") for one in range(60)))  # fmt: skip
    await store.end_scan(ScanSummary(now.isoformat(timespec="seconds"), counts, named=True))


def _case(number: int, begun: datetime, verdict: Verdict, outcome: str, dice: random.Random) -> Case:
    found, later = _at(begun, 5), _at(begun, dice.choice((300, 900, 4 * HOUR, 30 * HOUR)))
    checks = [Check(found, verdict, similarity=0.21 if verdict is Verdict.DIFFER else None)]
    if outcome.startswith("resolved") and verdict is not Verdict.MATCH:
        checks.append(Check(later, Verdict.MATCH, similarity=0.98))
    answer = {"stopped": "stop", "escalated": "ticket"}.get(outcome, "next")
    step = dice.choice(("resync.office", "resync.tile", "resync.tile", "resync.private_window"))
    ticket = f"INC{1000 + number}" if outcome == "escalated" else ""
    return Case(
        f"C{number:04}",
        step=step,
        locale=dice.choice(LANGUAGES),
        platform=dice.choice(PLATFORMS),
        opened_at=_at(begun, 0),
        checks=tuple(checks),
        traces=(Trace(step, later, answer),),
        outcome=outcome,
        ticket=ticket,
        ticket_url=f"https://desk.example/{ticket}" if ticket else "",
        ticket_state="working" if ticket else "",
        submissions=int(bool(ticket)),
        comment=WORDS if ticket else "",
        rating=dice.choice(("up", "up", "up", "down", "")),
    )


def _at(begun: datetime, seconds: float) -> str:
    return (begun + timedelta(seconds=seconds)).isoformat(timespec="seconds")


async def _given_up(store: Store) -> None:
    await store.put(Job(JobKind.TICKET, "C0003", "person-3", 0.0))
    claimed = next(one for one in await store.claim(16, 60.0) if one.job.kind is JobKind.TICKET)
    await store.fail(claimed, "tickets: status 403")
