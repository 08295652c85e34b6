"""What a scan found, kept for the helpdesk's page: how many people each cause has, and whom it found affected where
pages may name people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bot.commands.database import opened
from bot.commands.scan.report import AFFECTED, Row, counted
from bot.errors import PhotosyncError
from bot.settings import Settings
from bot.store.page import Affected, ScanSummary

_BATCH = 1_000  # people in one transaction


async def keep(settings: Settings, rows: Iterable[Row]) -> str:
    """Put it in the place of the scan before; returns why that could not be done, "" where it could, or there is no
    page."""
    if not settings.page_url:
        return ""
    rows = tuple(rows)
    found = tuple((verdict, cause, count) for (verdict, cause), count in counted(rows))
    named = [Affected(one.id, one.upn, one.verdict, one.cause) for one in rows if one.verdict in AFFECTED]
    at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        async with opened(settings) as store:
            await store.begin_scan()
            if settings.page_people:
                for begin in range(0, len(named), _BATCH):
                    await store.add_affected(tuple(named[begin : begin + _BATCH]))
            await store.end_scan(ScanSummary(at, found, settings.page_people))
    except PhotosyncError as error:
        return str(error)
    return ""
