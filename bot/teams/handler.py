"""`POST /api/messages`: every request ends in a status of the contract, and no refusal says why to the caller."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from botbuilder.core import TurnContext

from bot.conversation import Channel, Incoming, Message
from bot.errors import StoreUnavailable, location
from bot.metrics import Metrics
from bot.settings import Settings
from bot.teams.activities import foreign, incoming, parse
from bot.teams.adapter import Adapter, TurnChannel
from bot.teams.authentication import ChannelAuthentication, Verified
from bot.teams.connector import host_allowlist
from bot.teams.early_ack import EarlyAck
from bot.teams.models import CARD, received
from bot.teams.refusal import Refusal
from bot.teams.serialization import Card, as_json

log = logging.getLogger(__name__)

Turn = Callable[[Incoming, Channel], Awaitable[Message | None]]

MOST_BYTES = 256 * 1024
_SLOWEST = 10.0  # seconds for a body to arrive
_ACK_AFTER = 8.0  # seconds after which a request is answered although its turn goes on; Teams waits 10 to 15
_LOG_INTERVAL = 1.0  # seconds between two log lines of one reason
_NOTHING_SHOWN = "application/vnd.microsoft.activity.message"
_USUAL = ("application/json", "application/json; charset=utf-8")
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}


class Handler:
    """Answers requests."""

    def __init__(
        self,
        settings: Settings,
        authentication: ChannelAuthentication,
        adapter: Adapter,
        metrics: Metrics,
        turn: Turn,
    ) -> None:
        self._settings = settings
        self._authentication = authentication
        self._adapter = adapter
        self._metrics = metrics
        self._turn = turn
        self._told: dict[str, float] = {}
        self._turns: set[asyncio.Task[Any]] = set()
        self._allowed = host_allowlist(settings.service_hosts)
        self.closing = False

    async def drain(self, grace: float) -> None:
        """Wait for the turns under way; what is late after `grace` seconds is cancelled."""
        if not self._turns:
            return
        _, late = await asyncio.wait(set(self._turns), timeout=grace)
        for turn in late:
            turn.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def messages(self, request: web.Request) -> web.Response:
        """One activity."""
        began = time.monotonic()
        early = EarlyAck(request)
        try:
            answer = await self._answer(request, early)
        except Refusal as refusal:
            answer = self._refused(refusal)
        except StoreUnavailable:
            answer = self._refused(Refusal("store"))
        except Exception as error:  # no traceback: an exception's text may be a person's
            log.error("request failed: %s at %s", type(error).__name__, location(error))
            answer = self._refused(Refusal("error"))
        else:
            self._metrics.turn_seconds.observe(min(time.monotonic() - began, _ACK_AFTER))
        return await early.sent() or answer

    async def _answer(self, request: web.Request, early: EarlyAck) -> web.Response:
        if self.closing:
            raise Refusal("closing")
        _fit(request)
        verified = await self._authentication.token(_authorization(request))
        activity = parse(await _body(request))
        self._authentication.matches(verified, activity.get("serviceUrl"), activity.get("channelId"))
        if not self._allowed(activity["serviceUrl"]):
            raise Refusal("service_host")
        if foreign(activity, self._settings.app_tenant_id):
            raise Refusal("tenant")
        came = incoming(activity, self._settings.app_id)
        if came is None:
            return web.Response()
        if len(self._turns) >= self._settings.turns_at_once:
            raise Refusal("busy")
        invoked = activity["type"] == "invoke"
        turn = asyncio.current_task()
        assert turn is not None
        self._turns.add(turn)
        try:
            with early.after(_ACK_AFTER, _card_answer if invoked else _accepted):
                shown = await self._run(verified, came)
        finally:
            self._turns.discard(turn)
        return _card_answer(shown) if invoked else web.Response()

    async def _run(self, verified: Verified, came: Incoming) -> Message | None:
        shown: list[Message | None] = []

        async def logic(context: TurnContext) -> None:
            shown.append(await self._turn(came, TurnChannel(context)))

        await self._adapter.process_activity(verified.result, received(came), logic)
        return shown[0]

    def _refused(self, refusal: Refusal) -> web.Response:
        self._metrics.refused.labels(refusal.reason).inc()
        now = time.monotonic()
        if now - self._told.get(refusal.reason, float("-inf")) >= _LOG_INTERVAL:
            self._told[refusal.reason] = now
            log.warning("refused with %d: %s", refusal.status, refusal.reason)
        return web.Response(status=refusal.status, headers=_HEADERS.get(refusal.status))


def _fit(request: web.Request) -> None:
    """What can be told before anything is read. A packed body could grow to any size, so none is taken."""
    headers = request.headers
    if hdrs.CONTENT_ENCODING in headers and headers[hdrs.CONTENT_ENCODING].lower() != "identity":
        raise Refusal("content_type")
    if headers.get(hdrs.CONTENT_TYPE) not in _USUAL and (
        request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8"
    ):
        raise Refusal("content_type")
    if (request.content_length or 0) > MOST_BYTES:
        raise Refusal("too_large")


def _authorization(request: web.Request) -> str:
    found = request.headers.getall(hdrs.AUTHORIZATION, [])
    return found[0] if len(found) == 1 else ""


async def _body(request: web.Request) -> bytes:
    try:
        # Mostly it came together with its head: then nothing has to be waited for.
        body = request.content.read_nowait() if request.content.is_eof() else await _awaited(request)
    except TimeoutError:
        raise Refusal("slow") from None
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
        raise Refusal("not_an_activity") from None
    if len(body) > MOST_BYTES:
        raise Refusal("too_large")
    return body


async def _awaited(request: web.Request) -> bytes:
    body = bytearray()
    async with asyncio.timeout(_SLOWEST):
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MOST_BYTES:
                break
    return bytes(body)


def _accepted() -> web.Response:
    """The turn goes on; what it comes to is sent when it is there."""
    return web.Response(status=202)


def _card_answer(shown: Message | None = None) -> web.Response:
    """What an `adaptiveCard/action` invoke is answered with, serialised once."""
    kind, value = (CARD, Card(shown)) if shown else (_NOTHING_SHOWN, "")
    answer: dict[str, Any] = {"statusCode": 200, "type": kind, "value": value}
    return web.Response(body=as_json(answer), content_type="application/json", charset="utf-8")
