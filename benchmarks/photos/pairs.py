"""Every pair to be judged, made anew from fixed seeds in every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.photos.different import DIFFERENT, IN_A_FACE
from benchmarks.photos.files import GRAPH, LARGE, SHAREPOINT, ours, theirs
from benchmarks.photos.same import SAME
from benchmarks.photos.subjects import CHOOSING, Subject, subjects

_SMALL_THUMBNAIL = ", thumbnail of 72 px or less"


@dataclass(frozen=True)
class Pair:
    """`half` 0 is where thresholds are chosen, 1 is held back; all subjects of one source are in one half."""

    kind: str
    same: bool
    close: bool  # too small for a person to tell
    half: int
    ours: bytes
    theirs: bytes


def pairs(seed: int = 0) -> Iterator[Pair]:
    """Of each kind one or two for each subject."""
    everyone = list(subjects())
    for subject in everyone:
        half = int(subject.source not in CHOOSING)
        for kind, make in SAME.items():
            first, second = make(subject, random.Random(f"{seed}/{subject.name}/{kind}"))
            yield Pair(kind, True, False, half, first, second)
        for kind, sizes in _edits(subject):
            dice = random.Random(f"{seed}/{subject.name}/{kind}/{sizes}")
            other = (IN_A_FACE | DIFFERENT)[kind](subject, dice, everyone)
            close = max(sizes) < LARGE
            graph = GRAPH if sizes == SHAREPOINT else tuple(side for side in GRAPH if side >= LARGE)
            first, second = ours(subject.picture, dice, graph), theirs(other, dice, 0.01, sizes)
            yield Pair(kind + _SMALL_THUMBNAIL * close, False, close, half, first, second)


def _edits(subject: Subject) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What is done to it, and the sizes of SharePoint's thumbnail."""
    for kind in DIFFERENT:
        if subject.kind != "scene" or kind != "another pose, same wall":
            yield kind, SHAREPOINT
    if subject.kind != "scene":
        for kind in IN_A_FACE:
            yield kind, tuple(side for side in SHAREPOINT if side > LARGE)
            yield kind, tuple(side for side in SHAREPOINT if side < LARGE)
