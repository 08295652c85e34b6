"""Two pictures -> how alike they are; and a small one for a card. The face of `opening` and `placeholders` too.

Compared as pictures, not as bytes: SharePoint stores a smaller, re-encoded and sometimes slightly cropped thumbnail.
Both are brought to the same small size in luma and chroma and aligned by a small search over scale and shift. Then two
things have to hold: they correlate as a whole, and their worst spot is alike too, since a changed face before an
unchanged wall is another picture.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from operator import mul

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from bot.errors import NotAPicture
from bot.opening import LARGEST_FILE, REFUSALS, Opened, middle_square, opened
from bot.placeholders import is_placeholder

__all__ = ["LARGEST_FILE", "REFUSALS", "Comparison", "compare", "is_placeholder", "thumbnail"]

_WORK, _FINE, _COARSE = 64, 32, 16  # pixels each way: kept, compared, searched
_SMALL = 100  # pixels: in a smaller picture what JPEG spoils is large, so that it is compared at _COARSE
_EDGE = 0.03  # of each side is not looked at: room for the search, and where crops and frames differ
_STEPS = (0.03, 0.03, 0.015, 0.015)  # of the side, first far, then near
_MOVES = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))
_FARTHEST = (0.08, 0.05, 0.05)  # scale, right, down: more than SharePoint crops
_SPOTS = {_FINE: 3, _COARSE: 2}  # pixels around the middle of a spot
_BRIGHTER = 6.0  # of 255: this much overall brightness is forgiven, as re-encoding changes it
_CHROMA = 1.6  # how much more a difference of colour counts than one of light
_CONTRAST = 40.0  # standard deviation of light; differences between paler pictures count more, up to ...
_MOST_GAIN = 4.0
_NOISE = 30.0  # variance that says nothing: two plain pictures are alike
_WORST = 64.0  # difference of a spot, of 255, that is no likeness at all
# Measured on drawn portraits in Graph's and SharePoint's sizes: the same re-encoded 0.84 or more, also cropped 0.77 or
# more; another face on the same body, mirrored or without colour 0.61 or less. Between them the person is asked.
_SAME, _DIFFERENT = 0.81, 0.63

_Alignment = tuple[float, float, float]  # scale (above 0 the first is cut, below 0 the second), right, down
_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Comparison:
    """`similarity` is 1 for the same picture; `verdict` is `same`, `different` or `unsure`."""

    similarity: float
    verdict: str
    sizes: tuple[tuple[int, int], tuple[int, int]]  # pixels, as stored
    formats: tuple[str, str]  # JPEG or PNG


def compare(microsoft365: bytes, sharepoint: bytes) -> Comparison:
    """How alike two pictures are. Raises `NotAPicture`."""
    ours, theirs = opened(microsoft365, _WORK), opened(sharepoint, _WORK)
    side = _FINE if min(ours.size + theirs.size) >= _SMALL else _COARSE
    similarity = max(_similarity(_planes(ours, one), _planes(theirs, two), side) for one, two in _frames(ours, theirs))
    verdict = "same" if similarity >= _SAME else "different" if similarity <= _DIFFERENT else "unsure"
    return Comparison(round(similarity, 4), verdict, (ours.size, theirs.size), (ours.format, theirs.format))


def _frames(ours: Opened, theirs: Opened) -> Iterable[tuple[_Box, _Box]]:
    """What to lay over each other: the whole pictures; also their middle squares where the shapes differ."""
    (width, height), (other_width, other_height) = ours.picture.size, theirs.picture.size
    yield (0, 0, width, height), (0, 0, other_width, other_height)
    if abs(math.log(width * other_height / (height * other_width))) > 0.05:
        yield middle_square(ours.picture), middle_square(theirs.picture)


def _planes(one: Opened, frame: _Box) -> Image.Image:
    """Light and two colours, as the three bands of an "RGB" picture: Pillow can do more with that mode."""
    picture = one.picture.resize((_WORK, _WORK), Image.Resampling.BILINEAR, frame).convert("YCbCr")
    return Image.frombytes("RGB", picture.size, picture.tobytes())


def _similarity(first: Image.Image, second: Image.Image, side: int) -> float:
    straight = _likeness(*_aligned(first, second, (0.0, 0.0, 0.0), side))
    if straight >= (1 + _SAME) / 2:
        return straight
    return max(straight, _likeness(*_aligned(first, second, _search(first, second), side)))


def _aligned(
    first: Image.Image, second: Image.Image, alignment: _Alignment, side: int
) -> tuple[Image.Image, Image.Image]:
    """Both, cut as the alignment says, `side` pixels square."""
    scale, right, down = alignment
    boxes = _cut(max(scale, 0.0), right / 2, down / 2), _cut(max(-scale, 0.0), -right / 2, -down / 2)
    return (
        first.resize((side, side), Image.Resampling.BILINEAR, boxes[0]),
        second.resize((side, side), Image.Resampling.BILINEAR, boxes[1]),
    )


def _cut(scale: float, right: float, down: float) -> _Box:
    side = _WORK * (1 - 2 * _EDGE) * (1 - scale)
    slack = (_WORK - side) / 2
    left, top = (slack + max(-slack, min(slack, part * _WORK)) for part in (right, down))
    return left, top, left + side, top + side


def _search(first: Image.Image, second: Image.Image) -> _Alignment:
    """The alignment with the least difference, by going downhill: 25 small comparisons at most."""
    best = (0.0, 0.0, 0.0)
    least = _difference(first, second, best)
    for step, (scale, right, down) in product(_STEPS, _MOVES):
        tried = best[0] + step * scale, best[1] + step * right, best[2] + step * down
        if any(abs(part) > most for part, most in zip(tried, _FARTHEST, strict=True)):
            continue
        difference = _difference(first, second, tried)
        if difference < least:
            best, least = tried, difference
    return best


def _difference(first: Image.Image, second: Image.Image, alignment: _Alignment) -> int:
    return sum(ImageChops.difference(*_aligned(first, second, alignment, _COARSE)).tobytes())


def _likeness(first: Image.Image, second: Image.Image) -> float:
    """From 0 to 1: the least of the correlation of the whole and the likeness of the worst spot."""
    ours, theirs = first.split(), second.split()
    return max(0.0, min(_correlation(ours, theirs), 1 - _worst_spot(ours, theirs) / _WORST))


def _correlation(ours: tuple[Image.Image, ...], theirs: tuple[Image.Image, ...]) -> float:
    """Normalised, of all three planes together; 1 where both are plain."""
    together = one = other = 0.0
    for plane, its in zip(ours, theirs, strict=True):
        a, b = plane.tobytes(), its.tobytes()
        sum_a, sum_b, count = sum(a), sum(b), len(a)
        together += sum(map(mul, a, b)) - sum_a * sum_b / count
        one += sum(map(mul, a, a)) - sum_a * sum_a / count
        other += sum(map(mul, b, b)) - sum_b * sum_b / count
    noise = _NOISE * ours[0].width * ours[0].height
    return (together + noise) / (math.sqrt(one * other) + noise)


def _worst_spot(ours: tuple[Image.Image, ...], theirs: tuple[Image.Image, ...]) -> float:
    """Mean difference of the spot that differs most, of 255."""
    light, their_light = ImageStat.Stat(ours[0]), ImageStat.Stat(theirs[0])
    brighter = max(-_BRIGHTER, min(_BRIGHTER, light.mean[0] - their_light.mean[0]))
    levelled = ours[0].point([max(0, min(255, round(level - brighter))) for level in range(256)])
    spots = (
        _spot(levelled, theirs[0]),
        _CHROMA * _spot(ours[1], theirs[1]),
        _CHROMA * _spot(ours[2], theirs[2]),
    )
    contrast = max(light.stddev[0], their_light.stddev[0], _CONTRAST / _MOST_GAIN)
    return max(spots) * max(1.0, _CONTRAST / contrast)


def _spot(plane: Image.Image, other: Image.Image) -> float:
    spots = ImageChops.difference(plane, other).filter(ImageFilter.BoxBlur(_SPOTS[plane.width]))
    return ImageStat.Stat(spots).extrema[0][1]


def thumbnail(data: bytes, size: int = 120, limit: int = 5_500) -> bytes:
    """The middle square, upright, as a JPEG of at most `limit` bytes without metadata. Raises `NotAPicture`."""
    picture = ImageOps.fit(opened(data, size).picture, (size, size), Image.Resampling.LANCZOS)
    picture.info.clear()
    for quality in (85, 75, 60, 45, 30, 15):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= limit:
            return out.getvalue()
    raise NotAPicture("too large")
