"""Draw the illustrations and the app's icons: flat shapes, no letters, generic windows and people.

`python -m tools.draw` writes them; `--check` exits 1 if the committed ones differ. Shapes are given on a 640 x 240
sheet and drawn three times as large, so that edges come out smooth. Scenes in which a direction is meant are drawn
mirrored too, as `NAME.rtl.png`, for languages written from right to left; and each in other colours, as `NAME.dark.png`
and `NAME.rtl.dark.png`, for the dark theme. Of a place to choose from there is the middle alone, as `NAME.small.png`.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageOps

ROOT = Path(__file__).resolve().parent.parent
ILLUSTRATIONS = ROOT / "bot" / "cards" / "illustrations"
MANIFEST = ROOT / "manifest"
FINER = 3
WIDTH, HEIGHT = 640, 240
COLOURS = 48  # of the palette: small files

PANEL, TINT, WHITE = "#e9ebfb", "#cfd4f6", "#ffffff"
INK, BRAND, SOFT = "#2b2f63", "#4b53bc", "#a3aae6"
WARM, GREEN, SKIN, DARK = "#f0a044", "#2f9e6e", "#f4cfae", "#33375f"
HAIR = "#2B2F63"  # as INK, and another colour in the dark
SMALL = 96  # pixels of the picture of a place
# What each colour is on a dark ground; the others stay.
IN_THE_DARK = {
    PANEL: "#2b2d42", TINT: "#454a70", WHITE: "#1d1f2e", INK: "#d9dcff", BRAND: "#8f96f0", SOFT: "#6d74b8",
    GREEN: "#4cc492", DARK: "#0f1020", HAIR: "#15172b",
}  # fmt: skip

Point = tuple[float, float]


class Sheet:
    """A drawing in the units of the finished picture."""

    def __init__(
        self,
        width: int = WIDTH,
        height: int = HEIGHT,
        *,
        panel: bool = True,
        mirrored: bool = False,
        dark: bool = False,
    ) -> None:
        self.mirrored = mirrored
        self.dark = dark
        self.image = Image.new("RGBA", (width * FINER, height * FINER), (0, 0, 0, 0))
        self.pen = ImageDraw.Draw(self.image)
        if panel:
            self.box(0, 0, width, height, PANEL, radius=18)

    def colour(self, name: str | None) -> str | None:
        """A colour as this picture has it."""
        return IN_THE_DARK.get(name, name) if self.dark and name else name

    def box(
        self, x: float, y: float, w: float, h: float, fill: str,
        *, radius: float = 8, line: str | None = None, width: float = 3,
    ) -> None:  # fmt: skip
        """A rounded rectangle."""
        corners = [x * FINER, y * FINER, (x + w) * FINER - 1, (y + h) * FINER - 1]
        self.pen.rounded_rectangle(corners, radius * FINER, self.colour(fill), self.colour(line), round(width * FINER))

    def disc(
        self, x: float, y: float, r: float, fill: str | None, *, line: str | None = None, width: float = 3
    ) -> None:
        """A circle around a point."""
        corners = [(x - r) * FINER, (y - r) * FINER, (x + r) * FINER, (y + r) * FINER]
        self.pen.ellipse(corners, self.colour(fill), self.colour(line), round(width * FINER))

    def line(self, *points: Point, fill: str = INK, width: float = 4) -> None:
        """A line with round joints and ends."""
        scaled = [(x * FINER, y * FINER) for x, y in points]
        self.pen.line(scaled, self.colour(fill), round(width * FINER), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, fill)

    def shape(self, *points: Point, fill: str) -> None:
        """A filled polygon."""
        self.pen.polygon([(x * FINER, y * FINER) for x, y in points], self.colour(fill))

    def arc(self, x: float, y: float, r: float, start: float, end: float, *, fill: str, width: float = 5) -> None:
        """A part of a circle's line; degrees, clockwise from three o'clock."""
        corners = [(x - r) * FINER, (y - r) * FINER, (x + r) * FINER, (y + r) * FINER]
        self.pen.arc(corners, start, end, self.colour(fill), round(width * FINER))

    @property
    def forwards(self) -> int:
        """Which way to draw what looks the same in a mirrored picture: 1 as given, -1 flipped, to be flipped back."""
        return -1 if self.mirrored else 1

    def done(self, width: int, height: int) -> Image.Image:
        """The finished picture."""
        image = self.image.resize((width, height), Image.Resampling.LANCZOS)
        return ImageOps.mirror(image) if self.mirrored else image


# ---- shapes that many scenes share ----


def person(s: Sheet, x: float, y: float, r: float, *, back: str = TINT, shirt: str = BRAND, hair: str = HAIR) -> None:
    """Head and shoulders in a circle."""
    s.disc(x, y, r, back)
    mask = Image.new("L", s.image.size, 0)
    ImageDraw.Draw(mask).ellipse([(x - r) * FINER, (y - r) * FINER, (x + r) * FINER, (y + r) * FINER], 255)
    inner = Sheet(s.image.width // FINER, s.image.height // FINER, panel=False, dark=s.dark)
    inner.disc(x, y + r * 0.95, r * 0.68, shirt)
    inner.disc(x, y - r * 0.22, r * 0.42, hair)
    inner.disc(x, y - r * 0.10, r * 0.34, SKIN)
    s.image.paste(inner.image, (0, 0), ImageChops.multiply(mask, inner.image.getchannel("A")))
    s.pen = ImageDraw.Draw(s.image)


def photo(s: Sheet, x: float, y: float, size: float, *, shirt: str = BRAND, hair: str = HAIR, back: str = TINT) -> None:
    """A framed portrait; x and y are its corner."""
    s.box(x - 5, y - 5, size + 10, size + 10, WHITE, radius=12, line=SOFT)
    s.box(x, y, size, size, back, radius=8)
    person(s, x + size / 2, y + size / 2, size * 0.42, back=back, shirt=shirt, hair=hair)


def window(s: Sheet, x: float, y: float, w: float, h: float, *, dark: bool = False, address: bool = True) -> None:
    """A browser window."""
    s.box(x, y, w, h, DARK if dark else WHITE, radius=12, line=INK if dark else SOFT)
    s.box(x + 2, y + 2, w - 4, 30, INK if dark else TINT, radius=10)
    for place in range(3):
        s.disc(x + 18 + place * 14, y + 17, 4, SOFT)
    if address:
        s.box(x + 66, y + 9, w - 120, 16, DARK if dark else WHITE, radius=8)
        s.box(x + 76, y + 15, (w - 120) * 0.4, 4, SOFT, radius=2)


def bars(s: Sheet, x: float, y: float, *widths: float, gap: float = 14, fill: str = TINT) -> None:
    """Lines that stand for text."""
    for place, width in enumerate(widths):
        s.box(x, y + place * gap, width, 7, fill, radius=3)


def pointer(s: Sheet, x: float, y: float) -> None:
    """A mouse pointer, its tip at the point. It leans to the left on every desktop."""
    tip = [(0, 0), (0, 34), (8, 27), (14, 39), (21, 36), (15, 24), (26, 24)]
    s.shape(*((x + (dx * 1.15 - 2) * s.forwards, y + dy * 1.15 - 3) for dx, dy in tip), fill=WHITE)
    s.shape(*((x + dx * s.forwards, y + dy) for dx, dy in tip), fill=INK)


def check(s: Sheet, x: float, y: float, r: float) -> None:
    """A check mark in a green disc."""
    s.disc(x, y, r, GREEN, line=WHITE, width=4)
    s.line((x - r * 0.45, y), (x - r * 0.1, y + r * 0.38), (x + r * 0.48, y - r * 0.35), fill=WHITE, width=r * 0.2)


def arrow(s: Sheet, x1: float, y1: float, x2: float, y2: float, *, fill: str = BRAND, width: float = 7) -> None:
    """A straight arrow."""
    angle = math.atan2(y2 - y1, x2 - x1)
    head = 2.6 * width
    base = (x2 - math.cos(angle) * head, y2 - math.sin(angle) * head)
    s.line((x1, y1), base, fill=fill, width=width)
    side = (math.sin(angle) * head * 0.65, -math.cos(angle) * head * 0.65)
    s.shape((x2, y2), (base[0] + side[0], base[1] + side[1]), (base[0] - side[0], base[1] - side[1]), fill=fill)


def turning(s: Sheet, x: float, y: float, r: float, *, fill: str = BRAND, both: bool = False) -> None:
    """An arrow that goes round."""
    for start in (200, 20) if both else (300,):
        sweep = 130 if both else 290
        s.arc(x, y, r, start, start + sweep, fill=fill, width=r * 0.2)
        end = math.radians(start + sweep)
        px, py = x + math.cos(end) * r * 0.9, y + math.sin(end) * r * 0.9
        fx, fy = -math.sin(end), math.cos(end)
        a = r * 0.42
        s.shape(
            (px + fx * a, py + fy * a),
            (px + math.cos(end) * a * 0.8, py + math.sin(end) * a * 0.8),
            (px - math.cos(end) * a * 0.8, py - math.sin(end) * a * 0.8),
            fill=fill,
        )


def ring(s: Sheet, x: float, y: float, r: float) -> None:
    """What the eye shall go to."""
    s.disc(x, y, r + 9, None, line=WARM, width=5)


def magnifier(s: Sheet, x: float, y: float, r: float) -> None:
    """A magnifying glass."""
    s.line((x + r * 0.7, y + r * 0.7), (x + r * 1.6, y + r * 1.6), fill=INK, width=r * 0.34)
    s.disc(x, y, r, None, line=INK, width=r * 0.2)


# ---- scenes ----


def welcome(s: Sheet) -> None:
    photo(s, 170, 58, 118)
    photo(s, 352, 58, 118, shirt=WARM, back=PANEL)
    s.disc(320, 118, 30, WHITE, line=SOFT)
    turning(s, 320, 118, 17, both=True)


def private_window(s: Sheet) -> None:
    window(s, 150, 30, 340, 184, dark=True)
    s.box(262, 96, 116, 14, SOFT, radius=7)
    s.box(286, 72, 68, 30, SOFT, radius=12)
    for x in (292, 348):
        s.disc(x, 136, 22, None, line=SOFT, width=7)
    s.arc(320, 138, 12, 200, 340, fill=SOFT, width=6)


def rail(s: Sheet, x: float, y: float, h: float, *, marked: int = -1) -> None:
    """The bar at the side of an app, one of its signs marked, and the person at its foot."""
    s.box(x, y, 40, h, TINT, radius=8)
    for place in range(3):
        s.box(x + 11, y + 12 + place * 32, 18, 18, WARM if place == marked else SOFT, radius=5)
    person(s, x + 20, y + h - 20, 14, back=WHITE)


def office(s: Sheet) -> None:
    window(s, 130, 26, 380, 190)
    rail(s, 136, 60, 150, marked=2)
    bars(s, 268, 92, 150, fill=SOFT)
    s.box(216, 116, 254, 52, PANEL, radius=16, line=SOFT)
    bars(s, 236, 138, 120, fill=SOFT)
    s.disc(446, 142, 14, BRAND)


def sign_in(s: Sheet) -> None:
    window(s, 150, 26, 340, 190, address=False)
    s.box(232, 72, 176, 128, PANEL, radius=12)
    s.box(290, 86, 60, 42, BRAND, radius=8)
    s.box(306, 78, 28, 14, PANEL, radius=5, line=BRAND, width=4)
    s.box(290, 104, 60, 4, PANEL, radius=2)
    s.box(250, 140, 140, 18, WHITE, radius=6, line=SOFT, width=2)
    bars(s, 260, 146, 70, fill=SOFT)
    s.box(250, 168, 140, 20, BRAND, radius=6)


def tile(s: Sheet) -> None:
    window(s, 130, 26, 380, 190)
    rail(s, 136, 60, 150, marked=2)
    for place in range(8):
        x, y = 204 + (place % 4) * 72, 76 + (place // 4) * 68
        s.box(x, y, 48, 48, TINT, radius=12)
    s.box(341, 69, 62, 62, PANEL, radius=15, line=WARM, width=5)
    s.box(348, 76, 48, 48, GREEN, radius=12)
    for dx, dy, r in ((17, 17, 9), (30, 24, 8), (20, 34, 7)):
        s.disc(348 + dx, 76 + dy, r, WHITE)
    pointer(s, 384, 112)


def page(s: Sheet) -> None:
    window(s, 130, 26, 380, 190)
    s.box(150, 72, 150, 60, TINT, radius=8)
    bars(s, 150, 146, 150, 130, 140)
    for place, shirt in enumerate((SOFT, BRAND, WARM)):
        y = 86 + place * 46
        person(s, 352, y, 18, back=PANEL, shirt=shirt)
        bars(s, 382, y - 8, 96, 64, gap=13)
    ring(s, 352, 132, 18)


def look_again(s: Sheet) -> None:
    photo(s, 176, 60, 110)
    photo(s, 354, 60, 110)
    magnifier(s, 318, 108, 46)


def find_picture(s: Sheet) -> None:
    s.box(170, 56, 110, 40, BRAND, radius=10)
    s.box(170, 74, 300, 140, BRAND, radius=14)
    for place, shirt in enumerate((WARM, GREEN, BRAND)):
        photo(s, 194 + place * 88, 40 + (place % 2) * 12, 74, shirt=shirt, back=PANEL)
    s.box(170, 126, 300, 88, SOFT, radius=14)
    s.box(290, 160, 60, 10, WHITE, radius=5)


def circle(s: Sheet) -> None:
    window(s, 130, 26, 380, 190)
    bars(s, 210, 88, 150, 190, 170, 100, gap=22)
    person(s, 472, 86, 22, back=TINT)
    ring(s, 472, 86, 22)
    pointer(s, 478, 100)
    rail(s, 136, 60, 150)
    s.disc(156, 190, 20, None, line=WARM, width=4)


def in_teams(s: Sheet) -> None:
    window(s, 130, 26, 380, 190, address=False)
    s.box(132, 58, 48, 156, TINT, radius=8)
    for place in range(4):
        s.box(147, 70 + place * 34, 18, 18, BRAND if place == 0 else SOFT, radius=5)
    bars(s, 200, 82, 90, 70, 110, 60, gap=24)
    s.box(344, 68, 156, 136, PANEL, radius=12, line=SOFT)
    person(s, 422, 112, 30, back=WHITE)
    ring(s, 422, 112, 30)
    bars(s, 376, 164, 92, 64, gap=16, fill=SOFT)
    person(s, 480, 41, 12, back=WHITE)
    pointer(s, 434, 126)


def my_accounts(s: Sheet) -> None:
    window(s, 130, 26, 380, 190)
    bars(s, 156, 84, 110, 130, 90, 120, gap=22)
    s.box(330, 58, 172, 150, PANEL, radius=10, line=SOFT)
    person(s, 376, 108, 26, back=WHITE)
    ring(s, 376, 108, 26)
    bars(s, 416, 98, 64, 44, gap=15, fill=SOFT)
    s.box(348, 158, 136, 3, SOFT, radius=1)
    bars(s, 348, 174, 110, 80, gap=14)


def pop_up(s: Sheet) -> None:
    window(s, 110, 20, 420, 200)
    s.box(204, 52, 232, 156, WHITE, radius=14, line=BRAND, width=4)
    person(s, 320, 112, 42, back=TINT)
    s.disc(354, 142, 20, BRAND, line=WHITE, width=4)
    s.box(343, 136, 22, 14, WHITE, radius=4)
    s.box(349, 132, 10, 6, WHITE, radius=2)
    s.disc(354, 143, 4, BRAND)
    s.box(266, 176, 108, 20, BRAND, radius=8)


def place_teams(s: Sheet) -> None:
    s.box(226, 40, 150, 104, BRAND, radius=22)
    s.shape((256, 136), (292, 136), (256, 172), fill=BRAND)
    person(s, 300, 92, 36, back=PANEL)
    s.box(330, 112, 92, 70, WHITE, radius=18, line=SOFT)
    s.shape((380, 174), (404, 174), (404, 200), fill=SOFT)
    bars(s, 348, 134, 56, 36, gap=18, fill=SOFT)


def place_outlook(s: Sheet) -> None:
    s.box(222, 50, 196, 140, WHITE, radius=14, line=BRAND, width=6)
    s.line((228, 62), (320, 130), (412, 62), fill=BRAND, width=7)
    person(s, 384, 168, 34, back=TINT, shirt=WARM)


def place_page(s: Sheet) -> None:
    window(s, 214, 26, 212, 188)
    s.box(230, 70, 180, 44, TINT, radius=8)
    for place, shirt in enumerate((SOFT, BRAND, WARM)):
        person(s, 258 + place * 62, 148, 24, back=PANEL, shirt=shirt)
    ring(s, 320, 148, 24)
    bars(s, 240, 190, 160)


def place_windows(s: Sheet) -> None:
    s.box(212, 30, 216, 142, INK, radius=14)
    s.box(222, 40, 196, 122, TINT, radius=6)
    s.box(286, 172, 68, 22, SOFT, radius=4)
    s.box(256, 192, 128, 14, SOFT, radius=7)
    person(s, 320, 84, 30, back=WHITE)
    s.box(276, 128, 88, 16, WHITE, radius=8)


def place_phone(s: Sheet) -> None:
    s.box(264, 18, 112, 204, INK, radius=20)
    s.box(272, 36, 96, 164, WHITE, radius=8)
    person(s, 320, 92, 32)
    bars(s, 292, 144, 56, 40, 48, gap=16)
    s.disc(320, 211, 6, SOFT)


def question(s: Sheet) -> None:
    photo(s, 176, 60, 110)
    for part in range(24):
        s.arc(410, 116, 58, part * 15, part * 15 + 8, fill=SOFT, width=5)
    for place in range(3):
        s.disc(386 + place * 24, 116, 8, BRAND)


def guest(s: Sheet) -> None:
    for x, fill in ((170, BRAND), (386, SOFT)):
        s.box(x, 78, 84, 136, fill, radius=8)
        for place in range(6):
            s.box(x + 14 + (place % 2) * 32, 94 + (place // 2) * 30, 22, 18, PANEL, radius=4)
        s.box(x + 30, 186, 24, 28, PANEL, radius=4)
    person(s, 320, 96, 34, back=WHITE, shirt=WARM)
    arrow(s, 364, 158, 276, 158, fill=WARM, width=8)


def wait(s: Sheet) -> None:
    s.disc(176, 120, 30, WARM)
    for part in range(8):
        angle = part * math.pi / 4
        dx, dy = math.cos(angle), math.sin(angle)
        s.line((176 + dx * 40, 120 + dy * 40), (176 + dx * 52, 120 + dy * 52), fill=WARM, width=6)
    s.disc(320, 120, 82, WHITE, line=BRAND, width=8)
    for part in range(12):
        angle = part * math.pi / 6
        s.disc(320 + math.cos(angle) * 62, 120 + math.sin(angle) * 62, 4, SOFT)
    s.line((320, 120), (320, 76), fill=INK, width=7)
    s.line((320, 120), (320 + 32 * s.forwards, 136), fill=INK, width=7)
    s.disc(466, 120, 40, INK)
    s.disc(482, 108, 34, PANEL)


def waiting(s: Sheet) -> None:
    turning(s, 320, 120, 92, both=True, fill=SOFT)
    s.box(278, 58, 84, 12, INK, radius=6)
    s.box(278, 170, 84, 12, INK, radius=6)
    s.shape((286, 70), (354, 70), (324, 120), (354, 170), (286, 170), (316, 120), fill=WHITE)
    s.shape((300, 88), (340, 88), (320, 118), fill=WARM)
    s.shape((320, 132), (346, 170), (294, 170), fill=WARM)


def done(s: Sheet) -> None:
    photo(s, 258, 50, 124)
    check(s, 384, 172, 32)


def ticket(s: Sheet) -> None:
    s.arc(232, 122, 62, 180, 360, fill=INK, width=10)
    for x in (172, 292):
        s.box(x - 13, 116, 26, 56, BRAND, radius=12)
    s.arc(262, 166, 32, 20, 110, fill=INK, width=7)
    s.disc(250, 198, 9, WARM)
    s.box(348, 70, 140, 108, WHITE, radius=12, line=SOFT)
    s.disc(348, 124, 12, PANEL)
    s.disc(488, 124, 12, PANEL)
    bars(s, 376, 92, 84, 64, 76, gap=18, fill=SOFT)
    s.box(376, 150, 44, 14, BRAND, radius=6)


def sent(s: Sheet) -> None:
    ticket(s)
    check(s, 488, 178, 30)


def language(s: Sheet) -> None:
    s.disc(320, 124, 76, WHITE, line=BRAND, width=6)
    for squeeze in (0.45, 0.0):
        r = 76
        box = [(320 - r * squeeze) * FINER, (124 - r) * FINER, (320 + r * squeeze) * FINER + 1, (124 + r) * FINER]
        s.pen.ellipse(box, None, s.colour(SOFT), 4 * FINER)
    for dy in (-38, 0, 38):
        half = math.sqrt(76**2 - dy**2) - 4
        s.line((320 - half, 124 + dy), (320 + half, 124 + dy), fill=SOFT, width=4)
    for x, y, fill, flip in ((150, 36, BRAND, 1), (402, 52, WARM, -1)):
        s.box(x, y, 88, 58, fill, radius=16)
        corner = x + (62 if flip > 0 else 26)
        s.shape((corner - 10, y + 54), (corner + 10, y + 54), (corner + 14 * flip, y + 76), fill=fill)
        bars(s, x + 18, y + 18, 52, 36, gap=16, fill=WHITE)


def forget(s: Sheet) -> None:
    s.box(262, 22, 92, 92, WHITE, radius=8, line=SOFT)
    person(s, 308, 58, 22)
    bars(s, 282, 90, 52)
    s.shape((252, 104), (388, 104), (374, 216), (266, 216), fill=BRAND)
    s.box(240, 92, 160, 18, INK, radius=8)
    for x in (292, 320, 348):
        s.line((x, 128), (x, 196), fill=SOFT, width=7)


SCENES: dict[str, Callable[[Sheet], None]] = {
    scene.__name__: scene
    for scene in (
        welcome, private_window, office, sign_in, tile, page, look_again, find_picture, circle, my_accounts, pop_up,
        wait, waiting, done, ticket, language, forget, in_teams, place_teams, place_outlook, place_page, place_windows,
        place_phone, question, guest, sent,
    )
}  # fmt: skip
PLACES = tuple(name for name in SCENES if name.startswith("place_"))
# Where a direction is meant: a corner or side of a page or window, the way out, the day from morning to night.
DIRECTED = (
    "private_window", "office", "sign_in", "tile", "page", "circle", "my_accounts", "pop_up", "wait", "in_teams",
    "guest",
)  # fmt: skip


def no_photo(*, dark: bool = False) -> Image.Image:
    """A square that stands where a photo is missing."""
    s = Sheet(120, 120, panel=False, dark=dark)
    s.box(0, 0, 120, 120, PANEL, radius=12)
    for part in range(24):
        s.arc(60, 60, 46, part * 15, part * 15 + 8, fill=SOFT, width=3)
    s.disc(60, 50, 15, SOFT)
    s.shape((34, 88), (40, 76), (52, 70), (68, 70), (80, 76), (86, 88), fill=SOFT)
    return s.done(120, 120)


def icon(size: int) -> Image.Image:
    """The app's colour icon."""
    s = Sheet(192, 192, panel=False)
    s.box(0, 0, 192, 192, BRAND, radius=0)
    s.box(30, 40, 82, 82, TINT, radius=14)
    s.box(80, 70, 82, 82, WHITE, radius=14)
    person(s, 121, 111, 34, back=WHITE, shirt=WARM)
    s.disc(66, 138, 30, BRAND)
    turning(s, 66, 138, 19, both=True, fill=WHITE)
    return s.done(size, size).convert("RGB")


