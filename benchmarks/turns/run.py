"""What was asked for, one part after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.turns import bots
from benchmarks.turns.by_hand import MSGRAPH, Looked, beside
from benchmarks.turns.comparison import Compared, Measured, compare
from benchmarks.turns.connector import Wrong
from benchmarks.turns.growth import grow
from benchmarks.turns.looks import Followed, follow, look
from benchmarks.turns.memory import Held, hold
from benchmarks.turns.subjects import SUBJECTS


@dataclass
class Results:
    """Everything that was measured."""

    compared: Compared = field(default_factory=Compared)
    looked: Measured = field(default_factory=dict)
    beside: Mapping[str, Looked] = field(default_factory=dict)
    followed: Mapping[str, Followed] = field(default_factory=dict)
    grown: Measured = field(default_factory=dict)  # by the number of stored cases
    held: list[Held] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # what could not be, and why


async def run(parts: Sequence[str], folder: Path, rounds: int, seconds: float) -> Results:
    """What else was measured is told too where a part cannot be. Raises `Wrong` for a turn that is answered wrongly, and
    `NotStarted` where this project's own bot does not start."""
    results = Results()
    subjects = [SUBJECTS[part] for part in parts if part in SUBJECTS]
    if subjects:
        async with bots.stage(folder) as here:
            results.compared = await compare(here, subjects, folder, rounds, seconds)
        results.missing.update(results.compared.missing)
    if "looks" in parts:
        results.looked = await look(folder, rounds, seconds)
    if "looks" in parts or MSGRAPH in parts:
        results.beside = await beside(folder, seconds, {} if MSGRAPH in parts else {MSGRAPH: "not asked for"})
    if "follow-ups" in parts:
        try:
            results.followed = await follow(folder)
        except Wrong as why:
            results.missing["follow-ups"] = str(why)
    if "growth" in parts:
        results.grown = await grow(folder, rounds, seconds)
    if "memory" in parts:
        results.held = await hold(folder)
    return results
