"""What is measured side by side: how each bot is started, and how people talk to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.turns import environments
from benchmarks.turns.chats import Chat, Echo, People, Stage, Walk
from benchmarks.turns.environments import ROOT
from benchmarks.turns.people import Member
from sandbox.channel import ISSUER, SCOPE

BARE, BOT, STOCK, AGENTS, TEAMS = "bare", "photosync", "stock", "agents", "teams"


@dataclass(frozen=True)
class Subject:
    """One bot. `program` is a module of `benchmarks.turns.programs`, or "" for this project's own server."""

    name: str
    title: str
    program: str
    environment: str = ""  # of `.venv-bench/`; "" is this project's own

    @property
    def authenticates(self) -> bool:
        """Whether it verifies who calls."""
        return self.name != BARE

    def command(self) -> list[str]:
        """What starts it."""
        if not self.program:
            return [sys.executable, "-m", "bot", "serve"]
        runner = environments.python(self.environment) if self.environment else sys.executable
        return [str(runner), str(Path(__file__).parent / "programs" / f"{self.program}.py")]


SUBJECTS = {
    one.name: one
    for one in (
        Subject(BARE, "(a) bare aiohttp + uvloop + orjson relay", "relay"),
        Subject(BOT, "(b) photosync: a step of a walk", ""),
        Subject(STOCK, "(c) botbuilder-core CloudAdapter echo", "stock", STOCK),
        Subject(AGENTS, "(d) Microsoft 365 Agents SDK echo", "agents", AGENTS),
        Subject(TEAMS, "(e) Teams SDK echo", "teams", TEAMS),
    )
}


def environ(subject: Subject, stage: Stage, database: Path) -> Mapping[str, str]:
    """The tenant's addresses and secrets, as this bot or the small programs read them."""
    tenant, bundle = stage.tenant, str(stage.bundle)
    trust = {"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle}
    shared = {"PATH": os.environ["PATH"], **trust}
    own = tenant.environment() | trust
    if subject.name == BARE:
        token = tenant.login.issue(tenant.app, SCOPE)
        return {**shared, "PYTHONPATH": str(environments.TOOLS), "BENCH_TOKEN": token}
    if not subject.program:
        hosts = stage.connector.url.removeprefix("https://").partition("/")[0]
        return {
            **shared, **own, "PYTHONPATH": str(ROOT), "PHOTOSYNC_SERVICE_HOSTS": hosts,
            "PHOTOSYNC_DATABASE_URL": f"sqlite:///{database}", "PHOTOSYNC_LOG_LEVEL": "WARNING",
            "PHOTOSYNC_FOLLOW_UPS": "1h,2h,3h", "PHOTOSYNC_MESSAGES_PER_SECOND": "0",
        }  # fmt: skip
    addresses = {
        "BENCH_LOGIN": tenant.login.url,
        "BENCH_SCOPE": SCOPE,
        "BENCH_ISSUER": ISSUER,
        "BENCH_KEYS": own["PHOTOSYNC_CHANNEL_KEYS_URL"],
        "BENCH_JWKS": f"{tenant.channel.url}/v1/.well-known/keys",
    }
    return {**shared, **own, **addresses}


def chats(subject: Subject, stage: Stage, people: People) -> Iterator[Chat]:
    """People for this bot, as many as are wanted."""
    if not subject.program:
        while True:
            yield Walk(stage, people)
    first = _ECHO_NUMBERS * (1 + list(SUBJECTS).index(subject.name))
    for number in range(first, first + _ECHO_NUMBERS):
        yield Echo(stage, Member(number))


_ECHO_NUMBERS = 1_000_000_000  # apart from everybody who is stored, and from the other bots' people
