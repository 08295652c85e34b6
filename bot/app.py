"""The one place that builds objects and starts them."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from aiohttp import web

from bot import resources
from bot.cards.templates import CardTemplates
from bot.diagnosis.diagnosis import IN_A_CHAT, Diagnosis, Limits
from bot.errors import SettingsError, StoreUnavailable
from bot.graph.client import Graph, Tokens, bot_tokens, graph_tokens
from bot.http_client import HttpClient
from bot.languages.live import LiveTranslations
from bot.metrics import Metrics
from bot.settings import Settings
from bot.store import JobKind, Store
from bot.store.base import DatabaseStore, NewerSchema
from bot.store.cache import RememberingStore
from bot.store.connect import PatientStore
from bot.teams import TeamsEndpoint
from bot.tickets import SYSTEMS
from bot.turns.delivery import DeliveryConfirmations
from bot.turns.follow_ups import FollowUps, purging
from bot.turns.runner import TurnRunner
from bot.turns.worker import Worker
from dialogs.engine import Engine

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024  # of one activity
_GARBAGE = 20_000  # new objects between two looks of the collector
_GRACE = 10.0  # seconds that turns under way get to finish


@dataclass(frozen=True)
class Running:
    """A bot that answers on `port`."""

    port: int
    edge: TeamsEndpoint
    store: Store
    speaking: LiveTranslations
    _stop: Callable[[], Awaitable[None]]

    async def stop(self) -> None:
        """Take no more, finish what is under way, close everything."""
        await self._stop()


class Outside:
    """The systems that the settings name, each object built when it is first asked for, in the event loop."""

    def __init__(self, settings: Settings, http: HttpClient, limits: Limits = IN_A_CHAT) -> None:
        self.settings = settings
        self.http = http
        self.metrics = Metrics()
        self._limits = limits

    @cached_property
    def bot_tokens(self) -> Tokens:
        """Of the bot's own registration. Raises `SettingsError` for a certificate that cannot be used."""
        return bot_tokens(self.settings, self.http)

    @cached_property
    def graph_tokens(self) -> Tokens:
        """Of the application that reads Graph: its own, or the bot's. Raises as `bot_tokens` does."""
        return graph_tokens(self.settings, self.http) if self.settings.graph_client_id else self.bot_tokens

    @cached_property
    def graph(self) -> Graph:
        """Microsoft Graph."""
        return Graph(self.settings, self.http, self.graph_tokens, self.metrics)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What compares a person's photos."""
        return Diagnosis.over(self.graph, self.settings, self.metrics, self._limits)


@asynccontextmanager
async def outside(settings: Settings, limits: Limits = IN_A_CHAT) -> AsyncIterator[Outside]:
    """For a command: what it needs of the outside, closed at the end."""
    http = HttpClient.open(settings)
    try:
        yield Outside(settings, http, limits)
    finally:
        await http.close()


async def start(
    settings: Settings,
    around: Callable[[Store], Store] = lambda store: store,
    shared: socket.socket | None = None,
) -> Running:
    """Build everything and listen, on a socket that others share where there is one.

    `around` may put something in front of the store.

    Raises OSError if the port is taken, SettingsError for a useless certificate.
    """
    pictures = resources.illustrations()
    speaking = LiveTranslations(
        settings.locales_dir, pictures, f"https://teams.microsoft.com/l/chat/0/0?users=28:{settings.app_id}"
    )
    engine = Engine(resources.topics(speaking.languages, pictures))
    patient = PatientStore(settings.database_url.reveal())
    store = cast("Store", RememberingStore(around(cast("Store", patient))))
    http = HttpClient.open(settings)
    out = Outside(settings, http)
    try:
        tokens, diagnosis, metrics = out.bot_tokens, out.diagnosis, out.metrics
    except SettingsError:
        await asyncio.gather(store.close(), http.close())
        raise
    settling = DeliveryConfirmations(store)
    helpdesk = TurnRunner(
        engine=engine,
        templates=CardTemplates(engine.library, settings.helpdesk_contact, next(iter(settings.follow_ups), 0.0)),
        speaking=speaking,
        store=cast("RememberingStore", store),
        settling=settling,
        diagnosis=diagnosis,
        tickets=SYSTEMS[settings.ticket_system](settings, http),
        metrics=metrics,
        follow_ups=settings.follow_ups,
    )
    edge = TeamsEndpoint(settings, http, tokens, metrics, helpdesk.turn)
    worker = Worker(store, FollowUps(helpdesk, store, edge.channel, settings.retention).doers)
    runner = web.AppRunner(_site(edge, store, metrics, speaking), access_log=None, shutdown_timeout=_GRACE)
    await runner.setup()

    async def stop() -> None:
        edge.close()
        await asyncio.gather(runner.cleanup(), worker.stop(), edge.stop())
        await asyncio.gather(settling.stop(), speaking.stop())
        await store.close()
        await http.close()

    try:
        site: web.BaseSite = web.TCPSite(runner, settings.host, settings.port)
        if shared is not None:
            site = web.SockSite(runner, shared)
        await site.start()
    except OSError:
        await stop()
        raise
    await edge.start()
    speaking.start()

    async def begin(there: DatabaseStore) -> None:
        await there.put(purging())
        worker.start()

    try:
        await patient.open(begin)
    except NewerSchema:
        await stop()
        raise
    port = int(runner.addresses[0][1])
    log.info("listening on %s port %d, languages %s", settings.host, port, ", ".join(speaking.languages.tags))
    return Running(port, edge, store, speaking, stop)


def _site(edge: TeamsEndpoint, store: Store, metrics: Metrics, speaking: LiveTranslations) -> web.Application:
    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def ready(_: web.Request) -> web.Response:
        # Catalogues are loaded before anything listens: a bot without them does not start.
        parts = {"store": await store.ready(), "catalogues": True, "channel_keys": edge.ready}
        unused = speaking.languages.problems  # the last good ones are spoken: no reason not to be ready
        detail = {**parts, **({"language_files_not_used": list(unused)} if unused else {})}
        return web.json_response(detail, status=200 if all(parts.values()) else 503)

    async def counted(_: web.Request) -> web.Response:
        with suppress(StoreUnavailable):
            metrics.follow_ups_pending.set(await store.pending(JobKind.FOLLOW_UP))
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    site = web.Application(client_max_size=MOST_BYTES)
    site.router.add_post("/api/messages", edge.messages)
    site.router.add_get("/healthz", alive)
    site.router.add_get("/readyz", ready)
    site.router.add_get("/metrics", counted)
    return site


async def until_signal() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop, where there is one; None for the usual."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not on every platform

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def serve(settings: Settings, shared: socket.socket | None = None) -> None:
    """Run until told to stop."""
    running = await start(settings, shared=shared)
    gc.collect()
    gc.freeze()  # what is there now stays: the collector need not look at it again
    gc.set_threshold(_GARBAGE)  # a turn makes hundreds of objects and no cycles worth looking for so often
    await until_signal()
    log.info("stopping")
    await running.stop()
