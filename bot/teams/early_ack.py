"""An answer to a request whose turn takes longer than the caller waits: it is sent while the turn goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web


class EarlyAck:
    """One request's; a turn of its own for each request, only to be able to answer earlier, would cost all of them."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._seconds = 0.0
        self._answer: Callable[[], web.Response] = web.Response
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[web.Response] | None = None

    def after(self, seconds: float, answer: Callable[[], web.Response]) -> Self:
        """What is sent if the block that this begins takes longer."""
        self._seconds, self._answer = seconds, answer
        return self

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._begin)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def sent(self) -> web.Response | None:
        """The answer that was sent, None if there was no need."""
        return None if self._sending is None else await self._sending

    def _begin(self) -> None:
        self._sending = asyncio.create_task(self._send())

    async def _send(self) -> web.Response:
        response = self._answer()
        response.force_close()  # the next request on this connection would wait for the turn
        try:
            await response.prepare(self._request)
            await response.write_eof()
        except ConnectionError:
            pass  # whoever asked has gone
        return response
