"""Pictures as they really come: any size and quality, colour profiles, turned, edited by a hair, and files made to hurt."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, ImageEnhance, ImageOps

from benchmarks.photos.files import linear_light
from benchmarks.photos.textured import Moment, textured
from bot.errors import NotAPicture
from bot.photos.comparison import compare, thumbnails
from bot.photos.placeholders import is_placeholder
from sandbox.portraits import initials, silhouette
from tests.portraits import portrait
from tests.scripted import jpeg

PEOPLE = [f"person-{number}" for number in range(8)]
SIZES = (48, 64, 96, 120, 200, 240, 300, 360, 432, 504, 648)


CROPS = st.tuples(st.floats(0, 0.03), st.floats(0, 0.03))


@pytest.mark.long
@settings(max_examples=60)
@given(st.sampled_from(PEOPLE), st.permutations(SIZES), st.integers(60, 95), st.integers(0, 2), CROPS, st.booleans())
def test_however_it_is_stored_a_photo_is_never_another_one(
    seed: str, sides: list[int], quality: int, subsampling: int, crop: tuple[float, float], swapped: bool
) -> None:
    near, far = (int(648 * part) for part in crop)
    part = portrait(seed).crop((near, far, 648 - far, 648 - near))
    pair = [jpeg(portrait(seed), sides[0]), jpeg(part, sides[1], quality=quality, subsampling=subsampling)]
    assert compare(*(reversed(pair) if swapped else pair)).verdict != "different"


@pytest.mark.long
@settings(max_examples=40)
@given(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.integers(0, 3), st.sampled_from(SIZES), st.integers(10, 95))
def test_a_photo_of_somebody_else_is_never_the_same(
    seed: str, other: str, variant: int, side: int, quality: int
) -> None:
    if seed == other and variant == 0:
        return
    theirs = jpeg(portrait(other, variant=variant), side, quality=quality)
    assert compare(jpeg(portrait(seed), 360), theirs).verdict == "different"


@pytest.mark.parametrize("seed", PEOPLE)
def test_the_same_bytes_are_the_same_picture(seed: str) -> None:
    file = jpeg(portrait(seed), 300)
    assert (compare(file, file).verdict, compare(file, file).similarity) == ("same", 1.0)


def face_of(other: str) -> Callable[[Image.Image], Image.Image]:
    """Another face on the same shoulders before the same wall."""

    def swap(picture: Image.Image) -> Image.Image:
        mask = Image.new("L", picture.size, 0)
        ImageDraw.Draw(mask).ellipse((210, 110, 438, 420), fill=255)
        return Image.composite(portrait(other), picture, mask)

    return swap


def recoloured(picture: Image.Image) -> Image.Image:
    hue, *rest = picture.convert("HSV").split()
    return Image.merge("HSV", (hue.point([(level + 40) % 256 for level in range(256)]), *rest)).convert("RGB")


# what was done to the photo
EDITS: list[tuple[str, Callable[[Image.Image], Image.Image]]] = [
    ("another face", face_of("person-7")),
    ("mirrored", ImageOps.mirror),
    ("on its head", ImageOps.flip),
    ("without colour", lambda picture: ImageOps.grayscale(picture).convert("RGB")),
    ("other colours", recoloured),
    ("much brighter", lambda picture: ImageEnhance.Brightness(picture).enhance(1.5)),
    ("much darker", lambda picture: ImageEnhance.Brightness(picture).enhance(0.6)),
    ("a negative", ImageOps.invert),
]


@pytest.mark.parametrize("seed", PEOPLE[:6])
@pytest.mark.parametrize("edit", [row[1] for row in EDITS], ids=[row[0] for row in EDITS])
def test_an_edited_photo_is_another_picture(seed: str, edit: Callable[[Image.Image], Image.Image]) -> None:
    assert compare(jpeg(portrait(seed), 360), jpeg(edit(portrait(seed)), 300, quality=75)).verdict == "different"


def in_the_dark(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(0.2)


def in_fog(picture: Image.Image) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size, (210, 210, 215)), 0.8)


@pytest.mark.parametrize("weather", [in_the_dark, in_fog])
def test_photos_of_little_contrast_are_told_apart_too(weather: Callable[[Image.Image], Image.Image]) -> None:
    for seed, other in itertools.pairwise(PEOPLE):
        ours = jpeg(weather(portrait(seed)), 360)
        assert compare(ours, jpeg(weather(portrait(seed)), 300, quality=75)).verdict != "different"
        assert compare(ours, jpeg(weather(portrait(other)), 300, quality=75)).verdict == "different"


def picked(picture: Image.Image, side: int) -> Image.Image:
    return picture.resize((side, side), Image.Resampling.NEAREST)


@pytest.mark.parametrize("scaled", [picked, linear_light], ids=["pixels left out", "averaged as light"])
def test_a_thumbnail_of_a_fine_pattern_is_the_same_photo_however_it_was_scaled(
    scaled: Callable[[Image.Image, int], Image.Image],
) -> None:
    picture = textured("textured-0").resize((648, 648))
    other = textured("textured-0", Moment(smile=-0.8, shirt=2)).resize((648, 648))
    assert compare(jpeg(picture, 648), jpeg(scaled(picture, 48), 48)).verdict == "same"
    assert compare(jpeg(picture, 648), jpeg(scaled(other, 48), 48)).verdict == "different"


def test_plain_pictures_are_the_same_only_in_the_same_colour() -> None:
    grey, same, red = (jpeg(Image.new("RGB", (300, 300), colour)) for colour in ("#808080", "#828282", "#b04040"))
    assert compare(grey, same).verdict == "same"
    assert compare(grey, red).verdict == "different"


def test_an_oblong_photo_matches_its_thumbnail_cut_square_or_squeezed_square() -> None:
    wide = portrait("person-1").crop((0, 60, 648, 492))
    for square in (ImageOps.fit(wide, (300, 300)), wide.resize((300, 300)), wide.resize((300, 200))):
        assert compare(jpeg(wide), jpeg(square)).verdict == "same"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_shown_the_way_its_camera_was_held(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)  # how Pillow calls the way back
    picture = portrait("person-2") if stored is None else portrait("person-2").transpose(Image.Transpose(stored))
    assert compare(jpeg(picture, 0, exif=exif), jpeg(portrait("person-2"), 300)).verdict == "same"


@pytest.mark.filterwarnings("ignore::UserWarning")  # how Pillow tells of it
def test_metadata_that_cannot_be_read_does_no_harm() -> None:
    for exif in (
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        b"Exif\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\xff\xff\xff\xff\0\0\0\0",
    ):
        assert compare(jpeg(portrait("person-2"), 0, exif=exif), jpeg(portrait("person-2"), 300)).verdict == "same"


def wide_gamut() -> bytes:
    """A colour profile: the primaries of Adobe RGB (1998), gamma 2.2, as ICC.1:2001 writes them."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*values)

    text = b"wide"
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(79),
        b"cprt": b"text" + bytes(4) + b"none\0\0\0\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, bare in tags.items():
        value = bare + bytes(-len(bare) % 4)
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def test_a_photo_in_a_wide_colour_space_matches_its_thumbnail_in_the_usual_one() -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(wide_gamut()))
    for seed in PEOPLE[:4]:
        wide = ImageCms.profileToProfile(portrait(seed), ImageCms.createProfile("sRGB"), profile)
        assert wide is not None
        theirs = jpeg(portrait(seed), 300)
        told = compare(jpeg(wide, 0, icc_profile=wide_gamut()), theirs)
        untold = compare(jpeg(wide, 0, icc_profile=b""), theirs)
        assert told.verdict == "same"
        assert told.similarity > untold.similarity


