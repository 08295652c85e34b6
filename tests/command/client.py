"""Has a command run by the server, as if it ran here; see `tests.command`. Started by its path, with few imports."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(address: str, *arguments: str) -> int:
    """Hand the command over; returns its exit status, or dies of the signal that it died of."""
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    handed = json.dumps([arguments, os.getcwd(), dict(os.environ)]).encode()  # noqa: PTH109 - pathlib takes a while
    socket.send_fds(server, [len(handed).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(handed)
    for file in (0, 1, 2):
        os.close(file)  # who reads from the command sees the end when the command closes them
    status = int.from_bytes(server.recv(8), "big", signed=True)
    if status < 0:
        if -status in PASSED_ON:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
