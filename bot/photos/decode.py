"""Bytes from outside -> a picture that is safe to work with. Every file is hostile until it is open.

Limits on bytes, pixels and work are checked before anything is decoded; only JPEG and PNG are tried.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageCms, UnidentifiedImageError

from bot.errors import NotAPicture

LARGEST_FILE = 8 << 20  # bytes
MOST_PIXELS = 20_000_000
MOST_WORK = 200_000_000  # pixels times passes: a progressive JPEG goes over all of them in each of its scans
_LARGEST_PROFILE = 1 << 20  # bytes
REFUSALS = ("empty", "too large", "too many pixels", "unknown format", "animated", "broken")
_FORMATS = ("JPEG", "PNG")
_SCAN = b"\xff\xda"  # starts each scan; within one, 0xFF is never followed by 0xDA
_ORIENTATION = 0x0112  # the EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Decoded:
    """A picture, upright, RGB in the colours of sRGB, on white; maybe smaller than the file says.

    `unprofiled` is how it looks to a program that drops its colour profile; None if it has none or that of sRGB.
    """

    picture: Image.Image
    unprofiled: Image.Image | None
    size: tuple[int, int]  # pixels, as stored
    format: str  # JPEG or PNG
    few_colours: bool  # stored with a palette


def decode(data: bytes, side: int) -> Decoded:
    """The picture, its shorter side at least `side` pixels unless it has fewer. Raises `NotAPicture`."""
    picture = _header(data)
    size, kind, few = picture.size, str(picture.format), picture.mode == "P"
    try:
        picture.draft("RGB", _at_least(size, side))  # a JPEG is decoded at no more of its size than needed
        picture.load()
        plain, turn = _as_rgb(picture), _TURNS.get(_orientation(picture))
        converted = _in_srgb(plain, picture.info.get("icc_profile"))
        as_it_is = _turned(plain.convert("RGB"), turn)
        shown, unprofiled = (as_it_is, None) if converted is None else (_turned(converted, turn), as_it_is)
    except Exception:
        # Pillow raises many kinds for a damaged file: OSError, SyntaxError, ValueError, struct.error, MemoryError, ...
        raise NotAPicture("broken") from None
    return Decoded(shown, unprofiled, size, kind, few)


def measured(data: bytes) -> tuple[tuple[int, int], str]:
    """Width and height as stored, and JPEG or PNG, without decoding it. Raises `NotAPicture`."""
    picture = _header(data)
    return picture.size, str(picture.format)


def middle_square(picture: Image.Image) -> tuple[float, float, float, float]:
    """Its box, in pixels."""
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    return left, top, left + side, top + side


def _header(data: bytes) -> Image.Image:
    """The file, opened but not decoded."""
    if not data:
        raise NotAPicture("empty")
    if len(data) > LARGEST_FILE:
        raise NotAPicture("too large")
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
        frames = getattr(picture, "n_frames", 1)
    except UnidentifiedImageError:
        raise NotAPicture("unknown format") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NotAPicture("too many pixels") from None
    except Exception:
        raise NotAPicture("broken") from None
    pixels = picture.width * picture.height
    if pixels > MOST_PIXELS or pixels * _most_scans(data, MOST_WORK // pixels) > MOST_WORK:
        raise NotAPicture("too many pixels")
    if frames > 1:
        raise NotAPicture("animated")
    # A JPEG can turn out to be the first of several pictures in one file, which is another format.
    if picture.format not in _FORMATS:
        raise NotAPicture("unknown format")
    return picture


def _most_scans(data: bytes, limit: int) -> int:
    """How many scans there are at most. Single bytes are counted ten times faster than pairs; mostly that will do."""
    most = data.count(_SCAN[1:])
    return most if most <= limit else data.count(_SCAN)


def _at_least(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The smallest size of the same shape whose shorter side is `side`."""
    shorter = min(size)
    return max(1, size[0] * side // shorter), max(1, size[1] * side // shorter)


def _turned(picture: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return picture if turn is None else picture.transpose(turn)


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:
        # Metadata that cannot be read turns nothing.
        return 1


def _as_rgb(picture: Image.Image) -> Image.Image:
    """8-bit RGB, L or CMYK, without transparency."""
    if picture.mode.startswith("I"):
        return picture.convert("F").point(lambda level: level * (1 / 257)).convert("L")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        front = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", front.size, "white"), front).convert("RGB")
    return picture if picture.mode in ("RGB", "L", "CMYK") else picture.convert("RGB")


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image | None:
    """None where there is nothing to convert."""
    if not profile or len(profile) > _LARGEST_PROFILE:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).casefold():
            return None
        return _converted(picture, source)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # a profile that does not fit is as good as none


def _converted(picture: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    made = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert made is not None  # only None where it works in place
    return made
