"""The bytes of a regular file, and of nothing else: a pipe has no end, and opening one can wait for ever."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class NotRegular(OSError):
    """What is there is no regular file; says what it is, in words that follow the file's name."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.strerror = text

    def __str__(self) -> str:
        return str(self.strerror)


def read(path: Path, most: int) -> bytes:
    """At most `most` bytes and one more, by which a larger file is told. Raises `NotRegular` and OSError; waits for
    nothing."""
    # O_NONBLOCK and O_BINARY are not on every system.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.is_symlink() and not path.exists():
        raise NotRegular("cannot be read: a link to a file that is not there")
    descriptor = os.open(path, flags)
    try:
        check(os.fstat(descriptor).st_mode)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most + 1)
    finally:
        os.close(descriptor)


def check(mode: int) -> None:
    """Raises `NotRegular` for the mode of anything else."""
    if not stat.S_ISREG(mode):
        raise NotRegular(f"is {'a folder' if stat.S_ISDIR(mode) else 'a pipe or a device'}, not a file")
