"""One run over everybody: batches of twenty; whatever passes is waited for and tried again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.commands.scan.backoff import Backoff, NoAnswer, asked
from bot.commands.scan.report import Report, Row
from bot.diagnosis.diagnosis import Diagnosis, DiagnosisResult, Limits
from bot.errors import Outage, OutsideError, PhotosyncError, Throttled
from bot.graph.users import Person, Users
from bot.tickets.labels import REASONS
from dialogs.model import PASSING, Reason, Verdict

# Longer than in a chat, where a person waits: what a busy hour or a busy machine delays is waited for.
LIMITS = Limits(fetching=60.0, comparing=30.0)
_BATCH_SIZE = 20  # what one $batch takes
_AT_ONCE = 8  # checks; Graph takes four photo requests at once, and SharePoint's copies are fetched beside them
_IN_A_ROW = 10  # people without a verdict for the installation's own reason, before the scan stops
_FRUITLESS = 4  # rounds at the end that bring nothing new, before "unknown" is written


class SignInRefused(PhotosyncError):
    """Our own sign-in does not work any more: no verdict is possible."""


class NoVerdicts(PhotosyncError):
    """One person after the other fails for a reason that is the installation's: the rest would fail too."""


_OURS = (Reason.PERMISSION, Reason.LIBRARY)
_COMPARED = (Verdict.MATCH, Verdict.DIFFER, Verdict.MISSING, Verdict.UNSURE)


@dataclass
class _Batch:
    """What became of some people. Once a check has failed for a reason that passes, the rest is not begun."""

    checked: int = 0
    failed: bool = False
    signed_in: bool = True
    without: str = ""  # why one after the other has no verdict, where that is so
    not_begun: list[str] = field(default_factory=list)
    asked: float = 0.0  # seconds to wait


class Scan:
    """`more` is called for each row that is written."""

    def __init__(
        self,
        microsoft365: Users,
        diagnosis: Diagnosis,
        report: Report,
        backoff: Backoff,
        more: Callable[[], None],
    ) -> None:
        self._microsoft365 = microsoft365
        self._diagnosis = diagnosis
        self._report = report
        self._backoff = backoff
        self._more = more
        self._without = 0  # in a row, for a reason of `_OURS`
        self._upns: Mapping[str, str] = {}
        self._open: dict[
            str, DiagnosisResult | None
        ] = {}  # without a row of this run; with their last check, if there was one

    async def run(self, people: Mapping[str, str]) -> None:
        """A row for everybody whom the report does not know; `people` are object ids and user principal names.

        Raises `NoAnswer`, `SignInRefused` or `NoVerdicts` where that cannot be done now: what is known is in the
        report then.
        """
        self._upns = people
        self._open = dict.fromkeys(one for one in people if not self._report.knows(one))
        await self._round()
        fruitless = 0
        while self._open and fruitless < _FRUITLESS:
            before = len(self._open)
            try:
                await self._round()
            except NoAnswer:
                break
            fruitless = fruitless + 1 if len(self._open) == before else 0
        for person, look in tuple(self._open.items()):
            if look is not None:
                self._write(person, look)

    async def _round(self) -> None:
        """Checks everybody who is open once, and waits whenever a check fails for a reason that passes."""
        waiting = deque(self._open)
        while waiting:
            batch = await self._batch([waiting.popleft() for _ in range(min(_BATCH_SIZE, len(waiting)))])
            waiting.extendleft(reversed(batch.not_begun))
            if batch.checked:
                self._backoff.worked()
            if batch.failed:
                await self._backoff.wait(batch.asked)

    async def _batch(self, people: list[str]) -> _Batch:
        try:
            known = await self._microsoft365.people(people)
        except (Throttled, Outage) as error:
            return _Batch(failed=True, not_begun=people, asked=asked(error))
        except OutsideError:
            known = {}  # each by itself then, so that each has its own reason
        batch, slots = _Batch(), asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._one(batch, slots, person, known.get(person, person)) for person in people))
        batch.not_begun.sort(key=people.index)
        if not batch.signed_in:
            raise SignInRefused("the login service refuses us now")
        if batch.without:
            raise NoVerdicts(batch.without)
        return batch

    async def _one(self, batch: _Batch, slots: asyncio.Semaphore, person: str, known: Person | str) -> None:
        async with slots:
            if batch.failed:  # it would fail for the same reason
                batch.not_begun.append(person)
                return
            look = await self._diagnosis.look(known)
        if not _passes(look):
            batch.checked += 1
            self._write(person, look)
            self._count(batch, look)
            return
        self._open[person] = look
        batch.failed = True
        batch.signed_in = batch.signed_in and look.reason != Reason.SIGN_IN
        batch.asked = max(batch.asked, look.retry_after or 0.0)

    def _count(self, batch: _Batch, look: DiagnosisResult) -> None:
        if look.reason in _OURS and look.verdict is Verdict.UNKNOWN:
            self._without += 1
        elif look.verdict in _COMPARED:  # both sides were read
            self._without = 0
        if self._without >= _IN_A_ROW:
            batch.failed = True  # the rest of the batch is not begun
            grant = f"; to grant: {look.permission}" if look.permission else ""
            batch.without = batch.without or f"{self._without} people in a row: {REASONS[Reason(look.reason)]}{grant}"

    def _write(self, person: str, look: DiagnosisResult) -> None:
        self._report.write(Row.of(person, self._upns[person], look, datetime.now(UTC)))
        del self._open[person]
        self._more()


def _passes(look: DiagnosisResult) -> bool:
    """Whether another check may find more."""
    return look.incomplete or (look.verdict is Verdict.UNKNOWN and look.reason in (*PASSING, Reason.SIGN_IN))
