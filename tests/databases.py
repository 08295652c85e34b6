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


@contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL server that lives as long as the block; its address without a database's name."""
    programs = postgres()
    assert programs is not None, "no PostgreSQL server is installed: python tools/machine.py"
    folder = Path(tempfile.mkdtemp(prefix="photosync-pg-"))
    user = _owner(folder)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    _run(
        user,
        str(programs / "initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        "photosync",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=60"
    control = str(programs / "pg_ctl")
    try:
        _run(user, control, "-D", str(folder / "data"), "-l", str(folder / "log"), "-w", "-o", options, "start")
        yield f"postgresql://photosync@127.0.0.1:{port}"
    finally:
        _run(user, control, "-D", str(folder / "data"), "-m", "immediate", "stop", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path) -> str:
    """PostgreSQL does not run as root: then it is the user its package made, or nobody."""
    if os.geteuid() != 0:
        return ""
    names = {one.pw_name for one in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    return user


def _run(user: str, *command: str, check: bool = True) -> None:
    owner = user or None
    subprocess.run(command, check=check, user=owner, cwd="/", env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


async def fetch(database: str, query: str) -> list[tuple[Any, ...]]:
    """Rows, behind the store's back."""
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
            return connection.execute(query).fetchall()
    there = await asyncpg.connect(database)
    rows = [tuple(row) for row in await there.fetch(query)]
    await there.close()
    return rows


async def execute(database: str, *statements: str) -> None:
    """Behind the store's back."""
    if database.startswith("sqlite"):
        with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return
    there = await asyncpg.connect(database)
    for statement in statements:
        await there.execute(statement)
    await there.close()


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
