"""`photosync demo`: the pretend tenant, the bot as `serve` runs it, and a chat page or terminal beside them."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import importlib.util
import sys
import webbrowser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot import logs, resources
from bot.commands.case import document, ticket_state
from bot.commands.configuration import environment
from bot.commands.terminal import EXIT_USAGE, complain, port
from bot.settings import read
from bot.store.interface import Store

if TYPE_CHECKING:
    from sandbox.chat import Chat
    from sandbox.desks.zammad import Zammad
    from sandbox.tenant import Tenant

# A demo is over in minutes: it checks again within seconds.
_CHANGES = {
    "PHOTOSYNC_LOG_FORMAT": "text",
    "PHOTOSYNC_LOG_LEVEL": "WARNING",
    "PHOTOSYNC_FOLLOW_UPS": "5s,15s,30s,60s,2m,10m",
    "PHOTOSYNC_TICKET_POLL": "2s",
}
# The places of office.com that illustrations are about: there the demo's page gives a hint.
_PLACES = {"tile": "tile", "circle": "circle", "my_accounts": "circle", "pop_up": "circle"}
_WARM_UP = 5.0  # seconds at most
_TAIL = 48  # characters of a picture's base64 that tell it from every other


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--port", type=port, default=3979, help="where the chat page listens (default 3979, 0: any)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--terminal", action="store_true", help="chat in the terminal, without a page")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    if importlib.util.find_spec("trustme") is None:
        return complain(
            "the demo needs what `serve` does not:", "  pip install 'photosync-teams-bot[demo]'", status=EXIT_USAGE
        )
    return asyncio.run(_demo(chosen))


async def _demo(chosen: argparse.Namespace) -> int:
    """Run until stopped, with the languages of PHOTOSYNC_LOCALES_DIR, so that translators see them."""
    from bot import app  # noqa: PLC0415
    from bot.commands.demo_history import history  # noqa: PLC0415
    from sandbox import terminal  # noqa: PLC0415 - an installation without the extra has not all that it imports
    from sandbox.desks.zammad import Zammad  # noqa: PLC0415
    from sandbox.stories import ALSO  # noqa: PLC0415
    from sandbox.tenant import Tenant  # noqa: PLC0415
    from sandbox.web import free_port  # noqa: PLC0415

    locales_dir = environment(chosen).get("PHOTOSYNC_LOCALES_DIR", "")
    async with Tenant.open() as tenant:
        tenant.world.people += ALSO
        tenant.world.faults.latency = (0.02, 0.05)
        desk = Zammad(tenant.world)
        await desk.start(tenant.authority.server)
        bot_port = free_port()  # the address of the helpdesk's page has to be known before
        pages = {**tenant.page(f"http://127.0.0.1:{bot_port}"), "PHOTOSYNC_PORT": str(bot_port)}
        own = {name: value for name, value in tenant.environment().items() if "_TICKET_" not in name}
        # Everybody belongs to the pilot: who tries a draft of a language tries it here.
        languages = {"PHOTOSYNC_LOCALES_DIR": locales_dir, "PHOTOSYNC_PILOT": _everybody(tenant)}
        settings = read({**own, **desk.environment(), **_CHANGES, **pages, **languages})
        logs.set_up(settings)
        bot = await app.start(settings)
        tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
        await asyncio.gather(*map(bot.store.commit, history()))
        try:
            behind = _Behind(bot.store)
            await _warm_up(tenant, behind)
            if chosen.terminal:
                return await terminal.chat(tenant, behind.forget)
            return await _page(tenant, desk, chosen, behind)
        finally:
            await bot.stop()
            await desk.stop()


async def _warm_up(tenant: Tenant, behind: _Behind) -> None:
    """Let somebody whom nobody sees have the first card: the tokens, keys and the way to the photos take time."""
    world, people = tenant.world, tenant.world.people
    latency, world.faults.latency = world.faults.latency, (0.0, 0.0)
    (somebody,) = world.crowd(1)
    chat = tenant.channel.chat(somebody.id)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_WARM_UP):
            await asyncio.gather(_first_message(chat), chat.install())
    await behind.forget(somebody.id)
    world.people, world.faults.latency = people, latency
    world.trace.requests.clear()


async def _first_message(chat: Chat) -> None:
    async for event in chat.subscribe():
        if event["type"] == "message":
            return


def _everybody(tenant: Tenant) -> str:
    return ",".join(person.id for person in tenant.world.people)


@dataclass(frozen=True)
class _Behind:
    """What the demo shows and does that Teams could not."""

    store: Store

    async def case(self, person: str) -> dict[str, Any] | None:
        """The person's case as `photosync case --json` prints it."""
        record, _ = await self.store.load(person)
        found = await self.store.case(record.case.id) if record.case else None
        if found is None or found.case is None:
            return None
        return document(found, found.case, await self.store.log(found.case.id), await ticket_state(self.store, found))

    async def forget(self, person: str) -> None:
        """As `photosync erase` does."""
        await self.store.erase(person)


def _signs() -> dict[str, str]:
    """What an illustration on a card is about, by the end of its base64."""
    return {
        base64.b64encode(picture).decode()[-_TAIL:]: _PLACES[name.partition(".")[0]]
        for name, picture in resources.illustrations().items()
        if name.partition(".")[0] in _PLACES
    }


async def _page(tenant: Tenant, desk: Zammad, chosen: argparse.Namespace, behind: _Behind) -> int:
    from bot.app import until_signal  # noqa: PLC0415
    from sandbox.chat_page import ChatPage  # noqa: PLC0415 - see above
    from sandbox.renderer import RendererMissing, install, installed  # noqa: PLC0415

    try:
        if installed() is None:
            complain("installing the card renderer, once")
        renderer = install()
    except RendererMissing as missing:
        return complain(str(missing), "  or chat in the terminal: photosync demo --terminal")
    helpdesk = f"{tenant.channel.bot_url}/helpdesk"
    page = ChatPage(tenant, renderer, behind, _signs(), desk, helpdesk)
    try:
        await page.start(chosen.port)
    except OSError:
        return complain(f"port {chosen.port} is taken; choose another: photosync demo --port 0", status=EXIT_USAGE)
    address = f"http://127.0.0.1:{page.port}/"
    sys.stdout.write(f"Photosync demo: {address}\nHelp desk page: {helpdesk}\nCtrl-C ends it.\n")
    sys.stdout.flush()
    if not chosen.no_browser:
        webbrowser.open(address)
    await until_signal()
    await page.stop()
    return 0
