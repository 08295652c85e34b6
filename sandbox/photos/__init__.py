"""The photos of the pretend tenant's people, as files that `python -m tools.portraits` drew."""

from __future__ import annotations

import functools
from pathlib import Path

from PIL import Image, WebPImagePlugin

from sandbox.portraits import edited, portrait

FOLDER = Path(__file__).resolve().parent
VARIANTS = 4  # photos that there are of one person
CROWD = tuple(f"crowd-{n}" for n in range(4))  # the faces of people who are many


_FORMATS = (WebPImagePlugin.WebPImageFile.format,)  # imported by itself: finding it out loads every format there is


@functools.lru_cache(maxsize=96)
def photo(seed: str, variant: int = 0) -> Image.Image:
    """One photo of a person, RGB, 648 pixels square; drawn where there is no file of it."""
    try:
        with Image.open(FOLDER / f"{seed}-{variant}.webp", formats=_FORMATS) as file:
            return file.convert("RGB")
    except FileNotFoundError:
        return portrait(seed, variant=variant)


@functools.lru_cache(maxsize=8)
def edited_photo(seed: str, strength: float) -> Image.Image:
    """The person's first photo after somebody's edits: too much for the same picture, too little for another."""
    return edited(photo(seed), strength)
