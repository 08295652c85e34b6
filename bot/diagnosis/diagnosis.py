"""What Microsoft 365 and SharePoint hold of a person -> a verdict (docs/contract.md)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

from bot.diagnosis.causes import Seen, blocked, facts, older_by, uneven
from bot.errors import NotAPicture, Outage, OutsideError, PhotosyncError, Refused, Throttled, TimedOut
from bot.graph.changes import Changes
from bot.graph.client import Graph
from bot.graph.sharepoint import LibraryMissing, SharePoint
from bot.graph.sites import SiteResult, Sites
from bot.graph.users import NoMailbox, Person, PersonUnknown, PhotoSlots, Users
from bot.metrics import Metrics
from bot.photos.comparison import compare
from bot.photos.decode import is_large
from bot.photos.picture import Picture
from bot.photos.placeholders import is_placeholder
from bot.settings import Settings
from dialogs.model import Reason, Verdict

log = logging.getLogger(__name__)


_VERDICTS = {"same": Verdict.MATCH, "different": Verdict.DIFFER, "unsure": Verdict.UNSURE}
# The first that fits: special before general.
_REASONS: tuple[tuple[type[PhotosyncError], Reason], ...] = (
    (NotAPicture, Reason.PICTURE),
    (NoMailbox, Reason.NO_MAILBOX),
    (PersonUnknown, Reason.PERSON),
    (LibraryMissing, Reason.LIBRARY),
    (Throttled, Reason.THROTTLED),
    (TimedOut, Reason.TIMEOUT),
    (Refused, Reason.PERMISSION),
    (OutsideError, Reason.OUTAGE),
)
_DECODING = 4  # pictures at a time
_FOR_ADMINS = (Reason.PERMISSION, Reason.SIGN_IN, Reason.LIBRARY)

T = TypeVar("T")
_Side = Picture | PhotosyncError | None
"""What one side holds, or why that is not known."""


@dataclass(frozen=True)
class DiagnosisResult:
    """What one look found. The pictures are those that were compared, where they could be had."""

    verdict: Verdict
    reason: str = ""  # of `dialogs.model.Reason`, with `unknown`
    similarity: float | None = None  # 0 to 1
    microsoft365: Picture | None = field(default=None, repr=False)
    sharepoint: Picture | None = field(default=None, repr=False)
    permission: str = ""  # what an admin has to grant
    facts: tuple[str, ...] = ()  # of `dialogs.model.Fact`
    older_by: float | None = None  # seconds by which the copy is older, where that is known
    site: str = ""  # the name of the site that was looked at too
    site_finding: str = ""  # of `dialogs.model.SiteFinding`
    retry_after: float | None = None  # seconds, where a system throttled us and said how long
    incomplete: bool = False  # the verdict stands, but a transient failure hid the rest


@dataclass(frozen=True)
class Limits:
    """Seconds that a look may take. Together 9 in a chat, since the channel waits 15 for the whole turn."""

    fetching: float = 7.5
    comparing: float = 1.5


IN_A_CHAT = Limits()


class Diagnosis:
    """Looks at people's photos."""

    def __init__(
        self,
        users: Users,
        sharepoint: SharePoint,
        changes: Changes,
        sites: Sites,
        metrics: Metrics,
        configured_host: str = "",
        limits: Limits = IN_A_CHAT,
    ) -> None:
        self._users = users
        self._sharepoint = sharepoint
        self._changes = changes
        self._sites = sites
        self._metrics = metrics
        self._configured_host = configured_host
        self._limits = limits
        # Not the loop's own threads, which sign in; and what is slow to decode does not hold up the rest.
        self._decoding = ThreadPoolExecutor(_DECODING, "decode")
        self._decoding_large = ThreadPoolExecutor(1, "decode-large")

    @classmethod
    def from_settings(
        cls,
        graph: Graph,
        settings: Settings,
        metrics: Metrics,
        limits: Limits = IN_A_CHAT,
        photo_slots: PhotoSlots | None = None,
    ) -> Self:
        """`photo_slots` hold back requests for photos beyond Graph's limit; without them this process does so alone."""
        users, sharepoint = Users(graph, photo_slots), SharePoint(graph, settings.my_site_host)
        changes = Changes(graph, users, sharepoint)
        return cls(users, sharepoint, changes, Sites(graph), metrics, settings.my_site_host, limits)

    async def look(self, person: str | Person, site: str = "", since: str = "") -> DiagnosisResult:
        """One look, within the limits. Never raises `OutsideError`.

        `person` is an object id or user principal name, or what the directory says of them; `site` the address of a
        site to look at too; `since` when the last look was (UTC, ISO 8601).
        """
        begun = time.monotonic()
        found = await self._look(person, site, since)
        self._metrics.checks.labels(found.verdict.value).inc()
        log.debug("look: %s", _summary(found, time.monotonic() - begun))
        return found

    async def watched(self, person: str) -> tuple[str, ...]:
        """What `digest` is to watch for a person; () where that cannot be read now."""
        try:
            return await self._changes.watched(person, self._ends())
        except OutsideError:
            return ()

    async def digest(self, paths: tuple[str, ...]) -> str:
        """The same text as long as neither side changes, by one request; "" where that cannot be read now."""
        try:
            return await self._changes.digest(paths, self._ends()) if paths else ""
        except OutsideError:
            return ""

    async def object_id(self, who: str) -> str:
        """The object id of a user principal name. Raises the errors of `Graph`."""
        return (await self._users.person(who)).id

    async def upn(self, person: str) -> str:
        """The user principal name for a ticket, or "" where it cannot be read now."""
        try:
            return (await self._users.person(person, time.monotonic() + self._limits.fetching / 2)).upn
        except OutsideError:
            return ""

    async def language(self, person: str) -> str:
        """The language that the directory names for a person, "" where it names none or cannot be read now."""
        try:
            return (await self._users.person(person, time.monotonic() + self._limits.fetching / 2)).language
        except OutsideError:
            return ""

    async def original_size(self, who: str) -> tuple[int, int] | None:
        """Width and height of the largest photo that Microsoft 365 has; None where that is not known."""
        try:
            return await self._users.original_size(who)
        except OutsideError:
            return None

    def _ends(self) -> float:
        return time.monotonic() + self._limits.fetching

    async def _look(self, who: str | Person, site: str, since: str) -> DiagnosisResult:
        ends = self._ends()
        try:
            person = who if isinstance(who, Person) else await self._users.person(who, ends)
        except OutsideError as error:
            return _unknown(error)
        if person.guest:
            return DiagnosisResult(Verdict.UNKNOWN, Reason.GUEST)
        sides = self._users.photo(person.id, ends), self._sharepoint.copy(person, ends)
        ours, theirs = await asyncio.gather(*map(_side, sides))
        try:
            async with asyncio.timeout(self._limits.comparing):
                found = await self._decode(ours, theirs, lambda: _judge(ours, theirs))
        except TimeoutError:
            return _unknown(NotAPicture("broken"))
        copy = theirs if isinstance(theirs, Picture) else None
        if found.verdict is Verdict.UNKNOWN and not site:
            return found
        partial, finding = await asyncio.gather(
            self._partial(ends, found, copy), self._on_site(ends, site, person, copy)
        )
        seen = Seen(
            found.verdict, found.microsoft365, copy, copy is not None and found.sharepoint is None, bool(partial)
        )
        if found.verdict is Verdict.UNKNOWN:
            return replace(found, site=finding.site, site_finding=finding.finding)
        return replace(
            found,
            reason=found.reason or blocked(person, found.verdict),
            facts=facts(person, seen, self._configured_host, since),
            older_by=older_by(seen),
            site=finding.site,
            site_finding=finding.finding,
            retry_after=theirs.retry_after if isinstance(theirs, Throttled) else None,
            incomplete=partial is None or isinstance(theirs, Throttled | Outage),
        )

    async def _decode(self, ours: _Side, theirs: _Side, work: Callable[[], T]) -> T:
        """The result of comparing pictures, in a thread."""
        large = any(isinstance(side, Picture) and is_large(side.data) for side in (ours, theirs))
        threads = self._decoding_large if large else self._decoding
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    async def _partial(self, ends: float, found: DiagnosisResult, copy: Picture | None) -> bool | None:
        """Whether only some sizes of the copy are current; None where that cannot be read now.

        Files made at the same time are not downloaded.
        """
        if copy is None or found.microsoft365 is None or found.verdict not in (Verdict.MATCH, Verdict.DIFFER):
            return False
        try:
            sizes = await self._sharepoint.other_sizes(copy, ends)
            if not uneven([copy.modified, *(modified for modified, _ in sizes)]):
                return False
            files = [await self._sharepoint.bytes_at(path, ends) for _, path in sizes]
            ours, other = found.microsoft365.data, "different" if found.verdict is Verdict.MATCH else "same"
            async with asyncio.timeout(self._limits.comparing):
                return await self._decode(
                    found.microsoft365, copy, lambda: any(compare(ours, one).verdict == other for one in files)
                )
        except (OutsideError, NotAPicture, TimeoutError) as error:
            log.info("the smaller sizes cannot be compared: %s", type(error).__name__)
            return None if isinstance(error, Throttled | Outage) else False

    async def _on_site(self, ends: float, site: str, person: Person, copy: Picture | None) -> SiteResult:
        return await self._sites.look(site, person, copy, ends) if site else SiteResult("", "")


