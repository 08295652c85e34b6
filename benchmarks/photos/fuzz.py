"""`make fuzz-photos`: damaged files must be refused as `NotAPicture` or compared, and nothing else may happen."""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
import warnings
from collections import Counter

from PIL import Image

from benchmarks.photos.files import ADOBE_RGB
from bot.errors import NotAPicture
from bot.photos.comparison import compare, thumbnails
from bot.photos.placeholders import is_placeholder
from sandbox.portraits import portrait, silhouette

_SLOWEST = 2.0  # seconds of the processor, for four looks at a file that may claim to have 20 million pixels


def files() -> list[bytes]:
    """Sound ones of every kind that is read, small so that a damaged byte matters."""
    face, exif = portrait("fuzz", size=96), Image.Exif()
    exif[0x0112] = 6
    grey = face.convert("L")
    made: list[tuple[Image.Image, str, dict[str, object]]] = [
        (face, "JPEG", {"quality": 80}),
        (face, "JPEG", {"progressive": True, "subsampling": 0}),
        (face, "JPEG", {"exif": exif, "icc_profile": ADOBE_RGB}),
        (face.convert("CMYK"), "JPEG", {}),
        (grey, "JPEG", {}),
        (face, "PNG", {"icc_profile": ADOBE_RGB}),
        (face.convert("RGBA"), "PNG", {}),
        (face.quantize(32), "PNG", {"transparency": 3}),
        (grey.convert("I;16"), "PNG", {}),
        (silhouette(96), "PNG", {}),
    ]
    return [_saved(*one) for one in made]


def mutated(file: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled or replaced by those that mean something in a header."""
    data = bytearray(file)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        # Most of what can go wrong is decided in the first bytes.
        place = dice.randrange(min(len(data), 200) if dice.random() < 0.5 else len(data))
        length = dice.choice((1, 1, 2, 4, 40))
        match dice.randrange(5):
            case 0:
                data[place] ^= 1 << dice.randrange(8)
            case 1:
                data[place : place + length] = dice.randbytes(length)
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = data[place : place + length]
            case _:
                data[place : place + length] = dice.choice(
                    (b"\xff\xda", b"\xff\xc0", b"\xff\xff", b"\0\0\0\0", b"\x7f\xff")
                )
        if not data:
            break
    return bytes(data)


def outcome(good: bytes, damaged: bytes) -> str:
    """What became of it; anything but `NotAPicture` is raised."""
    try:
        is_placeholder(damaged)
        thumbnails(damaged)
        verdicts = {compare(good, damaged).verdict, compare(damaged, good).verdict}
    except NotAPicture as refused:
        return refused.reason
    assert len(verdicts) == 1, "the order of the two decides"
    return verdicts.pop()


def _saved(picture: Image.Image, kind: str, how: dict[str, object]) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def main() -> int:
    """Exit 1 if a file took too long; any exception ends the run with its traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # Pillow tells of damaged metadata in warnings
    dice, sound, counts, slowest = random.Random(chosen.seed), files(), Counter[str](), 0.0
    for _ in range(chosen.files):
        damaged = mutated(dice.choice(sound), dice)
        begun = time.thread_time()
        counts[outcome(sound[0], damaged)] += 1
        slowest = max(slowest, time.thread_time() - begun)
    sys.stdout.write(f"{chosen.files:,} files: {dict(counts.most_common())}; slowest {slowest * 1000:.0f} ms\n")
    return 1 if slowest > _SLOWEST else 0


if __name__ == "__main__":
    sys.exit(main())
