"""The one place that builds the bot's objects and starts them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial

from aiohttp import web

from bot import resources
from bot.background import Background, Beat
from bot.cards.templates import CardTemplates
from bot.clouds import CLOUDS
from bot.diagnosis.diagnosis import IN_A_CHAT, Diagnosis, Limits
from bot.errors import PhotosyncError, SettingsError, StoreUnavailable, StoreUnusable, location
from bot.graph.client import Graph, graph_scope
from bot.graph.groups import Groups, Pilot
from bot.graph.people_sign_in import PeopleSignIn
from bot.graph.tokens import Tokens, bot_tokens, graph_tokens
from bot.graph.users import PHOTO_REQUESTS, PhotoSlots
from bot.http_client import HttpClient
from bot.http_server import BODY_TIMEOUT, HttpServer
from bot.languages.live import LiveTranslations
from bot.metrics import Metrics
from bot.pages.site import Handler, Pages
from bot.settings import Settings
from bot.sign_in import Application, SignIn, bots, graphs
from bot.store import JobKind
from bot.store.connect import connect
from bot.store.interface import Store
from bot.store.shared_slots import SharedSlots
from bot.teams import TeamsEndpoint
from bot.teams.connector import Connector, TeamsChannel
from bot.teams.endpoint import MAX_BYTES
from bot.tickets import connected
from bot.tickets.channel import ChannelDesk
from bot.tickets.helpdesk import Helpdesk
from bot.tickets.interface import TicketSystem
from bot.tickets.wake import WakeUpCalls
from bot.tickets.words import AgentWords
from bot.traces import Traces
from bot.turns.channel_desk import ChannelDeskTurns
from bot.turns.decisions import Decisions
from bot.turns.follow_ups import FollowUps, counting, purging
from bot.turns.outbox import Outbox
from bot.turns.runner import TurnRunner
from bot.turns.schedule import Schedule
from bot.turns.worker import Worker
from bot.understanding.understand import Understanding
from bot.understanding.unknown import UnknownSentences
from dialogs.model import Outcome, Reason, Verdict

log = logging.getLogger(__name__)

# New objects between two rounds of the collector. With 64 chats at once what is under way is more than 5,000, which it
# then went through again and again: 3% of the processor time.
_GARBAGE = 20_000
_PHOTO_SECONDS = 8.0  # that a request for a photo takes at the most
_GRACE = 10.0  # seconds that turns under way get to finish
_LEARNING_INTERVAL = 0.5  # seconds between two looks whether there are other examples
_SAMPLE_TIMEOUT = 1.0  # seconds that whoever reads the metrics waits for the store
_PERIODIC_INTERVAL = 60.0  # seconds between two looks whether the jobs are there that come back by themselves
_RETRY_INTERVAL = 5.0  # seconds between two tries to open the database


class CannotListen(PhotosyncError):
    """The port is taken, or the address is not this machine's."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
        super().__init__(f"cannot listen on {host} port {port}: {reason}")


class ExternalSystems:
    """The systems that the settings name, each object built when it is first asked for, in the event loop."""

    def __init__(
        self,
        settings: Settings,
        http: HttpClient,
        limits: Limits = IN_A_CHAT,
        photo_slots: PhotoSlots | None = None,
    ) -> None:
        self.settings = settings
        self._photo_slots = photo_slots
        self.http = http
        self.metrics = new_metrics()
        self._limits = limits

    @cached_property
    def bot_tokens(self) -> Tokens:
        """Of the bot's own registration. Raises `SettingsError` for a certificate that cannot be used."""
        return bot_tokens(self.settings, self.http)

    @cached_property
    def graph_tokens(self) -> Tokens:
        """Of the application that reads Graph: its own, or the bot's. Raises as `bot_tokens` does."""
        return graph_tokens(self.settings, self.http) or self.bot_tokens

    @cached_property
    def graph(self) -> Graph:
        """Microsoft Graph."""
        return Graph(self.settings, self.http, self.graph_tokens, self.metrics)

    @cached_property
    def sign_in(self) -> SignIn:
        """Whether the login service lets both in."""
        settings = self.settings
        return SignIn(
            (
                Application(self.bot_tokens, settings.channel_scope, bots(settings), "PHOTOSYNC_CHANNEL_SCOPE"),
                Application(self.graph_tokens, graph_scope(settings), graphs(settings), "PHOTOSYNC_GRAPH_URL"),
            ),
            report=self._report_ends,
        )

    def _report_ends(self) -> None:
        """When what we sign in with runs out, as far as that is known here."""
        named = {bots(self.settings).proof: self.bot_tokens, graphs(self.settings).proof: self.graph_tokens}
        for name, tokens in named.items():
            ends = tokens.proof.ends if tokens.proof else None
            if ends is not None:
                self.metrics.credential_ends.labels(name).set(ends.timestamp())

    @cached_property
    def groups(self) -> Groups:
        """Who belongs to groups of the directory."""
        return Groups(self.graph)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What compares a person's photos."""
        return Diagnosis(self.graph, self.settings, self.metrics, self._limits, self._photo_slots)


