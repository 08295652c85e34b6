"""The photos of the pretend tenant's people."""

from __future__ import annotations

import pytest

from bot.photos.comparison import compare
from sandbox.encoding import jpeg
from sandbox.photos import VARIANTS, photo
from sandbox.portraits import portrait
from sandbox.world import PEOPLE, World
from tools.portraits import drawn


def test_every_photo_that_a_story_needs_is_there_as_a_file() -> None:
    made = {path.name for path, _ in drawn() if path.is_file()}
    assert {f"{one.id}-{variant}.webp" for one in PEOPLE for variant in range(VARIANTS)} <= made


def test_a_person_of_whom_there_is_no_file_is_drawn() -> None:
    assert photo("nobody").tobytes() == portrait("nobody").tobytes()


@pytest.mark.parametrize("letter", ["L", "M", "S"])
def test_the_person_whose_photos_are_too_close_to_call_has_them_so_in_every_size(letter: str) -> None:
    held = World().holdings(next(one.id for one in PEOPLE if one.story == "close"))
    (copy,) = held.copies.values()
    assert held.photo.picture is not None
    assert compare(jpeg(held.photo.picture, (360, 360), quality=90), copy.files[letter]).verdict == "unsure"
