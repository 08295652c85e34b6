"""`POST /api/messages`: every request ends in a status of the contract, and no refusal says why to the caller.

The early answer. Teams waits ten to fifteen seconds for an answer and then delivers the activity again; a turn that
looks at two photos over a slow Graph takes longer. So the answer must not wait for the turn. A task of its own for each
turn would make that easy and cost every turn for the sake of the few slow ones. Instead the turn runs in the request's
own task, and a timer runs beside it: when the timer fires first, another task writes the answer (202) to the same
request while the turn goes on; what the turn shows reaches the person through the connector, as always. When the turn
ends, the handler returns the response that was written already, which aiohttp does not send twice. The connection is
closed with an early answer, because aiohttp works on one request of a connection at a time: the next would wait for
the turn.

An answer is a promise: Teams does not deliver the activity again. So the activity is committed to the inbox before the
early answer is written, and there is no early answer where that fails. The turn's own commit takes it out again. A turn
that does not get that far, because the process or the database dies, is run again from the inbox: before the person's
next turn, or by the background worker (`JobKind.TURN`); the activity's id makes sure that it is done once. A bot that
stops waits for such turns too.

Queues. The turns of one person run one after the other. At most `_MAX_OF_PERSON` of them are under way or wait; what
comes beyond that is refused with 503, so that the channel delivers it again: an answer is a promise, and a line for
the helpdesk would be gone. What waits takes nothing from others: the limit on turns counts people.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import Any, Protocol

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.background import Beat
from bot.conversation import ActivityKind, Incoming, Message, Turn
from bot.errors import StoreUnavailable, location
from bot.http_client import HttpClient
from bot.http_server import BODY_TIMEOUT
from bot.metrics import Metrics
from bot.settings import Settings
from bot.teams.activities import is_foreign, parse, read_incoming
from bot.teams.adapter import Adapter
from bot.teams.authentication import ChannelAuthentication, Keys, Verified
from bot.teams.connector import CARD, Connector, card_json, to_json
from bot.teams.refusal import STATUSES, Refusal

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024  # of a body
_ACK_AFTER = 8.0  # seconds after which a request is answered although its turn goes on
_MAX_OF_PERSON = 6  # turns of one person under way or waiting
_LOG_INTERVAL = 60.0  # seconds between two log lines of one reason: anybody can cause refusals
_NO_CARD = "application/vnd.microsoft.activity.message"
_USUAL_TYPES = ("application/json", "application/json; charset=utf-8")
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}


class Inbox(Protocol):
    """Where an activity is kept while its turn goes on after the answer: `bot.turns.runner.TurnRunner`."""

    async def receive(self, incoming: Incoming) -> None:
        """Commit it. Raises `StoreUnavailable`."""

    async def discard(self, incoming: Incoming) -> None:
        """Its turn has ended."""


class TeamsEndpoint:
    """Authenticated activities in, answers out through `connector`."""

    def __init__(
        self, settings: Settings, http: HttpClient, connector: Connector, metrics: Metrics, turn: Turn, inbox: Inbox
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        for reason in STATUSES:
            metrics.refused.labels(reason)
        self._turn = turn
        self._inbox = inbox
        self._keys = Keys(settings.channel_keys_url, http)
        self._connector = connector
        self._authentication = ChannelAuthentication(settings, self._keys)
        self.adapter = Adapter(self._authentication, self._connector)  # `use` takes middleware of the SDK
        self._turns: set[asyncio.Task[Any]] = set()
        self._under_way: Counter[str] = Counter()  # turns, by person
        self._logged_at: dict[str, float] = {}
        self._unlogged: Counter[str] = Counter()  # refusals since, by reason
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

    async def messages(self, request: web.Request) -> web.Response:
        """`POST /api/messages`: one activity."""
        began = time.monotonic()
        early = _EarlyAnswer(request)
        try:
            answer = await self._answer(request, early)
        except Refusal as refusal:
            return await early.sent() or self._refused(refusal)
        except StoreUnavailable as error:
            if await early.sent() is None:
                answer = self._refused(Refusal("store"), str(error))
            else:
                log.warning("the store went out of reach after an early answer: the turn is run again from the inbox")
        except Exception as error:  # no traceback: an exception's text may be a person's
            log.error("request failed: %s at %s", type(error).__name__, location(error))
            answer = self._refused(Refusal("error"))
        sent = await early.sent()
        seconds = time.monotonic() - began
        self._metrics.turn_seconds.observe(seconds if sent is None else min(seconds, _ACK_AFTER))
        return answer if sent is None else sent

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
        self._check_queue(incoming)
        shown = await self._run(verified, incoming, early)
        if incoming.kind is ActivityKind.RATED:
            return web.json_response({})
        return _invoke_answer(shown) if incoming.is_invoke else web.Response()

    def _check_queue(self, incoming: Incoming) -> None:
        """Raises `Refusal` if too many of the person's turns, or too many people's, are under way."""
        waiting = self._under_way[_person(incoming)]
        if not waiting and len(self._under_way) >= self._settings.turns_at_once:
            raise Refusal("busy")
        if waiting >= _MAX_OF_PERSON and incoming.kind in (ActivityKind.TYPED, ActivityKind.PRESSED):
            raise Refusal("too_many")

    async def _run(self, verified: Verified, incoming: Incoming, early: _EarlyAnswer) -> Message | None:
        task, person = asyncio.current_task(), _person(incoming)
        assert task is not None
        self._turns.add(task)
        self._under_way[person] += 1
        try:
            timer = early.after(_ACK_AFTER, incoming, self._inbox)
            try:
                shown = await self.adapter.run(verified, incoming, self._turn)
            finally:
                timer.cancel()
            if await early.sent() is not None:
                await self._inbox.discard(incoming)
        finally:
            self._turns.discard(task)
            self._under_way[person] -= 1
            if not self._under_way[person]:
                del self._under_way[person]
        return shown

    def _refused(self, refusal: Refusal, why: str = "") -> web.Response:
        self._count(refusal, why)
        return web.Response(status=refusal.status, headers=_HEADERS.get(refusal.status))

    def _count(self, refusal: Refusal, why: str) -> None:
        reason, now = refusal.reason, time.monotonic()
        self._metrics.refused.labels(reason).inc()
        if now - self._logged_at.get(reason, float("-inf")) < _LOG_INTERVAL:
            self._unlogged[reason] += 1
            return
        self._logged_at[reason] = now
        more = f" ({self._unlogged[reason]} more since the last such line)" if self._unlogged[reason] else ""
        self._unlogged[reason] = 0
        log.warning("refused with %d: %s%s%s", refusal.status, reason, why and f", {why}", more)


class _EarlyAnswer:
    """The answer to one request that is sent if the block under `after` takes too long."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._sending: asyncio.Task[web.Response | None] | None = None

    def after(self, seconds: float, incoming: Incoming, inbox: Inbox) -> asyncio.TimerHandle:
        """Answer after so many seconds, unless what is returned is cancelled before."""

        def begin() -> None:
            self._sending = asyncio.create_task(self._send(incoming, inbox))

        return asyncio.get_running_loop().call_later(seconds, begin)

    async def sent(self) -> web.Response | None:
        """The answer that was sent, None if there was no need or it could not be kept."""
        return None if self._sending is None else await self._sending

    async def _send(self, incoming: Incoming, inbox: Inbox) -> web.Response | None:
        try:
            await inbox.receive(incoming)
        except Exception as error:  # whatever it is: without a commit there is no answer, and Teams delivers again
            log.warning("no early answer: %s at %s", type(error).__name__, location(error))
            return None
        # An invoke has no answer that says "later"; the turn that goes on updates the card.
        response = _invoke_answer() if incoming.is_invoke else web.Response(status=202)
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
    async with asyncio.timeout(BODY_TIMEOUT):
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_BYTES:
                break
    return bytes(body)


def _person(incoming: Incoming) -> str:
    """Whose queue it belongs to: the sender's, also in a group; the conversation's where the sender has no id."""
    return incoming.person or incoming.address.conversation


def _invoke_answer(shown: Message | None = None) -> web.Response:
    """What an `adaptiveCard/action` invoke is answered with: the card that is now shown."""
    kind, value = (CARD, card_json(shown)) if shown else (_NO_CARD, "")
    answer: dict[str, Any] = {"statusCode": 200, "type": kind, "value": value}
    return web.Response(body=to_json(answer), content_type="application/json", charset="utf-8")
