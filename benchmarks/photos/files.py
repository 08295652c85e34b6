"""A picture -> the file that Microsoft 365 or SharePoint would hold: size, filter, format, quality, colours."""

from __future__ import annotations

import io
import random
import struct
from typing import Any

from PIL import Image, ImageFile, ImageFilter, ImageMath

ImageFile.MAXBLOCK = 4 << 20  # bytes: Pillow gives a progressive JPEG no more room, and fine pattern needs it
GRAPH = (48, 64, 96, 120, 240, 360, 432, 504, 648, 648, 648)  # pixels
SHAREPOINT = (300, 300, 300, 200, 200, 72, 48)
ROUTE = (648, 300, 300, 200, 96)  # pixels, of what SharePoint makes of Graph's largest
LARGE = 120  # pixels: what happens in a face is seen from here on
_LINE = 0.0031308  # of light: up to here sRGB is a line
_LIGHT = [level / 3294.6 if level < 11 else ((level / 255 + 0.055) / 1.055) ** 2.4 for level in range(256)]
FILTERS = (
    Image.Resampling.LANCZOS,
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.HAMMING,
    Image.Resampling.BOX,
)


def ours(picture: Image.Image, dice: random.Random, sizes: tuple[int, ...] = GRAPH, **how: Any) -> bytes:
    """As Graph serves it, in one of the sizes."""
    return jpeg(sized(picture, dice.choice(sizes), dice), dice, 75, **how)


def theirs(
    picture: Image.Image, dice: random.Random, crop: float = 0.0, sizes: tuple[int, ...] = SHAREPOINT, **how: Any
) -> bytes:
    """As SharePoint keeps it, in one of the sizes: each edge loses up to the share `crop` of the side."""
    return jpeg(sized(trimmed(picture, crop, dice), dice.choice(sizes), dice), dice, 60, **how)


def trimmed(picture: Image.Image, most: float, dice: random.Random) -> Image.Image:
    """Without up to the share `most` of the side at each edge."""
    left, top, right, bottom = (dice.uniform(0, most) * picture.width for _ in range(4))
    return picture.crop((round(left), round(top), round(picture.width - right), round(picture.height - bottom)))


def through_jpeg(picture: Image.Image, dice: random.Random, worst: int = 80) -> Image.Image:
    """Once encoded and decoded."""
    with Image.open(io.BytesIO(jpeg(picture, dice, worst))) as decoded:
        return decoded.convert("RGB")


def linear_light(picture: Image.Image, side: int) -> Image.Image:
    """Made `side` pixels square as some services do: in proportion to light, not to the numbers stored."""
    bands = []
    for band in picture.split():
        small = band.point(_LIGHT, "F").resize((side, side), Image.Resampling.BICUBIC)
        bands.append(ImageMath.lambda_eval(_stored, light=small))
    return Image.merge("RGB", bands)


def _stored(images: dict[str, Any]) -> Any:
    """Light -> level of 255, as sRGB has it (IEC 61966-2-1): a line up to a little light, and from there a curve."""
    line = images["min"](images["light"], _LINE) - _LINE
    curve = images["max"](images["light"], _LINE) ** (1 / 2.4)
    return images["convert"](255 * (12.92 * line + 1.055 * curve - 0.055) + 0.5, "L")


def resampled(picture: Image.Image, side: int, dice: random.Random) -> Image.Image:
    """`side` pixels square by any filter there is, nearest neighbour and linear light too, every fifth time sharpened."""
    how = dice.choice((*FILTERS, Image.Resampling.NEAREST, None))
    small = linear_light(picture, side) if how is None else picture.resize((side, side), how)
    return small.filter(ImageFilter.UnsharpMask(1, 80, 2)) if dice.random() < 0.2 else small


def sized(picture: Image.Image, side: int, dice: random.Random) -> Image.Image:
    """`side` pixels square, by any of the usual filters, sometimes sharpened afterwards as services do."""
    small = picture.resize((side, side), dice.choice(FILTERS))
    return small.filter(ImageFilter.UnsharpMask(0.6, 40, 2)) if dice.random() < 0.15 else small


def jpeg(picture: Image.Image, dice: random.Random, worst: int, **how: Any) -> bytes:
    """Quality `worst` to 95, with or without subsampled colour, sometimes progressive."""
    out = io.BytesIO()
    chosen = {
        "quality": dice.randint(worst, 95),
        "subsampling": dice.choice((0, 2, 2)),
        "progressive": dice.random() < 0.2,
    }
    picture.save(out, "JPEG", **(chosen | how))
    return out.getvalue()


def png(picture: Image.Image) -> bytes:
    """Without loss."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def profile(primaries: tuple[float, ...], gamma: float) -> bytes:
    """An ICC.1:2001 display profile: nine numbers, red, green and blue as XYZ under D50, and one gamma."""

    def fixed(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    name = b"wide"
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(79),
        b"cprt": b"text" + bytes(4) + b"none\0\0\0\0",
        b"wtpt": fixed((0.9642, 1.0, 0.8249)),
        b"rXYZ": fixed(primaries[:3]), b"gXYZ": fixed(primaries[3:6]), b"bXYZ": fixed(primaries[6:]),
        b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for key, bare in tags.items():
        value = bare + bytes(-len(bare) % 4)
        table += key + struct.pack(">II", start + len(body), len(value))
        body += value
    head = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1.0, 0.8249)))
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + body


ADOBE_RGB = profile((0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457), 2.2)
DISPLAY_P3 = profile((0.51512, 0.24120, -0.00105, 0.29198, 0.69225, 0.04189, 0.15710, 0.06657, 0.78407), 2.2)
