"""The store as the rest of the bot sees it: its methods are the transactions, each run by a driver's `run`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bot.errors import StoreUnavailable
from bot.store import transactions
from bot.store.transactions import Operation

T = TypeVar("T")
P = ParamSpec("P")


def transaction(work: Callable[P, Operation[T]]) -> Callable[Concatenate[Store, P], Coroutine[Any, Any, T]]:
    """A method that runs an operation, with the operation's own arguments, result and docstring."""

    @wraps(work)
    async def method(self: Store, /, *arguments: P.args, **named: P.kwargs) -> T:
        return await self.run(partial(work, *arguments, **named))

    return method


class Store(ABC):
    """People, cases and jobs in one database. A store is made closed; until `open` has succeeded, and whenever the
    database cannot be reached, every method raises `bot.errors.StoreUnavailable`."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and bring the database to the present schema. Raises `StoreUnavailable` and `NewerSchema`, holds
        nothing then, and may be called again."""

    @abstractmethod
    async def run(self, work: Callable[[], Operation[T]]) -> T:
        """Run an operation in one transaction: all of it or nothing. `work` may be called more than once."""

    @abstractmethod
    async def changed(self, within: float) -> None:
        """Return when a job was put, by any process, or after `within` seconds."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way and let go of everything."""

    load = transaction(transactions.load)
    commit = transaction(transactions.commit)
    receive = transaction(transactions.receive)
    discard = transaction(transactions.discard)
    owner = transaction(transactions.owner)
    log = transaction(transactions.log)

    put = transaction(transactions.put)
    claim = transaction(transactions.claim)
    finish = transaction(transactions.finish)
    postpone = transaction(transactions.postpone)
    fail = transaction(transactions.fail)
    next_due = transaction(transactions.next_due)
    pending = transaction(transactions.pending)
    dead_letters = transaction(transactions.dead_letters)
    retry = transaction(transactions.retry)
    confirm_delivered = transaction(transactions.confirm_delivered)

    acquire = transaction(transactions.acquire)
    release = transaction(transactions.release)

    erase = transaction(transactions.erase)
    purge = transaction(transactions.purge)

    async def ready(self) -> bool:
        """Whether the database can be reached now."""
        try:
            await self.next_due()
        except StoreUnavailable:
            return False
        return True
