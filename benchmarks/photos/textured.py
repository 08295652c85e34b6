"""People with fine texture, drawn from a seed: strands of hair, striped and checked shirts, glasses, foliage, brick walls.

Fine pattern is what scaling filters differ on most, and what portraits drawn smoothly lack.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIDE = 800  # pixels
_Colour = tuple[int, int, int]
_SKINS: tuple[_Colour, ...] = ((244, 208, 182), (226, 178, 144), (186, 132, 94), (120, 80, 56), (250, 224, 206))
_HAIRS: tuple[_Colour, ...] = ((34, 28, 26), (88, 58, 38), (170, 120, 70), (214, 182, 128), (150, 148, 150))


@dataclass(frozen=True)
class Moment:
    """What may differ between two photos of one person: the smile (-1 to 1), the mouth open or not, glasses, and whether
    wall, shirt and hair fall as in the first photo (0) or another way.
    """

    smile: float = 0.4
    open: bool = False
    glasses: bool | None = None
    wall: int = 0
    shirt: int = 0
    hair: int = 0


@functools.lru_cache(64)
def textured(seed: str, moment: Moment | None = None) -> Image.Image:
    """Head and shoulders, RGB, 800 pixels square; the same arguments give the same pixels."""
    moment = moment or Moment()
    person = _Person(seed)
    picture, strands = _behind_the_face(seed, moment.wall, moment.shirt, moment.hair)
    picture, dice = picture.copy(), random.Random()
    dice.setstate(strands)
    _face(picture, person.dice, person.skin, person.head, moment)
    _fringe(picture, dice, person.hair, person.head)
    if person.glasses if moment.glasses is None else moment.glasses:
        _glasses(picture, person.frame, person.head[:3])
    grain = Image.frombytes("RGB", (SIDE, SIDE), random.Random(f"grain/{seed}").randbytes(3 * SIDE * SIDE))
    return Image.blend(picture, grain, person.dice.choice((0.0, 0.03, 0.06)))


class _Person:
    """What stays from photo to photo."""

    def __init__(self, seed: str) -> None:
        self.dice = dice = random.Random(f"textured/{seed}")
        self.skin, self.hair = dice.choice(_SKINS), dice.choice(_HAIRS)
        self.glasses, self.long_hair = dice.random() < 0.5, dice.random() < 0.5
        self.frame: _Colour = dice.choice(((20, 20, 24), (120, 70, 40), (150, 150, 160)))
        x, y = 400 + dice.randint(-30, 30), 330 + dice.randint(-25, 25)
        self.head = x, y, dice.randint(118, 140), dice.randint(158, 180)


@functools.lru_cache(16)
def _behind_the_face(seed: str, wall: int, shirt: int, hair: int) -> tuple[Image.Image, tuple[object, ...]]:
    """Wall, hair that hangs down, and shirt, which take most of the time; and how the dice of the hair lie."""
    person, dice, strands = _Person(seed), random.Random(f"wall/{seed}/{wall}"), random.Random(f"hair/{seed}/{hair}")
    x, y, across, down = person.head
    picture = dice.choice(_WALLS)(dice)
    if person.long_hair:
        _strands(picture, strands, person.hair, (x, y - 20), (across + 45, down + 60), 240)
    _shirt(picture, random.Random(f"shirt/{seed}/{shirt}"), person.skin, (x, y + down))
    return picture, strands.getstate()


def _shaded(colour: _Colour, by: float) -> _Colour:
    red, green, blue = (max(0, min(255, round(level * by))) for level in colour)
    return red, green, blue


def _foliage(dice: random.Random) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), (30, 52, 28))
    draw, base = ImageDraw.Draw(picture), (dice.randint(40, 150), dice.randint(80, 170), dice.randint(30, 90))
    size = dice.uniform(4, 16)
    for _ in range(int(60_000 / size)):
        x, y, turn = dice.uniform(0, SIDE), dice.uniform(0, SIDE), dice.uniform(0, math.pi)
        long, thin = size * dice.uniform(0.7, 1.6), size * dice.uniform(0.2, 0.5)
        ends = [(long, 0), (0, thin), (-long, 0), (0, -thin)]
        leaf = [
            (x + a * math.cos(turn) - b * math.sin(turn), y + a * math.sin(turn) + b * math.cos(turn)) for a, b in ends
        ]
        draw.polygon(leaf, fill=_shaded(base, dice.uniform(0.3, 1.6)))
    return picture


def _bricks(dice: random.Random) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), (190, 184, 176))
    draw, tall = ImageDraw.Draw(picture), dice.choice((12, 18, 26, 40))
    base, gap = dice.choice(((160, 82, 60), (120, 110, 104), (196, 150, 110))), max(1, tall // 9)
    for row in range(SIDE // tall + 1):
        for column in range(-1, SIDE // (tall * 2) + 1):
            left = column * tall * 2 + (row % 2) * tall
            box = left, row * tall, left + tall * 2 - gap, row * tall + tall - gap
            draw.rectangle(box, fill=_shaded(base, dice.uniform(0.8, 1.2)))
    return picture


def _blinds(dice: random.Random) -> Image.Image:
    light = dice.randint(140, 240), dice.randint(140, 240), dice.randint(140, 240)
    picture, tall = Image.new("RGB", (SIDE, SIDE), light), dice.choice((5, 7, 10, 16))
    draw = ImageDraw.Draw(picture)
    for row in range(0, SIDE, tall):
        draw.rectangle((0, row, SIDE, row + tall // 3), fill=_shaded(light, 0.55))
    return picture.rotate(dice.choice((0, 90)))


def _books(dice: random.Random) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), (70, 48, 34))
    draw = ImageDraw.Draw(picture)
    for shelf in range(5):
        left = 0
        while left < SIDE:
            wide, tall = dice.randint(8, 34), dice.randint(100, 146)
            colour = (dice.randint(20, 230), dice.randint(20, 200), dice.randint(20, 200))
            draw.rectangle((left, shelf * 160 + 152 - tall, left + wide - 2, shelf * 160 + 152), fill=colour)
            left += wide
    return picture


def _plain(dice: random.Random) -> Image.Image:
    slope = Image.linear_gradient("L").resize((SIDE, SIDE)).rotate(dice.choice((0, 90, 180, 270)))
    light = (dice.randint(120, 250), dice.randint(120, 250), dice.randint(120, 250))
    return Image.composite(
        Image.new("RGB", (SIDE, SIDE), light), Image.new("RGB", (SIDE, SIDE), _shaded(light, 0.75)), slope
    )


_WALLS: tuple[Callable[[random.Random], Image.Image], ...] = (_foliage, _bricks, _blinds, _books, _plain, _plain)


def _cloth(dice: random.Random) -> Image.Image:
    """Stripes, checks, herringbone, dots or tweed, fine to coarse."""
    base = (dice.randint(20, 240), dice.randint(20, 240), dice.randint(20, 240))
    other = dice.choice(((250, 250, 246), (16, 18, 30), _shaded(base, 0.55), (180, 30, 40)))
    picture, step = Image.new("RGB", (SIDE, SIDE), base), dice.choice((3, 4, 5, 6, 8, 11, 16, 24))
    draw, kind = ImageDraw.Draw(picture), dice.randrange(5)
    if kind < 2:
        for at in range(0, SIDE, step):
            draw.rectangle((at, 0, at + step // 2 - 1, SIDE), fill=other)
        if kind == 1:
            picture = ImageChops.multiply(picture, picture.rotate(90))
    elif kind == 2:
        for column in range(0, SIDE, step * 2):
            for row in range(-step * 2, SIDE, step):
                draw.line(
                    (column, row, column + step, row + step, column + 2 * step, row),
                    fill=other,
                    width=max(1, step // 3),
                )
    elif kind == 3:
        for column in range(0, SIDE, step):
            for row in range(0, SIDE, step):
                draw.ellipse((column, row, column + step * 0.5, row + step * 0.5), fill=other)
    else:
        noise = Image.frombytes("L", (SIDE // 2, SIDE // 2), dice.randbytes(SIDE * SIDE // 4)).resize((SIDE, SIDE))
        picture = Image.composite(Image.new("RGB", (SIDE, SIDE), other), picture, noise)
    return picture.rotate(dice.choice((0, 0, 45, 12, 80)), Image.Resampling.BICUBIC, fillcolor=base)


def _shirt(picture: Image.Image, dice: random.Random, skin: _Colour, chin: tuple[int, int]) -> None:
    x, y = chin
    ImageDraw.Draw(picture).rectangle((x - 62, y - 60, x + 62, y + 90), fill=_shaded(skin, 0.86))
    mask = Image.new("L", picture.size, 0)
    body = [
        (x - 70, y + 42),
        (x - 250, y + 110),
        (x - 320, SIDE),
        (x + 320, SIDE),
        (x + 250, y + 110),
        (x + 70, y + 42),
        (x, y + 130),
    ]
    ImageDraw.Draw(mask).polygon(body, fill=255)
    picture.paste(_cloth(dice), (0, 0), mask.filter(ImageFilter.GaussianBlur(1.5)))


def _face(
    picture: Image.Image, person: random.Random, skin: _Colour, head: tuple[int, int, int, int], moment: Moment
) -> None:
    x, y, across, down = head
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).ellipse((x - across, y - down, x + across, y + down), fill=255)
    light = Image.radial_gradient("L").resize((across * 4, down * 4)).point([255 - level // 3 for level in range(256)])
    shade = Image.new("L", picture.size, 170)
    shade.paste(light, (x - across * 2 - 40, y - down * 2 - 30))
    face = ImageChops.multiply(Image.new("RGB", picture.size, skin), Image.merge("RGB", (shade,) * 3))
    picture.paste(face, (0, 0), mask.filter(ImageFilter.GaussianBlur(2)))
    draw, eye = ImageDraw.Draw(picture), person.choice(((70, 46, 30), (60, 96, 130), (70, 110, 70)))
    for way in (-1, 1):
        left, top = x + way * across * 0.42, y - down * 0.12
        draw.ellipse((left - 24, top - 11, left + 24, top + 11), fill=(244, 240, 236))
        draw.ellipse((left - 11, top - 11, left + 11, top + 11), fill=eye)
        draw.ellipse((left - 5, top - 5, left + 5, top + 5), fill=(10, 10, 12))
        draw.arc((left - 34, top - 44, left + 34, top + 10), 205, 335, fill=_shaded(skin, 0.35), width=7)
    draw.line((x - 6, y - 20, x - 16, y + down * 0.3, x + 8, y + down * 0.33), fill=_shaded(skin, 0.7), width=5)
    _mouth(draw, skin, (x, y + down * 0.56), moment)


def _mouth(draw: ImageDraw.ImageDraw, skin: _Colour, middle: tuple[float, float], moment: Moment) -> None:
    x, y = middle
    if moment.open:
        draw.ellipse((x - 40, y - 16, x + 40, y + 26), fill=(92, 24, 30))
        draw.chord((x - 36, y - 14, x + 36, y + 16), 180, 360, fill=(242, 238, 228))
        return
    lift = moment.smile * 36
    points = [(x - 44 + step * 8.8, y - lift * ((step - 5) / 5) ** 2 + lift / 2) for step in range(11)]
    draw.line(points, fill=_shaded(skin, 0.42), width=14, joint="curve")


def _strands(
    picture: Image.Image,
    dice: random.Random,
    colour: _Colour,
    middle: tuple[int, int],
    reach: tuple[int, int],
    hanging: int,
) -> None:
    """Hair around the head, hanging down behind it."""
    draw, (x, y), (across, down) = ImageDraw.Draw(picture), middle, reach
    draw.ellipse((x - across, y - down, x + across, y + down), fill=_shaded(colour, 0.7))
    draw.rectangle((x - across, y, x + across, y + hanging), fill=_shaded(colour, 0.7))
    for _ in range(2_600):
        at = dice.uniform(-1, 1)
        start, end = (x + at * across * 0.4, y - down * (1 - at * at * 0.4)), y + hanging * dice.uniform(0.6, 1.15)
        bend = x + at * across * dice.uniform(0.9, 1.15)
        path = [start, (bend, y - down * 0.2), (bend + dice.uniform(-14, 14), end)]
        draw.line(path, fill=_shaded(colour, dice.uniform(0.45, 1.9)), width=dice.choice((1, 1, 1, 2)))


def _fringe(picture: Image.Image, dice: random.Random, colour: _Colour, head: tuple[int, int, int, int]) -> None:
    """Strands over the forehead, parted somewhere."""
    draw, (x, y, across, down) = ImageDraw.Draw(picture), head
    part, curl = dice.uniform(-0.5, 0.5), dice.uniform(0, 16)
    for _ in range(1_800):
        turn, far = dice.uniform(math.pi * 1.02, math.pi * 1.98), dice.uniform(0.72, 1.1)
        end = x + across * 1.02 * far * math.cos(turn), y + down * far * math.sin(turn)
        start = x + part * across * 0.6, y - down * 1.12
        middle = (start[0] + end[0]) / 2 + dice.uniform(-curl, curl), (start[1] + end[1]) / 2 - 24
        draw.line([start, middle, end], fill=_shaded(colour, dice.uniform(0.5, 1.8)), width=dice.choice((1, 1, 2)))


def _glasses(picture: Image.Image, colour: _Colour, face: tuple[int, int, int]) -> None:
    draw, (x, y, across) = ImageDraw.Draw(picture), face
    for way in (-1, 1):
        left = x + way * across * 0.42
        draw.rounded_rectangle((left - 46, y - 52, left + 46, y + 14), 16, outline=colour, width=6)
    draw.line((x - 10, y - 24, x + 10, y - 24), fill=colour, width=6)
