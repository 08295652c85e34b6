"""What a check found, and what checks share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from bot.errors import OutsideError
from bot.graph.client import Graph, Tokens, bot_tokens, graph_tokens
from bot.graph.sharepoint import SharePoint
from bot.graph.users import Microsoft365, Person
from bot.http_client import Answer, Outgoing
from bot.metrics import Metrics
from bot.settings import Settings


class State(StrEnum):
    """How a check ended. `SKIPPED`: it could not tell, for a reason that is no fault of its own."""

    OK = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """`found` and `fix` name settings, permissions and hosts, never a secret or a person."""

    state: State
    found: str
    fix: str = ""  # one sentence; "" where there is nothing to do


def ok(found: str) -> Finding:
    """It works."""
    return Finding(State.OK, found)


def failed(found: str, fix: str) -> Finding:
    """It does not; `fix` is what to do."""
    return Finding(State.FAILED, found, fix)


def skipped(found: str, fix: str = "") -> Finding:
    """It could not be tried; `fix` is what would make it possible."""
    return Finding(State.SKIPPED, found, fix)


@dataclass
class Installation:
    """What is examined, with the bot's own parts; below, what earlier checks learned for later ones."""

    settings: Settings
    outgoing: Outgoing
    bot: Tokens
    graph_tokens: Tokens
    graph: Graph
    microsoft365: Microsoft365
    sharepoint: SharePoint
    who: str  # whom to try, as the admin named them; "" for anyone
    person: Person | None = None
    host: str = ""  # of the personal sites
    roles: frozenset[str] | None = None  # None: the token does not show them
    answers: dict[str, Answer | OutsideError] = field(default_factory=dict)  # of each address, by its setting

    @classmethod
    def of(cls, settings: Settings, outgoing: Outgoing, who: str) -> Installation:
        """Before any check. Raises `SettingsError` for a useless certificate."""
        bot = bot_tokens(settings, outgoing)
        tokens = graph_tokens(settings, outgoing, bot)
        graph = Graph(settings, outgoing, tokens, Metrics())
        sharepoint = SharePoint(graph, settings.my_site_host)
        return cls(settings, outgoing, bot, tokens, graph, Microsoft365(graph), sharepoint, who)


@dataclass(frozen=True)
class Check:
    """One line of the table. `needs` are checks without whose success this one could only repeat their failure."""

    run: Callable[[Installation], Awaitable[Finding]]
    needs: tuple[str, ...] = ()
