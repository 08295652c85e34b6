"""`POST /api/messages`: every request ends in a status of the contract, and no refusal says why to the caller."""

from __future__ import annotations

import logging
import time
from typing import Any

from aiohttp import web

from bot.conversation import Kind
from bot.errors import StoreUnavailable
from bot.metrics import Metrics
from bot.settings import Settings
from bot.teams.activities import NotAnActivity, incoming, parse
from bot.teams.adapter import Adapter, TurnChannel, light
from bot.teams.authentication import ChannelAuthentication, Forbidden, Unauthenticated, Verified
from bot.teams.keys import NoKeys

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
_CARD_ANSWER = "application/vnd.microsoft.card.adaptive"
_NOTHING_SHOWN = "application/vnd.microsoft.activity.message"


class Handler:
    """Answers requests."""

    def __init__(
        self,
        settings: Settings,
        authentication: ChannelAuthentication,
        adapter: Adapter,
        metrics: Metrics,
        turn: Any,
    ) -> None:
        self._settings = settings
        self._authentication = authentication
        self._adapter = adapter
        self._metrics = metrics
        self._turn = turn
        self._told: dict[str, float] = {}
        self.closing = False

    async def messages(self, request: web.Request) -> web.Response:
        """One activity."""
        if self.closing:
            return self._refused(503, "closing")
        with self._metrics.turn_seconds.time():
            return await self._answer(request)

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            verified = await self._authentication.token(request.headers.get("Authorization", ""))
            activity = parse(await _body(request))
            self._authentication.allow(verified, activity)
            return await self._run(verified, activity)
        except _Unfit as unfit:
            return self._refused(unfit.status, unfit.reason)
        except Unauthenticated as error:
            return self._refused(403 if isinstance(error, Forbidden) else 401, error.reason)
        except (NotAnActivity, NoKeys, StoreUnavailable) as error:
            return self._refused(*_STATUSES[type(error)])

    async def _run(self, verified: Verified, activity: dict[str, Any]) -> web.Response:
        came = incoming(activity, self._settings.app_id)
        is_invoke = activity.get("type") == "invoke"
        if is_invoke and came.kind is Kind.OTHER:
            return web.Response(status=501)
        shown: list[Any] = []

        async def logic(context: Any) -> None:
            shown.append(await self._turn(came, TurnChannel(context)))

        # The adapter's own answer to an invoke is left aside: the SDK serialises it twice.
        light_activity = light(came, "message" if is_invoke else str(activity["type"]))
        await self._adapter.process_activity(self._authentication.result(verified), light_activity, logic)
        if not is_invoke:
            return web.Response(status=200)
        message = shown[0] if shown else None
        if message is None:
            return web.json_response({"statusCode": 200, "type": _NOTHING_SHOWN, "value": ""})
        return web.json_response({"statusCode": 200, "type": _CARD_ANSWER, "value": message.card})

    def _refused(self, status: int, reason: str) -> web.Response:
        self._metrics.refused.labels(reason).inc()
        now = time.monotonic()
        if now - self._told.get(reason, float("-inf")) >= 1.0:
            self._told[reason] = now
            log.warning("refused with %d: %s", status, reason)
        headers = {"Retry-After": "5"} if status == 503 else {}
        return web.Response(status=status, headers=headers)


class _Unfit(Exception):
    """A body that is not read at all."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


_STATUSES: dict[type[Exception], tuple[int, str]] = {
    NotAnActivity: (400, "not_an_activity"),
    NoKeys: (503, "no_keys"),
    StoreUnavailable: (503, "store"),
}


async def _body(request: web.Request) -> bytes:
    """The body of a JSON request of a size that is taken. Raises `_Unfit`."""
    if request.content_type != "application/json" or request.headers.get("Content-Encoding"):
        raise _Unfit(415, "content_type")
    if (request.content_length or 0) > MOST_BYTES:
        raise _Unfit(413, "too_large")
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > MOST_BYTES:
            raise _Unfit(413, "too_large")
    return bytes(body)
