"""What Microsoft 365 and SharePoint hold of a person -> a verdict (DESIGN section 3)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Self

from bot.errors import (
    Malformed,
    NotAPicture,
    NotFound,
    Outage,
    OutsideError,
    Refused,
    Throttled,
    TimedOut,
)
from bot.graph import Graph
from bot.metrics import Metrics
from bot.microsoft365 import Microsoft365, Person, PersonUnknown
from bot.photos import compare, is_placeholder
from bot.pictures import Picture
from bot.settings import Settings
from bot.sharepoint import LibraryMissing, SharePoint
from dialogs.model import Reason, Verdict

log = logging.getLogger(__name__)

_DEADLINE = 9.0  # seconds for all of it: the channel waits 15
_COMPARING = 2.0  # seconds for opening and comparing

_VERDICTS = {"same": Verdict.MATCH, "different": Verdict.DIFFER, "unsure": Verdict.UNSURE}
# The first that fits: special before general.
_REASONS: tuple[tuple[type[OutsideError], Reason], ...] = (
    (PersonUnknown, Reason.PERSON),
    (LibraryMissing, Reason.LIBRARY),
    (Throttled, Reason.THROTTLED),
    (TimedOut, Reason.TIMEOUT),
    (Outage, Reason.OUTAGE),
    (Malformed, Reason.OUTAGE),
    (NotFound, Reason.OUTAGE),
)


@dataclass(frozen=True)
class Look:
    """What one look found. The pictures are those that were compared, where they could be had."""

    verdict: Verdict
    reason: str = ""  # of `dialogs.model.Reason`, with `unknown`
    similarity: float | None = None  # 0 to 1
    microsoft365: Picture | None = field(default=None, repr=False)
    sharepoint: Picture | None = field(default=None, repr=False)
    permission: str = ""  # what an admin has to grant


class Diagnosis:
    """Looks at people's photos."""

    def __init__(self, microsoft365: Microsoft365, sharepoint: SharePoint, metrics: Metrics) -> None:
        self._microsoft365 = microsoft365
        self._sharepoint = sharepoint
        self._metrics = metrics

    @classmethod
    def over(cls, graph: Graph, settings: Settings, metrics: Metrics) -> Self:
        """The usual one."""
        return cls(Microsoft365(graph), SharePoint(graph, settings.my_site_host), metrics)

    async def look(self, person: str) -> Look:
        """One look, within 9 seconds; `person` is an object id or user principal name. Never raises `OutsideError`."""
        try:
            async with asyncio.timeout(_DEADLINE):
                found = await self._look(person)
        except TimeoutError:
            found = Look(Verdict.UNKNOWN, Reason.TIMEOUT)
        if found.verdict is Verdict.UNKNOWN:
            log.warning(
                "could not tell: %s%s", found.reason, f", to grant: {found.permission}" * bool(found.permission)
            )
        self._metrics.checks.labels(found.verdict.value).inc()
        return found

    async def upn(self, person: str) -> str:
        """The user principal name for a ticket, or "" where it cannot be read now."""
        try:
            async with asyncio.timeout(_DEADLINE / 2):
                return (await self._microsoft365.person(person)).upn
        except (OutsideError, TimeoutError):
            return ""

    async def _look(self, who: str) -> Look:
        try:
            person = await self._microsoft365.person(who)
        except OutsideError as error:
            return _unknown(error)
        ours, theirs = await asyncio.gather(self._ours(person), self._theirs(person))
        if isinstance(ours, OutsideError):
            return _unknown(ours)
        if ours is None:
            return Look(Verdict.NO_PHOTO, sharepoint=theirs if isinstance(theirs, Picture) else None)
        if isinstance(theirs, OutsideError):
            return _unknown(theirs, ours)
        return await self._compared(ours, theirs)

    async def _ours(self, person: Person) -> Picture | OutsideError | None:
        try:
            return await self._microsoft365.photo(person.id)
        except OutsideError as error:
            return error

    async def _theirs(self, person: Person) -> Picture | OutsideError | None:
        try:
            return await self._sharepoint.copy(person)
        except OutsideError as error:
            return error

    @staticmethod
    async def _compared(ours: Picture, theirs: Picture | None) -> Look:
        if theirs is None:
            return Look(Verdict.MISSING, microsoft365=ours)
        try:
            async with asyncio.timeout(_COMPARING):
                return await asyncio.to_thread(_compare, ours, theirs)
        except TimeoutError:
            return Look(Verdict.UNKNOWN, Reason.PICTURE)


def _compare(ours: Picture, theirs: Picture) -> Look:
    """In a thread: opening pictures takes its time."""
    try:
        if is_placeholder(ours.data):
            return Look(Verdict.NO_PHOTO, sharepoint=theirs)
        if is_placeholder(theirs.data):
            return Look(Verdict.MISSING, microsoft365=ours)
        comparison = compare(ours.data, theirs.data)
    except NotAPicture as error:
        log.warning("not a picture: %s", error.reason)
        return Look(Verdict.UNKNOWN, Reason.PICTURE)
    return Look(_VERDICTS[comparison.verdict], "", comparison.similarity, ours, theirs)


def _unknown(error: OutsideError, ours: Picture | None = None) -> Look:
    if isinstance(error, Refused):
        reason = Reason.SIGN_IN if error.system == "login" else Reason.PERMISSION
        log.error("refused: %s", error)
        return Look(Verdict.UNKNOWN, reason, microsoft365=ours, permission=error.permission)
    log.warning("%s", error)
    reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
    return Look(Verdict.UNKNOWN, reason, microsoft365=ours)
