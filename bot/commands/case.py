"""`photosync case`: one case in words, for an agent who was given its number."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

from bot.commands.configuration import load
from bot.commands.database import opened
from bot.commands.terminal import EXIT_USAGE, complain, without_controls
from bot.errors import PhotosyncError
from bot.settings import Settings, Use
from bot.store import JobKind, LogEntry, StoredCase
from bot.store.interface import Store
from bot.tickets.labels import FACTS, FINDINGS, REASONS, TICKETS, VERDICTS
from bot.tickets.ticket import case_number, case_of, submission_of
from dialogs.model import Case, Check, Fact, Reason, SiteFinding


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("number", metavar="NUMBER", help="the case's number, as the person reads it on the card")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(
        run=lambda chosen: asyncio.run(_case(load(Use.STORE, chosen), chosen.number, as_json=chosen.json))
    )


async def _case(settings: Settings, number: str, *, as_json: bool) -> int:
    wanted = case_number(number)
    try:
        async with opened(settings) as store:
            found, log = await store.case(wanted), await store.log(wanted)
            state = await ticket_state(store, found)
    except PhotosyncError as error:
        return complain(str(error), status=EXIT_USAGE)
    if found is None:
        asked = number[:40]
        return complain(
            f"there is no case {asked}: it may be deleted, or older than PHOTOSYNC_RETENTION", status=EXIT_USAGE
        )
    if found.case is None:
        return complain(f"case {wanted} is damaged and cannot be read", status=EXIT_USAGE)
    if as_json:
        sys.stdout.write(json.dumps(document(found, found.case, log, state), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{without_controls(line)}\n" for line in _lines(found, found.case, log, state))
    return 0


async def ticket_state(store: Store, found: StoredCase | None) -> str:
    """What became of a case's ticket: of `bot.tickets.labels.TICKETS`; "" where there is none."""
    case = found.case if found is not None else None
    if found is None or case is None:
        return ""
    if case.ticket_state:
        return case.ticket_state
    if any(case_of(one) == case.id for one in await store.open_keys(JobKind.TICKET, found.person)):
        return "queued"
    letters = [one.key for one in await store.dead_letters() if one.kind == JobKind.TICKET]
    # A submission that failed does not count in the case any more; once it is made again, the letter says nothing.
    none = case.submissions if case.ticket or case.ticket_ref else 0
    if any(case_of(one) == case.id and submission_of(one) > none for one in letters):
        return "failed"
    return "sent" if case.submissions else ""


def document(found: StoredCase, case: Case, log: tuple[LogEntry, ...], state: str) -> dict[str, Any]:
    """What `--json` prints of a case. `state`: see `ticket_state`."""
    last = case.checks[-1] if case.checks else None
    return {
        "case": case.id,
        "opened_at": case.opened_at,
        "person": {"id": found.person, "name": found.name, "locale": case.locale},
        "outcome": case.outcome,
        "verdict": last.verdict.value if last else "",
        "reason": last.reason if last else "",
        "checks": [
            {
                "at": one.at,
                "verdict": one.verdict.value,
                "reason": one.reason,
                "similarity": one.similarity,
                "facts": list(one.facts),
                "site": one.site,
                "site_finding": one.site_finding,
            }
            for one in case.checks
        ],
        "steps": [{"step": one.step, "at": one.at, "answer": one.answer} for one in case.traces],
        "log": [{"at": one.at, "kind": one.kind, "what": one.what} for one in log],
        "comment": case.comment,
        "ticket": {"number": case.ticket, "url": case.ticket_url, "submissions": case.submissions, "state": state},
        "rating": case.rating,
    }


def _lines(found: StoredCase, case: Case, log: tuple[LogEntry, ...], state: str) -> Iterator[str]:
    yield f"Case {case.id} of {found.name or 'a person without a name'} ({found.person})"
    yield f"opened {case.opened_at}, language {case.locale}, outcome: {case.outcome or 'none yet'}"
    yield ""
    yield "Found"
    for check in case.checks:
        yield f"  {check.at}  {_found(check)}"
    if not case.checks:
        yield "  the photos were not looked at"
    yield ""
    yield "Shown and answered"
    for entry in log:
        yield f"  {entry.at}  {entry.kind}: {' '.join(entry.what.split())}".rstrip(" :")
    yield ""
    yield "Handed over"
    yield f"  {_handed_over(case)}"
    if state in TICKETS:
        yield f"  {TICKETS[state]}"
    if case.question:
        yield f"  the helpdesk writes: {' '.join(case.question.split())}"
    if case.comment:
        yield f"  the person adds: {' '.join(case.comment.split())}"


def _found(check: Check) -> str:
    because = [REASONS[Reason(check.reason)]] if check.reason in list(Reason) else []
    because += [FACTS[Fact(one)] for one in check.facts if one in list(Fact)]
    if check.site_finding in list(SiteFinding):
        because.append(f"site {check.site}: {FINDINGS[SiteFinding(check.site_finding)]}")
    similarity = f", similarity {check.similarity:.2f}" if check.similarity is not None else ""
    return f"{check.verdict.value}{similarity}: {'; '.join([VERDICTS[check.verdict], *because])}"


def _handed_over(case: Case) -> str:
    if not case.submissions:
        return "no ticket" if case.outcome != "escalated" else "no ticket: the person was given this number"
    comments = f", and {case.submissions - 1} more to it" if case.submissions > 1 else ""
    return f"ticket {case.ticket or 'without a number'} {case.ticket_url}".rstrip() + comments
