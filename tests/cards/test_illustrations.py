"""What is drawn for this project: as its code draws it, small enough for a card, right for Teams."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot import resources
from tools import draw

LARGEST = 6_000  # bytes: with the card's own text well under what Teams takes
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_the_committed_pictures_are_what_the_code_draws() -> None:
    assert [file.name for file, wanted in draw.drawn().items() if draw.differs(file, wanted)] == []


@pytest.mark.parametrize("name", [*draw.SCENES, *(f"{name}.rtl" for name in draw.DIRECTED), "no_photo"])
def test_an_illustration_is_small_and_of_a_size_that_teams_shows(name: str) -> None:
    data = resources.illustrations()[name]
    picture = Image.open(io.BytesIO(data))
    assert len(data) <= LARGEST
    assert max(picture.size) <= 1024
    assert picture.format == "PNG"


def test_the_circle_is_at_the_top_left_of_a_mirrored_page() -> None:
    marked = {}
    for name in ("circle", "circle.rtl"):
        picture = Image.open(io.BytesIO(resources.illustrations()[name])).convert("RGBA")
        warm = [x for x in range(picture.width) if _is_warm(picture.getpixel((x, 57)))]
        marked[name] = sum(warm) / len(warm) / picture.width
    assert marked["circle"] > 0.7
    assert marked["circle.rtl"] < 0.3


def _is_warm(pixel: float | tuple[int, ...] | None) -> bool:
    return isinstance(pixel, tuple) and pixel[0] - pixel[2] > 100


def test_the_app_icons_are_as_teams_wants_them() -> None:
    color = Image.open(io.BytesIO((ROOT / "manifest/color.png").read_bytes()))
    outline = Image.open(io.BytesIO((ROOT / "manifest/outline.png").read_bytes())).convert("RGBA")
    assert (color.size, outline.size) == ((192, 192), (32, 32))
    colours = outline.getcolors(4096)
    assert colours is not None
    assert {pixel[:3] for _, pixel in colours} == {(255, 255, 255)}
    assert min(pixel[3] for _, pixel in colours) == 0
