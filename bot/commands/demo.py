"""`photosync demo`: the pretend tenant, the bot as `serve` runs it, and a chat page or terminal beside them."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import sys
import webbrowser
from typing import TYPE_CHECKING

from bot import logs
from bot.commands.configuration import environment
from bot.commands.terminal import complain, port
from bot.settings import read

if TYPE_CHECKING:
    from sandbox.tenant import Tenant

# A demo is over in minutes: it checks again within seconds.
_CHANGES = {
    "PHOTOSYNC_PORT": "0",
    "PHOTOSYNC_LOG_FORMAT": "text",
    "PHOTOSYNC_LOG_LEVEL": "WARNING",
    "PHOTOSYNC_FOLLOW_UPS": "5s,15s,30s,60s,2m,10m",
}
_WRONG = 2  # exit status


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--port", type=port, default=3979, help="where the chat page listens (default 3979, 0: any)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--terminal", action="store_true", help="chat in the terminal, without a page")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    if importlib.util.find_spec("trustme") is None:
        return complain(
            "the demo needs what `serve` does not:", "  pip install 'photosync-teams-bot[demo]'", status=_WRONG
        )
    return asyncio.run(_demo(chosen))


async def _demo(chosen: argparse.Namespace) -> int:
    """Run until stopped, with the languages of PHOTOSYNC_LOCALES_DIR, so that translators see them."""
    from bot import app  # noqa: PLC0415
    from sandbox import terminal  # noqa: PLC0415 - an installation without the extra has not all that it imports
    from sandbox.tenant import Tenant  # noqa: PLC0415

    locales_dir = environment(chosen).get("PHOTOSYNC_LOCALES_DIR", "")
    async with Tenant.open() as tenant:
        tenant.world.faults.latency = (0.03, 0.3)
        settings = read({**tenant.environment(), **_CHANGES, "PHOTOSYNC_LOCALES_DIR": locales_dir})
        logs.set_up(settings)
        bot = await app.start(settings)
        tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
        try:
            return await (terminal.chat(tenant) if chosen.terminal else _page(tenant, chosen))
        finally:
            await bot.stop()


async def _page(tenant: Tenant, chosen: argparse.Namespace) -> int:
    from bot.app import until_signal  # noqa: PLC0415
    from sandbox.chat_page import ChatPage  # noqa: PLC0415 - see above
    from sandbox.renderer import RendererMissing, install, installed  # noqa: PLC0415

    try:
        if installed() is None:
            complain("installing the card renderer, once")
        renderer = install()
    except RendererMissing as missing:
        return complain(str(missing), "  or chat in the terminal: photosync demo --terminal")
    page = ChatPage(tenant, renderer)
    try:
        await page.start(chosen.port)
    except OSError:
        return complain(f"port {chosen.port} is taken; choose another: photosync demo --port 0", status=_WRONG)
    address = f"http://127.0.0.1:{page.port}/"
    sys.stdout.write(f"Photosync demo: {address}\nCtrl-C ends it.\n")
    sys.stdout.flush()
    if not chosen.no_browser:
        webbrowser.open(address)
    await until_signal()
    await page.stop()
    return 0
