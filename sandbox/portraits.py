"""Portraits of people who don't exist, drawn from a seed: the pretend tenant needs photos and may use nobody's.

A seed is a person (face, hair, glasses); a variant is one photo of that person (pose, expression, clothes, place, light).
The same arguments give the same pixels in every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from sandbox.canvas import Canvas, Colour, Pose, mixed, oval, smooth
from sandbox.clothes import GARMENTS, Outfit, paint_clothes
from sandbox.faces import Look, Person, paint_behind, paint_head
from sandbox.places import place

T = TypeVar("T")

_FINER = 2  # drawn this many times larger, then scaled down: smooth edges
_SKINS: tuple[Colour, ...] = (
    (250, 222, 202),
    (243, 205, 178),
    (231, 186, 152),
    (212, 162, 122),
    (183, 131, 92),
    (147, 99, 68),
    (110, 72, 50),
)
# (darkest, lightest) hair that goes with each skin, as indexes of _HAIRS
_HAIR_OF_SKIN = ((1, 7), (0, 7), (0, 5), (0, 3), (0, 2), (0, 2), (0, 1))
_HAIRS: tuple[Colour, ...] = (
    (38, 31, 30),
    (62, 44, 35),
    (94, 64, 44),
    (130, 88, 56),
    (158, 78, 44),
    (206, 164, 100),
    (152, 150, 152),
)
_EYES: tuple[Colour, ...] = ((74, 50, 36), (96, 70, 44), (92, 110, 72), (78, 110, 138), (58, 46, 42))
_SCARVES: tuple[Colour, ...] = ((92, 84, 134), (62, 116, 110), (196, 120, 122), (222, 206, 184))
_FRAMES: tuple[Colour, ...] = ((44, 42, 46), (96, 62, 44), (120, 124, 132))
_LONG_STYLES = ("long", "wavy", "bob", "bun", "tail", "afro", "scarf", "long", "bob", "wavy")
_SHORT_STYLES = ("short", "parted", "swept", "buzz", "curly", "bald", "parted", "short", "swept")
_BEARDS = ("", "", "", "stubble", "short", "full")
_SMILES = ("closed", "open", "calm")
_TILES: tuple[Colour, ...] = ((76, 110, 168), (152, 84, 122), (58, 132, 118), (190, 110, 60), (104, 92, 168))


class _Dice:
    """The same key always falls the same way for one seed, whatever else is asked."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def between(self, key: str, low: float, high: float) -> float:
        digest = hashlib.sha256(f"{self._seed}/{key}".encode()).digest()
        return low + (high - low) * int.from_bytes(digest[:6], "big") / 2**48

    def pick(self, key: str, options: Sequence[T]) -> T:
        return options[int(self.between(key, 0, len(options)))]

    def happens(self, key: str, chance: float) -> bool:
        return self.between(key, 0, 1) < chance


def portrait(
    seed: str,
    *,
    variant: int = 0,
    moment: int = 0,
    mood: int = 0,
    glasses: bool | None = None,
    size: int = 648,
    person: Person | None = None,
) -> Image.Image:
    """Head and shoulders of the person `seed`, RGB, `size` pixels square.

    Another `moment` of the same photo differs in how the person stands, another `mood` only in the smile. `person` is
    somebody with other features than those that the seed gives; clothes, places and poses stay the seed's.
    """
    person, side = person or features(seed), size * _FINER
    if glasses is not None:
        person = replace(person, glasses=glasses)
    dice = _Dice(f"{seed}/{variant}")
    base = int(_Dice(seed).between("place", 0, 8))
    canvas = Canvas(place(base + variant * 3, dice.between("shift", 0, 1), side))
    if moment:
        dice = _Dice(f"{seed}/{variant}/{moment}")
    body = Pose(zoom=dice.between("zoom", 0.98, 1.18), shift=(dice.between("aside", -5, 5), dice.between("down", 0, 4)))
    turn = dice.between("turn", 0.3, 1) * (1 if (int(_Dice(seed).between("side", 0, 2)) + variant) % 2 else -1)
    head = Pose(dice.between("tilt", -5, 5), body.zoom, body.shift)
    look = Look(head, turn, _SMILES[(int(_Dice(seed).between("smile", 0, 3)) + variant + mood) % 3])
    paint_behind(canvas, person, look)
    paint_clothes(canvas, body, person.skin, _outfit(seed, variant))
    paint_head(canvas, person, look)
    return canvas.image.reduce(_FINER)