@asynccontextmanager
async def outside(settings: Settings, limits: Limits = IN_A_CHAT) -> AsyncIterator[ExternalSystems]:
    """For a command: what it needs of the outside, closed at the end."""
    http = HttpClient.from_settings(settings)
    try:
        yield ExternalSystems(settings, http, limits)
    finally:
        await http.close()


@dataclass(frozen=True)
class Bot:
    """Everything of one process, built and not started."""

    settings: Settings
    http: HttpClient
    metrics: Metrics
    store: Store
    live: LiveTranslations
    understanding: Understanding
    outbox: Outbox
    endpoint: TeamsEndpoint
    follow_ups: FollowUps
    worker: Worker
    photo_slots: SharedSlots
    sign_in: SignIn
    pilot: Pilot
    background: Background
    wake_up_calls: WakeUpCalls
    traces: Traces
    opened: asyncio.Event = field(default_factory=asyncio.Event)  # the store is

    @classmethod
    def build(cls, settings: Settings, store: Store, http: HttpClient) -> Bot:
        """Raises `SettingsError` for a certificate that cannot be used, or an extra that is not installed."""
        live = _translations(settings)
        # Of all processes together.
        slots = SharedSlots(store, "graph-photo", PHOTO_REQUESTS, _PHOTO_SECONDS)
        out = ExternalSystems(settings, http, photo_slots=slots)
        metrics = out.metrics
        traces = tracing(settings, metrics)  # reads which metrics there are, before some are withheld
        metrics.installation.await_store()
        connector = Connector(settings, http, out.bot_tokens, metrics)
        channel = partial(TeamsChannel, connector)
        desk = None
        if settings.ticket_system == "teams":
            desk = ChannelDesk(settings, lambda: live.languages.translations, channel)
        tickets = _helpdesk(settings, live, desk or connected(settings, http, out.bot_tokens))
        decisions = Decisions(live, store, out.diagnosis, tickets, metrics, settings.ticket_system != "none")
        templates = CardTemplates(settings.helpdesk_contact, next(iter(settings.follow_ups), 0.0))
        schedule = Schedule(settings.follow_ups)
        outbox = Outbox(store, templates, metrics, schedule)
        understanding = Understanding()
        unknown = UnknownSentences(settings.keep_unknown, settings.retention) if settings.keep_unknown else None
        runner = TurnRunner(decisions, outbox, live, store, metrics, understanding, unknown, traces)
        turn = runner.turn
        if desk is not None:
            turn = ChannelDeskTurns(
                runner, decisions, outbox, store, metrics, traces, desk, channel, connector.is_member
            ).turn
        follow_ups = FollowUps(runner, turn, decisions, outbox, store, channel, schedule, settings.retention)
        return cls(
            settings=settings,
            http=http,
            metrics=metrics,
            store=store,
            live=live,
            understanding=understanding,
            outbox=outbox,
            endpoint=TeamsEndpoint(settings, http, connector, metrics, turn, runner),
            follow_ups=follow_ups,
            worker=Worker(store, follow_ups.doers, traces=traces),
            photo_slots=slots,
            sign_in=out.sign_in,
            pilot=Pilot(settings.pilot, out.groups, live.set_pilot),
            background=Background(metrics.report_background),
            wake_up_calls=WakeUpCalls(settings, store),
            traces=traces,
        )

    async def health(self) -> dict[str, bool]:
        """What has to work, and whether it does."""
        return {
            "store": await self.store.ready(),
            "catalogues": True,  # loaded before anything listens: a bot without them does not start
            "channel_keys": self.endpoint.ready,
            "sign_in": self.sign_in.ready,
            "background": not self.background.failing,
        }

    def pages(self) -> Pages | None:
        """What browsers are shown, if the settings say where they find us. Raises as `build` does."""
        if not self.settings.page_url:
            return None
        people = PeopleSignIn(self.settings, self.http)
        return Pages(self.settings, people, self.store, lambda: self.live.languages, self.metrics, self.health)

    def start_tasks(self) -> None:
        """Everything that goes on as long as the process."""
        self.background.start("channel_keys", self.endpoint.keep_keys)
        self.background.start("sign_in", self.sign_in.watch)
        self.background.start("store", self._keep_store)
        self.background.start("jobs", self._do_jobs)
        self.background.start("photo_slots", self.photo_slots.keep)
        self.background.start("confirmations", self.outbox.keep_confirming)
        if self.settings.pilot:
            self.background.start("pilot", self.pilot.keep)
        if self.settings.locales_dir is not None or self.settings.topics_dir is not None:
            self.background.start("languages", self.live.watch)
            self.background.start("examples", self._keep_learning)

    async def open_store(self) -> None:
        """Raises `StoreUnavailable`, and `StoreUnusable` where waiting does not help."""
        await self.store.open()
        await self.store.put(purging())
        await self.store.reserve(counting())
        await self.metrics.installation.keep(self.store.add_to_counters)
        self.opened.set()

    async def sample(self) -> None:
        """Bring what was counted into the store, and ask it what all processes have, and what waits."""
        with suppress(StoreUnavailable):
            self.metrics.follow_ups_pending.set(await self.store.sampled_pending(JobKind.FOLLOW_UP))
        await self._keep_counters()

    async def open_store_soon(self) -> None:
        """Now if that can be; else the background task does it. Raises `StoreUnusable`."""
        try:
            await self.open_store()
        except StoreUnusable:
            raise
        except StoreUnavailable as error:
            log.error("waiting for the database: %s", error)

    async def _keep_store(self, beat: Beat) -> None:
        """The database may come later than the bot, and what comes back by itself may be deleted or damaged there."""
        while not self.opened.is_set():
            try:
                await self.open_store()
            except StoreUnavailable as error:
                log.error("waiting for the database: %s", error)
                await asyncio.sleep(_RETRY_INTERVAL)
        while True:
            beat()
            await asyncio.sleep(_PERIODIC_INTERVAL)
            with suppress(StoreUnavailable):
                for job in (purging(), counting()):
                    if await self.store.reserve(job):
                        log.warning("the job %s was not there any more; it is again", job.kind.value)

    async def _keep_learning(self, beat: Beat) -> None:
        """The examples of the installation's own files: those of now, and again whenever they are saved."""
        while True:
            await asyncio.to_thread(self.understanding.learn, self.live.examples)
            beat()
            await asyncio.sleep(_LEARNING_INTERVAL)

    async def _do_jobs(self, beat: Beat) -> None:
        await self.opened.wait()
        await self.worker.run(beat)

    async def close(self) -> None:
        """Take no more, finish what is under way, close everything: whatever fails on the way, all the rest."""
        self.endpoint.close()
        steps: tuple[Callable[[], Awaitable[object]], ...] = (
            *(partial(self.background.stop, task) for task in ("jobs", "channel_keys", "sign_in", "pilot")),
            self._end_work,
            self.background.stop,
            self.outbox.confirm,
            self._keep_counters,
            self.store.close,
            self.http.close,
            partial(asyncio.to_thread, self.traces.close),
        )
        for close in steps:
            try:
                await close()
            except Exception as error:
                log.error("closing failed: %s at %s", type(error).__name__, location(error))

    async def _end_work(self) -> None:
        """Turns and jobs at once: each may take as long as what is under way."""
        for error in await asyncio.gather(self.worker.stop(), self.endpoint.stop(), return_exceptions=True):
            if isinstance(error, BaseException):
                raise error

    async def _keep_counters(self) -> None:
        with suppress(StoreUnavailable):
            await self.metrics.installation.keep(self.store.add_to_counters)


