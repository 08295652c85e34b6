"""How long one comparison takes: JPEG files of 648 and of 300 pixels, as services store them."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops

from benchmarks.photos.files import jpeg, trimmed
from benchmarks.photos.subjects import Subject, subjects
from bot.photos.comparison import compare
from bot.photos.placeholders import is_placeholder

_ROUNDS = 40


def speeds() -> dict[str, tuple[float, float]]:
    """Task -> medians over all subjects in milliseconds: of the processor's time, and of the clock's."""
    everyone = [one for one in subjects() if one.kind != "drawn"]
    ours = [_file(one.picture, 648, 88) for one in everyone]
    theirs = [_file(one.picture, 300, 80) for one in everyone]
    cut = [_file(trimmed(one.picture, 0.03, random.Random(one.name)), 300, 80) for one in everyone]
    edited = [_file(_patched(one), 300, 80) for one in everyone]
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


def _timed(
    work: Callable[[bytes, bytes], object], first: Sequence[bytes], second: Sequence[bytes]
) -> tuple[float, float]:
    """Every pair in turn, many times: the machine's moods fall on all of them alike."""
    worked, passed = [], []
    for round_ in range(_ROUNDS + 2):
        for one, other in zip(first, second, strict=True):
            begun = time.thread_time(), time.perf_counter()
            work(one, other)
            if round_ >= 2:
                worked.append((time.thread_time() - begun[0]) * 1000)
                passed.append((time.perf_counter() - begun[1]) * 1000)
    return statistics.median(worked), statistics.median(passed)
