"""`make bench-pages`: how long the helpdesk's pages take with many cases, on both databases.

Prints one table: the median and the longest of ten requests of each page, over HTTP, from a browser that is signed in.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.commands.demo_history import history
from bot.store.connect import open_store
from tests.databases import execute, server
from tests.pages.ground import Browser, stage

_AT_ONCE = 40  # cases in one go
_TIMES = 10
VIEWS = (
    "/helpdesk?days=30",
    "/helpdesk?days=365",
    "/helpdesk/cases",
    "/helpdesk/cases?state=resolved",
    "/helpdesk/cases?state=expired",
    "/helpdesk/cases?number=H0003",
    "/helpdesk/operation",
    "/privacy",
)


async def fill(url: str, cases: int) -> None:
    """Cases and their sums, as the jobs would have made them."""
    store = await open_store(url)
    changes = history(cases)
    while batch := [change for _, change in zip(range(_AT_ONCE), changes, strict=False)]:
        await asyncio.gather(*map(store.commit, batch))
    await store.count(math.inf)
    await store.close()


async def seconds(browser: Browser, path: str) -> list[float]:
    """What each request took."""
    taken = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        page = await browser.ask(path)
        taken.append(time.perf_counter() - begun)
        assert page.status == 200, page.status
    return taken


@contextlib.asynccontextmanager
async def databases(folder: Path, only: str) -> AsyncIterator[dict[str, str]]:
    """An empty one of each kind, or of one."""
    found = {"SQLite": f"sqlite:///{folder / 'photosync.db'}"} if only != "postgresql" else {}
    if only == "sqlite":
        yield found
        return
    with server(durable=True) as address:
        await execute(f"{address}/postgres", "CREATE DATABASE pages")
        yield {**found, "PostgreSQL": f"{address}/pages"}


async def run(cases: int, only: str) -> Table:
    """The table."""
    table = Table("page", "database", "median, ms", "longest, ms", title=f"{cases:,} cases")
    with tempfile.TemporaryDirectory() as folder:
        async with databases(Path(folder), only) as found:
            for name, url in found.items():
                await fill(url, cases)
                async with stage(PHOTOSYNC_DATABASE_URL=url) as one:
                    browser = await one.lead()
                    for path in VIEWS:
                        taken = await seconds(browser, path)
                        table.add_row(path, name, f"{statistics.median(taken) * 1e3:.0f}", f"{max(taken) * 1e3:.0f}")
    return table


def main() -> int:
    """Always 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql", "both"), default="both")
    chosen = parser.parse_args()
    Console(width=100).print(asyncio.run(run(chosen.cases, chosen.only)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
