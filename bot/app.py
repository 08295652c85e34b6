"""The one place that builds objects and starts them."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from bot import resources
from bot.cards.templates import CardTemplates
from bot.diagnosis.diagnosis import Diagnosis
from bot.errors import SettingsError, StoreUnavailable
from bot.graph.client import Graph
from bot.graph.tokens import Tokens, bot_tokens, graph_tokens
from bot.http_client import HttpClient
from bot.languages import packaged
from bot.languages.live import LiveTranslations
from bot.metrics import Metrics
from bot.settings import Settings
from bot.store import JobKind
from bot.store.connect import connect, try_until_open
from bot.store.interface import Store
from bot.store.schema import NewerSchema
from bot.teams import TeamsEndpoint
from bot.tickets import SYSTEMS
from bot.turns.decisions import Decisions
from bot.turns.follow_ups import FollowUps, purging
from bot.turns.outbox import Outbox
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
    endpoint: TeamsEndpoint
    store: Store
    live: LiveTranslations
    _stop: Callable[[], Awaitable[None]]

    async def stop(self) -> None:
        """Take no more, finish what is under way, close everything."""
        await self._stop()


def graph(settings: Settings, http: HttpClient, metrics: Metrics, tokens: Tokens | None = None) -> Graph:
    """Microsoft Graph; `tokens` are the bot's, where there are some already."""
    return Graph(settings, http, graph_tokens(settings, http, tokens), metrics)


def diagnosis(settings: Settings, http: HttpClient, metrics: Metrics, tokens: Tokens | None = None) -> Diagnosis:
    """What looks at photos, over a Graph of its own."""
    return Diagnosis.from_settings(graph(settings, http, metrics, tokens), settings, metrics)


async def start(settings: Settings, store: Store | None = None, shared: socket.socket | None = None) -> Running:
    """Build everything and listen, on a socket that others share where there is one.

    `store`, still closed, takes the place of the one that the settings name.

    Raises OSError if the port is taken, SettingsError for a useless certificate.
    """
    pictures = resources.illustrations()
    live = LiveTranslations(
        settings.locales_dir, pictures, f"https://teams.microsoft.com/l/chat/0/0?users=28:{settings.app_id}"
    )
    engine = Engine(packaged.topics(live.languages, pictures))
    metrics, store = Metrics(), store or connect(settings.database_url)
    http = HttpClient.from_settings(settings)
    try:
        tokens = bot_tokens(settings, http)
    except SettingsError:
        await asyncio.gather(store.close(), http.close())
        raise
    decisions = Decisions(
        engine,
        store,
        diagnosis(settings, http, metrics, tokens),
        SYSTEMS[settings.ticket_system](settings, http),
        metrics,
    )
    templates = CardTemplates(engine.library, settings.helpdesk_contact, next(iter(settings.follow_ups), 0.0))
    outbox = Outbox(store, templates, live, metrics, settings.follow_ups)
    turns = TurnRunner(decisions, outbox, live, store, metrics)
    endpoint = TeamsEndpoint(settings, http, tokens, metrics, turns.turn)
    follow_ups = FollowUps(turns, decisions, outbox, store, endpoint.channel, settings.follow_ups, settings.retention)
    worker = Worker(store, follow_ups.doers)
    runner = web.AppRunner(_site(endpoint, store, metrics, live), access_log=None, shutdown_timeout=_GRACE)
    await runner.setup()

    opening: asyncio.Task[None] | None = None

    async def stop() -> None:
        endpoint.close()
        if opening is not None:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        await asyncio.gather(runner.cleanup(), worker.stop(), endpoint.stop())
        await asyncio.gather(outbox.stop(), live.stop())
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
    await endpoint.start()
    live.start()

    async def begin() -> None:
        await store.open()
        await store.put(purging())
        worker.start()

    try:
        opening = await try_until_open(begin)
    except NewerSchema:
        await stop()
        raise
    port = int(runner.addresses[0][1])
    log.info("listening on %s port %d, languages %s", settings.host, port, ", ".join(live.languages.tags))
    return Running(port, endpoint, store, live, stop)


def _site(endpoint: TeamsEndpoint, store: Store, metrics: Metrics, live: LiveTranslations) -> web.Application:
    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def ready(_: web.Request) -> web.Response:
        # Catalogues are loaded before anything listens: a bot without them does not start.
        parts = {"store": await store.ready(), "catalogues": True, "channel_keys": endpoint.ready}
        unused = live.languages.problems  # the last good ones are spoken: no reason not to be ready
        detail = {**parts, **({"language_files_not_used": list(unused)} if unused else {})}
        return web.json_response(detail, status=200 if all(parts.values()) else 503)

    async def counted(_: web.Request) -> web.Response:
        with suppress(StoreUnavailable):
            metrics.follow_ups_pending.set(await store.pending(JobKind.FOLLOW_UP))
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    site = web.Application(client_max_size=MOST_BYTES)
    site.router.add_post("/api/messages", endpoint.messages)
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
