"""Where a photo was taken: out-of-focus backgrounds, painted small and blurred."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

from sandbox.canvas import Colour, mixed

_SMALL = 100  # pixels: one per unit


def place(index: int, shift: float, side: int) -> Image.Image:
    """Background number `index` (any; light and dark ones alternate), moved by `shift` (0 to 1), `side` pixels wide."""
    picture = Image.new("RGB", (_SMALL, _SMALL))
    blur = _PLACES[index % len(_PLACES)](ImageDraw.Draw(picture), shift)
    soft = picture.filter(ImageFilter.GaussianBlur(blur))
    return soft.resize((side, side), Image.Resampling.BICUBIC)


def _gradient(draw: ImageDraw.ImageDraw, top: Colour, bottom: Colour) -> None:
    for y in range(_SMALL):
        draw.line((0, y, _SMALL, y), fill=mixed(top, bottom, y / _SMALL))


def _window(draw: ImageDraw.ImageDraw, shift: float) -> float:
    _gradient(draw, (232, 232, 226), (206, 206, 200))
    left = -20 + shift * 60
    for pane in (0, 30):
        draw.rectangle((left + pane, -5, left + pane + 26, 62), fill=(214, 236, 250))
        draw.rectangle((left + pane, 34, left + pane + 26, 62), fill=(172, 208, 196))
    draw.ellipse((left + 62, 42, left + 96, 84), fill=(94, 142, 104))
    return 3.0


def _evening(draw: ImageDraw.ImageDraw, shift: float) -> float:
    _gradient(draw, (26, 34, 58), (48, 40, 62))
    glow: tuple[Colour, ...] = ((248, 190, 96), (236, 130, 92), (132, 170, 226), (246, 222, 160))
    for i in range(16):
        x, y, size = (i * 37 + shift * 80) % 110 - 5, (i * 53) % 74, 4 + i % 4
        draw.ellipse((x, y, x + size, y + size), fill=mixed(glow[i % 4], (30, 36, 58), 0.25))
    return 1.3


def _beach(draw: ImageDraw.ImageDraw, shift: float) -> float:
    _gradient(draw, (168, 212, 242), (232, 242, 246))
    line = 46 + shift * 12
    draw.rectangle((0, line, 100, 72), fill=(94, 166, 190))
    draw.rectangle((0, 72, 100, 100), fill=(234, 214, 176))
    draw.ellipse((70 - shift * 60, 8, 88 - shift * 60, 26), fill=(255, 248, 214))
    return 2.2


def _forest(draw: ImageDraw.ImageDraw, shift: float) -> float:
    _gradient(draw, (66, 100, 72), (38, 62, 48))
    for i in range(12):
        x, y = (i * 29 + shift * 60) % 120 - 15, (i * 41) % 90 - 10
        draw.ellipse((x, y, x + 24, y + 20), fill=mixed((120, 158, 92), (34, 62, 46), (i % 5) / 4))
    return 3.4


def _warm_wall(draw: ImageDraw.ImageDraw, shift: float) -> float:
    _gradient(draw, (248, 222, 190), (232, 190, 156))
    x = 8 + shift * 56
    draw.rectangle((x, 14, x + 26, 46), fill=(255, 250, 242))
    draw.ellipse((x + 6, 20, x + 20, 40), fill=(206, 120, 92))
    return 2.0


def _shelves(draw: ImageDraw.ImageDraw, shift: float) -> float:
    _gradient(draw, (92, 66, 50), (66, 48, 40))
    books: tuple[Colour, ...] = ((158, 74, 62), (64, 92, 116), (196, 160, 96), (84, 110, 82), (128, 96, 122))
    for row in range(4):
        bottom = 24 + row * 26
        for i in range(15):
            x = i * 7 + (shift * 30 + row * 3) % 7 - 4
            draw.rectangle((x, bottom - 12 - (i * 7 + row) % 7, x + 5, bottom), fill=books[(i * 3 + row) % 5])
        draw.rectangle((0, bottom, 100, bottom + 3), fill=(48, 34, 30))
    return 1.7


def _studio(draw: ImageDraw.ImageDraw, shift: float) -> float:
    for radius in range(90, 0, -1):
        x = 40 + shift * 20
        box = (x - radius, 46 - radius, x + radius, 46 + radius)
        draw.ellipse(box, fill=mixed((238, 240, 244), (168, 178, 192), radius / 90))
    return 1.0


def _dark_studio(draw: ImageDraw.ImageDraw, shift: float) -> float:
    for radius in range(90, 0, -1):
        x = 30 + shift * 40
        box = (x - radius, 40 - radius, x + radius, 40 + radius)
        draw.ellipse(box, fill=mixed((92, 116, 128), (32, 42, 52), radius / 90))
    return 1.0


# Light and dark in turn, so that two photos of one person never look alike from afar.
_PLACES: tuple[Callable[[ImageDraw.ImageDraw, float], float], ...] = (
    _window,
    _evening,
    _beach,
    _forest,
    _warm_wall,
    _shelves,
    _studio,
    _dark_studio,
)
