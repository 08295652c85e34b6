"""What helps where two photos are too close to call: the other files of either side, and a picture of what differs."""

from __future__ import annotations

import functools
import io

import pytest
from PIL import Image, ImageDraw

from bot.errors import NotAPicture
from bot.photos.comparison import marked, most_decisive
from sandbox.portraits import portrait as drawn
from tests.scripted import jpeg

portrait = functools.cache(drawn)


def badged(picture: Image.Image) -> Image.Image:
    copy = picture.copy()
    ImageDraw.Draw(copy).ellipse((520, 520, 620, 620), fill="#1e7d34")
    return copy


def test_a_thumbnail_that_shows_too_little_is_overruled_by_the_larger_file() -> None:
    ours, copy = portrait("person-1"), badged(portrait("person-1"))
    found = most_decisive([jpeg(ours, 48), jpeg(ours, 648)], [jpeg(copy, 48), jpeg(copy, 300)])
    assert (found.verdict, found.sizes) == ("different", ((648, 648), (300, 300)))


def test_a_file_that_is_no_picture_does_not_spoil_the_others() -> None:
    ours = portrait("person-2")
    assert most_decisive([b"<html>", jpeg(ours, 360)], [jpeg(ours, 300), b""]).verdict == "same"
    with pytest.raises(NotAPicture):
        most_decisive([b"<html>"], [jpeg(ours, 300)])


def red_share(file: bytes, box: tuple[int, int, int, int]) -> float:
    with Image.open(io.BytesIO(file)) as picture:
        red, green, _ = picture.convert("RGB").crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    return (red - green) / 255


def test_what_differs_is_marked_and_nothing_else() -> None:
    ours, copy = jpeg(portrait("person-1"), 360), jpeg(badged(portrait("person-1")), 300)
    file = marked(ours, copy)
    assert len(file) <= 3_500
    assert red_share(file, (121, 121, 143, 143)) > 0.2
    assert abs(red_share(file, (0, 0, 112, 112))) < 0.02
    assert abs(red_share(marked(ours, jpeg(portrait("person-1"), 300)), (0, 0, 150, 150))) < 0.02
