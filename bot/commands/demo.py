"""`photosync demo`: the pretend tenant, the bot as `serve` runs it, and a chat page or terminal beside them."""

from __future__ import annotations

import sys
import webbrowser

from bot import app, logs
from bot.settings import read
from sandbox import terminal as in_terminal
from sandbox.chat_page import ChatPage
from sandbox.renderer import RendererMissing, install, installed
from sandbox.tenant import Tenant

# Nobody waits three days for a demo: it looks again within seconds.
_CHANGES = {
    "PHOTOSYNC_PORT": "0",
    "PHOTOSYNC_LOG_FORMAT": "text",
    "PHOTOSYNC_LOG_LEVEL": "WARNING",
    "PHOTOSYNC_FOLLOW_UPS": "5s,15s,30s,60s,2m,10m",
}


async def demo(*, port: int, browser: bool, terminal: bool, locales_dir: str = "") -> int:
    """Run until told to stop, with the languages of a folder of one's own if there is one; returns the exit status."""
    async with Tenant.open() as tenant:
        settings = read({**tenant.environment(), **_CHANGES, "PHOTOSYNC_LOCALES_DIR": locales_dir})
        logs.set_up(settings)
        bot = await app.start(settings)
        tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
        try:
            return await (in_terminal.chat(tenant) if terminal else _page(tenant, port, browser=browser))
        finally:
            await bot.stop()


async def _page(tenant: Tenant, port: int, *, browser: bool) -> int:
    try:
        if installed() is None:
            sys.stderr.write("photosync: installing the card renderer, once\n")
        renderer = install()
    except RendererMissing as missing:
        _complain(f"{missing}\n  or chat in the terminal: photosync demo --terminal")
        return 1
    page = ChatPage(tenant, renderer)
    try:
        await page.start(port)
    except OSError:
        _complain(f"port {port} is taken; choose another: photosync demo --port 0")
        return 2
    address = f"http://127.0.0.1:{page.port}/"
    sys.stdout.write(f"Photosync demo: {address}\nCtrl-C ends it.\n")
    sys.stdout.flush()
    if browser:
        webbrowser.open(address)
    await app.until_signal()
    await page.stop()
    return 0


def _complain(line: str) -> None:
    sys.stderr.write(f"photosync: {line}\n")
