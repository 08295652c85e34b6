"""A square of 100 x 100 units to paint on: smooth shapes, strokes, soft shades, each placed by a pose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]

_SOFT = 8  # blurred shapes are painted this many times smaller: blurring is what costs time


@dataclass(frozen=True)
class Pose:
    """Turns points by `tilt` degrees about `about`, scales them about the middle of the canvas and moves them."""

    tilt: float = 0
    zoom: float = 1
    shift: Point = (0, 0)
    about: Point = (50, 68)

    def place(self, points: Sequence[Point]) -> list[Point]:
        """Where the points of a shape come to lie, in units."""
        cos, sin = math.cos(math.radians(self.tilt)), math.sin(math.radians(self.tilt))
        (ax, ay), (sx, sy) = self.about, self.shift
        placed = []
        for x, y in points:
            tx, ty = ax + (x - ax) * cos - (y - ay) * sin, ay + (x - ax) * sin + (y - ay) * cos
            placed.append((50 + (tx - 50) * self.zoom + sx, 60 + (ty - 60) * self.zoom + sy))
        return placed


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """`colour` with a share (0 to 1) of `other`."""
    r, g, b = (round(mine + (its - mine) * share) for mine, its in zip(colour, other, strict=True))
    return r, g, b


def darker(colour: Colour, share: float) -> Colour:
    return mixed(colour, (24, 14, 20), share)


def lighter(colour: Colour, share: float) -> Colour:
    return mixed(colour, (255, 255, 255), share)


def mirrored(points: Sequence[Point]) -> list[Point]:
    """The same shape on the other side of the middle line."""
    return [(100 - x, y) for x, y in points]


def both_sides(points: Sequence[Point]) -> list[Point]:
    """A whole outline from its right half, which goes from the top to the bottom."""
    return [*points, *mirrored(points[::-1])]


def oval(centre: Point, across: float, down: float) -> list[Point]:
    """An ellipse with half axes `across` and `down`."""
    turns = (2 * math.pi * i / 48 for i in range(48))
    return [(centre[0] + across * math.cos(t), centre[1] + down * math.sin(t)) for t in turns]


@lru_cache(maxsize=64)
def _weights(steps: int) -> tuple[tuple[float, float, float, float], ...]:
    table = []
    for i in range(steps):
        t = i / steps
        a, b = -0.5 * t + t * t - 0.5 * t**3, 1 - 2.5 * t * t + 1.5 * t**3
        table.append((a, b, 0.5 * t + 2 * t * t - 1.5 * t**3, -0.5 * t * t + 0.5 * t**3))
    return tuple(table)


def smooth(points: Sequence[Point], *, closed: bool = True, steps: int = 10) -> list[Point]:
    """A curve through the points (Catmull-Rom)."""
    count = len(points)
    if closed:
        ring = [points[-1], *points, points[0], points[1]]
    else:
        ring = [points[0], *points, points[-1]]
        count -= 1
    curve: list[Point] = []
    for i in range(count):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = ring[i : i + 4]
        curve += [
            (a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3) for a, b, c, d in _weights(steps)
        ]
    return curve if closed else [*curve, points[-1]]


class Canvas:
    """What is being painted, `side` pixels wide."""

    def __init__(self, ground: Image.Image) -> None:
        self.image = ground
        self.side = ground.width
        self._unit = ground.width / 100
        self._draw = ImageDraw.Draw(ground)

    def fill(self, pose: Pose, outline: Sequence[Point], colour: Colour) -> None:
        """One flat shape."""
        self._draw.polygon(self._pixels(pose, outline), fill=colour)

    def stroke(self, pose: Pose, line: Sequence[Point], width: float, colour: Colour) -> None:
        """A line of even width (in units) with round ends."""
        pixels = self._pixels(pose, line)
        thick = max(1.0, width * pose.zoom * self._unit)
        self._draw.line(pixels, fill=colour, width=round(thick), joint="curve")
        for x, y in (pixels[0], pixels[-1]):
            self._draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    def shade(
        self,
        pose: Pose,
        outline: Sequence[Point],
        colour: Colour,
        *,
        strength: float,
        blur: float,
        within: Sequence[Point] = (),
    ) -> None:
        """A soft shape, `strength` 0 to 1, `blur` in units, cut off at the outline `within` where one is given."""
        small = max(8, self.side // _SOFT)
        unit = small / 100
        mask = Image.new("L", (small, small))
        ImageDraw.Draw(mask).polygon([(x * unit, y * unit) for x, y in pose.place(outline)], fill=round(255 * strength))
        mask = mask.filter(ImageFilter.GaussianBlur(blur * pose.zoom * unit))
        box = self._around(
            self._pixels(pose, within) if within else self._pixels(pose, outline), 0 if within else blur * 3
        )
        scale = small / self.side
        region = (box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale)
        extent = (box[2] - box[0], box[3] - box[1])
        mask = mask.resize(extent, Image.Resampling.BILINEAR, box=region)
        if within:
            clip = Image.new("L", extent)
            ImageDraw.Draw(clip).polygon([(x - box[0], y - box[1]) for x, y in self._pixels(pose, within)], fill=255)
            mask = ImageChops.multiply(mask, clip)
        self.image.paste(colour, box, mask)

    def _pixels(self, pose: Pose, points: Sequence[Point]) -> list[Point]:
        return [(x * self._unit, y * self._unit) for x, y in pose.place(points)]

    def _around(self, pixels: Sequence[Point], margin: float) -> tuple[int, int, int, int]:
        wide = margin * self._unit
        left, top = (max(0, math.floor(min(p[i] for p in pixels) - wide)) for i in (0, 1))
        right, bottom = (min(self.side, math.ceil(max(p[i] for p in pixels) + wide)) for i in (0, 1))
        return left, top, max(right, left + 1), max(bottom, top + 1)
