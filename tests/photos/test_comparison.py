"""Two pictures: the same one however it was re-encoded, another one however alike, and bytes that are no picture."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, ImageOps

from bot.errors import NotAPicture
from bot.photos.comparison import compare, thumbnails
from bot.photos.decode import LARGEST_FILE, REFUSALS
from bot.photos.placeholders import is_placeholder
from sandbox.portraits import initials, silhouette
from tests.portraits import near, portrait

CLOSE = "0a000000-0000-4000-8000-000000000006"  # the sandbox's person who is too close to call
PEOPLE = [f"person-{number}" for number in range(6)]


def encoded(picture: Image.Image, side: int = 0, kind: str = "JPEG", **how: Any) -> bytes:
    out = io.BytesIO()
    small = picture.resize((side, side), Image.Resampling.LANCZOS) if side else picture
    small.save(out, kind, **({"quality": 75} | how if kind == "JPEG" else how))
    return out.getvalue()


def cropped(picture: Image.Image, part: float) -> Image.Image:
    cut = int(picture.width * part)
    return picture.crop((cut, cut, picture.width - cut, picture.height - cut))


@pytest.mark.parametrize("seed", PEOPLE)
@pytest.mark.parametrize("side", [648, 360, 240, 120])
@pytest.mark.parametrize(
    ("copy", "quality", "crop"), [(300, 75, 0.0), (300, 60, 0.02), (200, 75, 0.01), (200, 60, 0.03)]
)
def test_sharepoints_thumbnail_of_a_photo_is_the_same_picture(
    seed: str, side: int, copy: int, quality: int, crop: float
) -> None:
    ours = encoded(portrait(seed), side, quality=90)
    theirs = encoded(cropped(portrait(seed), crop), copy, quality=quality)
    assert compare(ours, theirs).verdict == "same"


@pytest.mark.parametrize("seed", PEOPLE)
@pytest.mark.parametrize("variant", [1, 2, 3])
def test_another_photo_of_the_same_person_is_another_picture(seed: str, variant: int) -> None:
    ours, theirs = encoded(portrait(seed), 360), encoded(portrait(seed, variant=variant), 300)
    assert compare(ours, theirs).verdict == "different"
    assert compare(theirs, ours).verdict == "different"


@pytest.mark.parametrize("seed", PEOPLE)
def test_a_mirrored_or_recoloured_photo_is_another_picture(seed: str) -> None:
    ours = encoded(portrait(seed), 360)
    red, green, blue = portrait(seed).split()
    assert compare(ours, encoded(Image.merge("RGB", (blue, green, red)), 300)).verdict == "different"
    assert compare(ours, encoded(ImageOps.mirror(portrait(seed)), 300)).verdict != "same"


def test_a_slightly_edited_photo_is_too_close_to_call() -> None:
    assert compare(encoded(portrait(CLOSE), 360), encoded(near(CLOSE, strength=0.8), 300)).verdict == "unsure"


def turned(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned a quarter clockwise
    return encoded(picture.transpose(Image.Transpose.ROTATE_90), quality=90, exif=exif)


def wide_gamut(picture: Image.Image) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return encoded(picture, quality=90, icc_profile=profile.tobytes())


def with_alpha(picture: Image.Image) -> bytes:
    see_through = picture.convert("RGBA")
    see_through.putalpha(255)
    return encoded(see_through, 300, "PNG")


FORMATS = [
    ("turned by EXIF", turned),
    ("with a colour profile", wide_gamut),
    ("CMYK", lambda picture: encoded(picture.convert("CMYK"), 360, quality=90)),
    ("progressive", lambda picture: encoded(picture, 360, quality=90, progressive=True)),
    ("PNG", lambda picture: encoded(picture, 360, "PNG")),
    ("PNG with alpha", with_alpha),
    ("PNG with a palette", lambda picture: encoded(picture.quantize(256), 0, "PNG")),
]


@pytest.mark.parametrize("made", [row[1] for row in FORMATS], ids=[row[0] for row in FORMATS])
def test_every_usual_kind_of_file_is_read_right(made: Any) -> None:
    assert compare(made(portrait("ada")), encoded(portrait("ada"), 300)).verdict == "same"


def test_grey_pictures_of_any_depth_are_read_right() -> None:
    grey = portrait("ada").convert("L")
    deep = Image.frombytes("I;16", grey.size, b"".join(struct.pack("<H", level * 257) for level in grey.tobytes()))
    assert compare(encoded(grey, 360, quality=90), encoded(grey, 300)).verdict == "same"
    assert compare(encoded(deep, 0, "PNG"), encoded(grey, 300)).verdict == "same"


def bomb(width: int, height: int) -> bytes:
    """A small PNG file that unpacks to a huge picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(b"\0" * (width // 8 + 1) * min(height, 4_000), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


GOOD = encoded(portrait("ada"), 300)
NO_PICTURES = [
    ("nothing", b"", "empty"),
    ("a web page", b"<!doctype html><title>Sign in</title>", "unknown format"),
    ("a drawing in SVG", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "unknown format"),
    ("cut off", GOOD[: len(GOOD) // 2], "broken"),
    ("a GIF", encoded(portrait("ada"), 48, "GIF"), "unknown format"),
    ("a WebP", encoded(portrait("ada"), 48, "WEBP"), "unknown format"),
    ("a bomb of 9,000 x 9,000", bomb(9_000, 9_000), "too many pixels"),
    ("a bomb of 30,000 x 30,000", bomb(30_000, 30_000), "too many pixels"),
    ("a line of 1 x 19,999,999", bomb(1, 19_999_999), "too many pixels"),
    ("a line of 19,999,999 x 1", bomb(19_999_999, 1), "too many pixels"),
    ("a strip of 12,001 x 1,000", bomb(12_001, 1_000), "too many pixels"),
    ("a strip of 100 x 12,000", bomb(100, 12_000), "too oblong"),
    ("a strip of 4,001 x 200", bomb(4_001, 200), "too oblong"),
    ("larger than is taken", GOOD + b"\0" * LARGEST_FILE, "too large"),
]


@pytest.mark.parametrize(("data", "reason"), [row[1:] for row in NO_PICTURES], ids=[row[0] for row in NO_PICTURES])
def test_what_is_no_picture_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    for work in (
        lambda: compare(GOOD, data),
        lambda: compare(data, GOOD),
        lambda: thumbnails(data)[0],
        lambda: is_placeholder(data),
    ):
        with pytest.raises(NotAPicture) as refused:
            work()
        assert refused.value.reason == reason


@settings(max_examples=100)
@given(st.binary(max_size=400), st.integers(0, len(GOOD)), st.booleans())
def test_arbitrary_bytes_are_refused_and_nothing_else_happens(noise: bytes, place: int, replacing: bool) -> None:
    damaged = GOOD[:place] + noise + GOOD[place + len(noise) * replacing :]
    for work in (lambda: compare(GOOD, damaged), lambda: is_placeholder(damaged), lambda: thumbnails(damaged)[0]):
        assert refusal_of(work) in ("", *REFUSALS)


def refusal_of(work: Callable[[], object]) -> str:
    """Why it was refused, or "" if it was not; any other exception fails the test."""
    try:
        work()
    except NotAPicture as refused:
        return refused.reason
    return ""


def test_the_grey_silhouette_counts_as_no_photo_and_a_portrait_never() -> None:
    assert is_placeholder(encoded(silhouette(300)))
    for seed in PEOPLE:
        assert not is_placeholder(encoded(portrait(seed), 300))
        assert not is_placeholder(encoded(portrait(seed).convert("L"), 300))


@pytest.mark.parametrize("side", [(648, 648), (500, 333), (48, 48), (20, 400)])
def test_the_picture_for_a_card_is_small_square_and_says_nothing_of_its_origin(side: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x010E] = "my home"
    small = thumbnails(encoded(portrait("ada").resize(side), exif=exif))[0]
    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.format, picture.width == picture.height) == ("JPEG", True)
        assert not picture.getexif()
    assert len(small) <= 7_000


def test_a_noisy_picture_still_fits_on_a_card() -> None:
    noise = Image.effect_noise((400, 400), 120).convert("RGB")
    ImageDraw.Draw(noise).line((0, 0, 400, 400), "red", 9)
    assert len(thumbnails(encoded(noise, quality=95))[0]) <= 7_000


def test_an_initials_tile_is_drawn_for_the_sandbox() -> None:
    assert initials("AO", 72).size == (72, 72)


def drawn(side: int, wall: str, shirt: str) -> Image.Image:
    """An avatar as drawing programs make them: a flat wall, hard edges."""
    picture = Image.new("RGB", (side, side), wall)
    pen, unit = ImageDraw.Draw(picture), side / 100
    for box, colour in (
        ((20, 65, 80, 130), shirt), ((32, 18, 68, 66), "#3c281e"), ((35, 24, 65, 68), "#f0c8aa"),
        ((42, 40, 46, 44), "black"), ((54, 40, 58, 44), "black"),
    ):  # fmt: skip
        pen.ellipse([part * unit for part in box], fill=colour)
    return picture


@pytest.mark.parametrize("side", [300, 333, 500, 700, 1023])
@pytest.mark.parametrize(("wall", "shirt"), [("white", "#c8283c"), ("#ffdc00", "#0000c8"), ("#14a03c", "#ff0000")])
def test_a_drawn_portrait_is_the_same_as_its_thumbnail_whatever_its_size(side: int, wall: str, shirt: str) -> None:
    picture = drawn(side, wall, shirt)
    for ours in (encoded(picture, 0, "PNG"), encoded(picture, quality=90)):
        for theirs in (encoded(picture, 300), encoded(cropped(picture, 0.02), 200)):
            assert compare(ours, theirs).verdict == "same"
    other = encoded(drawn(side, wall, "#209020"), 300)
    assert compare(encoded(picture, 0, "PNG"), other).verdict == "different"


def on(wall: str, front: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", front.size, wall), front).convert("RGB")


def cut_out() -> Image.Image:
    """A portrait whose wall was taken away."""
    picture = portrait("ada").convert("RGBA")
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).ellipse((150, 80, 500, 700), fill=255)
    picture.putalpha(mask)
    return picture


@pytest.mark.parametrize("wall", ["white", "black"])
@pytest.mark.parametrize("kind", ["alpha", "palette", "palette the other way"])
def test_transparency_is_the_same_picture_on_white_and_on_black(wall: str, kind: str) -> None:
    front = cut_out() if kind == "alpha" else cut_out().quantize(128, method=Image.Quantize.FASTOCTREE)
    ours, theirs = encoded(front, 0, "PNG"), encoded(on(wall, cut_out()), 300)
    if kind == "palette the other way":
        ours, theirs = theirs, ours
    assert compare(ours, theirs).verdict == "same"


def test_transparency_does_not_make_another_picture_the_same() -> None:
    other = portrait("ben").convert("RGBA")
    other.putalpha(cut_out().getchannel("A"))
    for wall in ("white", "black", "#2060c0"):
        assert compare(encoded(cut_out(), 0, "PNG"), encoded(on(wall, other), 300)).verdict == "different"


def framed(picture: Image.Image) -> Image.Image:
    ImageDraw.Draw(picture).rectangle((0, 0, picture.width - 1, picture.height - 1), outline="grey", width=4)
    return picture


def plain(colour: str, size: tuple[int, int] = (300, 300)) -> Image.Image:
    return Image.new("RGB", size, colour)


BLANK = [
    ("white", encoded(plain("white"))),
    ("black", encoded(plain("black"), 0, "PNG")),
    ("a colour", encoded(plain("#b0c4de"), quality=30)),
    ("oblong", encoded(plain("#f3f2f1", (300, 200)))),
    ("with a frame", encoded(framed(plain("white")))),
    ("nothing but transparency", encoded(Image.new("RGBA", (300, 300), (0, 0, 0, 0)), 0, "PNG")),
    ("a grey of one channel", encoded(Image.new("L", (96, 96), 200))),
    ("almost white", encoded(Image.eval(Image.effect_noise((300, 300), 4).convert("RGB"), lambda v: 240 + v // 40))),
]


@pytest.mark.parametrize("data", [row[1] for row in BLANK], ids=[row[0] for row in BLANK])
def test_a_picture_of_one_colour_is_no_photo(data: bytes) -> None:
    assert is_placeholder(data)


def test_a_dark_a_pale_and_a_white_figure_on_transparency_are_photos() -> None:
    figure = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
    ImageDraw.Draw(figure).polygon([(40, 300), (90, 60), (200, 120), (280, 300)], fill="white")
    for picture in (Image.eval(portrait("ada"), lambda level: level // 6), Image.eval(portrait("ada"), lambda level: 215 + level // 6)):  # fmt: skip
        assert not is_placeholder(encoded(picture, 300))
    assert not is_placeholder(encoded(figure, 0, "PNG"))


SIX_AT_ONCE = """
import io, resource, sys, threading
from PIL import Image
from bot.photos.decode import decode
out = io.BytesIO()
picture = Image.new("RGBA", (2_400, 2_400), (9, 8, 7, 255)); picture.putpixel((5, 5), (1, 2, 3, 4)); picture.save(out, "PNG")
del picture
begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
threads = [threading.Thread(target=decode, args=(out.getvalue(), 80)) for _ in range(6)]
for one in threads: one.start()
for one in threads: one.join()
sys.stdout.write(str((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun) // 1024))
"""


def test_six_large_pictures_at_once_take_the_memory_of_one() -> None:
    done = subprocess.run([sys.executable, "-c", SIX_AT_ONCE], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) < 75  # MB, beside what making the file took: one decoded takes 23 and its copy too
