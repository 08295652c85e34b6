"""The store that a URL names."""

from __future__ import annotations

from pathlib import Path

from bot.errors import StoreUnusable
from bot.store.interface import Store
from bot.store.sqlite import SqliteStore

SQLITE = "sqlite:///"


def connect(url: str) -> Store:
    """The store at an address, still closed. Raises `StoreUnusable` for an address that cannot be read."""
    if url.startswith(SQLITE):
        name = url.removeprefix(SQLITE)
        if not name or ":memory:" in name:  # which SQLite would keep until it is closed
            raise StoreUnusable(f"PHOTOSYNC_DATABASE_URL: {url} names no file; {SQLITE}photosync.db does")
        return SqliteStore(Path(name))
    from bot.store.postgres import PostgresStore  # noqa: PLC0415 - its driver takes a while to import

    return PostgresStore(url)


async def open_store(url: str, *, existing: bool = False) -> Store:
    """The store at an address, open. `existing` changes nothing of it and refuses one that is not there. Raises
    `StoreUnavailable` and `StoreUnusable`."""
    store = connect(url)
    await store.open(existing=existing)
    return store
