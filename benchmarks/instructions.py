"""`make instructions`: how many of the processor's instructions one press of a walk takes, counted by valgrind.

Times tell a tenth more or less only on a quiet machine; this count is the same to a percent on a busy one. It does
not see what waits for memory, and there is one chat alone: `make bench` is the judge, this finds what made it dearer.

    python -m benchmarks.instructions --root ../before    # another tree of this project, to compare

The bot is a process of its own under valgrind, Linux only; the pretend tenant and the person are this one. It is run
three times: once for what it compiles, then with many presses, and with few of them and a rest as long as the others
took. The difference is what the presses cost, without the start, and without what a bot does by itself meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from asyncio.subprocess import Process
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from benchmarks.turns.processes import free_port, last_lines

if TYPE_CHECKING:
    from sandbox.channel import Chat

_FEW = 40  # presses of the shorter run: by then everything is loaded
_TO_WALK = ("next", "next", "next")
_TIMEOUT = 180.0  # seconds until the bot is ready: under valgrind everything takes thirty times as long
_SETTLE = 2.0  # seconds after the look
_COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")
_COUNTING = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")


class NotCounted(Exception):
    """Why there is no figure."""


async def count(root: Path, presses: int, rest: float = 0.0) -> tuple[int, float]:
    """Instructions of a bot's whole life with so many presses, and the seconds that these took; it rests before them.
    Raises `NotCounted`."""
    from sandbox.tenant import Tenant  # noqa: PLC0415 - of the tree in question, found only now

    async with Tenant.open() as tenant:
        port = free_port()
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            settings = {
                **tenant.environment(),
                "PHOTOSYNC_PORT": str(port),
                "PHOTOSYNC_DATABASE_URL": f"sqlite:///{folder}/photosync.db",
                "PYTHONHASHSEED": "0",
            }
            command = (*_COUNTING, sys.executable, "-m", "bot", "serve")
            with log.open("wb") as out:
                bot = await asyncio.create_subprocess_exec(
                    *command, cwd=root, env=os.environ | settings, stdout=out, stderr=out
                )
            try:
                await _until_ready(bot, port, log)
                tenant.channel.bot_url = f"http://127.0.0.1:{port}"
                # A token of Teams is good for an hour; a new one each second would count by the clock.
                with mock.patch.object(tenant.channel, "token", return_value=tenant.channel.token()):
                    seconds = await _walk(tenant.channel.chat(tenant.world.crowd(1)[0].id), presses, rest)
            finally:
                if bot.returncode is None:
                    bot.send_signal(signal.SIGTERM)
                await bot.wait()
            found = _COUNTED.search(log.read_text(encoding="utf-8", errors="replace"))
            if found is None:
                raise NotCounted(f"valgrind counted nothing; the log ends: {last_lines(log)}")
    return int(found[1].replace(",", "")), seconds


async def _walk(chat: Chat, presses: int, rest: float) -> float:
    """Seconds that the presses take, after a look, the way into a walk and a rest."""
    _check(await chat.say("my photo is wrong in SharePoint"))
    await asyncio.sleep(_SETTLE)
    for action in _TO_WALK:
        _check(await chat.press(action))
    await asyncio.sleep(rest)
    begun = time.monotonic()
    for n in range(presses):
        _check(await chat.press("back" if n % 2 else "next"))
    return time.monotonic() - begun


def _check(status: int) -> None:
    if status not in (200, 201, 202):
        raise NotCounted(f"the bot answered with {status}")


async def _until_ready(bot: Process, port: int, log: Path) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline and bot.returncode is None:
        if await asyncio.to_thread(_is_ready, port):
            return
        await asyncio.sleep(0.3)
    raise NotCounted(f"the bot did not get ready; its log ends: {last_lines(log)}")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


async def measure(root: Path, presses: int) -> float:
    """Instructions of one press. Raises `NotCounted`."""
    await count(root, 1)  # what it compiles, modules and languages, the others find
    many, seconds = await count(root, presses)
    few, _ = await count(root, _FEW, seconds * (presses - _FEW) / presses)
    return (many - few) / (presses - _FEW)


def main() -> int:
    """Print it; exit 1 if it cannot be counted."""
    parser = argparse.ArgumentParser(prog="make instructions", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="the tree (default: this one)")
    parser.add_argument("--presses", type=int, default=440, help="of the longer run (default 440)")
    options = parser.parse_args()
    if options.presses <= _FEW:
        parser.error(f"--presses has to be more than {_FEW}")
    if shutil.which("valgrind") is None:
        sys.stderr.write("valgrind is not installed (Debian: apt-get install valgrind)\n")
        return 1
    root = options.root.resolve()
    sys.path.insert(0, str(root))
    try:
        found = asyncio.run(measure(root, options.presses))
    except NotCounted as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"a press takes {found / 1000:,.0f} thousand instructions\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
