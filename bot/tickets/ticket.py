"""A case as the helpdesk gets it (docs/contract.md, "Ticket webhook").

The first submission of a case is its ticket, later ones are comments to that: another id, and `type` `comment`. The
submissions are counted in the case, so a retry has the same id, and what a person writes later has another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.store import LogEntry, Record
from bot.tickets.labels import VERDICTS
from dialogs.model import Case


@dataclass(frozen=True)
class Ticket:
    """What is handed over; `body` is the document of the contract."""

    id: str  # the same on every try, another one for each submission of a case
    body: dict[str, Any] = field(repr=False)


def ticket(record: Record, case: Case, upn: str, log: Sequence[LogEntry], *, comment: str | None = None) -> Ticket:
    """The evidence of a case and its log, as its present submission.

    `upn` is "" where it could not be read; `comment` is what the bot itself has to say, else it is the person's.
    """
    last = case.checks[-1] if case.checks else None
    later = case.submissions > 1
    body: dict[str, Any] = {
        **({"type": "comment"} if later else {}),
        "case": case.id,
        "opened_at": case.opened_at,
        "person": {"id": record.person, "name": record.name, "upn": upn, "locale": case.locale},
        "verdict": last.verdict.value if last else "",
        "reason": last.reason if last else "",
        "checks": [
            {"at": check.at, "verdict": check.verdict.value, "similarity": check.similarity} for check in case.checks
        ],
        "steps": [{"step": trace.step, "at": trace.at, "answer": trace.answer} for trace in case.traces],
        "comment": case.comment if comment is None else comment,
        "summary": _summary(case),
        # One line each: what a person wrote cannot look like a line of its own.
        "transcript": "\n".join(
            f"{entry.at} {entry.kind}: {' '.join(entry.what.split())}".rstrip(" :") for entry in log
        ),
    }
    return Ticket(f"ticket_{case.id}_{case.submissions}" if later else f"ticket_{case.id}", body)


def found_since(case: Case) -> str:
    """What the last look found, for a helpdesk that has the case already."""
    last = case.checks[-1]
    return f"Looked again, {last.at}: {VERDICTS[last.verdict]}."


def _summary(case: Case) -> str:
    last = case.checks[-1] if case.checks else None
    if last is None:
        found = "The photos were not looked at."
    else:
        known = [one for one in (last.reason, *last.facts) if one]
        because = f" ({', '.join(known)})" if known else ""
        found = f"Last look, {last.at}: {VERDICTS[last.verdict]}{because}."
    steps = sum(trace.answer == "next" for trace in case.traces)
    return (
        f"{found} The person went through {steps} steps and {len(case.checks)} looks. An administrator can run the "
        f'"Picture Sync" diagnostic (aka.ms/PillarPictureSync; not in GCC High, DoD and 21Vianet).'
    )
