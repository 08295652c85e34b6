"""What was asked for, one part after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.turns import bots
from benchmarks.turns.comparison import Compared, compare
from benchmarks.turns.subjects import SUBJECTS


@dataclass
class Results:
    """Everything that was measured."""

    compared: Compared = field(default_factory=Compared)
    missing: dict[str, str] = field(default_factory=dict)  # what could not be, and why


async def run(parts: Sequence[str], folder: Path, rounds: int, seconds: float) -> Results:
    """Raises `Wrong`."""
    results = Results()
    async with bots.stage(folder) as here:
        subjects = [SUBJECTS[part] for part in parts if part in SUBJECTS]
        if subjects:
            results.compared = await compare(here, subjects, folder, rounds, seconds)
            results.missing.update(results.compared.missing)
    return results
