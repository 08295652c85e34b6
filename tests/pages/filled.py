"""A quarter of a helpdesk's cases in a store, one of which would do harm if it were believed."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.commands.demo_history import history
from bot.store import Change, Job, JobKind, LogEntry, Record
from bot.store.interface import Store
from bot.store.page import Affected, ScanSummary
from dialogs.model import Case

WORDS = "<script>alert(1)</script> my photo & the other one"


async def fill(store: Store, cases: int = 180) -> None:
    """Cases of the last twelve weeks; one job given up; one scan with names."""
    for change in history(cases):
        await store.commit(change)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for number in range(2):
        await store.commit(Change(Record(f"few-{number}", case=Case(f"FEW{number}", opened_at=now, locale="et"))))
    harmful = Case("EVIL1", opened_at=now, comment=WORDS, outcome="escalated", submissions=1, ticket="<b>INC1</b>", ticket_url="javascript:alert(1)")  # fmt: skip
    log = (LogEntry(now, "typed", WORDS), LogEntry(now, "<i>kind</i>", WORDS))
    await store.commit(Change(Record("person-evil", name="Person <b>Evil</b>", case=harmful), log=log))
    await store.put(Job(JobKind.TICKET, "EVIL1", "person-evil", 0.0))
    claimed = next(one for one in await store.claim(16, 60.0) if one.job.kind is JobKind.TICKET)
    await store.fail(claimed, "tickets: status 403 <b>forbidden</b>")
    counts = (("differ", "", 212), ("missing", "no_site", 31), ("no_photo", "", 140), ("match", "direct", 1609), ("unknown", "disabled", 3))  # fmt: skip
    await store.begin_scan()
    await store.add_affected(tuple(Affected(f"id-{one}", f"anna.{one}@fabrikam.example", "differ", "") for one in range(60)))  # fmt: skip
    await store.end_scan(ScanSummary(now, counts, named=True))
