"""Neck, shoulders and what is worn on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.canvas import Canvas, Colour, Point, Pose, both_sides, darker, lighter, mirrored, oval, smooth


@dataclass(frozen=True)
class Outfit:
    """One garment of GARMENTS in one colour; `under` is what shows beneath it."""

    kind: str
    cloth: Colour
    under: Colour


_NECK = both_sides([(56.8, 56), (57, 70), (60, 75), (64, 82), (50, 92)])
_BODY = smooth(both_sides([(56.5, 73), (62, 75.6), (74, 78.6), (83, 83.5), (88.5, 93), (91, 112)]))


def paint_clothes(canvas: Canvas, pose: Pose, skin: Colour, outfit: Outfit) -> None:
    """The neck and the garment, down to the lower edge."""
    if outfit.kind == "hoodie":
        _hood(canvas, pose, outfit)
    canvas.fill(pose, _BODY, outfit.cloth)
    canvas.fill(pose, smooth(_NECK), skin)
    canvas.shade(pose, oval((50, 65), 11, 6.4), darker(skin, 0.5), strength=0.75, blur=1.8, within=smooth(_NECK))
    GARMENTS[outfit.kind](canvas, pose, outfit)
    for side in (-1, 1):
        arm = [(50 + side * 29, 88), (50 + side * 27, 104)]
        canvas.stroke(pose, arm, 0.5, darker(outfit.cloth, 0.25))


def _around_neck(*inner: Point) -> list[Point]:
    """The garment's front: shoulders and all below, with a neckline from right to left."""
    outer = [
        (38, 74.6),
        (26, 78.4),
        (17, 83.4),
        (11.5, 93),
        (9, 112),
        (91, 112),
        (88.5, 93),
        (83, 83.4),
        (74, 78.4),
        (62, 74.6),
    ]
    return [*smooth(outer, closed=False), *smooth(inner, closed=False)]


def _crew(canvas: Canvas, pose: Pose, outfit: Outfit) -> None:
    line = [(60, 73.6), (58, 78), (50, 81), (42, 78), (40, 73.6)]
    canvas.fill(pose, _around_neck(*line), outfit.cloth)
    canvas.stroke(pose, smooth(line, closed=False), 1.5, darker(outfit.cloth, 0.2))


def _vee(canvas: Canvas, pose: Pose, outfit: Outfit) -> None:
    line = [(60, 73.6), (57, 80), (50, 88), (43, 80), (40, 73.6)]
    canvas.fill(pose, _around_neck(*line), outfit.cloth)
    canvas.stroke(pose, smooth(line, closed=False), 1.1, lighter(outfit.cloth, 0.24))


def _shirt(canvas: Canvas, pose: Pose, outfit: Outfit) -> None:
    line = [(60, 73.6), (55, 80), (50, 86), (45, 80), (40, 73.6)]
    canvas.fill(pose, _around_neck(*line), outfit.cloth)
    canvas.stroke(pose, [(50, 86), (50, 104)], 0.5, darker(outfit.cloth, 0.25))
    for y in (90, 97):
        canvas.fill(pose, oval((51.4, y), 0.7, 0.7), darker(outfit.cloth, 0.35))
    _collar(canvas, pose, outfit.cloth)


def _collar(canvas: Canvas, pose: Pose, cloth: Colour) -> None:
    wing = [(41.6, 70.6), (39, 73), (41, 80), (45.4, 84.6), (50, 84.2), (45, 77.6)]
    for shape in (wing, mirrored(wing)):
        canvas.fill(pose, shape, lighter(cloth, 0.22))
        canvas.stroke(pose, [*shape[1:5]], 0.4, darker(cloth, 0.22))


def _blazer(canvas: Canvas, pose: Pose, outfit: Outfit) -> None:
    _shirt(canvas, pose, Outfit("shirt", outfit.under, outfit.under))
    side = [(41, 72), (26, 78), (17, 83), (11.5, 93), (9, 112), (50, 112), (48, 104), (43, 92), (40, 82)]
    lapel = [(41.4, 71.4), (36, 75.6), (34, 83), (38.4, 84.6), (37, 88), (48.6, 105), (43.6, 90)]
    for shape, fold in ((side, lapel), (mirrored(side), mirrored(lapel))):
        canvas.fill(pose, smooth(shape), outfit.cloth)
        canvas.fill(pose, fold, lighter(outfit.cloth, 0.12))
        canvas.stroke(pose, fold[1:6], 0.45, darker(outfit.cloth, 0.4))


def _turtleneck(canvas: Canvas, pose: Pose, outfit: Outfit) -> None:
    roll = [(42.6, 66.4), (50, 68.6), (57.4, 66.4), (58.6, 72), (62, 76), (50, 80), (38, 76), (41.4, 72)]
    canvas.fill(pose, _around_neck((62, 74.6), (50, 79), (38, 74.6)), outfit.cloth)
    canvas.fill(pose, smooth(roll), lighter(outfit.cloth, 0.1))
    canvas.shade(pose, oval((50, 66.4), 9, 2.6), darker(outfit.cloth, 0.7), strength=0.6, blur=1.2, within=smooth(roll))
    canvas.stroke(pose, smooth([(40, 76), (50, 79.4), (60, 76)], closed=False), 0.5, darker(outfit.cloth, 0.3))


def _hood(canvas: Canvas, pose: Pose, outfit: Outfit) -> None:
    hood = both_sides([(50, 66), (60, 67), (67, 72), (69, 80), (60, 84)])
    canvas.fill(pose, smooth(hood), darker(outfit.cloth, 0.3))


def _hoodie(canvas: Canvas, pose: Pose, outfit: Outfit) -> None:
    line = [(60, 73.6), (58, 79), (50, 83), (42, 79), (40, 73.6)]
    canvas.fill(pose, _around_neck(*line), outfit.cloth)
    for side in (1, -1):
        edge = [(50 + side * x, y) for x, y in ((10.4, 71), (14, 76), (10, 84), (1, 87.6), (0, 83), (7.4, 79.4))]
        canvas.fill(pose, smooth(edge), darker(outfit.cloth, 0.14))
        cord = [(50 + side * 4, 86), (50 + side * 4.6, 92), (50 + side * 4.2, 97)]
        canvas.stroke(pose, smooth(cord, closed=False), 0.7, lighter(outfit.cloth, 0.6))


GARMENTS: dict[str, Callable[[Canvas, Pose, Outfit], None]] = {
    "shirt": _shirt,
    "crew": _crew,
    "blazer": _blazer,
    "turtleneck": _turtleneck,
    "vee": _vee,
    "hoodie": _hoodie,
}
