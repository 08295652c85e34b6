"""What happens to a photo on its way to SharePoint without its becoming another one: kind -> a pair of files."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

from PIL import Image, ImageCms, ImageEnhance, ImageFilter

from benchmarks.photos.files import (
    ADOBE_RGB,
    DISPLAY_P3,
    FILTERS,
    ROUTE,
    SHAREPOINT,
    jpeg,
    linear_light,
    ours,
    png,
    resampled,
    sized,
    theirs,
    through_jpeg,
)
from benchmarks.photos.subjects import Subject

Pair = tuple[bytes, bytes]


def _stored(subject: Subject, dice: random.Random) -> Pair:
    return ours(subject.picture, dice), theirs(subject.picture, dice)


def _large(subject: Subject, dice: random.Random) -> Pair:
    first = jpeg(sized(subject.picture, 648, dice), dice, 85)
    return first, jpeg(sized(subject.picture, 300, dice), dice, 70)


def _from_ours(subject: Subject, dice: random.Random) -> Pair:
    """SharePoint makes its copy from the very file that Graph serves."""
    first = ours(subject.picture, dice)
    with Image.open(io.BytesIO(first)) as picture:
        return first, theirs(picture.convert("RGB"), dice)


def _cropped(subject: Subject, dice: random.Random) -> Pair:
    return ours(subject.picture, dice), theirs(subject.picture, dice, 0.03)


def _turned(subject: Subject, dice: random.Random) -> Pair:
    exif = Image.Exif()
    exif[0x0112], way = dice.choice(
        ((3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90), (8, Image.Transpose.ROTATE_270))
    )
    return ours(subject.picture.transpose(way), dice, exif=exif), theirs(subject.picture, dice, 0.01)


def _lossless(subject: Subject, dice: random.Random) -> Pair:
    picture = sized(subject.picture, 504, dice)
    picture = picture.quantize(256) if dice.random() < 0.3 else picture
    return png(picture), theirs(subject.picture, dice, 0.01)


def _printed(subject: Subject, dice: random.Random) -> Pair:
    return jpeg(sized(subject.picture, 648, dice).convert("CMYK"), dice, 85), theirs(subject.picture, dice)


def _grey(subject: Subject, dice: random.Random) -> Pair:
    grey = subject.picture.convert("L")
    return ours(grey, dice), theirs(dice.choice((grey, grey.convert("RGB"))), dice, 0.02)


def _converted(subject: Subject, dice: random.Random) -> Pair:
    """Ours in a wide gamut with its profile; theirs converted to sRGB."""
    wide, kept = _wide(subject.picture, dice)
    return ours(wide, dice, icc_profile=kept), theirs(subject.picture, dice, 0.01)


def _stripped(subject: Subject, dice: random.Random) -> Pair:
    """Ours in a wide gamut with its profile; theirs with the same numbers and without it."""
    wide, kept = _wide(subject.picture, dice)
    return ours(wide, dice, icc_profile=kept), theirs(wide, dice, 0.01)


def _shifted(subject: Subject, dice: random.Random) -> Pair:
    """A little lighter or darker, as where a profile was lost on the way."""
    lit = ImageEnhance.Brightness(subject.picture).enhance(dice.uniform(0.97, 1.03))
    gamma = dice.uniform(0.95, 1.05)
    return ours(subject.picture, dice), theirs(
        lit.point([round(255 * (i / 255) ** gamma) for i in range(256)] * 3), dice
    )


def _twice(subject: Subject, dice: random.Random) -> Pair:
    """Each side encoded more than once, through another size."""
    first = jpeg(sized(subject.picture, dice.choice((432, 504, 648)), dice), dice, 70)
    with Image.open(io.BytesIO(first)) as picture:
        again = jpeg(sized(picture.convert("RGB"), dice.choice((240, 300, 360)), dice), dice, 70)
    with Image.open(io.BytesIO(again)) as picture:
        return first, jpeg(sized(picture.convert("RGB"), dice.choice(SHAREPOINT), dice), dice, 60)


def _wide(picture: Image.Image, dice: random.Random) -> tuple[Image.Image, bytes]:
    kept = dice.choice((ADOBE_RGB, DISPLAY_P3))
    source, target = ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(kept))
    made = ImageCms.profileToProfile(picture, source, target)
    assert made is not None
    return made, kept


def _route(subject: Subject, dice: random.Random) -> Pair:
    """Microsoft 365 keeps 648 pixels; both sides make theirs of it, SharePoint with any filter and sometimes sharpened."""
    largest = through_jpeg(sized(subject.picture, 648, dice), dice)
    return ours(largest, dice), jpeg(resampled(largest, dice.choice(ROUTE), dice), dice, 60)


def _plain(subject: Subject, dice: random.Random) -> Pair:
    """Graph's 240 pixels, and the usual copy."""
    first = jpeg(subject.picture.resize((240, 240), dice.choice(FILTERS)), dice, 75)
    with Image.open(io.BytesIO(first)) as picture:
        source = dice.choice((subject.picture, picture.convert("RGB")))
    return first, jpeg(source.resize((dice.choice((300, 200)),) * 2, dice.choice(FILTERS)), dice, 60)