def _summary(found: DiagnosisResult, seconds: float) -> str:
    """What a look did, for the log: nothing in it belongs to a person."""
    sides = {"Microsoft 365": found.microsoft365, "SharePoint": found.sharepoint}
    sizes = (f"{name} {len(one.data)} bytes" for name, one in sides.items() if one)
    parts = (
        found.verdict.value,
        found.reason and f"reason {found.reason}",
        found.similarity is not None and f"similarity {found.similarity}",
        *sizes,
        found.facts and f"facts {' '.join(found.facts)}",
        found.site_finding and f"site {found.site_finding}",
        found.incomplete and "incomplete",
        f"after {seconds:.2f} s",
    )
    return ", ".join(part for part in parts if isinstance(part, str) and part)


async def _side(request: Coroutine[Any, Any, Picture | None]) -> _Side:
    """One side's failure as a value, so that what the other one holds is not lost with it."""
    try:
        return await request
    except OutsideError as error:
        return error


def _judge(ours: _Side, theirs: _Side) -> DiagnosisResult:
    """The table of docs/contract.md. Blocking: decoding takes its time."""
    ours, theirs = _usable(ours), _usable(theirs)
    if isinstance(ours, PhotosyncError):
        return _unknown(ours)
    if ours is None:
        return DiagnosisResult(Verdict.NO_PHOTO, sharepoint=theirs if isinstance(theirs, Picture) else None)
    if isinstance(theirs, PhotosyncError):
        return _unknown(theirs, ours)
    if theirs is None:
        return DiagnosisResult(Verdict.MISSING, microsoft365=ours)
    return _compare(ours, theirs)