def outline() -> Image.Image:
    """The app's outline icon: white on transparent, 32 x 32."""
    s = Sheet(192, 192, panel=False)
    s.box(22, 30, 98, 98, "#00000000", radius=18, line=WHITE, width=13)
    s.box(72, 66, 98, 98, "#00000000", radius=18, line=WHITE, width=13)
    s.disc(121, 105, 15, WHITE)
    s.shape((90, 152), (98, 132), (144, 132), (152, 152), fill=WHITE)
    small = s.done(32, 32)
    white = Image.new("RGBA", small.size, (255, 255, 255, 0))
    white.putalpha(small.getchannel("A"))
    return white


def illustration(name: str, *, mirrored: bool = False, dark: bool = False) -> Image.Image:
    """One scene, finished."""
    sheet = Sheet(mirrored=mirrored, dark=dark)
    SCENES[name](sheet)
    return sheet.done(WIDTH, HEIGHT)


def small(name: str, *, dark: bool = False) -> Image.Image:
    """The middle of a scene."""
    left = (WIDTH - HEIGHT) // 2
    middle = illustration(name, dark=dark).crop((left, 0, left + HEIGHT, HEIGHT))
    return middle.resize((SMALL, SMALL), Image.Resampling.LANCZOS)


def png(image: Image.Image, *, palette: bool = True) -> bytes:
    """As small as it gets."""
    out = io.BytesIO()
    small = image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE) if palette else image
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def drawn() -> dict[Path, bytes]:
    """Every file and what it should hold."""
    files: dict[Path, bytes] = {}
    for suffix, dark in (("", False), (".dark", True)):
        files |= {ILLUSTRATIONS / f"{name}{suffix}.png": png(illustration(name, dark=dark)) for name in SCENES}
        mirrored = {name: illustration(name, mirrored=True, dark=dark) for name in DIRECTED}
        files |= {ILLUSTRATIONS / f"{name}.rtl{suffix}.png": png(image) for name, image in mirrored.items()}
        files |= {ILLUSTRATIONS / f"{name}.small{suffix}.png": png(small(name, dark=dark)) for name in PLACES}
        files[ILLUSTRATIONS / f"no_photo{suffix}.png"] = png(no_photo(dark=dark))
    files[MANIFEST / "color.png"] = png(icon(192), palette=False)
    files[MANIFEST / "outline.png"] = png(outline(), palette=False)
    return files


def differs(file: Path, wanted: bytes) -> bool:
    """Whether the committed file shows something else: pixels count, not bytes."""
    if not file.exists():
        return True
    with Image.open(file) as one, Image.open(io.BytesIO(wanted)) as other:
        first, second = one.convert("RGBA"), other.convert("RGBA")
        return first.size != second.size or ImageChops.difference(first, second).getbbox() is not None


def main(arguments: list[str]) -> int:
    """0 if the files are (now) as they should be."""
    if "--check" in arguments:
        wrong = [file for file, wanted in drawn().items() if differs(file, wanted)]
        sys.stderr.writelines(f"{file.relative_to(ROOT)} is not as tools/draw.py draws it\n" for file in wrong)
        return 1 if wrong else 0
    for file, content in drawn().items():
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
