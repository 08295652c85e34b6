"""What is known of people and their cases. One small interface; each way of keeping it is one module."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from bot.conversation import Address
from dialogs.model import Case


class Conflict(Exception):
    """Somebody else saved this person's record since it was loaded: load it again and decide anew."""


@dataclass(frozen=True)
class Record:
    """One person as we know them. `version` counts saves; 0 was never saved."""

    person: str  # aadObjectId
    version: int = 0
    name: str = field(default="", repr=False)
    locale: str = ""  # one of the loaded languages, "" until a message carried one
    platform: str = ""
    address: Address | None = None
    case: Case | None = None


class Store(Protocol):
    """All raise `bot.errors.StoreUnavailable` when it cannot be reached."""

    async def handled(self, activity: str) -> bool:
        """Whether an activity's effects are already saved."""

    async def load(self, person: str) -> Record:
        """The person's record; an empty one for somebody new."""

    async def save(self, record: Record, activity: str = "") -> Record:
        """All or nothing: the record, and that the activity is handled. Returns it with its new version.

        Raises `Conflict` if the version is not the stored one.
        """

    async def erase(self, person: str) -> None:
        """Forget everything about a person."""

    async def ready(self) -> bool:
        """Whether it can be reached now."""

    async def close(self) -> None:
        """Let go of what it holds."""
