"""A scan on the terminal: the report, the progress, the summary."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot import app
from bot.commands.scan.backoff import USUAL, Backoff, Waits
from bot.commands.scan.directory import everyone
from bot.commands.scan.keeping import keep
from bot.commands.scan.progress import ScanProgress
from bot.commands.scan.report import NotUsable, Report
from bot.commands.scan.run import LIMITS, Scan
from bot.commands.scan.summary import show
from bot.commands.terminal import EXIT_USAGE, complain
from bot.errors import PhotosyncError, Refused
from bot.graph.users import Users
from bot.settings import Settings
from bot.tickets.labels import who_may_change

_SOME_UNKNOWN = 1


async def scan(settings: Settings, out: Path, *, resume: bool, waits: Waits = USUAL) -> int:
    """Check everybody and print a summary.

    Returns 0 if everybody has a verdict, 1 if not, 2 if the report cannot be written there.
    """
    try:
        report = Report.resume(out) if resume else Report.begin(out)
    except NotUsable as error:
        return complain(str(error), status=EXIT_USAGE)
    try:
        gone, photo_changes = await _filled(settings, report, waits)
    except asyncio.CancelledError:
        complain(f"stopped: {len(report.rows)} people are in {out}; --resume goes on")
        raise
    except Refused as error:
        grant = f"; to grant: {error.permission}" if error.permission else ""
        return complain(f"the directory cannot be read: {error}{grant}")
    except PhotosyncError as error:
        return complain(f"{error}; {len(report.rows)} people are in {out}, --resume goes on later")
    except OSError as error:
        return complain(f"cannot write {out}: {error.strerror}; --resume goes on when that is mended")
    finally:
        report.close()
    show(report.rows.values(), photo_changes)
    if gone:
        sys.stdout.write(f"{gone} of an earlier run are not in the directory any more and were taken out\n")
    unknown = sum(not row.final for row in report.rows.values())
    if unknown:
        sys.stdout.write(f"{unknown:,} have no verdict; --resume checks them again\n")
    sys.stdout.write(f"the report is in {out}\n")
    if problem := await keep(settings, report.rows.values()):
        complain(f"the helpdesk's page does not show this scan: {problem}")
    return _SOME_UNKNOWN if unknown else 0


async def _filled(settings: Settings, report: Report, waits: Waits) -> tuple[int, str]:
    """The report made whole; returns how many people of an earlier run are gone, and who may change a photo."""
    async with app.outside(settings, LIMITS) as outside:
        with ScanProgress() as shown:
            backoff = Backoff(shown.waiting, waits)
            people = await everyone(outside.graph, backoff, shown.counted)
            shown.begin(len(people), sum(map(report.knows, people)))
            await Scan(Users(outside.graph), outside.diagnosis, report, backoff, shown.more).run(people)
        return report.finish(people), who_may_change(await outside.diagnosis.photo_policy())
