"""What Microsoft 365 and SharePoint hold of a person -> a verdict (docs/contract.md).

A look waits for Graph twice at most, in the usual case: the person, the photo and the copy that is expected are asked
for together, then what the directory's answer brings up, while the copy is downloaded. From the second look on there is
one wait: the copy's place is cached (`bot.graph.sharepoint`). One request reads the photo.

Nothing of a picture is kept but a digest: two files that were compared before need not be decoded again. Both are
fetched at each look all the same, so that what is said of them is true now; only what nobody waits for, a look without
being asked, is skipped while no eTag has changed (`digest`).

Unsure is a last resort: before the person is asked, the largest photo is compared too. The copy's smaller files are
not: they are made of the same picture, show less of it, and what little they show differs more.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from bot.diagnosis.causes import Seen, blocked, direct, facts, forbidden, older_by, uneven
from bot.errors import NotAPicture, Outage, OutsideError, PhotosyncError, Refused, Throttled, TimedOut
from bot.graph.client import Graph, text
from bot.graph.policies import PhotoPolicy, Policies
from bot.graph.sharepoint import Copy, LibraryMissing, SharePoint
from bot.graph.sites import SiteResult, Sites
from bot.graph.users import NoMailbox, Person, PersonUnknown, PhotoSlots, Users, photo_path
from bot.metrics import Metrics
from bot.photos.comparison import Comparison, compare, most_decisive
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
_DECODING = 2  # at a time: more would take the interpreter from the event loop
_MOST_COMPARED = 2_048  # pairs of files of which the comparison is cached
_WITH_A_PHOTO = (Verdict.MATCH, Verdict.DIFFER, Verdict.MISSING, Verdict.UNSURE)
_CONCLUSIVE = (200, 404)  # there, with its eTag, or not there
_OWN = (Reason.GUEST, Reason.DISABLED, Reason.SHARED_MAILBOX)  # whose the photo is comes before who may change it
_FOR_ADMINS = (Reason.PERMISSION, Reason.SIGN_IN, Reason.LIBRARY)

T = TypeVar("T")
P = ParamSpec("P")
_Side = Picture | PhotosyncError | None
"""What one side holds, or why that is not known."""
_Smaller = Sequence[tuple[datetime | None, str]]
"""When each smaller size of the copy was made, and its path."""


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
    """Looks at a person's photo in Microsoft 365 and the copy in SharePoint, and says what is wrong with them."""

    def __init__(
        self,
        graph: Graph,
        settings: Settings,
        metrics: Metrics,
        limits: Limits = IN_A_CHAT,
        photo_slots: PhotoSlots | None = None,
    ) -> None:
        """`photo_slots` hold back requests for photos beyond Graph's limit; without them this process does so alone."""
        self._graph = graph
        self._users = Users(graph, photo_slots)
        self._sharepoint = SharePoint(graph, settings.my_site_host)
        self._sites = Sites(graph)
        self._policies = Policies(graph)
        self._metrics = metrics
        self._configured_host = settings.my_site_host
        self._limits = limits
        self._compared: OrderedDict[bytes, Comparison] = OrderedDict()  # by a digest of both files
        # Not the loop's own threads, which sign in; and what is slow to decode does not hold up the rest.
        self._decoding = ThreadPoolExecutor(_DECODING, "decode")
        self._decoding_large = ThreadPoolExecutor(1, "decode-large")

    async def look(
        self, person: str | Person, site: str = "", since: str = "", *, change: bool = False
    ) -> DiagnosisResult:
        """One look, within the limits. Never raises `OutsideError`.

        `person` is an object id or user principal name, or what the directory says of them; `site` the address of a
        site to look at too; `since` when the last look was (UTC, ISO 8601). `change`: they want
        to change the photo, so that a reason why they may not counts, whatever the verdict; without a photo it always
        does.
        """
        begun = time.monotonic()
        policy = asyncio.create_task(self._policies.photo(self._deadline())) if change else None
        try:
            found = await self._look(person, site, since)
            if (change or found.verdict is Verdict.NO_PHOTO) and found.reason not in _OWN:
                known = await (policy or self._policies.photo(begun + self._limits.fetching))
                found = replace(found, reason=forbidden(known) or found.reason)
        finally:
            if policy is not None:
                policy.cancel()
                await asyncio.gather(policy, return_exceptions=True)
        self._metrics.checks.labels(found.verdict.value).inc()
        log.debug("look: %s", _summary(found, time.monotonic() - begun))
        return found

    async def watched(self, person: str) -> tuple[str, ...]:
        """The paths on Graph that show a change, for `digest`; () where that cannot be read now."""
        deadline = self._deadline()
        try:
            known = await self._users.person(person, deadline)
            return (photo_path(known.id), *await self._sharepoint.paths(known, deadline))
        except OutsideError:
            return ()

    async def digest(self, paths: tuple[str, ...]) -> str:
        """The same text as long as neither side changes, by one request and no download; "" where that cannot be read
        now.
        """
        deadline = self._deadline()
        try:
            async with self._users.photo_slot(deadline):  # a photo in a batch counts against the same limit
                parts = await self._graph.batch(paths, deadline=deadline) if paths else []
        except OutsideError:
            return ""
        if not parts or any(part.status not in _CONCLUSIVE for part in parts):
            return ""
        seen = [
            [path, part.status, text(part.body, "@odata.mediaEtag") or text(part.body, "eTag")]
            for path, part in zip(paths, parts, strict=True)
        ]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()

    async def photo_policy(self) -> PhotoPolicy | None:
        """Who may change a photo; None where that is not known."""
        return await self._policies.photo(self._deadline())

    def forget(self, person: str) -> None:
        """Drop what is cached of a person, by object id."""
        self._sharepoint.forget(person)

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

    def _deadline(self) -> float:
        return time.monotonic() + self._limits.fetching

    async def _look(self, who: str | Person, site: str, since: str) -> DiagnosisResult:
        deadline = self._deadline()
        known, name = (who, who.id) if isinstance(who, Person) else (None, who)
        photo = asyncio.create_task(_side(self._users.photo, name, deadline))
        lookup = self._sharepoint.begin(name, deadline)
        try:
            person = known or await self._users.person(name, deadline)
            if person.guest:
                return DiagnosisResult(Verdict.UNKNOWN, Reason.GUEST)
            copy = await _side(self._sharepoint.copy, person, deadline, lookup)
            ours = await photo
        except OutsideError as error:
            return _unknown(error)
        finally:
            photo.cancel()
            await asyncio.gather(photo, lookup.end(), return_exceptions=True)
        return await self._judge(deadline, person, ours, copy, site, since)

    async def _judge(
        self, deadline: float, person: Person, ours: _Side, copy: Copy | PhotosyncError | None, site: str, since: str
    ) -> DiagnosisResult:
        theirs = copy.picture if isinstance(copy, Copy) else copy
        smaller = copy.smaller if isinstance(copy, Copy) else ()
        try:
            found = await self._compare(ours, theirs)
            if itself := direct(person) and found.verdict in _WITH_A_PHOTO:
                found = replace(found, verdict=Verdict.MATCH)  # whatever the copy is
            if found.verdict is Verdict.UNSURE and isinstance(theirs, Picture):
                found = await self._most_decisive(deadline, person, found, theirs)
        except TimeoutError:
            return _unknown(NotAPicture("broken"))
        if found.verdict is Verdict.UNKNOWN and not site:
            return found
        file = theirs if isinstance(theirs, Picture) else None
        partial, finding = await asyncio.gather(
            self._partial(deadline, found, None if itself else file, smaller),
            self._on_site(deadline, site, person, file),
        )
        if found.verdict is Verdict.UNKNOWN:
            return replace(found, site=finding.site, site_finding=finding.finding)
        placeholder = file is not None and found.sharepoint is None
        seen = Seen(found.verdict, found.microsoft365, file, placeholder, bool(partial))
        return replace(
            found,
            reason=found.reason or await self._blocked(deadline, person, found.verdict),
            facts=facts(person, seen, self._configured_host, since),
            older_by=older_by(seen),
            site=finding.site,
            site_finding=finding.finding,
            retry_after=theirs.retry_after if isinstance(theirs, Throttled) else None,
            incomplete=partial is None or isinstance(theirs, Throttled | Outage),
        )

    async def _blocked(self, deadline: float, person: Person, verdict: Verdict) -> str:
        """Whose a mailbox is matters of disabled accounts alone: nobody signs in to a room either."""
        disabled = person.enabled is False and verdict is not Verdict.MATCH
        return blocked(person, verdict, await self._policies.purpose(person.id, deadline) if disabled else "")

    async def _compare(self, ours: _Side, theirs: _Side) -> DiagnosisResult:
        """The verdict on two sides. Raises TimeoutError."""
        pair = b""
        if isinstance(ours, Picture) and isinstance(theirs, Picture):
            pair = b"".join(hashlib.blake2b(one.data, digest_size=16).digest() for one in (ours, theirs))
            known = self._compared.get(pair)
            if known is not None:
                self._compared.move_to_end(pair)
                return _result(known, ours, theirs)
        async with asyncio.timeout(self._limits.comparing):
            found, comparison = await self.decode(lambda: _judged(ours, theirs), ours, theirs)
        if comparison is not None:
            self._compared[pair] = comparison
            if len(self._compared) > _MOST_COMPARED:
                self._compared.popitem(last=False)
        return found

    async def decode(self, work: Callable[[], T], *sides: _Side) -> T:
        """The result of work on pictures, in a thread; so many at a time, large ones one after the other."""
        large = any(isinstance(side, Picture) and is_large(side.data) for side in sides)
        threads = self._decoding_large if large else self._decoding
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    async def _most_decisive(
        self, deadline: float, person: Person, found: DiagnosisResult, copy: Picture
    ) -> DiagnosisResult:
        """What the largest photo tells of two pictures that are too alike to decide. Raises TimeoutError."""
        original = await _side(self._users.original, person.id, deadline)
        ours = found.microsoft365
        if ours is None or not isinstance(original, Picture) or original.data == ours.data:
            return found
        files = [ours.data, original.data]
        async with asyncio.timeout(self._limits.comparing):
            decisive = await self.decode(lambda: most_decisive(files, [copy.data]), original)
        return replace(found, verdict=_VERDICTS[decisive.verdict], similarity=decisive.similarity)

    async def _partial(
        self, deadline: float, found: DiagnosisResult, copy: Picture | None, smaller: _Smaller
    ) -> bool | None:
        """Whether only some sizes of the copy are current; None where that cannot be read now.

        Files made at the same time are not downloaded.
        """
        if copy is None or found.microsoft365 is None or found.verdict not in (Verdict.MATCH, Verdict.DIFFER):
            return False
        if not uneven([copy.modified, *(modified for modified, _ in smaller)]):
            return False
        try:
            files = [await self._sharepoint.bytes_at(path, deadline) for _, path in smaller]
            ours, other = found.microsoft365.data, "different" if found.verdict is Verdict.MATCH else "same"
            async with asyncio.timeout(self._limits.comparing):
                return await self.decode(
                    lambda: any(compare(ours, one).verdict == other for one in files), found.microsoft365, copy
                )
        except (OutsideError, NotAPicture, TimeoutError) as error:
            log.info("the smaller sizes cannot be compared: %s", type(error).__name__)
            return None if isinstance(error, Throttled | Outage) else False

    async def _on_site(self, deadline: float, site: str, person: Person, copy: Picture | None) -> SiteResult:
        return await self._sites.look(site, person, copy, deadline) if site else SiteResult("", "")


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


