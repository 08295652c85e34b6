"""Two pictures -> how alike they are; and a small one for a card.

Pictures are compared, not bytes: SharePoint's copy is smaller, re-encoded, sometimes with another colour profile and a
few per cent cropped off its edges. Two photos of one person before one wall are alike in most places, so an average
over the picture, or a perceptual hash, says too little. The measure is the spot that differs most: re-encoding spreads
small errors everywhere, while another face before the same wall is one large spot.

1. Both are decoded: upright, sRGB, on a background (`decode`).
2. At a glance, 8 x 8 pixels: what is far off there is another picture, and the rest is not computed.
3. They are aligned, edge on edge (`alignment`), and the common part is sampled onto one grid of 64 x 64.
4. The differences of light, less what the whole picture is brighter, and of colour are blurred to spots of 3 and of 7
   pixels; the largest counts. In a picture of little contrast a difference counts for more.
5. Where that is a little too much, it is tried again with one picture made as soft or sharp as the other: services
   scale down with different filters.
6. Some pairs have several readings, of which the best counts: with or without a colour profile that a service dropped;
   transparency on white or on black; an oblong photo and its middle square.

Similarity is 1 less the worst spot's share of what is no likeness at all. Two thresholds leave a band between in which
the person decides. A small or few-coloured picture is compared on a coarser grid. Where the figures come from and how
often they err: docs/photos.md.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from operator import mul
from typing import cast

from PIL import Image, ImageChops, ImageFilter, ImageMath, ImageOps

from bot.errors import NotAPicture
from bot.photos.alignment import aligned, sampled
from bot.photos.decode import Decoded, decode, middle_square

_DECODED = 80  # pixels at least, each way: a JPEG file decoded smaller than that shows how it was decoded
_GLANCE = 8  # pixels each way, for a first look
_BRIGHTER = 6.0  # of 255: this much overall brightness is forgiven, as re-encoding changes it
_UNIT = 0.5  # of 255: the step in which differences are kept
_WORST = 64.0  # of 255: the difference of a spot that is no likeness at all
_ALIKE, _EXPLICABLE = 8.0, 24.0  # of 255: between them a spot may differ because one picture is sharper
_CONTRAST, _LEAST_CONTRAST = 26.0, 17.0  # standard deviation of light: in a duller picture differences count more
_HOPELESS = 20.0  # of 255, on average at first sight: the same photo never came to more than 8
# Measured by `make photos-eval`, see docs/photos.md; between the two the person is asked.
_SAME = 0.85


@dataclass(frozen=True)
class _Grid:
    """How two pictures are compared: so many pixels each way, and how much more a difference of colour counts."""

    side: int
    chroma: float
    filter: Image.Resampling
    different: float  # no more alike than this: another picture


_SMALL = 100  # pixels: a smaller picture is mostly what the filter made of it that scaled it down
_USUAL = _Grid(64, 1.6, Image.Resampling.BICUBIC, different=0.76)
_ROUGH = _Grid(48, 0.8, Image.Resampling.BILINEAR, different=0.72)
_PALETTE = _Grid(32, 1.0, Image.Resampling.BILINEAR, different=0.60)  # many a shade is lacking
# RGB -> light and two differences of colour, as JPEG has them but all of them about 0
_LIGHT_AND_COLOUR = (0.299, 0.587, 0.114, 0, -0.169, -0.331, 0.5, 128, 0.5, -0.419, -0.081, 128)


@dataclass(frozen=True)
class Comparison:
    """`similarity` is 1 for the same picture; `verdict` is `same`, `different` or `unsure`."""

    similarity: float
    verdict: str
    sizes: tuple[tuple[int, int], tuple[int, int]]  # pixels, as stored
    formats: tuple[str, str]  # JPEG or PNG


def compare(microsoft365: bytes, sharepoint: bytes) -> Comparison:
    """How alike two pictures are. Raises `NotAPicture`."""
    ours, theirs = decode(microsoft365, _DECODED), decode(sharepoint, _DECODED)
    # Which of them is laid over the other one must not depend on where they came from.
    first, second = (ours, theirs) if (ours.size, microsoft365) > (theirs.size, sharepoint) else (theirs, ours)
    grid = _grid(ours, theirs)
    similarity = max(_similarity(one, two, grid) for one, two in _readings(first, second))
    if microsoft365 == sharepoint:
        similarity = 1.0  # and not a rounding less
    verdict = "same" if similarity >= _SAME else "different" if similarity <= grid.different else "unsure"
    return Comparison(round(similarity, 4), verdict, (ours.size, theirs.size), (ours.format, theirs.format))


def _grid(ours: Decoded, theirs: Decoded) -> _Grid:
    if ours.few_colours or theirs.few_colours:
        return _PALETTE
    return _ROUGH if min(ours.size + theirs.size) < _SMALL else _USUAL


def _readings(first: Decoded, second: Decoded) -> Iterable[tuple[Image.Image, Image.Image]]:
    """What to lay over each other: the pictures, also as if a profile had been dropped, or black been laid behind
    transparency instead of white, and as squares if one is.
    """
    pairs = [(first.picture, second.picture)]
    if first.on_black or second.on_black:
        pairs.append((first.on_black or first.picture, second.on_black or second.picture))
    if first.unprofiled and not second.unprofiled:
        pairs.append((first.unprofiled, second.picture))
    if second.unprofiled and not first.unprofiled:
        pairs.append((first.picture, second.unprofiled))
    for one, two in pairs:
        yield one, two
        if abs(math.log(one.width * two.height / (one.height * two.width))) > 0.05:
            yield one.crop(_rounded(middle_square(one))), two.crop(_rounded(middle_square(two)))


def _similarity(first: Image.Image, second: Image.Image, grid: _Grid) -> float:
    """From 0 to 1, by the spot that differs most."""
    glances = [picture.resize((_GLANCE, _GLANCE), Image.Resampling.BOX) for picture in (first, second)]
    off = ImageChops.difference(*glances).tobytes()
    if sum(off) / len(off) > _HOPELESS:
        return 0.0
    counts = _CONTRAST / min(_CONTRAST, max(_LEAST_CONTRAST, *map(_contrast, glances)))
    parts = aligned(first, second)
    one, two = sampled(first, parts[0], grid.side, grid.filter), sampled(second, parts[1], grid.side, grid.filter)
    worst = counts * _worst_spot(one, two, grid.chroma)
    if _EXPLICABLE >= worst > _ALIKE:
        worst = min(worst, counts * _worst_spot(one, _as_sharp(two, one), grid.chroma))
    return max(0.0, 1 - worst / _WORST)


def _contrast(glance: Image.Image) -> float:
    """Standard deviation of its light."""
    light = glance.convert("L").tobytes()
    return math.sqrt(max(0.0, sum(map(mul, light, light)) / len(light) - (sum(light) / len(light)) ** 2))


def _worst_spot(one: Image.Image, two: Image.Image, chroma: float) -> float:
    """Mean difference of the spot that differs most, of 255."""
    off = ImageChops.subtract(one, two, _UNIT, 128)  # about 128; what is far off is cut
    spots = off.convert("RGB", _LIGHT_AND_COLOUR).filter(ImageFilter.BoxBlur(1))
    brighter = max(-_BRIGHTER / _UNIT, min(_BRIGHTER / _UNIT, _mean(spots.getchannel(0)) - 128))
    inside = (1, 1, one.width - 1, one.height - 1)
    darkest, lightest = _extremes(spots.crop(inside))[0]
    light = max(lightest - 128 - brighter, 128 + brighter - darkest)
    wider = spots.filter(ImageFilter.BoxBlur(2)).crop(inside)
    colour = max(max(most - 128, 128 - least) for least, most in _extremes(wider)[1:])
    return max(light, chroma * colour) * _UNIT


def _as_sharp(picture: Image.Image, other: Image.Image) -> Image.Image:
    """As soft or sharp as the other one: services differ in the filter that makes a picture small."""
    soft = picture.filter(ImageFilter.BoxBlur(1))
    images = {"own": picture.convert("F"), "other": other.convert("F"), "soft": soft.convert("F")}
    gain = ImageMath.lambda_eval(lambda i: (i["other"] - i["own"]) * (i["soft"] - i["own"]), **images)
    size = ImageMath.lambda_eval(lambda i: (i["soft"] - i["own"]) * (i["soft"] - i["own"]), **images)
    return Image.blend(picture, soft, max(-1.0, min(1.0, _mean(gain) / (_mean(size) + 1))))


def _extremes(picture: Image.Image) -> list[tuple[int, int]]:
    """Least and most of each band."""
    return cast(list[tuple[int, int]], list(picture.getextrema()))


def _mean(picture: Image.Image) -> float:
    """Of the only band."""
    mean = picture.reduce(picture.size).getpixel((0, 0))
    assert isinstance(mean, int | float)
    return mean


def _rounded(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(round, box)
    return left, top, right, bottom


def thumbnail(data: bytes, size: int = 240, limit: int = 7_000) -> bytes:
    """The middle square, upright, as a JPEG of at most `limit` bytes without metadata. Raises `NotAPicture`."""
    picture = ImageOps.fit(decode(data, size).picture, (size, size), Image.Resampling.LANCZOS)
    picture.info.clear()
    for quality in (85, 75, 60, 45, 30, 15):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= limit:
            return out.getvalue()
    raise NotAPicture("too large")