def _translations(settings: Settings) -> LiveTranslations:
    """What people are shown, with the installation's own files over it."""
    return LiveTranslations(
        settings.locales_dir,
        resources.illustrations(),
        f"{CLOUDS[settings.cloud].teams}/l/chat/0/0?users=28:{settings.app_id}",
        cloud=settings.cloud,
        topics=settings.topics_dir,
        pilot=settings.pilot,
    )


def _helpdesk(settings: Settings, live: LiveTranslations, system: TicketSystem | None) -> Helpdesk:
    """What hands cases over to a system; None: there is none."""
    words = AgentWords(lambda: live.languages.translations, settings.ticket_language, lambda: live.view("").library)
    return Helpdesk(system, words, settings.ticket_poll, settings.ticket_states, settings.ticket_solve)


def new_metrics() -> Metrics:
    """What is counted, with every label that the product knows."""
    return Metrics(verdicts=list(Verdict), reasons=list(Reason), outcomes=list(Outcome))


def tracing(settings: Settings, metrics: Metrics) -> Traces:
    """To the collector that the settings name. Raises `SettingsError` where what that takes is not installed."""
    if not settings.otlp_endpoint:
        return Traces()
    try:
        from bot.telemetry import Exported  # noqa: PLC0415 - an extra, and read only where it is used
    except ImportError:
        raise SettingsError(
            ("OTEL_EXPORTER_OTLP_ENDPOINT needs the extra otel: pip install 'photosync-teams-bot[otel]'",)
        ) from None
    return Exported(settings, metrics.registry)


