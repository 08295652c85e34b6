"""A case as the helpdesk gets it: the words an agent reads, and the evidence (docs/contract.md, "Ticket webhook").

The first submission of a case is its ticket, later ones are comments to that: another id, and `type` `comment`. The
submissions are counted in the case, so a retry has the same id, and what a person writes later has another one.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import Any

from bot.store import LogEntry, Record
from bot.tickets.labels import VERDICTS
from dialogs.model import Case

EVIDENCE = "evidence.json"
_ADDRESS = "@"
# Bytes. With the checks and steps less than the 64 KiB that many receivers take (docs/tickets.md).
_TRANSCRIPT_SIZE, _BEGINNING_SIZE = 20_000, 5_000
_AROUND = str.maketrans("", "", " \t#-")  # what people put around a number
_NUMBER = re.compile(r"[A-Z0-9]{1,40}")


@dataclass(frozen=True)
class Ticket:
    """What is handed over; `body` is the document of the contract."""

    id: str  # the same on every try, another one for each submission of a case
    body: dict[str, Any] = field(repr=False)
    subject: str = field(default="", repr=False)  # one line, in the agents' language, as are the next two
    text: str = field(default="", repr=False)  # the whole case
    note: str = field(default="", repr=False)  # what a later submission adds
    reference: str = ""  # the system's own id of the ticket, "" where it is not known yet

    @property
    def case(self) -> str:
        """The case it is of."""
        return str(self.body["case"])

    @property
    def key(self) -> str:
        """The ticket's name in every system."""
        return f"photosync-{self.case}"

    def title(self, longest: int) -> str:
        """The subject in so many letters at most, with the key at its end, by which the ticket is found."""
        ending = f" [{self.key}]"
        return self.subject.removesuffix(ending)[: longest - len(ending)] + ending

    @property
    def mark(self) -> str:
        """By which a submission is found on its ticket."""
        return self.id.replace("ticket_", "photosync-").replace("_", "-")

    @property
    def later(self) -> bool:
        """Whether it is a comment to a ticket."""
        return self.body.get("type") == "comment"

    @property
    def caller(self) -> str:
        """The person's address in the directory, "" where it is not known."""
        upn = str(self.body["person"]["upn"])
        return upn if _ADDRESS in upn else ""

    @property
    def name(self) -> str:
        """The person's name, "" where it is not known."""
        return str(self.body["person"]["name"])

    @property
    def evidence(self) -> bytes:
        """The document as a file."""
        return json.dumps(self.body, ensure_ascii=False, indent=1).encode()

    def to_payload(self) -> dict[str, Any]:
        """As a job keeps it."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Ticket:
        """What `to_payload` made, also by a release that knew no words for agents."""
        body, known = payload["body"], {name: payload[name] for name in ("subject", "text", "note") if name in payload}
        ticket = cls(str(payload["id"]), body, reference=str(payload.get("reference", "")), **known)
        if ticket.text:
            return ticket
        summary = str(body.get("summary", ""))
        return cls(ticket.id, body, f"Photosync {ticket.key}", summary, str(body.get("comment", "")) or summary)


def evidence(
    record: Record, case: Case, upn: str, log: Sequence[LogEntry], *, comment: str | None = None
) -> dict[str, Any]:
    """The evidence of a case and its log, as its present submission.

    `upn` is "" where it could not be read; `comment` is what the bot itself has to say, else it is the person's.
    """
    last = case.checks[-1] if case.checks else None
    return {
        **({"type": "comment"} if case.submissions > 1 else {}),
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
        "transcript": _transcript(log),
    }


def _transcript(log: Sequence[LogEntry]) -> str:
    """The log, one line an entry; of a long one the beginning and the end, and between them how many lines are left
    out: most systems take no more."""
    # One line each: what a person wrote cannot look like a line of its own, nor like the mark.
    lines = [f"{entry.at} {entry.kind}: {' '.join(entry.what.split())}".rstrip(" :") for entry in log]
    sizes = [len(line.encode()) + 1 for line in lines]
    if sum(sizes) > _TRANSCRIPT_SIZE:
        first = bisect_right(list(accumulate(sizes)), _BEGINNING_SIZE)
        last = bisect_right(list(accumulate(reversed(sizes))), _TRANSCRIPT_SIZE - _BEGINNING_SIZE)
        lines[first : len(lines) - last] = [f"[… {len(lines) - first - last} …]"]
    return "\n".join(lines)


def submission_id(case: Case) -> str:
    """Of the present submission: the same on every try."""
    return f"ticket_{case.id}_{case.submissions}" if case.submissions > 1 else f"ticket_{case.id}"


def job_key(case: Case) -> str:
    """The key of the job of a case's present submission: a later one does not take an earlier's place."""
    return f"{case.id}_{case.submissions}" if case.submissions > 1 else case.id


def case_number(written: str) -> str:
    """The number of a case as a person wrote it, with a `#` or blanks around it; "" for what can be none."""
    found = written.translate(_AROUND).upper()
    return found if _NUMBER.fullmatch(found) else ""


def case_of(key: str) -> str:
    """The case that a ticket's job is about, by its key."""
    return key.partition("_")[0]


def submission_of(key: str) -> int:
    """The how manieth submission of its case a ticket's job is, by its key; 1 where the key is damaged."""
    number = key.partition("_")[2]
    return int(number) if number.isascii() and number.isdecimal() else 1


def is_earlier(key: str, other: str) -> bool:
    """Whether the job of one key is an earlier submission of the same case than that of another."""
    return case_of(key) == case_of(other) and submission_of(key) < submission_of(other)


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
    steps = len({trace.step for trace in case.traces if trace.answer == "next"})
    return (
        f"{found} The person went through {steps} steps and {len(case.checks)} looks. An administrator can run the "
        f'"Picture Sync" diagnostic (aka.ms/PillarPictureSync; not in GCC High, DoD and 21Vianet).'
    )
