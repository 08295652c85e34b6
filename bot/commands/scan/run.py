"""One run over everybody: lots of twenty, everything that passes waited for and tried again."""

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
from dialogs.model import PASSING, Reason, Verdict

# Nobody waits for an answer, as in a chat: what a busy hour or a busy machine delays is waited for.
LIMITS = Limits(fetching=60.0, comparing=30.0)
_LOT = 20  # as many as one batch takes
_AT_ONCE = 8  # looks; Graph takes four photo requests at once, and SharePoint's copies are fetched beside them
_FRUITLESS = 4  # rounds at the end that tell nothing new, before "unknown" is written


class SignInRefused(PhotosyncError):
    """Our own sign-in does not work any more: nothing can be told of anybody."""


@dataclass
class _Lot:
    """What became of some people. Once a look has failed for a reason that passes, the rest is not begun."""

    told: int = 0
    failed: bool = False
    signed_in: bool = True
    not_begun: list[str] = field(default_factory=list)
    asked: float = 0.0  # seconds of patience


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
        self._upns: Mapping[str, str] = {}
        self._open: dict[
            str, DiagnosisResult | None
        ] = {}  # without a row of this run; with their last look, if there was one

    async def run(self, people: Mapping[str, str]) -> None:
        """A row for everybody whom the report does not know; `people` are object ids and user principal names.

        Raises `NoAnswer` or `SignInRefused` where that cannot be done now: what is known is in the report then.
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
        """Looks once at everybody who is open, and waits whenever a look fails for a reason that passes."""
        waiting = deque(self._open)
        while waiting:
            lot = await self._lot([waiting.popleft() for _ in range(min(_LOT, len(waiting)))])
            waiting.extendleft(reversed(lot.not_begun))
            if lot.told:
                self._backoff.worked()
            if lot.failed:
                await self._backoff.wait(lot.asked)

    async def _lot(self, people: list[str]) -> _Lot:
        try:
            known = await self._microsoft365.people(people)
        except (Throttled, Outage) as error:
            return _Lot(failed=True, not_begun=people, asked=asked(error))
        except OutsideError:
            known = {}  # each by itself then, so that each tells what is wrong
        lot, slots = _Lot(), asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._one(lot, slots, person, known.get(person, person)) for person in people))
        lot.not_begun.sort(key=people.index)
        if not lot.signed_in:
            raise SignInRefused("the login service refuses us now")
        return lot

    async def _one(self, lot: _Lot, slots: asyncio.Semaphore, person: str, known: Person | str) -> None:
        async with slots:
            if lot.failed:  # whatever hit that one would hit this one too
                lot.not_begun.append(person)
                return
            look = await self._diagnosis.look(known)
        if not _passes(look):
            lot.told += 1
            self._write(person, look)
            return
        self._open[person] = look
        lot.failed = True
        lot.signed_in = lot.signed_in and look.reason != Reason.SIGN_IN
        lot.asked = max(lot.asked, look.retry_after or 0.0)

    def _write(self, person: str, look: DiagnosisResult) -> None:
        self._report.write(Row.of(person, self._upns[person], look, datetime.now(UTC)))
        del self._open[person]
        self._more()


def _passes(look: DiagnosisResult) -> bool:
    """Whether another look may tell more."""
    return look.incomplete or (look.verdict is Verdict.UNKNOWN and look.reason in (*PASSING, Reason.SIGN_IN))