@dataclass(frozen=True)
class Running:
    """A bot that answers on `port`, and operators on `operator_port` if it is not 0."""

    port: int
    operator_port: int
    endpoint: TeamsEndpoint
    store: Store
    live: LiveTranslations
    background: Background
    pages: Pages | None
    _stop: Callable[[], Awaitable[None]]

    async def stop(self) -> None:
        """Take no more, finish what is under way, close everything."""
        await self._stop()


async def start(settings: Settings, store: Store | None = None) -> Running:
    """Build everything and listen. `store`, still closed, takes the place of the one that the settings name.

    Raises `CannotListen`, `SettingsError` for a useless certificate, `StoreUnusable`.
    """
    store, http = store or connect(settings.database_url.reveal()), HttpClient.from_settings(settings)
    try:
        bot = Bot.build(settings, store, http)
        pages = bot.pages()
    except BaseException:
        await asyncio.gather(store.close(), http.close())
        raise
    servers: list[HttpServer] = []

    async def listen(host: str, port: int, *, details: bool, public: bool) -> int:
        routes = site(bot, details=details, pages=pages if public else None)
        servers.append(HttpServer(routes, grace=_GRACE, closed=bot.metrics.report_closed))
        try:
            return await servers[-1].start(host, port)
        except OSError as error:
            raise CannotListen(host, port, error) from None

    async def stop() -> None:
        bot.endpoint.close()
        try:
            await asyncio.gather(*(server.stop() for server in servers))
        finally:
            await bot.close()

    apart = settings.operator_port is not None
    try:
        port = await listen(settings.host, settings.port, details=not apart, public=True)
        operator_port = 0
        if settings.operator_port is not None:
            operator_port = await listen(settings.operator_host, settings.operator_port, details=True, public=False)
        await bot.open_store_soon()
    except BaseException:
        await stop()
        raise
    bot.start_tasks()
    log.info("listening on %s port %d, languages %s", settings.host, port, ", ".join(bot.live.languages.tags))
    if apart:
        log.info("operators are answered on %s port %d", settings.operator_host, operator_port)
    return Running(port, operator_port, bot.endpoint, store, bot.live, bot.background, pages, stop)


