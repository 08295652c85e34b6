"""Bytes from outside -> a picture that is safe to work with. Every file is hostile until it is decoded.

Limits on bytes, sides, ratio, pixels and work are checked before anything is decoded; only JPEG and PNG are tried. A
large picture is made smaller before anything else is done with it, and only one of them is decoded at a time in the
whole process, so that memory is bounded by one of them (`MOST_PIXELS`, some 200 MB) however many arrive at once.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, ImageCms, UnidentifiedImageError

from bot.errors import NotAPicture

LARGEST_FILE = 8 << 20  # bytes
MOST_PIXELS = 20_000_000
LONGEST_SIDE = 12_000  # pixels
LONG_SIDE, MOST_OBLONG = 4_000, 20  # pixels from which on no photo is so many times as long as wide
LARGE = 2_000_000  # pixels, from which on a picture is decoded alone
MOST_WORK = 200_000_000  # pixels times passes: a progressive JPEG goes over all of them in each of its scans
_LARGEST_PROFILE = 1 << 20  # bytes
REFUSALS = ("empty", "too large", "too many pixels", "too oblong", "unknown format", "animated", "broken")
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
    `on_black` is how it looks on black; None if nothing shines through.
    """

    picture: Image.Image
    unprofiled: Image.Image | None
    on_black: Image.Image | None
    size: tuple[int, int]  # pixels, as stored
    format: str  # JPEG or PNG
    few_colours: bool  # stored with a palette


_one_large = threading.Lock()


def decode(data: bytes, side: int) -> Decoded:
    """The picture, its shorter side at least `side` pixels unless it has fewer. Raises `NotAPicture`."""
    picture = _header(data)
    size, kind, few = picture.size, str(picture.format), picture.mode == "P"
    with _alone(size):
        try:
            picture.draft("RGB", _at_least(size, side))  # a JPEG is decoded at no more of its size than needed
            picture.load()
            turn, profile = _TURNS.get(_orientation(picture)), picture.info.get("icc_profile")
            opaque, on_black = _without_transparency(_reduced(picture, side))
            converted = _in_srgb(opaque, profile)
            as_it_is = _turned(opaque.convert("RGB"), turn)
            shown, unprofiled = (as_it_is, None) if converted is None else (_turned(converted, turn), as_it_is)
            dark = None if on_black is None else _turned(_in_srgb(on_black, profile) or on_black, turn)
        except Exception:
            # Pillow raises many kinds for a damaged file: OSError, SyntaxError, ValueError, struct.error, ...
            raise NotAPicture("broken") from None
    return Decoded(shown, unprofiled, dark, size, kind, few)


@contextmanager
def _alone(size: tuple[int, int]) -> Iterator[None]:
    if size[0] * size[1] < LARGE:
        yield
    else:
        with _one_large:
            yield


def _reduced(picture: Image.Image, side: int) -> Image.Image:
    """A large picture made smaller, by whole steps, to no less than eight times the side that is wanted."""
    by = min(picture.size) // (8 * side)
    if by < 2 or picture.width * picture.height < LARGE:
        return picture
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode == "P":
        picture = picture.convert("RGB")
    elif picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode.startswith("I"):
        picture = picture.convert("F").point(lambda level: level * (1 / 257)).convert("L")
    return picture.resize((picture.width // by, picture.height // by), Image.Resampling.BOX)


def measured(data: bytes) -> tuple[tuple[int, int], str]:
    """Width and height as stored, and JPEG or PNG, without decoding it. Raises `NotAPicture`."""
    picture = _header(data)
    return picture.size, str(picture.format)


def is_large(data: bytes) -> bool:
    """Whether it takes long to decode."""
    try:
        (width, height), _ = measured(data)
    except NotAPicture:
        return False
    return width * height >= LARGE


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
    _check_size(picture.size, data)
    if frames > 1:
        raise NotAPicture("animated")
    # A JPEG can turn out to be the first of several pictures in one file, which is another format.
    if picture.format not in _FORMATS:
        raise NotAPicture("unknown format")
    return picture


def _check_size(size: tuple[int, int], data: bytes) -> None:
    """Raises `NotAPicture` for what would cost too much to decode."""
    shorter, longer = sorted(size)
    pixels = shorter * longer
    if longer > LONGEST_SIDE or pixels > MOST_PIXELS or pixels * _most_scans(data, MOST_WORK // pixels) > MOST_WORK:
        raise NotAPicture("too many pixels")
    if longer > max(LONG_SIDE, MOST_OBLONG * shorter):
        raise NotAPicture("too oblong")


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


def _without_transparency(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """8-bit RGB, L or CMYK, on white; and on black, where something shines through."""
    if picture.mode.startswith("I"):
        return picture.convert("F").point(lambda level: level * (1 / 257)).convert("L"), None
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        front = picture.convert("RGBA")
        white, black = (
            Image.alpha_composite(Image.new("RGBA", front.size, colour), front).convert("RGB")
            for colour in ("white", "black")
        )
        least, _ = front.getchannel("A").getextrema()
        return white, None if least == 255 else black
    return picture if picture.mode in ("RGB", "L", "CMYK") else picture.convert("RGB"), None


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