def _usable(side: _Side) -> _Side:
    """A placeholder is no photo; what cannot be decoded is not shown."""
    if not isinstance(side, Picture):
        return side
    try:
        return None if is_placeholder(side.data) else side
    except NotAPicture as error:
        return error


def _compare(ours: Picture, theirs: Picture) -> DiagnosisResult:
    try:
        found = compare(ours.data, theirs.data)
    except NotAPicture as error:
        return _unknown(error)
    width, height = found.sizes[1]
    return DiagnosisResult(
        _VERDICTS[found.verdict], "", found.similarity, ours, replace(theirs, width=width, height=height)
    )


def _unknown(error: PhotosyncError, ours: Picture | None = None) -> DiagnosisResult:
    reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
    permission = error.permission if isinstance(error, Refused) else ""
    if isinstance(error, Refused) and error.system == "login":
        reason = Reason.SIGN_IN
    if isinstance(error, NoMailbox) and error.elsewhere:
        reason = Reason.MAILBOX_ELSEWHERE
    level = logging.ERROR if reason in _FOR_ADMINS else logging.WARNING
    log.log(
        level, "look without verdict: %s, %s%s", reason.value, error, f"; to grant: {permission}" * bool(permission)
    )
    wait = error.retry_after if isinstance(error, Throttled) else None
    return DiagnosisResult(Verdict.UNKNOWN, reason, microsoft365=ours, permission=permission, retry_after=wait)
