"""What holds of the comparison whatever the pictures are; a slice of `make photos-eval` and of `make fuzz-photos`."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from benchmarks.photos import fuzz
from benchmarks.photos.different import DIFFERENT, IN_A_FACE
from benchmarks.photos.files import ADOBE_RGB, jpeg, ours, theirs
from benchmarks.photos.same import SAME
from benchmarks.photos.subjects import Subject, drawn
from bot.photos.comparison import compare
from bot.photos.decode import REFUSALS
from tests.scripted import jpeg as stored


@functools.cache
def people() -> tuple[Subject, ...]:
    return tuple(drawn(6))


@pytest.mark.parametrize("kind", SAME)
def test_a_photo_stays_the_same_one_on_its_way_to_sharepoint(kind: str) -> None:
    for number, subject in enumerate(people()):
        assert compare(*SAME[kind](subject, random.Random(number))).verdict != "different"


@pytest.mark.parametrize("kind", DIFFERENT)
def test_another_photo_is_never_taken_for_the_same(kind: str) -> None:
    for number, subject in enumerate(people()):
        dice = random.Random(number)
        other = DIFFERENT[kind](subject, dice, list(people()))
        assert compare(ours(subject.picture, dice), theirs(other, dice, 0.01)).verdict != "same"


@pytest.mark.parametrize("kind", IN_A_FACE)
def test_what_changed_in_a_face_is_seen_in_a_usual_thumbnail(kind: str) -> None:
    for number, subject in enumerate(people()):
        dice = random.Random(number)
        other = IN_A_FACE[kind](subject, dice, list(people()))
        assert compare(ours(subject.picture, dice, (360, 648)), theirs(other, dice, 0.01, (200, 300))).verdict != "same"


@settings(max_examples=50)
@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 10**6))
def test_the_order_of_the_two_does_not_matter(one: int, other: int, seed: int) -> None:
    dice = random.Random(seed)
    first, second = ours(people()[one].picture, dice), theirs(people()[other].picture, dice, 0.05)
    there, back = compare(first, second), compare(second, first)
    assert (there.verdict, there.similarity, there.sizes) == (back.verdict, back.similarity, back.sizes[::-1])


@settings(max_examples=40)
@given(st.integers(0, 5), st.integers(0, 10**6))
def test_the_same_bytes_are_always_the_same(one: int, seed: int) -> None:
    file = ours(people()[one].picture, random.Random(seed))
    assert (compare(file, file).verdict, compare(file, file).similarity) == ("same", 1.0)


def badged(picture: Image.Image, strength: float) -> Image.Image:
    copy, end = picture.copy(), 0.03 + 0.4 * strength
    box = tuple(round(part * picture.width) for part in (0.03, 0.03, end, end))
    ImageDraw.Draw(copy).ellipse(box, fill="#1e7d34")
    return copy


def cast(picture: Image.Image, strength: float) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size, "#2060c0"), strength)


def darkened(picture: Image.Image, strength: float) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(1 - strength)


def double_exposed(picture: Image.Image, strength: float) -> Image.Image:
    return Image.blend(picture, people()[4].picture, strength)


STRENGTHS = (0, 0.05, 0.1, 0.2, 0.35, 0.5)


# from which strength on nobody calls it the same photo
@pytest.mark.parametrize(("edit", "seen"), [(badged, 0.2), (cast, 0.2), (darkened, 0.1), (double_exposed, 0.1)])
def test_the_stronger_an_edit_is_the_less_alike_a_photo_becomes(edit: Callable[..., Image.Image], seen: float) -> None:
    for subject in people()[:4]:
        mine = stored(subject.picture, 360)
        found = [compare(mine, stored(edit(subject.picture, strength), 300)) for strength in STRENGTHS]
        alike = [one.similarity for one in found]
        assert all(after <= before + 0.01 for before, after in itertools.pairwise(alike))
        assert all(one.verdict != "same" for one, strength in zip(found, STRENGTHS, strict=True) if strength >= seen)
        assert (alike[0] > 0.95, alike[-1] < 0.05) == (True, True)


@pytest.mark.filterwarnings("ignore")  # Pillow tells of damaged metadata in warnings
@pytest.mark.parametrize("seed", range(2))
def test_damaged_files_are_refused_or_compared(seed: int) -> None:
    dice, sound = random.Random(seed), fuzz.files()
    for _ in range(300):
        assert fuzz.outcome(sound[0], fuzz.mutated(dice.choice(sound), dice)) in (
            *REFUSALS,
            "same",
            "different",
            "unsure",
        )


def test_a_dropped_profile_is_forgiven_but_only_where_there_was_one() -> None:
    picture = people()[1].picture
    plain, wide = jpeg(picture, random.Random(1), 90), jpeg(picture, random.Random(1), 90, icc_profile=ADOBE_RGB)
    assert compare(plain, wide).verdict == compare(wide, plain).verdict == "same"
    red, green, blue = picture.split()
    assert compare(wide, stored(Image.merge("RGB", (green, red, blue)), 300)).verdict == "different"


def test_a_dull_photo_has_to_be_more_alike() -> None:
    grey = Image.new("RGB", (300, 300), "#303030")
    spotted = grey.copy()
    spotted.paste("#4a4a4a", (100, 100, 130, 130))
    assert compare(stored(grey), stored(spotted)).verdict == "different"
