"""What Teams asks of an app package beyond what can go wrong in the template: checked each time one is built.

From the manifest schema 1.19 and the design rules for icons (docs/facts.md: color 192 x 192, outline 32 x 32, white on
transparent). Each rule yields one line for each thing that is wrong.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator

from PIL import Image, UnidentifiedImageError

from bot.app_package.build import AppPackage

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VERSION = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}")
_LONGEST_VERSION = 256
_TAG = re.compile(r"[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,2}")
# The end of where a sentence stands -> how long Teams lets it be.
_LONGEST = {
    "name.short": 30,
    "name.full": 100,
    "description.short": 80,
    "description.full": 4000,
    "].title": 32,
    "].description": 128,
}
_COLOR, _OUTLINE = (192, 192), (32, 32)


def problems(package: AppPackage) -> tuple[str, ...]:
    """Every reason for which Teams would not take the package, or show it badly."""
    return tuple(line for rule in _RULES for line in rule(package))


def _identity(package: AppPackage) -> Iterator[str]:
    app_id, version = package.manifest["id"], package.manifest["version"]
    if not _GUID.fullmatch(app_id):
        yield "MicrosoftAppId is not of the form 00000000-0000-0000-0000-000000000000"
    if not _VERSION.fullmatch(version):
        yield f"the app's version is {version}, and has to be three numbers such as 1.0.0"
    if len(version) > _LONGEST_VERSION:
        yield f"the app's version has {len(version)} characters, and Teams takes {_LONGEST_VERSION}"


def _names(package: AppPackage) -> Iterator[str]:
    """What the installation calls itself: the settings are named, since nothing else can be wrong there."""
    manifest = package.manifest
    given = (
        ("PHOTOSYNC_APP_NAME", manifest["name"]["short"], 30),
        ("PHOTOSYNC_APP_DEVELOPER", manifest["developer"]["name"], 32),
    )
    for setting, text, longest in given:
        letters = len(text.encode("utf-16-le")) // 2
        if letters > longest:
            yield f"{setting} has {letters} characters, and Teams takes {longest}"


def _tags(package: AppPackage) -> Iterator[str]:
    info = package.manifest["localizationInfo"]
    tags = [info["defaultLanguageTag"], *(one["languageTag"] for one in info["additionalLanguages"])]
    yield from (f"{tag}.po: Teams takes no language tag like {tag}" for tag in tags if not _TAG.fullmatch(tag))
    counted = Counter(tag.lower() for tag in tags)
    yield from (f"there are {count} files of the language {tag}" for tag, count in counted.items() if count > 1)


def _lengths(package: AppPackage) -> Iterator[str]:
    for tag, sentences in package.sentences.items():
        named = set()
        for where, sentence in sentences.items():
            longest = next(limit for end, limit in _LONGEST.items() if where.endswith(end))
            # As Teams counts, in UTF-16: an emoji is two.
            letters, key = len(sentence.encode("utf-16-le")) // 2, package.keys[where]
            if letters > longest and key not in named:
                named.add(key)
                yield f"{tag}.po: {key} has {letters} characters, and Teams takes {longest}"
            if not sentence.strip():
                yield f"{tag}.po: {key} is blank"


def _commands(package: AppPackage) -> Iterator[str]:
    """Teams sends the title of the command that was chosen: two of one title cannot be distinguished."""
    for tag, sentences in package.sentences.items():
        titles = Counter(text.strip().casefold() for where, text in sentences.items() if where.endswith("].title"))
        yield from (f'{tag}.po: {count} commands are called "{title}"' for title, count in titles.items() if count > 1)


def _icons(package: AppPackage) -> Iterator[str]:
    names = package.manifest["icons"]
    for name, size, rule in ((names["color"], _COLOR, None), (names["outline"], _OUTLINE, _white_on_transparent)):
        try:
            image = Image.open(io.BytesIO(package.icons.get(name, b"")), formats=["PNG"])
            if image.size != size:
                yield f"{name} has {image.width} x {image.height} pixels, and has to have {size[0]} x {size[1]}"
            elif rule and (wrong := rule(image.convert("RGBA"))):
                yield f"{name} {wrong}"
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            yield f"{name} is not a PNG picture"


def _white_on_transparent(image: Image.Image) -> str:
    data = image.tobytes()
    pixels = {(data[at : at + 3], data[at + 3]) for at in range(0, len(data), 4)}  # colour, opacity
    if any(colour != b"\xff\xff\xff" for colour, opacity in pixels if opacity):
        return "shows another colour than white"
    opacities = {opacity for _, opacity in pixels}
    if 0 not in opacities:
        return "has no transparent part"
    if 255 not in opacities:
        return "shows nothing"
    return ""


_RULES: tuple[Callable[[AppPackage], Iterator[str]], ...] = (_identity, _names, _tags, _lengths, _commands, _icons)
