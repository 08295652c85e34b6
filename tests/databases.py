"""Real databases for tests: a SQLite file, and a PostgreSQL server of our own on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from tools.machine import postgres

# What is committed survives the server's end all the same, and whatever a test does to it: the machine does not die.
_NOT_FLUSHED = "-c fsync=off -c full_page_writes=off"


class Cluster:
    """One PostgreSQL server on loopback, in a folder of its own; `durable`: it waits for the disk, as real ones do."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        programs = postgres()
        assert programs is not None, "no PostgreSQL server is installed: python tools/machine.py"
        self._programs = programs
        self._folder = folder
        self._flushing = "" if durable else _NOT_FLUSHED
        self._user = _owner(folder)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = int(one.getsockname()[1])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def create(self) -> None:
        self._run("initdb", "-D", self._data, "-U", "photosync", "-A", "trust", "-E", "UTF8", "--no-sync")

    def clone(self, primary: Cluster) -> None:
        """Become the standby of another."""
        shutil.rmtree(self._data, ignore_errors=True)
        of = ("-h", "127.0.0.1", "-p", str(primary.port), "-U", "photosync")
        self._run("pg_basebackup", *of, "-D", self._data, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c max_connections=60 {self._flushing}"  # fmt: skip
        self._run("pg_ctl", "-D", self._data, "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop", check=False)

    def promote(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "promote")

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        subprocess.run((str(self._programs / program), *arguments), check=check, user=self._user or None, cwd="/", env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """One that is not there yet, and is stopped and deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="photosync-pg-"))
    one = Cluster(folder, durable=durable)
    try:
        yield one
    finally:
        one.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """A PostgreSQL server that lives as long as the block; its address without a database's name."""
    with cluster(durable=durable) as one:
        one.create()
        one.start()
        yield f"postgresql://photosync@{one.host}"


class Pair:
    """A primary and its standby. Blocking: what takes part in an event loop calls it in a thread."""

    def __init__(self, primary: Cluster, standby: Cluster) -> None:
        self._primary, self._standby = primary, standby
        self.address = f"postgresql://photosync@{primary.host},{standby.host}/postgres"
        self.switchovers = self.restarts = 0

    def switch_over(self) -> None:
        """As an operator does: the primary hands everything over, the standby takes its place, and the other way."""
        self._primary.stop()
        self._standby.promote()
        self._primary, self._standby = self._standby, self._primary
        self.switchovers += 1
        self._standby.clone(self._primary)
        self._standby.start()

    def restart(self) -> None:
        """Stop the primary and start it again."""
        self._primary.stop()
        self._primary.start()
        self.restarts += 1


@contextmanager
def pair() -> Iterator[Pair]:
    """Two servers that live as long as the block."""
    with cluster() as primary, cluster() as standby:
        primary.create()
        primary.start()
        standby.clone(primary)
        standby.start()
        yield Pair(primary, standby)


def _owner(folder: Path) -> str:
    """PostgreSQL does not run as root: then it is the user its package made, or nobody."""
    if os.geteuid() != 0:
        return ""
    names = {one.pw_name for one in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    return user


async def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    """What is stored, behind the store's back."""
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
            return connection.execute(query).fetchall()
    there = await asyncpg.connect(database)
    try:
        return [tuple(row) for row in await there.fetch(query)]
    finally:
        await there.close()


fetch = rows


async def execute(database: str, *statements: str) -> None:
    """Behind the store's back."""
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection, connection:
            for statement in statements:
                connection.execute(statement)
        return
    there = await asyncpg.connect(database)
    try:
        for statement in statements:
            await there.execute(statement)
    finally:
        await there.close()
