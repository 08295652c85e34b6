"""Where one picture lies in another: a service that re-encodes a photo may cut a few per cent off its edges.

Found by following the slopes of light (Gauss-Newton): wherever a picture gets lighter to the right, a difference in
light tells how far to the right the other one lies. All four edges are fitted together, in least squares.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Sequence
from operator import mul
from typing import Any, cast

from PIL import Image, ImageChops, ImageFilter, ImageMath

Box = tuple[float, float, float, float]  # left, top, right, bottom, in parts of the picture's sides
_BEGUN = 64  # pixels, roughly, each way: larger pictures are made smaller first
_AROUND = 0.08  # of the side: how far around a pixel its light is compared
_SIDE = 32  # pixels looked at, each way
_MARGIN = 0.06  # of the side: only what lies further in is looked for, and only so far away
_REACH = ((0.0, 2 * _MARGIN), (1 - 2 * _MARGIN, 1.0)) * 2  # of left and right, top and bottom
_STEPS = 4  # at most
_STILL = 0.0006  # of the side: a step that is shorter than this is the last
_PLAIN = 1.0  # variance of slopes that says nothing, so that noise on a plain wall moves nothing
_FAR = [(place + 0.5) / _SIDE for place in range(_SIDE)]  # how much the far end of a line moves what lies there
_NEAR = _FAR[::-1]
_RISING = Image.frombytes("F", (_SIDE, _SIDE), array.array("f", _FAR * _SIDE).tobytes())  # from left to right
_COLUMNS, _ROWS = (1, _SIDE), (_SIDE, 1)


class _Slopes:
    """The picture that is looked for, and how its light rises to the right and downwards."""

    def __init__(self, relief: Image.Image) -> None:
        pixel = (1 - 2 * _MARGIN) / _SIDE
        low, high = _MARGIN - pixel, 1 - _MARGIN + pixel
        light = sampled(relief, (low, low, high, high), _SIDE + 2).convert("F")
        end = _SIDE + 1
        self._light = light.crop((1, 1, end, end))
        self._right = _slope(light.crop((2, 1, end + 1, end)), light.crop((0, 1, _SIDE, end)))
        self._down = _slope(light.crop((1, 2, end, end + 1)), light.crop((1, 0, end, _SIDE)))
        self._weights = _inverse(self._normal())

    def _normal(self) -> list[list[float]]:
        """How the four edges hang together: left, right, top, bottom."""
        across, down = _times(self._right, self._right), _times(self._down, self._down)
        both = _times(self._right, self._down)
        (ll, lr), (_, rr) = _ends(_NEAR, columns := _means(across, _COLUMNS)), _ends(_FAR, columns)
        (tt, tb), (_, bb) = _ends(_NEAR, rows := _means(down, _ROWS)), _ends(_FAR, rows)
        rt, rb = _ends(None, _means(_times(both, _RISING), _ROWS))
        at, ab = _ends(None, _means(both, _ROWS))
        return [
            [ll + _PLAIN, lr, at - rt, ab - rb],
            [lr, rr + _PLAIN, rt, rb],
            [at - rt, rt, tt + _PLAIN, tb],
            [ab - rb, rb, tb, bb + _PLAIN],
        ]

    def step(self, other: Image.Image) -> list[float]:
        """How far left, right, top and bottom of the other picture's part have to move, in parts of its side."""
        off = _computed(lambda images: images["a"] - images["b"], a=self._light, b=other)
        across, down = _times(off, self._right), _times(off, self._down)
        pull = *_ends(None, _means(across, _COLUMNS)), *_ends(None, _means(down, _ROWS))
        return [sum(map(mul, row, pull)) * (1 - 2 * _MARGIN) / _SIDE for row in self._weights]


def aligned(first: Image.Image, second: Image.Image) -> tuple[Box, Box]:
    """The part of each that shows what both show."""
    relief, slopes = _relief(first), _Slopes(_relief(second))
    edges = [_MARGIN, 1 - _MARGIN, _MARGIN, 1 - _MARGIN]
    for _ in range(_STEPS):
        left, right, top, bottom = edges
        step = slopes.step(sampled(relief, (left, top, right, bottom), _SIDE).convert("F"))
        edges = [min(most, max(least, edge + by)) for edge, by, (least, most) in zip(edges, step, _REACH, strict=True)]
        if max(map(abs, step)) < _STILL:
            break
    across, along = _common(edges[0], edges[1]), _common(edges[2], edges[3])
    return (across[0], along[0], across[1], along[1]), (across[2], along[2], across[3], along[3])


def sampled(
    picture: Image.Image, part: Box, side: int, how: Image.Resampling = Image.Resampling.BILINEAR
) -> Image.Image:
    """That part of the picture, `side` pixels square."""
    width, height = picture.size
    box = part[0] * width, part[1] * height, part[2] * width, part[3] * height
    return picture.resize((side, side), how, box)


def _common(low: float, high: float) -> tuple[float, float, float, float]:
    """Both ends in the first picture, then in the second one, of what both show along one side."""
    scale = (high - low) / (1 - 2 * _MARGIN)
    start = low - _MARGIN * scale
    near, far = max(0.0, -start / scale), min(1.0, (1 - start) / scale)
    return max(0.0, start + near * scale), min(1.0, start + far * scale), near, far


def _relief(picture: Image.Image) -> Image.Image:
    """How much lighter or darker each pixel is than what is around it, so that brightness as such moves nothing."""
    by = min(picture.size) // _BEGUN
    # Not `reduce`: where the sides are no multiple of `by`, its last pixels are partial, and everything is moved.
    smaller = (picture.width // by, picture.height // by) if by > 1 else picture.size
    light = picture.resize(smaller, Image.Resampling.BOX).convert("L")
    return ImageChops.subtract(light, light.filter(ImageFilter.BoxBlur(min(light.size) * _AROUND)), 1, 128)


def _slope(ahead: Image.Image, behind: Image.Image) -> Image.Image:
    return _computed(lambda images: (images["a"] - images["b"]) * 0.5, a=ahead, b=behind)


def _times(one: Image.Image, other: Image.Image) -> Image.Image:
    return _computed(lambda images: images["a"] * images["b"], a=one, b=other)


def _computed(formula: Callable[[dict[str, Any]], Any], **images: Image.Image) -> Image.Image:
    return cast(Image.Image, ImageMath.lambda_eval(formula, **images))


def _means(picture: Image.Image, over: tuple[int, int]) -> Sequence[float]:
    """Of each column or row."""
    return array.array("f", picture.reduce(over).tobytes())


def _ends(weights: Sequence[float] | None, line: Sequence[float]) -> tuple[float, float]:
    """What a line of values does to its near and to its far end."""
    weighted = line if weights is None else list(map(mul, line, weights))
    far = sum(map(mul, weighted, _FAR))
    return (sum(weighted) - far) / _SIDE, far / _SIDE


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """By elimination: the matrix is symmetric and positive, so that no pivot is 0."""
    size = len(matrix)
    rows = [[*row, *(float(place == number) for place in range(size))] for number, row in enumerate(matrix)]
    for number in range(size):
        pivot = rows[number][number]
        rows[number] = head = [value / pivot for value in rows[number]]
        for other in range(size):
            if other != number:
                by = rows[other][number]
                rows[other] = [value - by * its for value, its in zip(rows[other], head, strict=True)]
    return [row[size:] for row in rows]