def _through_96(subject: Subject, dice: random.Random) -> Pair:
    """The copy was made of a thumbnail."""
    small = through_jpeg(sized(subject.picture, 96, dice), dice, 70)
    return ours(subject.picture, dice), jpeg(resampled(small, dice.choice((200, 300)), dice), dice, 60)


def _nearest(subject: Subject, dice: random.Random) -> Pair:
    largest = sized(subject.picture, 648, dice)
    copy = largest.resize((dice.choice((300, 300, 200, 432)),) * 2, Image.Resampling.NEAREST)
    return ours(largest, dice), jpeg(copy, dice, 60)


def _linear(subject: Subject, dice: random.Random) -> Pair:
    return ours(subject.picture, dice), jpeg(linear_light(subject.picture, dice.choice(SHAREPOINT)), dice, 60)


def _sharpened(subject: Subject, dice: random.Random) -> Pair:
    small = subject.picture.resize((dice.choice((200, 300)),) * 2, dice.choice(FILTERS))
    how = ImageFilter.UnsharpMask(dice.uniform(0.5, 1.5), dice.randint(40, 120), 2)
    return ours(subject.picture, dice), jpeg(small.filter(how), dice, 60)


def _by_a_hair(subject: Subject, dice: random.Random) -> Pair:
    """A crop of exactly one per cent, at one edge or all."""
    side, cut = subject.picture.width, round(0.01 * subject.picture.width)
    edges = dice.choice(((1, 1, 1, 1), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 1), (1, 0, 1, 0)))
    left, top, right, bottom = (cut * edge for edge in edges)
    return ours(subject.picture, dice), theirs(subject.picture.crop((left, top, side - right, side - bottom)), dice)


def _same_size(subject: Subject, dice: random.Random) -> Pair:
    picture = sized(subject.picture, dice.choice((96, 240, 300, 648)), dice)
    return png(picture), jpeg(picture, dice, 60)


def _untold(subject: Subject, dice: random.Random) -> Pair:
    """Converted on one side, and on the other one with the wide gamut's numbers and no profile; neither file tells."""
    wide, _ = _wide(subject.picture, dice)
    pair = ours(wide, dice), theirs(subject.picture, dice, 0.01)
    return pair if dice.random() < 0.5 else (pair[1], pair[0])


SAME: dict[str, Callable[[Subject, random.Random], Pair]] = {
    "any sizes and qualities": _stored,
    "648 against 300": _large,
    "made from our file": _from_ours,
    "cropped up to 3%": _cropped,
    "encoded three times": _twice,
    "turned by EXIF": _turned,
    "PNG, also with a palette": _lossless,
    "CMYK": _printed,
    "greyscale": _grey,
    "profile, converted": _converted,
    "profile, stripped": _stripped,
    "slightly lighter or darker": _shifted,
    "SharePoint's way": _route,
    "240 against 300 or 200": _plain,
    "through 96 pixels": _through_96,
    "nearest neighbour": _nearest,
    "in linear light": _linear,
    "sharpened": _sharpened,
    "cropped by 1%": _by_a_hair,
    "PNG against JPEG, same size": _same_size,
    "profile dropped unseen": _untold,
}
HARD = ("turned by EXIF", "profile, stripped", "profile dropped unseen")
