"""What makes another photo of it: kind -> the other picture, as large as the first one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from benchmarks.photos.subjects import Face, Subject, portrait
from benchmarks.photos.textured import Moment, textured
from sandbox.portraits import initials, silhouette

Edit = Callable[[Subject, random.Random, "list[Subject]"], Image.Image]


def _another(subject: Subject, dice: random.Random, everyone: list[Subject]) -> Image.Image:
    return dice.choice([one for one in everyone if one.name != subject.name]).picture


def _another_day(subject: Subject, dice: random.Random, everyone: list[Subject]) -> Image.Image:
    if subject.kind == "drawn":
        return portrait(_seed(subject), variant=dice.randint(1, 3))
    if subject.kind == "textured":
        return textured(
            subject.name, Moment(wall=dice.randint(1, 3), shirt=dice.randint(1, 3), hair=dice.randint(1, 3))
        )
    return _another(subject, dice, [one for one in everyone if one.kind == subject.kind])


def _pose(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    """The same clothes and wall, a moment later."""
    if subject.kind == "drawn":
        return portrait(_seed(subject), moment=dice.randint(1, 9), mood=dice.randint(0, 2))
    if subject.kind == "textured" and dice.random() < 0.5:
        return textured(subject.name, Moment(shirt=dice.randint(1, 9)))
    return _bent(subject, dice)


def _expression(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    if subject.kind == "drawn":
        moods = [portrait(_seed(subject), mood=mood) for mood in (1, 2)]
        return max(moods, key=lambda mood: _distance(mood, portrait(_seed(subject))))
    if subject.kind == "textured":
        return textured(subject.name, dice.choice((Moment(smile=-0.8), Moment(open=True))))
    return _other_look(subject, dice)


def _distance(one: Image.Image, other: Image.Image) -> int:
    return sum(ImageChops.difference(one, other).resize((32, 32), Image.Resampling.BOX).tobytes())


def _other_face(subject: Subject, dice: random.Random, everyone: list[Subject]) -> Image.Image:
    """Another person's face on the same shoulders before the same wall."""
    if subject.kind == "drawn":
        like = [one for one in everyone if one.kind == "drawn" and one.name != subject.name]
    else:
        like = [one for one in everyone if one.kind in ("person", "textured") and one.name != subject.name]
    other = dice.choice(like)
    left, top, right, bottom = _box(subject.picture, subject.face)
    cut = other.picture.crop(_box(other.picture, other.face)).resize((right - left, bottom - top))
    picture = subject.picture.copy()
    picture.paste(cut, (left, top))
    return Image.composite(picture, subject.picture, _mask(subject.picture, subject.face))


def _mirrored(subject: Subject, _: random.Random, __: list[Subject]) -> Image.Image:
    return ImageOps.mirror(subject.picture)