def site(bot: Bot, *, details: bool, pages: Pages | None = None) -> web.Application:
    """What is answered over HTTP. Without `details` what the internet may see: no metrics, and whether it is ready, not
    why. `pages` are there where they are given."""

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def ready(_: web.Request) -> web.Response:
        failing, parts = bot.background.failing, await bot.health()
        detail: dict[str, object] = dict(parts)
        if bot.sign_in.fixes:
            detail["sign_in_fixes"] = list(bot.sign_in.fixes)
        if failing:
            detail["background_failing"] = list(failing)
        if bot.live.languages.problems:  # the last good ones are spoken: no reason not to be ready
            detail["language_files_not_used"] = list(bot.live.languages.problems)
        if bot.live.topic_problems:
            detail["topic_files_not_used"] = list(bot.live.topic_problems)
        well = all(parts.values())
        return web.json_response(detail if details else {"ready": well}, status=200 if well else 503)

    routes = web.Application(client_max_size=MAX_BYTES)
    routes.router.add_post("/api/messages", bot.endpoint.messages)
    if bot.settings.ticket_wake_secret:
        routes.router.add_post("/api/tickets/{system}", _logged(partial(_wake, bot)))
    routes.router.add_get("/healthz", alive)
    routes.router.add_get("/readyz", _logged(ready))
    if details:
        routes.router.add_get("/metrics", _logged(_metrics(bot)))
    _add_pages(routes.router, pages)
    return routes


def _metrics(bot: Bot) -> Handler:
    sampling: list[asyncio.Task[None]] = []

    async def sampled() -> None:
        """A store that hangs is waited for a moment: then what was known before is shown."""
        if not sampling or sampling[0].done():
            sampling[:] = [bot.background.once("counters", bot.sample())]
        await asyncio.wait(sampling, timeout=_SAMPLE_TIMEOUT)

    async def counted(_: web.Request) -> web.Response:
        text = await bot.metrics.text(sampled)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return counted


def _logged(handler: Handler) -> Handler:
    """Whatever is not expected is 500, and its place is logged: of aiohttp's own line, of a library, nothing is."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:
            log.error("request failed: %s at %s", type(error).__name__, location(error))
            return web.Response(status=500)

    return answered


def _add_pages(router: web.UrlDispatcher, pages: Pages | None) -> None:
    if pages is None:
        return
    router.add_get("/privacy", pages.privacy)
    router.add_get("/terms", pages.terms)
    router.add_get("/helpdesk/style.css", pages.style)
    if pages.sign_in_possible:
        router.add_get("/helpdesk", pages.helpdesk)
        pages.add_helpdesk(router)


async def _wake(bot: Bot, request: web.Request) -> web.Response:
    """A helpdesk system says that a ticket has changed: its state is read now."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = await request.read()
    except TimeoutError:
        return web.Response(status=408)
    if not bot.wake_up_calls.verified(request.match_info["system"], request.headers, body):
        bot.metrics.refused.labels("ticket_call").inc()
        return web.Response(status=401)
    try:
        await bot.wake_up_calls.wake(body)
    except StoreUnavailable:
        return web.Response(status=503, headers={"Retry-After": "5"})
    return web.Response(status=202)


async def until_signal() -> None:
    """Wait for Ctrl-C, SIGTERM, or the end of the terminal (SIGHUP)."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        numbers.append(signal.SIGHUP)
    try:
        for number in numbers:
            loop.add_signal_handler(number, asked.set)
    except NotImplementedError:  # Windows' loop
        before = [signal.signal(one, lambda *_: loop.call_soon_threadsafe(asked.set)) for one in numbers]
        await asked.wait()
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        return
    await asked.wait()
    for number in numbers:
        loop.remove_signal_handler(number)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop, where there is one; None for the usual."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not on every platform

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def serve(settings: Settings) -> None:
    """Run until SIGTERM, Ctrl-C or SIGHUP."""
    running = await start(settings)
    gc.collect()
    gc.freeze()  # what is there now stays: the collector need not look at it again
    gc.set_threshold(_GARBAGE)  # a turn makes hundreds of objects and no cycles worth looking for so often
    await until_signal()
    log.info("stopping")
    await running.stop()
