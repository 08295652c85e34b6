"""What services do to colours unasked: drop a profile, or average light and not the numbers that stand for it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import cast

from PIL import Image, ImageFilter, ImageMath

from bot.photos.alignment import Box

_GAMMA = 2.2
_STEPS = 17  # of each colour in a table
# Linear RGB of a wide gamut -> linear sRGB, both under D65 (Adobe RGB (1998), 4.3.6; IEC 61966-2-1; SMPTE EG 432-1).
_ADOBE_RGB = ((1.39836, -0.39836, 0.0), (0.0, 1.0, 0.0), (0.0, -0.04293, 1.04293))
_DISPLAY_P3 = ((1.22494, -0.22494, 0.0), (-0.04206, 1.04206, 0.0), (-0.01964, -0.07864, 1.09828))


def as_if_converted(picture: Image.Image) -> Iterator[Image.Image]:
    """An RGB picture whose profile was dropped: how it would look converted to sRGB from each usual wide gamut."""
    for gamut in (_ADOBE_RGB, _DISPLAY_P3):
        yield picture.filter(_table(gamut))


def in_linear_light(picture: Image.Image, part: Box, side: int) -> Image.Image:
    """That part of an RGB picture, `side` pixels square, averaged in proportion to light: fine pattern gets lighter."""
    width, height = picture.size
    box = part[0] * width, part[1] * height, part[2] * width, part[3] * height
    bands = []
    for band in picture.split():
        # Squares and roots are what images of floating point can do, and near enough to 2.2.
        light = ImageMath.lambda_eval(lambda images: images["a"] * images["a"], a=band.convert("F"))
        small = light.resize((side, side), Image.Resampling.BICUBIC, box)
        root = ImageMath.lambda_eval(lambda i: i["convert"](i["max"](i["a"], 0) ** 0.5, "L"), a=small)
        bands.append(cast(Image.Image, root))
    return Image.merge("RGB", bands)


@functools.cache
def _table(gamut: tuple[tuple[float, float, float], ...]) -> ImageFilter.Color3DLUT:
    def converted(*stored: float) -> tuple[float, ...]:
        linear = [level**_GAMMA for level in stored]
        mixed = (sum(part * level for part, level in zip(row, linear, strict=True)) for row in gamut)
        return tuple(min(1.0, max(0.0, level)) ** (1 / _GAMMA) for level in mixed)

    return ImageFilter.Color3DLUT.generate(_STEPS, converted)
