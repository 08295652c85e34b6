"""What services do to colours unasked: drop a profile, or average light and not the numbers that stand for it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import cast

from PIL import Image, ImageFilter, ImageMath

_GAMMA = 2.2
_STEPS = 17  # of each colour in a table
# Linear sRGB -> linear RGB of a wide gamut, both under D65 (Adobe RGB (1998), 4.3.6; IEC 61966-2-1; SMPTE EG 432-1).
_ADOBE_RGB = ((0.71512, 0.28488, 0.0), (0.0, 1.0, 0.0), (0.0, 0.04116, 0.95884))
_DISPLAY_P3 = ((0.82246, 0.17754, 0.0), (0.03319, 0.96681, 0.0), (0.01708, 0.07240, 0.91052))
_LIGHT = [(level / 255) ** _GAMMA for level in range(256)]


def as_if_dropped(picture: Image.Image) -> Iterator[Image.Image]:
    """How an RGB picture in sRGB looks stored in each usual wide gamut and shown without the profile: paler.

    Not the other way round: what the wide gamut's numbers lack of strong colours, sRGB would have to make up, and
    encoding has left as much noise as colour there.
    """
    for gamut in (_ADOBE_RGB, _DISPLAY_P3):
        yield picture.filter(_table(gamut))


def in_linear_light(picture: Image.Image, side: int) -> Image.Image:
    """An RGB picture, `side` pixels square, averaged in proportion to light: fine pattern gets lighter."""
    bands = []
    for band in picture.split():
        small = band.point(_LIGHT, "F").resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        level = ImageMath.lambda_eval(
            lambda i: i["convert"](255 * i["max"](i["a"], 0) ** (1 / _GAMMA) + 0.5, "L"), a=small
        )
        bands.append(cast(Image.Image, level))
    return Image.merge("RGB", bands)


@functools.cache
def _table(gamut: tuple[tuple[float, float, float], ...]) -> ImageFilter.Color3DLUT:
    def stored(*shown: float) -> tuple[float, ...]:
        linear = [level**_GAMMA for level in shown]
        return tuple(
            sum(part * level for part, level in zip(row, linear, strict=True)) ** (1 / _GAMMA) for row in gamut
        )

    return ImageFilter.Color3DLUT.generate(_STEPS, stored)
