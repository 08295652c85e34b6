"""Every pair to be judged, made anew from fixed seeds in every run."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.photos.different import DIFFERENT, IN_A_FACE
from benchmarks.photos.files import GRAPH, LARGE, SHAREPOINT, ours, theirs
from benchmarks.photos.same import SAME
from benchmarks.photos.subjects import Subject


@dataclass(frozen=True)
class Pair:
    """Two files, and what they are known to show."""

    kind: str
    same: bool
    subject: str
    shows: str  # drawn, textured, person or scene
    ours: bytes
    theirs: bytes
    fresh: bool  # of a source that is judged for the first time


def pairs(everyone: Sequence[Subject], some: Iterable[Subject], seed: int = 0) -> Iterator[Pair]:
    """Of each kind one or two for each of some subjects; other people's faces are those of everyone."""
    for subject in some:
        for kind, make in SAME.items():
            first, second = make(subject, random.Random(f"{seed}/{subject.name}/{kind}"))
            yield Pair(kind, True, subject.name, subject.kind, first, second, subject.fresh)
        for kind, sizes in _edits(subject):
            dice = random.Random(f"{seed}/{subject.name}/{kind}/{sizes}")
            other = (IN_A_FACE | DIFFERENT)[kind](subject, dice, list(everyone))
            graph = GRAPH if max(sizes) < LARGE or kind in DIFFERENT else tuple(side for side in GRAPH if side >= LARGE)
            first, second = ours(subject.picture, dice, graph), theirs(other, dice, 0.01, sizes)
            yield Pair(kind, False, subject.name, subject.kind, first, second, subject.fresh)


def _edits(subject: Subject) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What is done to it, and the sizes of SharePoint's thumbnail."""
    for kind in DIFFERENT:
        if subject.kind != "scene" or kind != "another pose, same wall":
            yield kind, SHAREPOINT
    if subject.kind != "scene":
        for kind in IN_A_FACE:
            yield kind, tuple(side for side in SHAREPOINT if side > LARGE)
            yield kind, tuple(side for side in SHAREPOINT if side < LARGE)
