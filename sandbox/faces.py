"""One person's head: ears, face, hair, beard, glasses, painted from what makes up that person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.canvas import Canvas, Colour, Point, Pose, both_sides, darker, lighter, mirrored, mixed, oval, smooth


@dataclass(frozen=True)
class Person:
    """What stays the same from one photo to the next."""

    skin: Colour
    hair: Colour
    eyes: Colour
    scarf: Colour
    frames: Colour
    style: str  # a key of STYLES
    beard: str = ""  # "", "stubble", "short", "full"
    glasses: bool = False
    earrings: bool = False
    freckles: bool = False
    lips: float = 0.2  # how red, 0 to 1
    width: float = 15.6  # half the face's width, in units
    jaw: float = 0.8  # 0.7 pointed to 0.95 square
    brow: float = 0.9  # thickness, in units


@dataclass(frozen=True)
class Look:
    """What the face does in one photo."""

    head: Pose
    turn: float  # -1 to 1: how far the face looks to a side
    smile: str  # "closed", "open", "calm"


def outline(person: Person) -> list[Point]:
    """The face from forehead to chin."""
    w, chin = person.width, 65.2
    half = [(50, 22.5), (50 + w * 0.66, 25.2), (50 + w * 0.98, 35), (50 + w, 45.5), (50 + w * 0.93, 54)]
    half += [(50 + w * person.jaw * 0.84, 59.6), (50 + w * 0.36, 64.4)]
    return smooth([*half, (50, chin), *mirrored(half[:0:-1])])


def paint_behind(canvas: Canvas, person: Person, look: Look) -> None:
    """Hair that falls behind neck and shoulders."""
    for shape in STYLES[person.style].behind:
        canvas.fill(look.head, smooth(shape), darker(person.hair, 0.28))


def paint_head(canvas: Canvas, person: Person, look: Look) -> None:
    """Everything from the ears to the glasses."""
    style = STYLES[person.style]
    if style.scarf:
        _scarf(canvas, person, look)
    else:
        _ears(canvas, person, look)
    face = outline(person)
    canvas.fill(look.head, face, person.skin)
    _shades(canvas, person, look, face)
    _BEARDS[person.beard](canvas, person, look, face)
    _nose(canvas, person, look)
    _MOUTHS[look.smile](canvas, person, look)
    _eyes(canvas, person, look)
    _hair(canvas, person, look)
    if person.glasses:
        _glasses(canvas, person, look)


def _ears(canvas: Canvas, person: Person, look: Look) -> None:
    for side in (-1, 1):
        x = 50 + side * (person.width + 0.4) - look.turn * 0.8
        canvas.fill(look.head, oval((x, 47.5), 2.5, 4.1), mixed(person.skin, darker(person.skin, 0.5), 0.18))
        canvas.fill(look.head, oval((x + side * 0.2, 47.5), 1.3, 2.6), darker(person.skin, 0.24))
        if person.earrings:
            canvas.fill(look.head, oval((x + side * 0.3, 52.3), 0.8, 0.8), (232, 198, 120))


def _shades(canvas: Canvas, person: Person, look: Look, face: list[Point]) -> None:
    dark, rosy = darker(mixed(person.skin, (150, 60, 40), 0.3), 0.3), mixed(person.skin, (222, 84, 76), 0.5)
    side = -1 if look.turn > 0 else 1
    cheek = oval((50 + side * person.width * 1.02, 50), 5.5, 19)
    canvas.shade(look.head, cheek, dark, strength=0.5, blur=3.4, within=face)
    under_hair = oval((50, 25), person.width, 8.5)
    canvas.shade(look.head, under_hair, dark, strength=0.4, blur=2.2, within=face)
    canvas.shade(look.head, oval((50, 66), 8, 3), dark, strength=0.3, blur=2, within=face)
    for x in (-9.4, 9.4):
        middle = (50 + x + look.turn * 2, 54.2)
        canvas.shade(look.head, oval(middle, 3, 2.2), rosy, strength=0.42, blur=1.8, within=face)
    shine = oval((50 - side * 4 + look.turn * 2, 37), 5, 3.4)
    canvas.shade(look.head, shine, lighter(person.skin, 0.6), strength=0.45, blur=2.4, within=face)
    if person.freckles:
        for i, (x, y) in enumerate(
            ((-9, 53), (-7, 54.4), (-10.6, 54.6), (8, 53.2), (10, 54), (6.6, 54.8), (-5, 53), (5, 53))
        ):
            spot = oval((50 + x + look.turn * 2, y + (i % 3) * 0.3), 0.3, 0.3)
            canvas.fill(look.head, spot, mixed(person.skin, (150, 84, 52), 0.45))


def _nose(canvas: Canvas, person: Person, look: Look) -> None:
    dark = darker(mixed(person.skin, (150, 60, 40), 0.25), 0.3)
    x, side = 50 + look.turn * 3.2, -1 if look.turn > 0 else 1
    bridge = [(x + side * 0.6, 46.5), (x + side * 1.9, 51), (x + side * 2.3, 53.4), (x + side * 0.4, 54.2)]
    canvas.shade(look.head, smooth(bridge), dark, strength=0.45, blur=0.8)
    canvas.shade(look.head, oval((x - side * 0.5, 51.6), 0.9, 2.2), lighter(person.skin, 0.7), strength=0.5, blur=0.7)
    under = [(x - 2.5, 53.4), (x - 1.5, 54.5), (x, 54.9), (x + 1.5, 54.5), (x + 2.5, 53.4)]
    canvas.stroke(look.head, smooth(under, closed=False), 0.6, darker(person.skin, 0.36))


def _lips(person: Person) -> Colour:
    return mixed(darker(person.skin, 0.22), (184, 58, 70), 0.3 + person.lips * 0.5)


def _smiling_closed(canvas: Canvas, person: Person, look: Look) -> None:
    x, lip = 50 + look.turn * 2.8, _lips(person)
    shape = [
        (x - 5, 58.9),
        (x - 1.8, 58.9),
        (x, 59.3),
        (x + 1.8, 58.9),
        (x + 5, 58.9),
        (x + 2.6, 61.6),
        (x - 2.6, 61.6),
    ]
    canvas.fill(look.head, smooth(shape), lip)
    line = [(x - 5.7, 58.4), (x - 3.4, 59.7), (x, 60.2), (x + 3.4, 59.7), (x + 5.7, 58.4)]
    canvas.stroke(look.head, smooth(line, closed=False), 0.5, darker(lip, 0.5))
    canvas.shade(look.head, oval((x, 61), 1.8, 0.5), lighter(lip, 0.5), strength=0.5, blur=0.5)


def _smiling_open(canvas: Canvas, person: Person, look: Look) -> None:
    x, lip = 50 + look.turn * 2.8, _lips(person)
    lips = [
        (x - 6.4, 57.8),
        (x - 2.4, 57.8),
        (x, 58.1),
        (x + 2.4, 57.8),
        (x + 6.4, 57.8),
        (x + 4.2, 61.8),
        (x, 63.2),
        (x - 4.2, 61.8),
    ]
    canvas.fill(look.head, smooth(lips), lip)
    mouth = [(x - 5.6, 58.3), (x, 58.9), (x + 5.6, 58.3), (x + 3.6, 61.2), (x, 62.2), (x - 3.6, 61.2)]
    canvas.fill(look.head, smooth(mouth), (104, 32, 40))
    teeth = [(x - 5.1, 58.5), (x, 58.9), (x + 5.1, 58.5), (x + 3.6, 60.3), (x, 60.9), (x - 3.6, 60.3)]
    canvas.fill(look.head, smooth(teeth), (250, 246, 240))
    for side in (-1, 1):
        fold = [(x + side * 6.2, 54.8), (x + side * 7.5, 57), (x + side * 7.3, 58.8)]
        canvas.stroke(look.head, smooth(fold, closed=False), 0.35, mixed(person.skin, darker(person.skin, 0.5), 0.4))


def _calm(canvas: Canvas, person: Person, look: Look) -> None:
    x, lip = 50 + look.turn * 2.8, _lips(person)
    shape = [
        (x - 4.2, 59.5),
        (x - 1.5, 58.7),
        (x, 59),
        (x + 1.5, 58.7),
        (x + 4.2, 59.5),
        (x + 1.9, 61.6),
        (x - 1.9, 61.6),
    ]
    canvas.fill(look.head, smooth(shape), lip)
    line = [(x - 4.6, 59.3), (x - 2, 59.8), (x, 59.9), (x + 2, 59.8), (x + 4.6, 59.3)]
    canvas.stroke(look.head, smooth(line, closed=False), 0.45, darker(lip, 0.5))


_MOUTHS: dict[str, Callable[[Canvas, Person, Look], None]] = {
    "closed": _smiling_closed,
    "open": _smiling_open,
    "calm": _calm,
}


def _eyes(canvas: Canvas, person: Person, look: Look) -> None:
    dark = darker(mixed(person.hair, (40, 26, 24), 0.5), 0.45)
    narrow = 0.82 if look.smile == "open" else 1.0
    for side in (-1, 1):
        x, y = 50 + side * 6.9 + look.turn * 2.6, 46.2
        near = 1 - 0.1 * max(0.0, side * look.turn)  # the eye that turns away looks narrower
        across, down = 2.9 * near, 1.75 * narrow
        canvas.shade(look.head, oval((x, y - 0.8), 3.8, 2.6), darker(person.skin, 0.4), strength=0.32, blur=0.9)
        almond = [
            (x - across, y + 0.3),
            (x - across * 0.4, y - down),
            (x + across * 0.45, y - down),
            (x + across, y + 0.1),
        ]
        almond += [(x + across * 0.4, y + down * 0.85), (x - across * 0.45, y + down * 0.85)]
        canvas.fill(look.head, smooth(almond), (250, 247, 243))
        iris = x + look.turn * 0.5
        canvas.fill(look.head, oval((iris, y), 1.55, min(1.55, down)), darker(person.eyes, 0.25))
        canvas.fill(look.head, oval((iris, y + 0.15), 1.15, min(1.15, down * 0.8)), person.eyes)
        canvas.fill(look.head, oval((iris, y), 0.72, 0.72), (22, 18, 20))
        canvas.fill(look.head, oval((iris + 0.55, y - 0.6), 0.38, 0.38), (255, 255, 255))
        lid = [(x - across - 0.2, y + 0.2), (x - across * 0.4, y - down - 0.1), (x + across * 0.45, y - down - 0.1)]
        lid.append((x + across + 0.2, y))
        canvas.stroke(look.head, smooth(lid, closed=False), 0.62, dark)
        if person.lips > 0.45:
            corner = x + side * across
            canvas.stroke(look.head, [(corner, y - 0.1), (corner + side * 1.1, y - 1.0)], 0.5, dark)
        _brow(canvas, person, look, x, side)


def _brow(canvas: Canvas, person: Person, look: Look, x: float, side: int) -> None:
    y, thick = 41.2, person.brow
    above = [(x - side * 3.6, y + 0.7), (x, y - 0.9), (x + side * 4.1, y + 0.5)]
    below = [(x + side * 4.1, y + 0.7), (x, y - 0.9 + thick * 1.2), (x - side * 3.6, y + 0.7 + thick)]
    colour = mixed(darker(person.hair, 0.25), person.skin, 0.12)
    canvas.fill(look.head, smooth(above, closed=False) + smooth(below, closed=False), colour)


_Beard = Callable[[Canvas, Person, Look, list[Point]], None]


def _no_beard(canvas: Canvas, person: Person, look: Look, face: list[Point]) -> None:
    """Most faces."""


def _stubble(canvas: Canvas, person: Person, look: Look, face: list[Point]) -> None:
    shape = smooth(_beard_shape(look.turn, 54.5))
    canvas.shade(look.head, shape, mixed(person.hair, person.skin, 0.2), strength=0.42, blur=1.6, within=face)


def _short_beard(canvas: Canvas, person: Person, look: Look, face: list[Point]) -> None:
    shape = smooth(_beard_shape(look.turn, 54.5))
    canvas.shade(look.head, shape, darker(person.hair, 0.1), strength=0.95, blur=0.5, within=face)


def _full_beard(canvas: Canvas, person: Person, look: Look, face: list[Point]) -> None:
    _short_beard(canvas, person, look, face)
    half = [(50 + person.width * 0.97, 52), (50 + person.width * 0.9, 60), (59, 67.5), (50, 70)]
    inner = [(50, 63.5), (56, 62), (60.5, 58), (50 + person.width * 0.93, 51)]
    shape = [
        *smooth([*half, *mirrored(half[2::-1])], closed=False),
        *smooth([*mirrored(inner[::-1]), *inner[1:]], closed=False),
    ]
    canvas.fill(look.head, shape, darker(person.hair, 0.1))


def _beard_shape(turn: float, top: float) -> list[Point]:
    x = 50 + turn * 2.8
    right = [
        (x, top + 1.6),
        (x + 4, top + 1.2),
        (x + 7, top + 3.4),
        (x + 11, top + 1),
        (x + 13.4, top - 7),
        (70, 48),
        (68, 66),
    ]
    left = [(x - (p - x), y) for p, y in right[4:0:-1]]
    return [*right, (50, 70), (32, 66), (30, 48), *left]


_BEARDS: dict[str, _Beard] = {"": _no_beard, "stubble": _stubble, "short": _short_beard, "full": _full_beard}


def _hair(canvas: Canvas, person: Person, look: Look) -> None:
    style = STYLES[person.style]
    colour = person.scarf if style.scarf else mixed(person.hair, person.skin, style.thin)
    for shape in style.before:
        canvas.fill(look.head, smooth(shape), colour)
        if not style.thin:
            gloss = oval((44, 25), 9, 3.2)
            canvas.shade(look.head, gloss, lighter(colour, 0.5), strength=0.32, blur=2, within=smooth(shape))
    for strand in style.strands:
        canvas.stroke(look.head, smooth(strand, closed=False), 0.4, darker(colour, 0.3))


def _scarf(canvas: Canvas, person: Person, look: Look) -> None:
    half = [(50, 17.5), (61, 20), (68, 30), (69.5, 45), (68, 60), (70, 72), (76, 84), (70, 92), (50, 95)]
    canvas.fill(look.head, smooth([*half, *mirrored(half[-2:0:-1])]), darker(person.scarf, 0.16))
    drape = [(33, 56), (38, 68), (50, 73), (62, 68), (67, 56), (70, 74), (64, 86), (48, 90), (34, 84), (30, 72)]
    canvas.fill(look.head, smooth(drape), person.scarf)
    for fold in (((36, 66), (44, 77), (62, 80)), ((34, 74), (44, 83), (58, 86))):
        canvas.stroke(look.head, smooth(fold, closed=False), 0.6, darker(person.scarf, 0.26))
    canvas.shade(look.head, oval((50, 68), 12, 3), darker(person.scarf, 0.6), strength=0.5, blur=1.6)


def _glasses(canvas: Canvas, person: Person, look: Look) -> None:
    x = 50 + look.turn * 2.8
    for side in (-1, 1):
        centre = (x + side * 7.1, 46.8)
        canvas.shade(look.head, oval((centre[0] - 1.4, 45.4), 2, 1.2), (255, 255, 255), strength=0.3, blur=0.6)
        rim = smooth([(centre[0] + a, centre[1] + b) for a, b in _LENS])
        canvas.stroke(look.head, [*rim, rim[0], rim[1]], 0.72, person.frames)
        temple = 50 + side * (person.width + 0.6)
        canvas.stroke(look.head, [(centre[0] + side * 5.3, 45.2), (temple, 45.6)], 0.7, person.frames)
    canvas.stroke(look.head, smooth([(x - 1.9, 46), (x, 45.2), (x + 1.9, 46)], closed=False), 0.7, person.frames)


_LENS = ((-5.3, -1.2), (-4, -3.6), (0, -4), (4, -3.6), (5.3, -1.2), (4.5, 2.6), (0, 4), (-4.5, 2.6))


@dataclass(frozen=True)
class Style:
    """One haircut: outlines behind the head, outlines over it, single strands."""

    before: tuple[list[Point], ...] = ()
    behind: tuple[list[Point], ...] = ()
    strands: tuple[list[Point], ...] = ()
    scarf: bool = False
    thin: float = 0  # share of skin that shows through


def _cap(rise: float, hairline: list[Point], low: float = 46) -> list[Point]:
    """Hair over the skull: an outer edge `rise` units higher than the plain one, then the hairline from right to left."""
    outer = [
        (33.6, low),
        (33, 36),
        (37, 25 - rise * 0.7),
        (50, 19.5 - rise),
        (63, 25 - rise * 0.7),
        (67, 36),
        (66.4, low),
    ]
    return [*outer, *hairline]


def _curls(centres: list[Point], size: float) -> tuple[list[Point], ...]:
    return tuple(oval(centre, size, size)[::4] for centre in centres)


_EVEN: list[Point] = [(64.8, 40), (62.6, 34.5), (57, 31.6), (50, 31), (43, 31.6), (37.4, 34.5), (35.2, 40)]
_PARTED: list[Point] = [(64.8, 41), (63, 36), (56, 33.6), (47, 30.6), (42, 27), (39.4, 31), (36.6, 36), (35.2, 41)]
_SWEPT: list[Point] = [(64.8, 40), (62.6, 34), (56, 30), (49, 29), (42, 30.6), (38, 34), (35.2, 40)]
_TIGHT: list[Point] = [(65, 38), (62, 32), (56, 29), (50, 28.2), (44, 29), (38, 32), (35, 38)]
_HIGH: list[Point] = [(65.4, 42), (63.4, 33), (57, 27.6), (50, 26.6), (43, 27.6), (36.6, 33), (34.6, 42)]
_LOCK: list[Point] = [
    (49, 18),
    (40, 20),
    (32.6, 31),
    (30.6, 48),
    (30.4, 64),
    (32, 80),
    (37, 83),
    (37.4, 70),
    (36, 56),
    (35.6, 44),
    (39, 35),
    (46, 29),
]
_LOCK += [(52, 24)]
_WAVE: list[Point] = [
    (47, 18),
    (37, 20.5),
    (31, 32),
    (31.6, 42),
    (29, 52),
    (31, 62),
    (28, 72),
    (32, 81),
    (38, 78),
    (37, 68),
    (38, 60),
    (35.4, 52),
]
_WAVE += [(36, 42), (40, 34), (48, 28), (52, 23)]
_WAVE_RIGHT: list[Point] = [
    (46, 19),
    (57, 17.6),
    (66, 24),
    (69.6, 36),
    (68.6, 46),
    (71, 56),
    (69, 66),
    (71.6, 74),
    (67, 82),
    (62, 77),
    (63.4, 66),
    (62, 58),
]
_WAVE_RIGHT += [(64.6, 50), (63.6, 40), (58, 33), (50, 26)]
_BOB_LEFT: list[Point] = [
    (50, 18),
    (39, 20),
    (32.4, 30),
    (31, 46),
    (31.6, 60),
    (35, 66),
    (38.4, 62),
    (36.4, 52),
    (36, 42),
    (41, 35),
    (56, 31),
    (60, 22),
]
_BOB_RIGHT: list[Point] = [
    (50, 18),
    (61, 20),
    (67.6, 30),
    (69, 46),
    (68.4, 60),
    (65, 66),
    (61.6, 62),
    (63.6, 52),
    (64, 42),
    (61, 35),
    (54, 29),
]

STYLES: dict[str, Style] = {
    "short": Style((_cap(0, _EVEN),)),
    "parted": Style((_cap(1.2, _PARTED),), strands=([(43, 25), (50, 23), (60, 26)], [(45, 28), (54, 28), (63, 33)])),
    "swept": Style((_cap(3.4, _SWEPT),), strands=([(40, 28), (46, 21), (56, 18)], [(46, 28), (52, 22), (61, 21)])),
    "buzz": Style((_cap(-1.4, _EVEN, 43),), thin=0.34),
    "bald": Style(),
    "curly": Style(
        (
            _cap(1, _EVEN),
            *_curls(
                [(36, 33), (37, 27), (41, 22.6), (46, 20), (51.5, 19), (57, 20.6), (61, 24), (64, 29), (65, 34)], 4
            ),
            *_curls([(41, 31), (46, 29.6), (51, 29.4), (56, 30), (60, 32)], 3),
        )
    ),
    "long": Style(
        (_LOCK, mirrored(_LOCK)),
        (both_sides([(50, 16.5), (62, 20), (69, 33), (71, 55), (70, 80), (62, 86)]),),
        strands=([(44, 24), (36, 33), (33.4, 50), (33.6, 70)], [(56, 24), (64, 33), (66.6, 50), (66.4, 70)]),
    ),
    "wavy": Style(
        (_WAVE, _WAVE_RIGHT),
        (both_sides([(50, 16.5), (62, 19), (70, 32), (70, 52), (72, 68), (66, 82)]),),
        strands=([(45, 23), (36, 34), (34, 48), (33, 66)], [(52, 21), (63, 30), (66, 46), (66.4, 68)]),
    ),
    "bob": Style(
        (_BOB_LEFT, _BOB_RIGHT),
        (both_sides([(50, 17), (62, 20), (69, 33), (69.6, 54), (66, 66)]),),
        strands=([(58, 24), (46, 31), (38, 37)], [(56, 21), (64, 29), (66, 44)]),
    ),
    "bun": Style(
        (_cap(0.4, _TIGHT),),
        (oval((50, 14.6), 7.4, 6.6)[::4],),
        strands=([(50, 20), (42, 24), (37, 33)], [(50, 20), (58, 24), (63, 33)]),
    ),
    "tail": Style(
        (_cap(0.4, _TIGHT),),
        ([(60, 20), (70, 24), (76, 38), (75, 56), (78, 72), (72, 80), (67, 70), (66, 50), (62, 34)],),
        strands=([(38, 34), (46, 25), (60, 21)], [(42, 32), (52, 26), (64, 26)]),
    ),
    "afro": Style(
        (_cap(1.6, _HIGH),),
        tuple(
            oval(centre, 8.4, 8.4)[::4]
            for centre in (
                (33, 42),
                (31, 33),
                (34, 24),
                (41, 17),
                (50, 14.6),
                (59, 17),
                (66, 24),
                (69, 33),
                (67, 42),
                (50, 26),
            )
        ),
    ),
    "scarf": Style((_cap(1.4, _EVEN, 58),), scarf=True),
}
