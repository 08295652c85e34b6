"""What many tests start from."""

from __future__ import annotations

import gc
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser, async_playwright

from bot import resources
from bot.commands.preview.browser import executable
from bot.languages import packaged
from bot.languages.catalogs import Languages
from bot.understanding.understand import Understanding
from dialogs.engine import Engine
from dialogs.library import Library
from sandbox.certificates import Authority
from tests.command import offered
from tests.databases import execute, server

# A shared machine may stall: no example is failed for being slow.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# Tables of rows that take long: `make test` runs every third row, `make test-rest` the others. Tests that are marked
# `long` are among the others as a whole.
_LONG_TABLES = frozenset(
    f"tests/{name}.py"
    for name in (
        "acceptance/test_matrix",
        "cards/test_cards",
        "commands/locales/test_check",
        "commands/locales/test_new",
        "commands/locales/test_sync",
        "commands/test_case",
        "commands/test_check",
        "commands/test_demo",
        "commands/test_doctor",
        "commands/test_manage",
        "commands/test_manifest",
        "commands/test_preview",
        "commands/test_scan",
        "commands/test_setup",
        "diagnosis/test_diagnosis",
        "graph/test_client",
        "graph/test_odd_answers",
        "graph/test_sharepoint",
        "graph/test_sites",
        "languages/test_compiled",
        "languages/test_files",
        "languages/test_live",
        "languages/test_variants",
        "languages/test_words",
        "pages/test_pages",
        "photos/test_comparison",
        "photos/test_evaluation",
        "photos/test_properties",
        "sandbox/test_login",
        "store/test_copying",
        "store/test_errors",
        "store/test_files",
        "store/test_inbox",
        "store/test_postgres",
        "store/test_shared_slots",
        "store/test_store",
        "teams/test_as_people_write",
        "teams/test_authentication",
        "teams/test_in_place",
        "teams/test_requests",
        "teams/test_sending",
        "test_installing",
        "test_settings",
        "test_tasks",
        "tickets/test_bad_answers",
        "tickets/test_desks",
        "tickets/test_states",
        "turns/test_conversations",
        "turns/test_crash",
        "turns/test_faults",
        "turns/test_follow_ups",
        "turns/test_hand_over",
        "turns/test_looking",
        "turns/test_outbox",
        "turns/test_watching",
        "understanding/test_understanding",
    )
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which part of the suite runs: all of it, unless somebody asks for less."""
    parser.addoption("--part", choices=("all", "short", "rest"), default="all", help="of the tables that take long")


def pytest_configure(config: pytest.Config) -> None:
    """Once per run, whatever the number of workers: where commands come from, and what is trusted beside the sandbox."""
    if hasattr(config, "workerinput"):
        return
    lasting = ExitStack()
    config.add_cleanup(lasting.close)
    lasting.enter_context(offered())
    # In place of the hundred and more authorities of the machine, which each app would take 60 ms to read.
    folder = lasting.enter_context(TemporaryDirectory(prefix="photosync-"))
    os.environ["SSL_CERT_FILE"] = str(Authority(Path(folder)).bundle)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three for each processor, up to eight, since each takes half a gigabyte: in half of their time tests wait for
    what is to happen by itself."""
    return min(8, 3 * (os.cpu_count() or 2))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only the part that was asked for. Among several workers files in no order, but always the same one: those that
    wait stand beside each other in theirs, and in the end everybody would wait. The longest test comes first."""
    part = config.getoption("part")
    if part != "all":
        short = _short(items)
        left_out = [one for one in items if (one in short) != (part == "short")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [one for one in items if (one in short) == (part == "short")]
    if hasattr(config, "workerinput"):
        items.sort(
            key=lambda one: (one.path.name != "test_crash.py", sha256(one.nodeid.partition("::")[0].encode()).digest())
        )


def _short(items: Sequence[pytest.Item]) -> set[pytest.Item]:
    """What `make test` runs: every third row of a long table, of two databases now this one and now the other."""
    tables: dict[str, list[pytest.Item]] = {}
    for one in items:
        if one.get_closest_marker("long") is None:
            tables.setdefault(one.nodeid.partition("[")[0], []).append(one)
    found = set[pytest.Item]()
    for name, rows in tables.items():
        first = sha256(name.encode()).digest()[0] % min(3, len(rows))
        found.update(rows[first::3] if name.partition("::")[0] in _LONG_TABLES else rows)
    return found


def pytest_collection_finish() -> None:
    """Modules and thousands of tests stay until the end: the collector need not go through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def spoken() -> Languages:
    """The packaged languages."""
    return packaged.languages()


@pytest.fixture(scope="session")
def pictures() -> Mapping[str, bytes]:
    """The packaged illustrations."""
    return resources.illustrations()


@pytest.fixture(scope="session")
def shelf(spoken: Languages, pictures: Mapping[str, bytes]) -> Library:
    """The packaged topics."""
    return packaged.topics(spoken, pictures)


@pytest.fixture(scope="session")
def understanding() -> Understanding:
    """The classifier that ships."""
    return Understanding()


@pytest.fixture(scope="session")
def engine(shelf: Library) -> Engine:
    """The engine over them."""
    return Engine(shelf)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server for the whole run; its address without a database's name."""
    with server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'photosync.db'}"
    address: str = request.getfixturevalue("postgres_server")
    name = f"test_{secrets.token_hex(6)}"
    await execute(f"{address}/postgres", f"CREATE DATABASE {name}")
    return f"{address}/{name}"


_CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for a file's tests."""
    async with async_playwright() as playwright:
        one = await playwright.chromium.launch(executable_path=executable(), args=_CHROMIUM_FLAGS)
        yield one
        await one.close()
