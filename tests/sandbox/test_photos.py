"""The photos of the pretend tenant's people."""

from __future__ import annotations

from sandbox.photos import VARIANTS, photo
from sandbox.portraits import portrait
from sandbox.world import PEOPLE
from tools.portraits import drawn


def test_every_photo_that_a_story_needs_is_there_as_a_file() -> None:
    made = {path.name for path, _ in drawn() if path.is_file()}
    assert {f"{one.id}-{variant}.webp" for one in PEOPLE for variant in range(VARIANTS)} <= made


def test_a_person_of_whom_there_is_no_file_is_drawn() -> None:
    assert photo("nobody").tobytes() == portrait("nobody").tobytes()
