"""What many tests start from."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from bot import packaged
from bot.catalogues import Languages
from dialogs.engine import Engine
from dialogs.library import Library

# A shared machine may stall: no example is failed for being slow.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def spoken() -> Languages:
    """The packaged languages."""
    return packaged.languages()


@pytest.fixture(scope="session")
def pictures() -> dict[str, bytes]:
    """The packaged illustrations."""
    return packaged.illustrations()


@pytest.fixture(scope="session")
def shelf(spoken: Languages, pictures: dict[str, bytes]) -> Library:
    """The packaged topics."""
    return packaged.topics(spoken, pictures)


@pytest.fixture(scope="session")
def engine(shelf: Library) -> Engine:
    """The engine over them."""
    return Engine(shelf)