def _cropped(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    """A fifth or more of the side is gone, anywhere."""
    side = subject.picture.width
    kept = int(side * (1 - dice.uniform(0.2, 0.4)))
    left, top = dice.randint(0, side - kept), dice.randint(0, side - kept)
    return subject.picture.crop((left, top, left + kept, top + kept))


def _recoloured(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    hue, saturation, light = subject.picture.convert("HSV").split()
    if dice.random() < 0.3:
        tint = Image.new("RGB", subject.picture.size, dice.choice(((255, 150, 60), (60, 130, 255), (190, 70, 220))))
        return Image.blend(subject.picture, tint, dice.uniform(0.2, 0.35))
    by = dice.choice((1, -1)) * dice.randint(24, 110)
    turned = hue.point([(level + by) % 256 for level in range(256)])
    strong = saturation.point([min(255, level + 40) for level in range(256)])
    return Image.merge("HSV", (turned, strong, light)).convert("RGB")


def _colourless(subject: Subject, _: random.Random, __: list[Subject]) -> Image.Image:
    grey = ImageOps.grayscale(subject.picture).convert("RGB")
    colourful = ImageChops.difference(grey, subject.picture).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    # A picture that has no colours to lose gets a brown tone instead.
    assert isinstance(colourful, tuple)
    return grey if max(colourful) > 6 else ImageOps.colorize(grey.convert("L"), (30, 10, 0), (255, 232, 196))


def _relit(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    lit = ImageEnhance.Brightness(subject.picture).enhance(dice.choice((0.6, 0.7, 1.4, 1.6)))
    return ImageEnhance.Contrast(lit).enhance(dice.choice((0.8, 1.25)))


def _filtered(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    """As an app's filter: sepia, a cold or warm cast, faded, or far more colourful."""
    picture = subject.picture
    match dice.randrange(5):
        case 0:
            return ImageOps.colorize(picture.convert("L"), (38, 20, 6), (255, 238, 204), (162, 128, 92))
        case 1:
            red, green, blue = picture.split()
            by = dice.choice((1.25, 0.78))
            return Image.merge("RGB", (_times(red, by), green, _times(blue, 1 / by)))
        case 2:
            return Image.blend(picture, Image.new("RGB", picture.size, (236, 214, 190)), 0.35)
        case 3:
            return ImageEnhance.Color(picture).enhance(2.2)
        case _:
            return ImageEnhance.Color(picture).enhance(0.15)


def _times(band: Image.Image, by: float) -> Image.Image:
    return band.point([min(255, round(level * by)) for level in range(256)])


def _ring(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    """A coloured ring around it, as campaigns lay over profile photos."""
    picture, side = subject.picture.copy(), subject.picture.width
    width, colour = round(dice.uniform(0.03, 0.07) * side), dice.choice(("#1e7d34", "#6b2fa0", "#d13438", "#0f6cbd"))
    ImageDraw.Draw(picture).ellipse((0, 0, side - 1, side - 1), outline=colour, width=width)
    return picture


def _new_wall(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    """The same person cut out and set before another wall."""
    if subject.kind == "textured":
        return textured(subject.name, Moment(wall=dice.randint(1, 9)))
    side, face = subject.picture.width, subject.face
    mask = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(mask)
    wide = Face(face.x, face.y, face.across * 1.35, face.down * 1.3, 0, 0)
    draw.ellipse(_box(subject.picture, wide), fill=255)
    reach, top = face.across * 2.6 * side, (face.y + face.down * 0.9) * side
    draw.rounded_rectangle((face.x * side - reach, top, face.x * side + reach, side * 1.2), reach / 2, fill=255)
    wall = Image.new("RGB", (side, side), dice.choice(("#c9d6e2", "#40505c", "#e9e2d0", "#7d9a80")))
    return Image.composite(subject.picture, wall, mask.filter(ImageFilter.GaussianBlur(0.006 * side)))


def _badge(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    """A small disc with a mark in a corner."""
    picture, side = subject.picture.copy(), subject.picture.width
    size, margin = dice.uniform(0.08, 0.2) * side, 0.03 * side
    left, top = dice.choice((margin, side - margin - size)), dice.choice((margin, side - margin - size))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((left, top, left + size, top + size), fill=dice.choice(("#c8281e", "#1e7d34", "#2057b8", "#f2c200")))
    draw.rectangle((left + size * 0.3, top + size * 0.42, left + size * 0.7, top + size * 0.58), fill="white")
    return picture


def _framed(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    picture, side = subject.picture.copy(), subject.picture.width
    width, colour = round(dice.uniform(0.02, 0.06) * side), dice.choice(("#ffffff", "#1e7d34", "#6b2fa0", "#101010"))
    draw = ImageDraw.Draw(picture)
    if dice.random() < 0.5:
        draw.rectangle((0, 0, side - 1, side - 1), outline=colour, width=width)
    else:
        draw.ellipse((0, 0, side - 1, side - 1), outline=colour, width=width)
    return picture


def _glasses(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    if subject.kind == "drawn":
        worn, bare = (portrait(_seed(subject), glasses=glasses) for glasses in (True, False))
        return max(worn, bare, key=lambda one: _distance(one, portrait(_seed(subject))))
    if subject.kind == "textured":
        worn, bare = (textured(subject.name, Moment(glasses=glasses)) for glasses in (True, False))
        return max(worn, bare, key=lambda one: _distance(one, subject.picture))
    picture, face, side = subject.picture.copy(), subject.face, subject.picture.width
    y, reach = (face.y - 0.15 * face.down) * side, 0.42 * face.across * side
    inside, line = dice.choice((None, (30, 30, 34))), max(2, round(0.008 * side))
    for way in (-1, 1):
        x = (face.x + way * 0.48 * face.across) * side
        box = x - reach, y - reach * 0.7, x + reach, y + reach * 0.7
        ImageDraw.Draw(picture).rounded_rectangle(box, reach * 0.4, inside, "#202024", line)
    return picture


def _retouched(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    """Skin smoothed and lighter, and teeth whiter."""
    smooth = subject.picture.filter(ImageFilter.GaussianBlur(dice.uniform(0.003, 0.006) * subject.picture.width))
    lit = ImageEnhance.Brightness(smooth).enhance(dice.uniform(1.08, 1.2))
    picture = Image.composite(lit, subject.picture, _mask(subject.picture, subject.face))
    return Image.composite(Image.new("RGB", picture.size, "#f4efe6"), picture, _teeth(subject))


def _placeholder(subject: Subject, dice: random.Random, _: list[Subject]) -> Image.Image:
    side = subject.picture.width
    return silhouette(side) if dice.random() < 0.5 else initials(dice.choice(("AO", "BK", "W", "MS")), side)


def _seed(subject: Subject) -> str:
    return "eval-" + subject.name.removeprefix("drawn-")


def _box(picture: Image.Image, face: Face) -> tuple[int, int, int, int]:
    side = picture.width
    left, top = round((face.x - face.across) * side), round((face.y - face.down) * side)
    return left, top, left + round(2 * face.across * side), top + round(2 * face.down * side)


def _mask(picture: Image.Image, face: Face) -> Image.Image:
    """255 in the face, falling off softly."""
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).ellipse(_box(picture, face), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(0.012 * picture.width))


def _teeth(subject: Subject) -> Image.Image:
    face, side = subject.face, subject.picture.width
    mask = Image.new("L", subject.picture.size, 0)
    across, down = 0.32 * face.across * side, 0.07 * face.down * side
    x, y = face.mouth_x * side, face.mouth_y * side
    ImageDraw.Draw(mask).ellipse((x - across, y - down, x + across, y + down), fill=150)
    return mask.filter(ImageFilter.GaussianBlur(2))


def _bent(subject: Subject, dice: random.Random) -> Image.Image:
    """The head tilted and moved before the wall that stays."""
    face, side = subject.face, subject.picture.width
    about = (face.x * side, (face.y + face.down) * side)
    away = round(dice.uniform(0.02, 0.05) * side * dice.choice((1, -1)))
    turned = subject.picture.rotate(
        dice.choice((1, -1)) * dice.uniform(4, 10), Image.Resampling.BICUBIC, center=about, translate=(away, 0)
    )
    wide = Face(face.x, face.y, face.across * 1.25, face.down * 1.25, face.mouth_x, face.mouth_y)
    return Image.composite(turned, subject.picture, _mask(subject.picture, wide))


def _other_look(subject: Subject, dice: random.Random) -> Image.Image:
    """Brows and eyes up or down, and the mouth open or in a wide smile: the face stretched, and teeth drawn."""
    picture, face = subject.picture, subject.face
    picture = _stretched(
        picture, (face.x, face.y - 0.2 * face.down), (face.across, 0.45 * face.down), dice.choice((0.3, -0.3))
    )
    picture = _stretched(
        picture, (face.mouth_x, face.mouth_y), (0.8 * face.across, 0.4 * face.down), dice.choice((0.4, -0.4))
    )
    side, opened = picture.width, dice.random() < 0.5
    across, down = (0.26, 0.16) if opened else (0.4, 0.1)
    x, y, across, down = (part * side for part in (face.mouth_x, face.mouth_y, across * face.across, down * face.down))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((x - across, y - down, x + across, y + down), fill="#5a1c20")
    draw.chord(
        (x - across * 0.9, y - down * 0.9, x + across * 0.9, y + down * 0.7), 180 if opened else 0, 360, fill="#efe8dc"
    )
    return picture


def _stretched(picture: Image.Image, middle: tuple[float, float], reach: tuple[float, float], by: float) -> Image.Image:
    """What lies within reach of a point moved up or down, most in the middle and not at all at the rim; parts of the side."""
    side, steps = picture.width, 16
    (x, y), (across, down) = ((part * side for part in pair) for pair in (middle, reach))

    def source(column: int, row: int) -> tuple[float, float]:
        right, below = 2 * column / steps - 1, 2 * row / steps - 1
        weight = max(0.0, 1 - math.hypot(right, below)) ** 1.5
        return x + across * right, y + down * (below + by * weight)

    mesh = []
    for column in range(steps):
        for row in range(steps):
            box = [round(x + across * (2 * (column + end) / steps - 1)) for end in (0, 1)]
            span = [round(y + down * (2 * (row + end) / steps - 1)) for end in (0, 1)]
            corners = [source(column + dx, row + dy) for dx, dy in ((0, 0), (0, 1), (1, 1), (1, 0))]
            mesh.append(((box[0], span[0], box[1], span[1]), tuple(part for corner in corners for part in corner)))
    whole = (0, 0, round(x - across), side)
    rest = [whole, (round(x + across), 0, side, side), (whole[2], 0, round(x + across), round(y - down))]
    rest.append((whole[2], round(y + down), round(x + across), side))
    for left, top, right, bottom in rest:
        if right > left and bottom > top:
            mesh.append(((left, top, right, bottom), (left, top, left, bottom, right, bottom, right, top)))
    return picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)


# What happens in a face: neither done to scenes, nor told apart by a person in a thumbnail of 72 pixels or less.
IN_A_FACE: dict[str, Edit] = {
    "another expression": _expression,
    "glasses on or off": _glasses,
    "retouched": _retouched,
}
DIFFERENT: dict[str, Edit] = {
    "another person": _another,
    "another photo of the person": _another_day,
    "another pose, same wall": _pose,
    "another face, same body": _other_face,
    "mirrored": _mirrored,
    "cropped 20% or more": _cropped,
    "recoloured": _recoloured,
    "without its colours": _colourless,
    "relit": _relit,
    "a badge": _badge,
    "a frame": _framed,
    "a colour filter": _filtered,
    "a ring": _ring,
    "another wall": _new_wall,
    "placeholder": _placeholder,
}
HARD = ("mirrored", "cropped 20% or more", "a colour filter", "a badge", "a ring", "a frame", "another wall")
