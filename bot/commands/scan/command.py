"""The command and its arguments."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

from bot.commands.configuration import load
from bot.settings import Use


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Compares the photos of everybody in the tenant and writes a CSV file with one row a person: verdict, cause, "
        "never a picture. It may be stopped at any time; --resume goes on. Exit status: 0 if every row has a verdict, "
        "1 if not, 2 for wrong use."
    )
    parser.add_argument("--out", type=Path, default=Path("report.csv"), metavar="FILE", help="default report.csv")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue a report, and check again who is unknown in it for a reason that may pass",
    )
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    settings = load(Use.GRAPH, chosen)
    from bot.commands.scan.scan import scan  # noqa: PLC0415 - after the settings: it imports all that is called

    # The report has each failure in its row; a log line for each would tear the progress bar.
    logging.getLogger("bot").setLevel(logging.CRITICAL)
    return asyncio.run(scan(settings, chosen.out, resume=chosen.resume))
