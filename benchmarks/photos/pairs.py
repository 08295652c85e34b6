"""Every pair to be judged, made anew from one fixed seed in every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.photos.different import DIFFERENT
from benchmarks.photos.files import ours, theirs
from benchmarks.photos.same import SAME
from benchmarks.photos.subjects import Subject, subjects


@dataclass(frozen=True)
class Pair:
    """`half` 0 is where thresholds are chosen, 1 is held back; all pairs of a subject are in one half."""

    kind: str
    same: bool
    subject: str
    half: int
    ours: bytes
    theirs: bytes


def pairs() -> Iterator[Pair]:
    """One of each kind for each subject."""
    everyone = list(subjects())
    for number, subject in enumerate(everyone):
        for kind, make in SAME.items():
            first, second = make(subject, _dice(subject, kind))
            yield Pair(kind, True, subject.name, number % 2, first, second)
        for kind, edit in DIFFERENT.items():
            dice = _dice(subject, kind)
            other = edit(subject, dice, everyone)
            yield Pair(kind, False, subject.name, number % 2, ours(subject.picture, dice), theirs(other, dice, 0.01))


def _dice(subject: Subject, kind: str) -> random.Random:
    return random.Random(f"{subject.name}/{kind}")
