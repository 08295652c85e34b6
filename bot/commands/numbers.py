"""`photosync numbers`: what became of people's cases, for the helpdesk. docs/numbers.md defines each figure."""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.commands.configuration import load
from bot.commands.database import opened
from bot.commands.terminal import complain
from bot.errors import PhotosyncError
from bot.settings import Settings, Use
from bot.store.numbers import RATINGS, RETURN_DAYS, Day, Numbers
from dialogs.model import Outcome

_UNITS = {"d": 1, "w": 7, "y": 365}
_NO_OUTCOME = "none"
_MOST = 10  # lines of one breakdown on the terminal


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=_since,
        default="30d",
        help="cases opened since: days, weeks or years back (30d, 4w, 1y), or a date (2026-11-01); default 30d",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--csv", action="store_true", help="print a line for each day, with a heading")
    parser.set_defaults(run=lambda chosen: asyncio.run(_numbers(load(Use.STORE, chosen), chosen)))


def _since(text: str) -> date:
    today = datetime.now(UTC).date()
    try:
        if back := re.fullmatch(r"([0-9]{1,5})([dwy])", text):
            return today - timedelta(days=int(back[1]) * _UNITS[back[2]])
        found = date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("must be like 30d, 4w, 1y or 2026-11-01") from None
    if found > today:
        raise argparse.ArgumentTypeError("must not be in the future")
    return found


async def _numbers(settings: Settings, chosen: argparse.Namespace) -> int:
    try:
        async with opened(settings) as store:
            found = await store.numbers(chosen.since, datetime.now(UTC).date())
    except PhotosyncError as error:
        return complain(str(error))
    if chosen.json:
        sys.stdout.write(json.dumps(document(found), ensure_ascii=False, indent=2) + "\n")
    elif chosen.csv:
        rows = csv.writer(sys.stdout, lineterminator="\n")
        names = [one.name for one in fields(Day)]
        rows.writerow(names)
        rows.writerows([getattr(day, name) for name in names] for day in found.days)
    else:
        _print(found)
    return 0


def document(found: Numbers) -> dict[str, Any]:
    """What `--json` prints."""
    none = found.by_outcome.get("", 0)
    return {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "cases": found.cases,
        "wrong": found.wrong,
        "proven": found.proven,
        "probable": found.probable,
        "not_deflected": found.not_deflected,
        "undecided": found.undecided,
        "unfinished": found.unfinished,
        "returned": found.returned,
        "nothing_wrong": found.nothing_wrong,
        "not_known": found.not_known,
        "deflection": found.deflection,
        "median_seconds_to_fix": found.median_seconds_to_fix,
        "looks": found.looks,
        "looks_per_case": found.looks_per_case,
        "follow_ups": found.follow_ups,
        "by_cause": dict(found.by_cause),
        "by_language": dict(found.by_language),
        "by_platform": dict(found.by_platform),
        "by_outcome": {outcome.value: found.by_outcome.get(outcome.value, 0) for outcome in Outcome}
        | {_NO_OUTCOME: none},
        "by_step": dict(found.by_step),
        "asked": dict(found.asked),
        "ratings": {score: found.ratings.get(score, 0) for score in RATINGS},
        "satisfaction": found.satisfaction,
        "understood": dict(found.understood),
        "not_understood": found.not_understood,
        "tickets": dict(found.tickets),
    }


def _print(found: Numbers) -> None:
    console = Console(soft_wrap=True, highlight=False)
    totals = Table(
        "figure", "", "", title=f"cases opened from {found.since} to {found.until} (UTC)", title_justify="left"
    )
    for name, value, meaning in _totals(found):
        totals.add_row(name, value, meaning)
    console.print(totals)
    for title, counted in _breakdowns(found):
        if counted:
            console.print(_breakdown(title, counted))


def _totals(found: Numbers) -> Iterator[tuple[str, str, str]]:
    rated = sum(found.ratings.values())
    yield "cases", f"{found.cases:,}", "each counts once"
    yield "something wrong", f"{found.wrong:,}", "a look found it, or it became a ticket"
    yield "  proven", f"{found.proven:,}", "then a comparison showed the match"
    yield "  probable", f"{found.probable:,}", f"ended without ticket or proof, not back within {RETURN_DAYS} days"
    yield "  not deflected", f"{found.not_deflected:,}", "handed to the helpdesk, or run out"
    yield "  undecided", f"{found.undecided:,}", f"ended without ticket or proof less than {RETURN_DAYS} days ago"
    yield "  came back", f"{found.returned:,}", f"ended without ticket or proof, back within {RETURN_DAYS} days"
    yield "  unfinished", f"{found.unfinished:,}", "not ended yet"
    yield "nothing wrong", f"{found.nothing_wrong:,}", "all looks found the same picture"
    yield "not known", f"{found.not_known:,}", "not looked at, or no look could tell"
    yield "deflection", _share(found.deflection), "proven of those in which something was wrong"
    yield "median time to fix", _duration(found.median_seconds_to_fix), "of the proven, from the look that found it"
    yield "looks per case", _decimal(found.looks_per_case), f"{found.looks:,} in all, {found.follow_ups:,} unasked"
    yield "helpful", _share(found.satisfaction), f"of {rated:,} that were rated"
    yield "not understood", f"{found.not_understood:,}", f"of {sum(found.understood.values()):,} typed messages"


def _breakdowns(found: Numbers) -> Iterator[tuple[str, Mapping[str, int]]]:
    yield "cause", found.by_cause
    yield "language", found.by_language
    yield "platform", found.by_platform
    yield "outcome", {outcome or _NO_OUTCOME: number for outcome, number in found.by_outcome.items()}
    yield "where people stopped", found.by_step
    yield "asked for", found.asked
    yield "ticket", found.tickets


def _breakdown(title: str, counted: Mapping[str, int]) -> Table:
    table = Table(title, "cases")
    table.columns[1].justify = "right"
    for label, number in list(counted.items())[:_MOST]:
        table.add_row(label, f"{number:,}")
    if rest := list(counted.values())[_MOST:]:
        table.add_row(f"{len(rest)} more", f"{sum(rest):,}")
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