def test_strong_colours_that_lost_their_profile_on_the_way_are_the_same_photo_and_paler_ones_are_not() -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(wide_gamut()))
    for seed in PEOPLE[:4]:
        strong = ImageEnhance.Color(portrait(seed)).enhance(2.5)
        wide = ImageCms.profileToProfile(strong, ImageCms.createProfile("sRGB"), profile)
        assert wide is not None
        lost = jpeg(wide, 300, icc_profile=b"")
        assert compare(jpeg(strong, 648), lost).verdict == "same"
        assert compare(jpeg(ImageEnhance.Color(strong).enhance(0.4), 648), lost).verdict == "different"


def test_a_colour_profile_that_makes_no_sense_is_passed_over() -> None:
    for profile in (b"no profile", wide_gamut()[:200], b"\0" * 3000):
        ours = jpeg(portrait("person-3"), 0, icc_profile=profile)
        assert compare(ours, jpeg(portrait("person-3"), 300)).verdict == "same"


def saved(pictures: list[Image.Image], kind: str) -> bytes:
    out = io.BytesIO()
    pictures[0].save(out, kind, save_all=True, append_images=pictures[1:])
    return out.getvalue()


TWO = [portrait("person-1", size=64), portrait("person-2", size=64)]
# Each scan of a progressive JPEG is one more pass over all of its pixels.
SCANS = jpeg(Image.new("RGB", (3000, 3000))) + b"\xff\xda" * 30
HURTING = [
    ("an animated PNG", saved(TWO, "PNG"), "animated"),
    ("two photos in one file", saved(TWO, "MPO"), "animated"),
    ("more passes than pixels deserve", SCANS, "too many pixels"),
    ("a GIF", saved(TWO, "GIF"), "unknown format"),
    ("PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unknown format"),
]


