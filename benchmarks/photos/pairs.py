"""Every pair to be judged, made anew from fixed seeds in every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.photos.different import DIFFERENT, IN_A_FACE, Edit
from benchmarks.photos.files import GRAPH, LARGE, SHAREPOINT, ours, theirs
from benchmarks.photos.same import SAME
from benchmarks.photos.subjects import Subject, subjects

_SMALL_THUMBNAIL = ", thumbnail of 72 px or less"


@dataclass(frozen=True)
class Pair:
    """`half` 0 is where thresholds are chosen, 1 is held back; all pairs of a subject are in one half."""

    kind: str
    same: bool
    close: bool  # too small for a person to tell
    half: int
    ours: bytes
    theirs: bytes


def pairs() -> Iterator[Pair]:
    """Of each kind one or two for each subject."""
    everyone = list(subjects())
    for number, subject in enumerate(everyone):
        half = number % 2
        for kind, make in SAME.items():
            first, second = make(subject, _dice(subject, kind))
            yield Pair(kind, True, False, half, first, second)
        for kind, edit in DIFFERENT.items():
            if subject.kind != "scene" or kind != "another pose, same wall":
                yield _edited(subject, kind, edit, everyone, half)
        for kind, edit in IN_A_FACE.items():
            if subject.kind != "scene":
                yield _edited(subject, kind, edit, everyone, half, tuple(side for side in SHAREPOINT if side > LARGE))
                yield _edited(subject, kind, edit, everyone, half, tuple(side for side in SHAREPOINT if side < LARGE))


def _edited(
    subject: Subject,
    kind: str,
    edit: Edit,
    everyone: list[Subject],
    half: int,
    thumbnails: tuple[int, ...] = SHAREPOINT,
) -> Pair:
    dice = _dice(subject, f"{kind}/{thumbnails}")
    other = edit(subject, dice, everyone)
    close = max(thumbnails) < LARGE
    graph = GRAPH if thumbnails == SHAREPOINT else tuple(side for side in GRAPH if side >= LARGE)
    first, second = ours(subject.picture, dice, graph), theirs(other, dice, 0.01, thumbnails)
    return Pair(kind + _SMALL_THUMBNAIL * close, False, close, half, first, second)


def _dice(subject: Subject, kind: str) -> random.Random:
    return random.Random(f"{subject.name}/{kind}")