def near(seed: str, *, variant: int = 0, size: int = 648, strength: float = 1.0) -> Image.Image:
    """The same picture, slightly edited. `strength` 0 changes nothing."""
    return edited(portrait(seed, variant=variant, size=size), strength)


def edited(picture: Image.Image, strength: float = 1.0) -> Image.Image:
    """A square picture, trimmed, softened, lit and tinted otherwise. `strength` 0 changes nothing."""
    size = picture.width
    trim = 0.035 * strength * size
    picture = picture.resize(
        (size, size), Image.Resampling.BICUBIC, box=(trim * 1.6, trim * 0.4, size - trim * 0.4, size - trim * 1.6)
    )
    picture = picture.filter(ImageFilter.GaussianBlur(size * 0.003 * strength))
    picture = ImageEnhance.Brightness(picture).enhance(1 + 0.14 * strength)
    picture = ImageEnhance.Contrast(picture).enhance(1 - 0.12 * strength)
    return Image.blend(picture, Image.new("RGB", picture.size, (255, 196, 120)), min(1.0, 0.1 * strength))


def silhouette(size: int = 300) -> Image.Image:
    """The grey person that stands where nobody has put a photo."""
    canvas = Canvas(Image.new("RGB", (size * _FINER, size * _FINER), (225, 223, 221)))
    grey, plain = (150, 148, 146), Pose()
    canvas.fill(plain, oval((50, 39), 18, 19.5), grey)
    shoulders = [(50, 64), (66, 66), (82, 76), (88, 92), (89, 110), (11, 110), (12, 92), (18, 76), (34, 66)]
    canvas.fill(plain, smooth(shoulders), grey)
    return canvas.image.reduce(_FINER)


def initials(text: str, size: int = 96) -> Image.Image:
    """A coloured tile with one or two letters; letters that the built-in font lacks show as its box."""
    picture = Image.new("RGB", (size, size), _Dice(text).pick("tile", _TILES))
    font = ImageFont.load_default(size * 0.4)
    ImageDraw.Draw(picture).text((size / 2, size / 2), text[:2].upper(), fill=(255, 255, 255), font=font, anchor="mm")
    return picture


def features(seed: str) -> Person:
    """What makes up the person of a seed."""
    dice = _Dice(seed)
    tone = int(dice.between("skin", 0, len(_SKINS)))
    dark, light = _HAIR_OF_SKIN[tone]
    long_haired = dice.happens("long", 0.5)
    return Person(
        skin=_SKINS[tone],
        hair=dice.pick("hair", _HAIRS[dark:light]),
        eyes=dice.pick("eyes", _EYES if tone < 3 else (_EYES[0], _EYES[4])),
        scarf=dice.pick("scarf", _SCARVES),
        frames=dice.pick("frames", _FRAMES),
        style=dice.pick("style", _LONG_STYLES if long_haired else _SHORT_STYLES),
        beard="" if long_haired else dice.pick("beard", _BEARDS),
        glasses=dice.happens("glasses", 0.3),
        earrings=long_haired and dice.happens("earrings", 0.5),
        freckles=tone < 2 and dice.happens("freckles", 0.35),
        lips=dice.between("lips", 0.4, 0.9) if long_haired else dice.between("lips", 0, 0.25),
        width=dice.between("width", 14.6, 15.6) if long_haired else dice.between("width", 15.2, 16.2),
        jaw=dice.between("jaw", 0.72, 0.82) if long_haired else dice.between("jaw", 0.84, 0.98),
        brow=dice.between("brow", 0.6, 0.9) if long_haired else dice.between("brow", 1.0, 1.4),
    )


def _outfit(seed: str, variant: int) -> Outfit:
    """Another garment in another colour in every photo of the person, for as long as the table reaches."""
    dice, kinds = _Dice(seed), tuple(GARMENTS)
    start, hue = int(dice.between("garment", 0, len(kinds))), int(dice.between("cloth", 0, len(_CLOTHS)))
    cloth = _CLOTHS[(hue + variant * 3) % len(_CLOTHS)]
    return Outfit(kinds[(start + variant) % len(kinds)], cloth, mixed(cloth, (255, 255, 255), 0.86))


_CLOTHS: tuple[Colour, ...] = (
    (38, 52, 82),
    (228, 228, 224),
    (140, 54, 66),
    (222, 188, 92),
    (62, 66, 74),
    (176, 200, 220),
    (44, 100, 96),
    (214, 134, 104),
    (84, 76, 126),
    (196, 204, 180),
)
