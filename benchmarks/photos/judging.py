"""Verdicts of every pair -> how often each kind is judged right, wrong or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.photos.pairs import Pair
from bot.photos.comparison import compare


@dataclass(frozen=True)
class Judged:
    """One pair, without its files."""

    kind: str
    same: bool
    subject: str
    shows: str  # drawn, textured, person or scene
    smaller: int  # pixels: the smaller side of the smaller picture
    similarity: float
    verdict: str
    fresh: bool  # of a source that is judged for the first time

    @property
    def wrong(self) -> bool:
        return self.verdict == ("different" if self.same else "same")

    @property
    def unsure(self) -> bool:
        return self.verdict == "unsure"


def judged(pairs: Iterable[Pair]) -> list[Judged]:
    """Compared one after the other."""
    found = []
    for pair in pairs:
        one = compare(pair.ours, pair.theirs)
        smaller = min(one.sizes[0] + one.sizes[1])
        found.append(
            Judged(pair.kind, pair.same, pair.subject, pair.shows, smaller, one.similarity, one.verdict, pair.fresh)
        )
    return found


def area(all_: Sequence[Judged]) -> float:
    """Under the ROC curve: how often a same pair is more alike than a different one."""
    same = sorted(one.similarity for one in all_ if one.same)
    different = sorted(one.similarity for one in all_ if not one.same)
    wins, below, ties = 0.0, 0, 0
    for likeness in same:
        while below < len(different) and different[below] < likeness:
            below += 1
        ties = max(ties, below)
        while ties < len(different) and different[ties] == likeness:
            ties += 1
        wins += below + (ties - below) / 2
    return wins / (len(same) * len(different))