@pytest.mark.parametrize(("data", "reason"), [row[1:] for row in HURTING], ids=[row[0] for row in HURTING])
def test_a_file_that_is_not_one_plain_photo_is_refused(data: bytes, reason: str) -> None:
    for work in (is_placeholder, thumbnails, lambda file: compare(file, file)):
        with pytest.raises(NotAPicture) as refused:
            work(data)
        assert refused.value.reason == reason


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (3000, 2), (2, 3), (8, 8), (4000, 4000)])
def test_a_photo_of_any_shape_can_be_looked_at(size: tuple[int, int]) -> None:
    file = jpeg(portrait("person-1").resize(size))
    assert compare(file, file).verdict == "same"
    assert is_placeholder(file) == (min(size) < 8)  # less shows no face
    assert thumbnails(file)[0]


def test_the_sizes_told_are_those_of_the_files() -> None:
    found = compare(jpeg(portrait("person-1")), jpeg(portrait("person-1"), 300))
    assert found.sizes == ((648, 648), (300, 300))
    assert found.formats == ("JPEG", "JPEG")


@pytest.mark.parametrize("side", [48, 72, 96, 200, 300, 648])
@pytest.mark.parametrize("quality", [50, 90])
def test_a_silhouette_is_known_in_every_size(side: int, quality: int) -> None:
    assert is_placeholder(jpeg(silhouette(side), quality=quality))


@pytest.mark.parametrize("text", ["AO", "W", "JB", "MM"])
@pytest.mark.parametrize("side", [120, 240, 300])
def test_a_tile_with_initials_is_a_placeholder(text: str, side: int) -> None:
    assert is_placeholder(jpeg(initials(text, side), quality=90))


def test_a_portrait_is_never_taken_for_a_placeholder() -> None:
    for seed in PEOPLE:
        for variant in range(2):
            picture = portrait(seed, variant=variant)
            assert not is_placeholder(jpeg(picture, 300))
            assert not is_placeholder(jpeg(picture.convert("L"), 300))


def test_nothing_but_the_picture_gets_onto_a_card() -> None:
    exif = Image.Exif()
    exif[0x010E] = "canary"
    told = jpeg(portrait("person-1"), 0, exif=exif, comment=b"canary", xmp=b"<canary/>", icc_profile=wide_gamut())
    assert b"canary" in told
    small = thumbnails(told)[0]
    assert b"canary" not in small
    assert b"ICC_PROFILE" not in small
