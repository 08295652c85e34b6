"""The people of the benchmark: by number, so that what is stored of them and what they say need not be kept twice."""

from __future__ import annotations

from dataclasses import dataclass

CHANNEL = "msteams"
STEPS = tuple(f"resync.{name}" for name in ("private_window", "office", "sign_in", "tile", "page"))
"""The walk that needs no look at Graph, in order."""


FIRST_REV = 3  # of the stored cases


@dataclass(frozen=True)
class Member:
    """One person, whose stored case stands on the first of `STEPS`."""

    number: int

    @property
    def id(self) -> str:
        """The id that the sandbox's crowd has, for those who are also in it."""
        return f"0c000000-0000-4000-8000-{self.number:012}"

    @property
    def name(self) -> str:
        return f"Person {self.number}"

    @property
    def conversation(self) -> str:
        return f"a:bench-{self.number}"

    @property
    def case(self) -> str:
        return f"{self.number:08X}"

    @property
    def card(self) -> str:
        return f"card-{self.number}"