async def _side(call: Callable[P, Coroutine[Any, Any, T]], *arguments: P.args, **named: P.kwargs) -> T | OutsideError:
    """One side's failure as a value, so that what the other one holds is not lost with it."""
    try:
        return await call(*arguments, **named)
    except OutsideError as error:
        return error


def _judged(ours: _Side, theirs: _Side) -> tuple[DiagnosisResult, Comparison | None]:
    """The table of docs/contract.md, and the comparison where there was one. Blocking: decoding takes its time."""
    ours, theirs = _usable(ours), _usable(theirs)
    if isinstance(ours, PhotosyncError):
        return _unknown(ours), None
    if ours is None:
        return DiagnosisResult(Verdict.NO_PHOTO, sharepoint=theirs if isinstance(theirs, Picture) else None), None
    if isinstance(theirs, PhotosyncError):
        return _unknown(theirs, ours), None
    if theirs is None:
        return DiagnosisResult(Verdict.MISSING, microsoft365=ours), None
    try:
        found = compare(ours.data, theirs.data)
    except NotAPicture as error:
        return _unknown(error), None
    return _result(found, ours, theirs), found


def _result(found: Comparison, ours: Picture, theirs: Picture) -> DiagnosisResult:
    width, height = found.sizes[1]
    return DiagnosisResult(
        _VERDICTS[found.verdict], "", found.similarity, ours, replace(theirs, width=width, height=height)
    )


def _usable(side: _Side) -> _Side:
    """A placeholder is no photo; what cannot be decoded is not shown."""
    if not isinstance(side, Picture):
        return side
    try:
        return None if is_placeholder(side.data) else side
    except NotAPicture as error:
        return error


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
