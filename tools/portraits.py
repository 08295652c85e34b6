"""Draw the photos of the pretend tenant's people: `python -m tools.portraits` writes `sandbox/photos/*.webp`.

Features fit the names, as far as a drawing can; clothes, places and poses come from the seed. The files are committed:
drawing a photo takes a tenth of a second, reading one a few milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from sandbox.canvas import Colour
from sandbox.faces import Person
from sandbox.photos import CROWD, FOLDER, VARIANTS
from sandbox.portraits import features, portrait

_QUALITY = 78
_PORCELAIN, _FAIR, _WARM, _OLIVE, _TAN, _BROWN, _DEEP = (
    (250, 222, 202), (243, 205, 178), (231, 186, 152), (212, 162, 122), (183, 131, 92), (147, 99, 68), (110, 72, 50),
)  # fmt: skip
_BLACK, _DARK, _CHESTNUT, _BROWN_HAIR, _RED, _BLOND, _GREY = (
    (38, 31, 30), (62, 44, 35), (94, 64, 44), (130, 88, 56), (158, 78, 44), (206, 164, 100), (152, 150, 152),
)  # fmt: skip
_BROWN_EYES, _GREEN_EYES, _BLUE_EYES = (74, 50, 36), (92, 110, 72), (78, 110, 138)


def _with(skin: Colour, hair: Colour, eyes: Colour, style: str, **more: Any) -> Callable[[Person], Person]:
    usual = {"beard": "", "glasses": False, "earrings": False, "freckles": False}
    return lambda person: replace(person, skin=skin, hair=hair, eyes=eyes, style=style, **{**usual, **more})


def _woman(skin: Colour, hair: Colour, eyes: Colour, style: str, **more: Any) -> Callable[[Person], Person]:
    return _with(skin, hair, eyes, style, **{"lips": 0.65, "width": 15.0, "jaw": 0.77, "brow": 0.72, **more})


def _man(skin: Colour, hair: Colour, eyes: Colour, style: str, **more: Any) -> Callable[[Person], Person]:
    return _with(skin, hair, eyes, style, **{"lips": 0.1, "width": 15.8, "jaw": 0.91, "brow": 1.25, **more})


# By the last digits of the person's id in sandbox/world.py and sandbox/stories.py.
CAST: dict[int, Callable[[Person], Person]] = {
    1: _woman(_PORCELAIN, _RED, _GREEN_EYES, "wavy", freckles=True),  # Ada O'Neil
    2: _man(_PORCELAIN, _BLOND, _BLUE_EYES, "swept", beard="stubble"),  # Sven Åkesson
    3: _woman(_FAIR, _BROWN_HAIR, _BLUE_EYES, "long", glasses=True),  # Ольга Смирнова
    4: _man(_FAIR, _BROWN_HAIR, _BLUE_EYES, "parted", beard="short"),  # Jānis Bērziņš
    5: _man(_FAIR, _BLACK, _BROWN_EYES, "short"),  # 王小明
    6: _woman(_DEEP, _BLACK, _BROWN_EYES, "afro", earrings=True),  # Grace Okafor
    7: _man(_FAIR, _GREY, _BLUE_EYES, "buzz", beard="full", glasses=True),  # Frank Vogel
    8: _man(_OLIVE, _BLACK, _BROWN_EYES, "short", beard="full"),  # عمر الخطيب
    9: _woman(_PORCELAIN, _BLOND, _BLUE_EYES, "tail"),  # Maria Lindqvist
    10: _man(_FAIR, _DARK, _BLUE_EYES, "buzz", beard="stubble"),  # Дмитрий Волков
    11: _woman(_PORCELAIN, _BROWN_HAIR, _GREEN_EYES, "bob"),  # Līga Ozola
    12: _woman(_FAIR, _BLACK, _BROWN_EYES, "long"),  # 李娜
    13: _woman(_TAN, _DARK, _BROWN_EYES, "wavy", earrings=True),  # Noor de Vries
    14: _man(_BROWN, _BLACK, _BROWN_EYES, "curly", glasses=True),  # Tom Baker
    15: _woman(_WARM, _DARK, _BROWN_EYES, "bun", earrings=True),  # Ines Duarte
    16: _man(_WARM, _DARK, _BROWN_EYES, "curly", beard="short"),  # נועם לוי
    17: _woman(_FAIR, _CHESTNUT, _GREEN_EYES, "bob", glasses=True),  # Emma Hughes
    18: _man(_WARM, _DARK, _BROWN_EYES, "parted"),  # Paulo Mendes
}


def drawn() -> Iterator[tuple[Path, Callable[[], Image.Image]]]:
    """Every file, and what draws it."""
    for number, changed in CAST.items():
        seed = f"0a000000-0000-4000-8000-{number:012}"
        for variant in range(VARIANTS):
            yield (
                _path(seed, variant),
                lambda s=seed, v=variant, c=changed: portrait(s, variant=v, person=c(features(s))),
            )
    for seed in CROWD:
        for variant in (0, 3):
            yield _path(seed, variant), lambda s=seed, v=variant: portrait(s, variant=v)


def _path(seed: str, variant: int) -> Path:
    return FOLDER / f"{seed}-{variant}.webp"


def main() -> int:
    """Write them all."""
    for path, draw in drawn():
        draw().save(path, "WEBP", quality=_QUALITY, method=6)
    return 0


if __name__ == "__main__":
    sys.exit(main())
