"""Two pictures -> how alike they are; and a small one for a card. The face of `opening` and `placeholders` too.

Compared as pictures, not as bytes: SharePoint stores a smaller, re-encoded and sometimes slightly cropped thumbnail.
Both are laid over each other, edge on edge, and brought to the same small size. Then the spot that differs most decides:
re-encoding spreads small errors everywhere, while a changed face before an unchanged wall is one spot. How often that
errs, and why these figures: docs/photos.md.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageMath, ImageOps

from bot.alignment import aligned, sampled
from bot.errors import NotAPicture
from bot.opening import LARGEST_FILE, REFUSALS, Opened, middle_square, opened
from bot.placeholders import is_placeholder

__all__ = ["LARGEST_FILE", "REFUSALS", "Comparison", "compare", "is_placeholder", "thumbnail"]

_DECODED = 100  # pixels at least, each way: a JPEG file decoded smaller than that shows how it was decoded
_SMALL = 100  # pixels: of smaller pictures the filter that made them is seen in every pixel
_SIDES = (48, 64)  # pixels compared, each way: small pictures, others
_CHROMA = (1.0, 1.6)  # how much more a difference of colour counts than one of light: small pictures, others
_BRIGHTER = 6.0  # of 255: this much overall brightness is forgiven, as re-encoding changes it
_FINE = 0.5  # of 255: differences are told in such steps
_SURE = 0.9  # nothing needs to make it more alike
_WORST = 32.0  # of 255: the difference of a spot that is no likeness at all
_SAME, _DIFFERENT = 0.76, 0.71
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
    ours, theirs = opened(microsoft365, _DECODED), opened(sharepoint, _DECODED)
    # Which of them is laid over the other one must not depend on where they came from.
    first, second = (ours, theirs) if (ours.size, microsoft365) > (theirs.size, sharepoint) else (theirs, ours)
    small = min(ours.size + theirs.size) < _SMALL
    similarity = max(_similarity(one, two, small) for one, two in _readings(first, second))
    verdict = "same" if similarity >= _SAME else "different" if similarity <= _DIFFERENT else "unsure"
    return Comparison(round(similarity, 4), verdict, (ours.size, theirs.size), (ours.format, theirs.format))


def _readings(first: Opened, second: Opened) -> Iterable[tuple[Image.Image, Image.Image]]:
    """What to lay over each other: the pictures; as squares too if only one is; and as if a profile had been dropped."""
    pairs = [(first.picture, second.picture)]
    if first.unprofiled and not second.unprofiled:
        pairs.append((first.unprofiled, second.picture))
    if second.unprofiled and not first.unprofiled:
        pairs.append((first.picture, second.unprofiled))
    for one, two in pairs:
        yield one, two
        if abs(math.log(one.width * two.height / (one.height * two.width))) > 0.05:
            yield one.crop(_rounded(middle_square(one))), two.crop(_rounded(middle_square(two)))


def _similarity(first: Image.Image, second: Image.Image, small: bool) -> float:
    """From 0 to 1, by the spot that differs most."""
    parts = aligned(first, second)
    one, two = (sampled(picture, part, _SIDES[not small]) for picture, part in zip((first, second), parts, strict=True))
    chroma = _CHROMA[not small]
    found = _likeness(one, two, chroma)
    if found >= _SURE or found == 0:
        return found
    return max(found, _likeness(one, _as_sharp(two, one), chroma))


def _likeness(one: Image.Image, two: Image.Image, chroma: float) -> float:
    off = ImageChops.subtract(one, two, _FINE, 128)  # about 128; what is far off is cut
    spots = off.convert("RGB", _LIGHT_AND_COLOUR).filter(ImageFilter.BoxBlur(1))
    brighter = max(-_BRIGHTER, min(_BRIGHTER, (_mean(spots.getchannel(0)) - 128) * _FINE))
    inside = (1, 1, one.width - 1, one.height - 1)
    (darkest, lightest), *_ = spots.crop(inside).getextrema()
    *_, blue, red = spots.filter(ImageFilter.BoxBlur(2)).crop(inside).getextrema()
    light = max((lightest - 128) * _FINE - brighter, (128 - darkest) * _FINE + brighter)
    colour = max(128 - blue[0], blue[1] - 128, 128 - red[0], red[1] - 128) * _FINE
    return max(0.0, 1 - max(light, chroma * colour) / _WORST)


def _as_sharp(picture: Image.Image, other: Image.Image) -> Image.Image:
    """As soft or sharp as the other one: services differ in the filter that makes a picture small."""
    soft = picture.filter(ImageFilter.BoxBlur(1))
    images = {"own": picture.convert("F"), "other": other.convert("F"), "soft": soft.convert("F")}
    gain = ImageMath.lambda_eval(lambda i: (i["other"] - i["own"]) * (i["soft"] - i["own"]), **images)
    size = ImageMath.lambda_eval(lambda i: (i["soft"] - i["own"]) * (i["soft"] - i["own"]), **images)
    return Image.blend(picture, soft, max(-1.0, min(1.0, _mean(gain) / (_mean(size) + 1))))


def _mean(picture: Image.Image) -> float:
    """Of the only band."""
    mean = picture.reduce(picture.size).getpixel((0, 0))
    assert isinstance(mean, int | float)
    return mean


def _rounded(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(round, box)
    return left, top, right, bottom


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
