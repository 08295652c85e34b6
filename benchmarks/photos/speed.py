"""How long one comparison takes: JPEG files of 648 and of 300 pixels, as services store them."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops

from benchmarks.photos.files import jpeg, trimmed
from benchmarks.photos.subjects import Subject
from bot.photos.comparison import compare
from bot.photos.placeholders import is_placeholder

_ROUNDS = 15


def speeds(everyone: Sequence[Subject]) -> dict[str, float]:
    """Task -> the processor's milliseconds: of each pair the best of several rounds, of those the median."""
    real = [one for one in everyone if one.kind in ("person", "scene")]
    ours = [_file(one.picture, 648, 88) for one in real]
    theirs = [_file(one.picture, 300, 80) for one in real]
    cut = [_file(trimmed(one.picture, 0.03, random.Random(one.name)), 300, 80) for one in real]
    edited = [_file(_patched(one), 300, 80) for one in real]
    others = theirs[1:] + theirs[:1]
    return {
        "the same photo": _timed(compare, ours, theirs),
        "the same photo, cropped up to 3%": _timed(compare, ours, cut),
        "another photo": _timed(compare, ours, others),
        "another face before the same wall": _timed(compare, ours, edited),
        "is it a placeholder?": _timed(lambda file, _: is_placeholder(file), ours, theirs),
    }


def _file(picture: Image.Image, side: int, quality: int) -> bytes:
    small = picture.resize((side, side), Image.Resampling.LANCZOS)
    return jpeg(small, random.Random(1), 1, quality=quality, subsampling=2, progressive=False)


def _patched(subject: Subject) -> Image.Image:
    """Its middle turned over: a local change."""
    picture = subject.picture.copy()
    side = picture.width
    box = (side * 3 // 8, side // 4, side * 5 // 8, side * 5 // 8)
    picture.paste(ImageChops.invert(picture.crop(box)), box)
    return picture


def _timed(work: Callable[[bytes, bytes], object], first: Sequence[bytes], second: Sequence[bytes]) -> float:
    """Every pair in turn, in each round; a busy machine makes a round slower, and never faster."""
    rounds = []
    for _ in range(_ROUNDS):
        worked = []
        for one, other in zip(first, second, strict=True):
            begun = time.thread_time()
            work(one, other)
            worked.append((time.thread_time() - begun) * 1000)
        rounds.append(worked)
    return statistics.median(map(min, *rounds))
