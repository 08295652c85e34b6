"""What a check found, and what checks share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from bot.app import ExternalSystems
from bot.errors import OutsideError
from bot.graph.client import Graph
from bot.graph.sharepoint import SharePoint
from bot.graph.tokens import Tokens
from bot.graph.users import Person, Users
from bot.http_client import HttpClient, Response
from bot.settings import Settings


class State(StrEnum):
    """How a check ended. `SKIPPED`: it could not be tried, for a reason that is no fault."""

    OK = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CheckResult:
    """`found` and `fix` name settings, permissions and hosts, never a secret or a person."""

    state: State
    found: str
    fix: str = ""  # one sentence; "" where there is nothing to do


def ok(found: str) -> CheckResult:
    """It works."""
    return CheckResult(State.OK, found)


def failed(found: str, fix: str) -> CheckResult:
    """It does not; `fix` is what to do."""
    return CheckResult(State.FAILED, found, fix)


def skipped(found: str, fix: str = "") -> CheckResult:
    """It could not be tried; `fix` is what would make it possible."""
    return CheckResult(State.SKIPPED, found, fix)


@dataclass
class Installation:
    """What is examined, with the bot's own parts; below, what earlier checks learned for later ones."""

    settings: Settings
    http: HttpClient
    bot: Tokens
    graph_tokens: Tokens
    graph: Graph
    users: Users
    sharepoint: SharePoint
    who: str  # whom to try, as the admin named them; "" for anyone
    person: Person | None = None
    host: str = ""  # of the personal sites
    roles: frozenset[str] | None = None  # None: the token does not show them
    answers: dict[str, Response | OutsideError] = field(default_factory=dict)  # of each address, by its setting

    @classmethod
    def of(cls, outside: ExternalSystems, who: str) -> Installation:
        """Before any check. Raises `SettingsError` for a certificate that cannot be used."""
        settings, graph = outside.settings, outside.graph
        sharepoint = SharePoint(graph, settings.my_site_host)
        return cls(
            settings, outside.http, outside.bot_tokens, outside.graph_tokens, graph, Users(graph), sharepoint, who
        )


@dataclass(frozen=True)
class DoctorCheck:
    """One line of the table. `needs` are checks without whose success this one could only repeat their failure."""

    run: Callable[[Installation], Awaitable[CheckResult]]
    needs: tuple[str, ...] = ()
