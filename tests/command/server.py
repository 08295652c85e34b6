"""Forks for each command that a client hands over; see `tests.command`. Ends when its standard input is closed."""

from __future__ import annotations

import atexit
import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module


class Server:
    """Single-threaded, as what forks has to be."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, socket.socket] = {}  # by the process that runs for them
        self._ended, self._woken = socket.socketpair()
        self._woken.setblocking(False)

    def child(self) -> bool:
        """Serves until the end (False); in every fork it returns at once (True)."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._woken.fileno())
        for readable in (self._listener, self._ended, sys.stdin):
            self._selector.register(readable, selectors.EVENT_READ)
        while True:
            ready = self._selector.select()
            for key, _ in sorted(ready, key=lambda one: one[0].fileobj is self._listener):  # kills before starts
                if key.fileobj is sys.stdin:
                    return False
                if key.fileobj is self._ended:
                    self._ended.recv(4096)
                    self._reap()
                elif key.fileobj is not self._listener:
                    self._pass_on(key.data)
                elif self._forked(self._listener.accept()[0]):
                    return True

    def _forked(self, client: socket.socket) -> bool:
        preload()
        size, files, _, _ = socket.recv_fds(client, 8, 3)
        with client.makefile("rb") as handed:
            arguments, folder, environ = json.loads(handed.read(int.from_bytes(size, "big")))
        child = os.fork()
        if child:
            for file in files:
                os.close(file)
            self._clients[child] = client
            self._selector.register(client, selectors.EVENT_READ, child)
            return False
        signal.set_wakeup_fd(-1)
        for mine in (client, self._listener, self._ended, self._woken, self._selector, *self._clients.values()):
            mine.close()
        become(arguments, folder, environ, files)
        return True

    def _pass_on(self, child: int) -> None:
        """The signals that came for a command. A client that is gone was killed: with the next start it is all over."""
        client = self._clients.get(child)
        if client is None:
            return  # it ended in the same moment
        signals = client.recv(16)
        for number in signals:
            os.kill(child, number)
        if not signals:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self._selector.unregister(client)
            self._clients.pop(child).close()

    def _reap(self) -> None:
        while self._clients:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            with self._clients.pop(child) as client, suppress(OSError):  # a client may be killed in the same moment
                self._selector.unregister(client)
                client.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def preload() -> None:
    """Import what commands import, and read the packaged languages, with the first command."""
    if "bot.app" in sys.modules:
        return
    from bot.__main__ import COMMANDS  # noqa: PLC0415 - a run of a few tests that start no command does not wait for it
    from bot.languages import packaged  # noqa: PLC0415

    for module in ("bot.app", "sandbox.tenant", *(module for module, _ in COMMANDS.values())):
        import_module(module)
    packaged.languages()
    gc.collect()
    gc.freeze()  # a child does not go through it, which would copy it


def become(arguments: list[str], folder: str, environ: dict[str, str], files: list[int]) -> None:
    """Stand where the client stands, as if Python had just started there."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty(), write_through=bool(environ.get("PYTHONUNBUFFERED")))
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.argv = ["photosync", *arguments]


def main() -> None:
    """The server; in a fork, the command."""
    if not Server(socket.socket(fileno=int(sys.argv[1]))).child():
        return
    from bot.__main__ import main as photosync  # noqa: PLC0415 - see `preload`

    status: object = 1
    try:
        status = photosync()
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)  # without the cleaning up of memory, for which most of it would be copied


if __name__ == "__main__":
    main()
