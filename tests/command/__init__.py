"""`photosync` as a process of its own, without the seconds in which a process imports the program and its languages.

Tests start `command(...)` where an operator types `photosync ...`. Arguments, environment, folder, open files, signals and
the way it ends are those of `python -m bot`; what differs is where the process comes from. One server per run of the tests
(`offered`) has the program in memory and forks for each command (`server.py`). What a test starts is a small client
(`client.py`), which hands everything over, passes signals on and ends as the command ended; if it is killed, so is the
command. A start from nothing is what `test_wheel.py` and `test_installing.py` try.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ADDRESS = "PHOTOSYNC_TESTS_COMMANDS"  # in the environment of the tests, of their workers too
_HERE = Path(__file__).parent


def command(*arguments: str) -> list[str]:
    """What to start in place of `photosync ARGUMENTS`. Where none is offered, it is a whole process."""
    address = os.environ.get(_ADDRESS)
    if address is None:
        return [sys.executable, "-m", "bot", *arguments]
    return [sys.executable, "-IS", str(_HERE / "client.py"), address, *arguments]


@contextmanager
def offered() -> Iterator[None]:
    """For as long as this lasts `command` costs no import, except on Windows, which cannot fork."""
    if sys.platform == "win32":
        yield
        return
    with tempfile.TemporaryDirectory(prefix="photosync-") as folder, socket.socket(socket.AF_UNIX) as listener:
        address = str(Path(folder, "commands"))
        listener.bind(address)
        listener.listen(64)
        serve = [sys.executable, "-m", "tests.command.server", str(listener.fileno())]
        with subprocess.Popen(
            serve, cwd=_HERE.parents[1], stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
        ) as server:
            assert server.stdin is not None
            os.environ[_ADDRESS] = address
            try:
                yield
            finally:
                del os.environ[_ADDRESS]
                server.stdin.close()  # by which the server knows that the run is over
