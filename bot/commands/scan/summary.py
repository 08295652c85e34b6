"""What a report says in all, on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from bot.commands.scan.report import AFFECTED, Row, counted
from bot.tickets.labels import FACTS, PHOTO_CHANGES, REASONS, VERDICTS
from dialogs.model import Fact, Reason, Verdict


def show(rows: Iterable[Row], photo_changes: str = "") -> None:
    """Print how many people each verdict and cause has, and what else was found.

    `photo_changes`: who may change a photo, a key of `PHOTO_CHANGES`, if that is known.
    """
    rows = tuple(rows)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    table = Table("verdict", "cause", "people", "share", "meaning")
    table.columns[2].justify = table.columns[3].justify = "right"
    for (verdict, reason), count in counted(rows):
        table.add_row(verdict, reason, f"{count:,}", f"{count / len(rows):.1%}", _meaning(verdict, reason))
    console.print(table)
    facts = Counter(fact for one in rows for fact in one.facts.split())
    if facts:
        console.print("also found: " + ", ".join(f"{fact} {count:,}" for fact, count in sorted(facts.items())))
    affected = [one for one in rows if one.verdict in AFFECTED]
    alone = sum(one.reason in ("", Reason.NO_SITE) for one in affected)
    console.print(f"{len(rows):,} people; SharePoint shows {len(affected):,} of them wrong or not at all")
    console.print(f"{alone:,} of these can mend it with the bot; of the others the cause says who has to")
    if photo_changes:
        console.print(PHOTO_CHANGES[photo_changes])


def _meaning(verdict: str, cause_name: str) -> str:
    if cause_name == Fact.DIRECT:
        return FACTS[Fact.DIRECT]
    cause = REASONS[Reason(cause_name)] if cause_name in set(Reason) else ""
    return cause if verdict == Verdict.UNKNOWN and cause else VERDICTS[Verdict(verdict)] + f"; {cause}" * bool(cause)
