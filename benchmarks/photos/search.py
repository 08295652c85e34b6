"""The worst that can happen to one subject: of the ways that a photo goes to SharePoint, those that make its copy least
like it, and those that make another photo most like it.

Half of the budget is spent on ways drawn at random, half on the worst one with a single thing about it drawn again. All
draws come from the seed and the subject's name, so that the same subjects give the same figures. Bounds, all of them
what services do: Graph's sizes at quality 75 to 95; SharePoint's at 60 to 95, made of Graph's largest, which is encoded
already; any filter, nearest neighbour and linear light too; sharpened by up to 80% within a pixel; each edge cropped
by up to 3%; gamma 0.95 to 1.05. Every second way has none of the last three, and so do most real ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

from PIL import Image, ImageChops, ImageFilter

from benchmarks.photos.different import DIFFERENT, HARD, IN_A_FACE
from benchmarks.photos.files import FILTERS, GRAPH, LARGE, SHAREPOINT, jpeg, linear_light, through_jpeg
from benchmarks.photos.subjects import Subject
from bot.photos.comparison import compare

BUDGET = 16  # comparisons for each subject and row of the table
LARGEST = 648  # pixels: what both sides' copies are made of
_NEAREST = 3  # other subjects that are tried, of all
MOST_CROPPED = 0.03  # of the side, at each edge
_FILTERS = (*FILTERS, Image.Resampling.NEAREST, None)  # None is linear light


@dataclass(frozen=True)
class Way:
    """How both files are made of the largest picture."""

    ours: int  # pixels
    theirs: int
    our_quality: int
    their_quality: int
    subsampling: int
    resampling: Image.Resampling | None
    sharpened: int  # per cent
    crop: tuple[float, float, float, float]  # of the side, at each edge
    gamma: float

    def __str__(self) -> str:
        how = "linear light" if self.resampling is None else self.resampling.name.lower()
        cut = f", cropped by {max(self.crop):.1%}" if any(self.crop) else ""
        sharp = f", sharpened by {self.sharpened}%" if self.sharpened else ""
        lit = f", gamma {self.gamma:.2f}" if self.gamma != 1 else ""
        return f"{self.ours} against {self.theirs} px, quality {self.their_quality}, {how}{cut}{sharp}{lit}"


@dataclass(frozen=True)
class Found:
    """The worst of one subject in one row of the table."""

    row: str
    same: bool
    subject: str
    edit: str  # what makes another photo of it; "" of the same one
    way: Way
    similarity: float
    verdict: str

    @property
    def wrong(self) -> bool:
        return self.verdict == ("different" if self.same else "same")


def searched(
    everyone: Sequence[Subject], some: Iterable[Subject], seed: int = 0, budget: int = BUDGET
) -> Iterator[Found]:
    """Of each of some subjects, the worst in each row of the table."""
    glances = {one.name: one.picture.resize((8, 8), Image.Resampling.BOX) for one in everyone}
    for subject in some:
        largest = _largest(subject.picture)
        for row, large in (("the same photo, 200 px and more", True), ("the same photo, thumbnails", False)):
            dice = random.Random(f"{seed}/{subject.name}/{row}")
            worst = _worst(largest, largest, large, dice, budget, min)
            yield Found(row, True, subject.name, "", *worst)
        edited = list(_edited(subject, everyone, random.Random(f"{seed}/{subject.name}")))
        edited += _nearest(subject, everyone, glances)
        for row, large, in_a_face in _ROWS:
            dice = random.Random(f"{seed}/{subject.name}/{row}")
            others = [(kind, picture) for kind, picture in edited if (kind in IN_A_FACE) == in_a_face]
            if not others:
                continue
            usual = replace(_drawn(dice, large), resampling=Image.Resampling.LANCZOS, crop=(0, 0, 0, 0), gamma=1.0)
            nearest = max(others, key=lambda other: _compared(largest, other[1], usual)[0])
            worst = _worst(largest, nearest[1], large, dice, budget - len(others), max)
            yield Found(row, False, subject.name, nearest[0], *worst)


_CORE = {kind: edit for kind, edit in DIFFERENT.items() if kind not in (*HARD, "another person", "placeholder")}
_ROWS = (  # whether the pictures are large, and whether only something in the face is changed
    ("another photo, 200 px and more", True, False),
    ("another photo, thumbnails", False, False),
    ("in a face, 200 px and more", True, True),
)


def _edited(subject: Subject, everyone: Sequence[Subject], dice: random.Random) -> Iterator[tuple[str, Image.Image]]:
    """Other photos, by what makes them others."""
    for kind, edit in (_CORE if subject.kind == "scene" else _CORE | IN_A_FACE).items():
        yield kind, _largest(edit(subject, dice, list(everyone)))


def _nearest(
    subject: Subject, everyone: Sequence[Subject], glances: dict[str, Image.Image]
) -> Iterator[tuple[str, Image.Image]]:
    """Of the other subjects, those that look most like this one at a glance."""
    mine = glances[subject.name]
    far = {name: sum(ImageChops.difference(mine, glance).tobytes()) for name, glance in glances.items()}
    others = sorted((one for one in everyone if one.name != subject.name), key=lambda one: far[one.name])
    yield from (("another person", _largest(one.picture)) for one in others[:_NEAREST])


def _largest(picture: Image.Image) -> Image.Image:
    return through_jpeg(picture.resize((LARGEST, LARGEST), Image.Resampling.LANCZOS), random.Random(1), 85)


def _worst(
    first: Image.Image,
    second: Image.Image,
    large: bool,
    dice: random.Random,
    budget: int,
    worse: Callable[[float, float], float],
) -> tuple[Way, float, str]:
    """The way on which the similarity is least (`min`) or most (`max`)."""
    best = way = _drawn(dice, large)
    found = _compared(first, second, way)
    for step in range(1, budget):
        way = _drawn(dice, large)
        if step >= budget // 2:
            field = dice.choice(fields(Way)).name
            way = replace(best, **{field: getattr(way, field)})
        tried = _compared(first, second, way)
        if tried[0] != found[0] and worse(tried[0], found[0]) == tried[0]:
            best, found = way, tried
    return best, *found


def _drawn(dice: random.Random, large: bool) -> Way:
    ours, theirs = ((*GRAPH, 648), (*SHAREPOINT, 96, 648))
    plain = dice.random() < 0.5
    return Way(
        dice.choice([side for side in ours if side > LARGE or not large]),
        dice.choice([side for side in theirs if (side > LARGE) == large]),
        dice.randint(75, 95),
        dice.randint(60, 95),
        dice.choice((0, 2)),
        dice.choice(_FILTERS),
        0 if plain or dice.random() < 0.5 else dice.randint(20, 80),
        (0, 0, 0, 0) if plain else tuple(dice.uniform(0, MOST_CROPPED) for _ in range(4)),  # type: ignore[arg-type]
        1.0 if plain else dice.uniform(0.95, 1.05),
    )


def _compared(first: Image.Image, second: Image.Image, way: Way) -> tuple[float, str]:
    dice = random.Random(1)
    small = first.resize((way.ours, way.ours), Image.Resampling.LANCZOS) if way.ours < LARGEST else first
    ours = jpeg(small, dice, 1, quality=way.our_quality, progressive=False)
    left, top, right, bottom = (round(part * LARGEST) for part in way.crop)
    part = second.crop((left, top, LARGEST - right, LARGEST - bottom))
    copy = linear_light(part, way.theirs) if way.resampling is None else part.resize((way.theirs,) * 2, way.resampling)
    if way.sharpened:
        copy = copy.filter(ImageFilter.UnsharpMask(1, way.sharpened, 2))
    if way.gamma != 1:
        copy = copy.point([round(255 * (level / 255) ** way.gamma) for level in range(256)] * 3)
    theirs = jpeg(copy, dice, 1, quality=way.their_quality, subsampling=way.subsampling, progressive=False)
    found = compare(ours, theirs)
    return found.similarity, found.verdict
