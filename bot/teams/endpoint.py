"""`POST /api/messages`: every request ends in a status of the contract, and no refusal says why to the caller.

The early answer. Teams waits ten to fifteen seconds for an answer and then delivers the activity again; a turn that
looks at two photos over a slow Graph takes longer. So the answer must not wait for the turn. A task of its own for each
turn would make that easy and cost every turn for the sake of the few slow ones. Instead the turn runs in the request's
own task, and a timer runs beside it: when the timer fires first, another task writes the answer (202) to the same
request while the turn goes on; what the turn shows reaches the person through the connector, as always. When the turn
ends, the handler returns the response that was written already, which aiohttp does not send twice. The connection is
closed with an early answer, because aiohttp works on one request of a connection at a time: the next would wait for
the turn.

A turn that was answered early counts as under way until it ends: a bot that stops waits for it (`TeamsEndpoint.stop`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.background import Beat
from bot.conversation import Address, Channel, Message
from bot.errors import StoreUnavailable, location
from bot.http_client import HttpClient, TokenSource
from bot.metrics import Metrics
from bot.settings import Settings
from bot.teams.activities import is_foreign, parse, read_incoming
from bot.teams.adapter import Adapter, Turn
from bot.teams.authentication import ChannelAuthentication, Keys
from bot.teams.connector import CARD, Connector, TeamsChannel, card_json, to_json
from bot.teams.refusal import Refusal

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024  # of a body
_BODY_TIMEOUT = 10.0  # seconds for a body to arrive
_ACK_AFTER = 8.0  # seconds after which a request is answered although its turn goes on
_LOG_INTERVAL = 1.0  # seconds between two log lines of one reason
_NO_CARD = "application/vnd.microsoft.activity.message"
_USUAL_TYPES = ("application/json", "application/json; charset=utf-8")
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}


class TeamsEndpoint:
    """Authenticated activities in, messages out."""

    def __init__(self, settings: Settings, http: HttpClient, tokens: TokenSource, metrics: Metrics, turn: Turn) -> None:
        self._settings = settings
        self._metrics = metrics
        self._turn = turn
        self._keys = Keys(settings.channel_keys_url, http)
        self._connector = Connector(settings, http, tokens, metrics)
        self._authentication = ChannelAuthentication(settings, self._keys)
        self.adapter = Adapter(self._authentication, self._connector)  # `use` takes middleware of the SDK
        self._turns: set[asyncio.Task[Any]] = set()
        self._logged_at: dict[str, float] = {}
        self._closing = False

    async def keep_keys(self, beat: Beat) -> None:
        """Fetch the channel's keys, for ever; whether there are any shows in `ready`. A background task."""
        await self._keys.keep_fresh(beat)

    def close(self) -> None:
        """Take nothing more; the turns under way go on."""
        self._closing = True

    async def stop(self, grace: float = 8.0) -> None:
        """Take nothing more, give the turns under way that many seconds, and cancel those that take longer."""
        self.close()
        if self._turns:
            _, late = await asyncio.wait(set(self._turns), timeout=grace)
            for turn in late:
                turn.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._keys.close()

    @property
    def ready(self) -> bool:
        """Whether requests can be authenticated."""
        return self._keys.known

    def channel(self, address: Address) -> Channel:
        """An earlier conversation, for a message that is no answer."""
        return TeamsChannel(self._connector, address)

    async def messages(self, request: web.Request) -> web.Response:
        """`POST /api/messages`: one activity."""
        began = time.monotonic()
        early = _EarlyAnswer(request)
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

    async def _answer(self, request: web.Request, early: _EarlyAnswer) -> web.Response:
        if self._closing:
            raise Refusal("closing")
        _check_headers(request)
        verified = await self._authentication.verify(_authorization(request))
        activity = parse(await _body(request))
        self._authentication.check_activity(verified, activity.get("serviceUrl"), activity.get("channelId"))
        if not self._connector.is_allowed(activity["serviceUrl"]):
            raise Refusal("service_host")
        if is_foreign(activity, self._settings.app_tenant_id):
            raise Refusal("tenant")
        incoming = read_incoming(activity, self._settings.app_id)
        if incoming is None:
            return web.Response()
        if len(self._turns) >= self._settings.turns_at_once:
            raise Refusal("busy")
        task = asyncio.current_task()
        assert task is not None
        self._turns.add(task)
        try:
            with early.after(_ACK_AFTER, _invoke_answer if incoming.is_invoke else _accepted):
                shown = await self.adapter.run(verified, incoming, self._turn)
        finally:
            self._turns.discard(task)
        return _invoke_answer(shown) if incoming.is_invoke else web.Response()

    def _refused(self, refusal: Refusal) -> web.Response:
        self._metrics.refused.labels(refusal.reason).inc()
        now = time.monotonic()
        if now - self._logged_at.get(refusal.reason, float("-inf")) >= _LOG_INTERVAL:
            self._logged_at[refusal.reason] = now
            log.warning("refused with %d: %s", refusal.status, refusal.reason)
        return web.Response(status=refusal.status, headers=_HEADERS.get(refusal.status))


class _EarlyAnswer:
    """The answer to one request that is sent if the block under `after` takes too long."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._seconds = 0.0
        self._answer: Callable[[], web.Response] = web.Response
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[web.Response] | None = None

    def after(self, seconds: float, answer: Callable[[], web.Response]) -> Self:
        """What is sent, and when."""
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
        response.force_close()
        try:
            await response.prepare(self._request)
            await response.write_eof()
        except ConnectionError:
            pass  # the caller has closed the connection
        return response


def _check_headers(request: web.Request) -> None:
    """What can be refused before anything is read. A compressed body could grow to any size, so none is taken."""
    headers = request.headers
    if hdrs.CONTENT_ENCODING in headers and headers[hdrs.CONTENT_ENCODING].lower() != "identity":
        raise Refusal("content_type")
    if headers.get(hdrs.CONTENT_TYPE) not in _USUAL_TYPES and (
        request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8"
    ):
        raise Refusal("content_type")
    if (request.content_length or 0) > MAX_BYTES:
        raise Refusal("too_large")


def _authorization(request: web.Request) -> str:
    found = request.headers.getall(hdrs.AUTHORIZATION, [])
    return found[0] if len(found) == 1 else ""


async def _body(request: web.Request) -> bytes:
    try:
        # Mostly it came together with its head: then nothing has to be waited for.
        body = request.content.read_nowait() if request.content.is_eof() else await _read_body(request)
    except TimeoutError:
        raise Refusal("slow") from None
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
        raise Refusal("not_an_activity") from None
    if len(body) > MAX_BYTES:
        raise Refusal("too_large")
    return body


async def _read_body(request: web.Request) -> bytes:
    body = bytearray()
    async with asyncio.timeout(_BODY_TIMEOUT):
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_BYTES:
                break
    return bytes(body)


def _accepted() -> web.Response:
    """The turn goes on; what it comes to is sent when it is there."""
    return web.Response(status=202)


def _invoke_answer(shown: Message | None = None) -> web.Response:
    """What an `adaptiveCard/action` invoke is answered with: the card that is now shown."""
    kind, value = (CARD, card_json(shown)) if shown else (_NO_CARD, "")
    answer: dict[str, Any] = {"statusCode": 200, "type": kind, "value": value}
    return web.Response(body=to_json(answer), content_type="application/json", charset="utf-8")
