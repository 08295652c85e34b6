"""What came of people's cases, in numbers: what each counts as, and the sums of many. docs/numbers.md defines them.

A case counts on the day it was opened, under several kinds of labels at once: what came of it, its cause, its language
and so on. `counts` says which; `Numbers` is what many of them come to. Nothing here names a person or a case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from dialogs.card_content import platform_of
from dialogs.model import Case, Outcome, Reason, Verdict

RETURN_DAYS = 7
"""Days after its end within which a person who writes again has come back."""

RATINGS = ("up", "down")
UNDERSTOOD = ("right_away", "asked", "nothing")
"""How well typed messages were understood."""

Counts = Mapping[tuple[str, str], int]
"""(kind, label) -> how many."""

_WRONG = (Verdict.DIFFER, Verdict.MISSING, Verdict.NO_PHOTO)
_WITHOUT = "without "  # ticket or proof, and the day it ended
_EXACT_FOR = 3600  # seconds
RESOLVED = (Outcome.RESOLVED, Outcome.RESOLVED_LATER)


@dataclass(frozen=True)
class Day:
    """What the cases that were opened on one day (UTC) came to; the names mean what they do in `Numbers`."""

    day: date
    cases: int = 0
    wrong: int = 0
    proven: int = 0
    probable: int = 0
    not_deflected: int = 0
    undecided: int = 0
    unfinished: int = 0
    returned: int = 0
    nothing_wrong: int = 0
    not_known: int = 0
    up: int = 0
    down: int = 0


@dataclass(frozen=True)
class Numbers:
    """The cases that were opened on the days from `since` to `until`, both included, UTC.

    `cases` = `wrong` + `nothing_wrong` + `not_known`;
    `wrong` = `proven` + `probable` + `not_deflected` + `undecided` + `unfinished` + `returned`.
    """

    since: date
    until: date
    cases: int = 0
    wrong: int = 0  # something was wrong: a look found it, or the case became a ticket
    proven: int = 0  # a comparison showed the match after that
    probable: int = 0  # ended without ticket or proof, and the person did not come back within seven days
    not_deflected: int = 0  # a ticket, or never answered to the end
    undecided: int = 0  # ended without ticket or proof less than seven days ago
    unfinished: int = 0  # has not ended
    returned: int = 0  # ended without ticket or proof, and the person came back within seven days
    nothing_wrong: int = 0  # all looks that could tell found the same picture
    not_known: int = 0  # nothing was looked at, or no look could tell; and no ticket
    median_seconds_to_fix: float | None = None  # of the proven, from the look that found it to the one that matched
    seconds_to_fix: Mapping[int, int] = field(default_factory=dict)  # seconds -> proven cases
    looks: int = 0  # at the two photos
    looked_at: int = 0  # cases with a look
    by_cause: Mapping[str, int] = field(default_factory=dict)  # verdict or reason of `check --json` -> cases
    by_language: Mapping[str, int] = field(default_factory=dict)  # tag -> cases
    by_platform: Mapping[str, int] = field(default_factory=dict)  # of `dialogs.card_content.platform_of` -> cases
    by_outcome: Mapping[str, int] = field(default_factory=dict)  # of `Outcome`, "" for none yet -> cases
    by_step: Mapping[str, int] = field(default_factory=dict)  # where people stopped: `topic.step` -> cases
    asked: Mapping[str, int] = field(default_factory=dict)  # action or `question.NAME` -> cases in which it was asked
    understood: Mapping[str, int] = field(default_factory=dict)  # of `UNDERSTOOD` -> typed messages
    ratings: Mapping[str, int] = field(default_factory=dict)  # of `RATINGS` -> cases; n is their sum
    tickets: Mapping[str, int] = field(default_factory=dict)  # `new`, `contact` or of `TicketState` -> cases
    follow_ups: int = 0  # looks that were made without being asked
    followed: int = 0  # cases with such a look; what they found is `by_outcome["resolved_later"]`
    days: tuple[Day, ...] = ()  # those with a case, oldest first

    @property
    def deflection(self) -> float | None:
        """Proven of those in which something was wrong, from 0 to 1; None where there were none."""
        return self.proven / self.wrong if self.wrong else None

    @property
    def looks_per_case(self) -> float | None:
        """Of cases with a look; None where there were none."""
        return self.looks / self.looked_at if self.looked_at else None

    @property
    def satisfaction(self) -> float | None:
        """Ratings up of all ratings, from 0 to 1; None where there were none."""
        rated = sum(self.ratings.values())
        return self.ratings.get("up", 0) / rated if rated else None

    @property
    def not_understood(self) -> int:
        """Typed messages of which nothing was understood."""
        return self.understood.get("nothing", 0)


def counts(case: Case, touched: str, looked: int, followed: int, *, returned: bool = False) -> Counts:
    """What a case counts as on the day it was opened. `touched`: when something last happened (UTC, ISO 8601);
    `looked`, `followed`: looks that were asked for and that were not; `returned`: the person opened another case within
    `RETURN_DAYS` after it. Raises ValueError and TypeError for a case with damaged times."""
    outcome_class = _outcome_class(case, touched)
    labels = {
        "fate": "returned" if returned and outcome_class.startswith(_WITHOUT) else outcome_class,
        "language": case.locale,
        "platform": platform_of(case.platform),
        "cause": cause_of(case),
        "seconds": str(seconds_to_fix(case)) if outcome_class == "proven" else "",
        "stopped": _stopped_at(case),
        "standing": f"{touched[:10]} {case.step}" if outcome_class == "open" else "",
        "rating": case.rating if case.rating in RATINGS else "",
        "ticket": _ticket_of(case),
    }
    totals = {
        "looks": looked + followed,
        "looked_at": int(looked + followed > 0),
        "follow_ups": followed,
        "followed": int(followed > 0),
    }
    found = {(kind, label): 1 for kind, label in labels.items() if label} | {("outcome", case.outcome): 1}
    found |= {(kind, ""): number for kind, number in totals.items() if number}
    found |= {("asked", request): 1 for request in case.requests.split()}
    return found | {("understood", result): number for result, number in understood_of(case).items() if number}


def understood_of(case: Case) -> dict[str, int]:
    """Of `UNDERSTOOD` -> typed messages."""
    numbers_ = [int(part) if part.isascii() and part.isdecimal() else 0 for part in case.understood.split()]
    return dict(zip(UNDERSTOOD, [*numbers_, 0, 0, 0], strict=False))


def cause_of(case: Case) -> str:
    """The first thing that a look found wrong, else what the last look found; "" without one."""
    check = next((one for one in case.checks if _is_wrong(one.verdict, one.reason)), None)
    check = check or (case.checks[-1] if case.checks else None)
    if check is None:
        return ""
    return check.reason if check.reason in list(Reason) else check.verdict.value


def _is_wrong(verdict: Verdict, reason: str) -> bool:
    return verdict in _WRONG or (verdict is Verdict.UNKNOWN and reason in _OF_THE_PERSON)


_OF_THE_PERSON = tuple(Reason)[tuple(Reason).index(Reason.GUEST) :]


def wrong_and_fixed(case: Case) -> tuple[str, str]:
    """When a look first found something wrong, and when one first matched after that; "" if none did."""
    different = case.judged.startswith("different ")
    wrong_at = fixed_at = ""
    for check in case.checks:
        if not wrong_at and (_is_wrong(check.verdict, check.reason) or (check.verdict is Verdict.UNSURE and different)):
            wrong_at = check.at
        elif wrong_at and not fixed_at and check.verdict is Verdict.MATCH:
            fixed_at = check.at
    return wrong_at, fixed_at


def proven(case: Case) -> bool:
    """Whether a comparison showed the match after something had been wrong."""
    return case.outcome in RESOLVED and bool(wrong_and_fixed(case)[1])


def seconds_to_fix(case: Case) -> int:
    """Of a proven case: from the look that found it to the one that matched. Exact up to an hour, then whole minutes,
    so that there are few different ones. Raises ValueError and TypeError for damaged times."""
    wrong_at, fixed_at = map(datetime.fromisoformat, wrong_and_fixed(case))
    seconds = (fixed_at - wrong_at).total_seconds()
    return max(0, round(seconds) if seconds < _EXACT_FOR else round(seconds / 60) * 60)


def _outcome_class(case: Case, touched: str) -> str:
    """What a case counts as under `fate`, as the sums call it; `without DAY` where it ended with neither ticket nor
    proof."""
    if case.outcome == Outcome.ESCALATED:
        return "not"
    if not wrong_and_fixed(case)[0]:
        known = any(check.verdict is not Verdict.UNKNOWN for check in case.checks)
        return "fine" if known else "unknown"
    if case.outcome == Outcome.EXPIRED:
        return "not"
    if not case.outcome:
        return "open"
    return "proven" if proven(case) else f"{_WITHOUT}{touched[:10]}"


def _stopped_at(case: Case) -> str:
    """The step at which a person gave up or asked for the helpdesk; "" where they did neither."""
    if case.outcome == Outcome.EXPIRED:
        return case.step
    answer = {Outcome.STOPPED.value: "stop", Outcome.ESCALATED.value: "ticket"}.get(case.outcome)
    step = next((one.step for one in reversed(case.traces) if one.answer == answer), "")
    if not step.startswith("desk."):
        return step
    # Asked once more, or at the menu: what counts is where they were before that.
    return next((ref for ref in reversed(case.trail) if not ref.startswith("desk.")), step)


def _ticket_of(case: Case) -> str:
    if case.outcome != Outcome.ESCALATED:
        return ""
    return case.ticket_state or ("new" if case.submissions else "contact")


Row = tuple[str, str, str, int]
"""Day (UTC, ISO 8601), kind, label, how many. The day counts for `fate` and `rating` only."""


def numbers(since: date, until: date, rows: Iterable[Row], today: date) -> Numbers:
    """What sums come to. What ended without ticket or proof is probable `RETURN_DAYS` later, undecided before that."""
    kinds: dict[str, dict[str, int]] = {}
    days: dict[str, dict[str, int]] = {}
    quiet = (today - timedelta(days=RETURN_DAYS)).isoformat()
    for day, kind, label, number in rows:
        where, name = kinds.setdefault(kind, {}), label
        if kind == "fate":
            name = _class_by_now(label, quiet)
        elif kind == "standing":  # who has not been there for that long has stopped
            at, _, name = label.partition(" ")
            if at > quiet:
                continue
            where = kinds.setdefault("stopped", {})
        where[name] = where.get(name, 0) + number
        if kind in ("fate", "rating"):
            of_day = days.setdefault(day, {})
            of_day[name] = of_day.get(name, 0) + number
    classes = kinds.get("fate", {})
    seconds = {int(label): number for label, number in kinds.get("seconds", {}).items() if number}
    return Numbers(
        since=since,
        until=until,
        **_totals(classes),
        median_seconds_to_fix=_median(seconds),
        seconds_to_fix=dict(sorted(seconds.items())),
        looks=kinds.get("looks", {}).get("", 0),
        looked_at=kinds.get("looked_at", {}).get("", 0),
        by_cause=_largest_first(kinds.get("cause")),
        by_language=_largest_first(kinds.get("language")),
        by_platform=_largest_first(kinds.get("platform")),
        by_outcome=_largest_first(kinds.get("outcome")),
        by_step=_largest_first(kinds.get("stopped")),
        asked=_largest_first(kinds.get("asked")),
        understood={name: kinds.get("understood", {}).get(name, 0) for name in UNDERSTOOD},
        ratings={name: kinds.get("rating", {}).get(name, 0) for name in RATINGS},
        tickets=_largest_first(kinds.get("ticket")),
        follow_ups=kinds.get("follow_ups", {}).get("", 0),
        followed=kinds.get("followed", {}).get("", 0),
        days=tuple(
            Day(date.fromisoformat(day), **_totals(found), up=found.get("up", 0), down=found.get("down", 0))
            for day, found in sorted(days.items())
            if any(found.values())
        ),
    )


_CLASSES = {
    "proven": "proven",
    "not": "not_deflected",
    "returned": "returned",
    "open": "unfinished",
    "fine": "nothing_wrong",
    "unknown": "not_known",
}
_OF_WRONG = ("proven", "probable", "not_deflected", "undecided", "unfinished", "returned")


def _class_by_now(label: str, quiet: str) -> str:
    if not label.startswith(_WITHOUT):
        return _CLASSES[label]
    return "probable" if label.removeprefix(_WITHOUT) <= quiet else "undecided"


def _totals(classes: Mapping[str, int]) -> dict[str, int]:
    found = {name: classes.get(name, 0) for name in (*_OF_WRONG, "nothing_wrong", "not_known")}
    wrong = sum(found[name] for name in _OF_WRONG)
    return {**found, "wrong": wrong, "cases": wrong + found["nothing_wrong"] + found["not_known"]}


def _largest_first(found: Mapping[str, int] | None) -> dict[str, int]:
    counted = ((label, number) for label, number in (found or {}).items() if number)
    return dict(sorted(counted, key=lambda one: (-one[1], one[0])))


def _median(seconds: Mapping[int, int]) -> float | None:
    """Of values and how often each is there; None where there are none."""
    total, passed, lower = sum(seconds.values()), 0, None
    for value, number in sorted(seconds.items()):
        passed += number
        if lower is not None:
            return (lower + value) / 2
        if passed * 2 > total:
            return float(value)
        if passed * 2 == total:
            lower = value
    return None
