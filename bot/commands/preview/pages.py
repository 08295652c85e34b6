"""Every card of a language -> one HTML page that needs nothing beside it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from bot import resources
from bot.cards import render
from bot.cards.render import CardSetting, Photos
from bot.commands.preview.needs import CardCoverage, needs, shown
from bot.commands.preview.samples import Sample, samples
from bot.photos.comparison import marked
from dialogs.library import Library

_HERE = Path(__file__).resolve().parent
_LONGEST_TITLE = 40  # letters of a button, as the catalogs tell translators
_LEGEND = (
    "Each card as wide as on a desktop and as on a small phone, with what is behind the three dots below it. Marked in "
    "red: button titles that Teams would cut or that are too long, and what is wider than its card."
)
# Where the illustration of the menu has its two portraits.
_PORTRAITS = ((170, 58, 288, 176), (352, 58, 470, 176))
_COPIED = datetime(2026, 3, 9, 12, tzinfo=UTC)
_NAMES = {False: "Ada O'Neil", True: "عمر الخطيب"}


class NoRenderer(Exception):
    """Cards cannot be drawn on this machine; says what to do."""


@dataclass(frozen=True)
class Page:
    """The page, and the sections that can be shown alone by `#SECTION`."""

    html: str
    sections: tuple[str, ...]
    shown: CardCoverage  # of all cards, whichever sections are drawn


def page(setting: CardSetting, library: Library, tag: str, only: Collection[str] = ()) -> Page:
    """Every card of a language of the setting's, or those of some sections `only`. Raises `NoRenderer`."""
    language = setting.translations.catalogs[tag]
    found = shown(needs(setting, library), language.entries.keys())
    sections: dict[str, list[dict[str, Any]]] = {}
    for sample in samples(library, tag):
        if only and sample.section not in only:
            continue
        lacking = found.lacking.get(sample.name, ())
        sections.setdefault(sample.section, []).append(_drawn(setting, sample, lacking))
    content = {
        "tag": tag,
        "name": language.name,
        "legend": f"{_LEGEND} {str(found).capitalize()}.",
        "longest": _LONGEST_TITLE,
        "sections": [{"id": name, "samples": drawn} for name, drawn in sections.items()],
    }
    return Page(_html(content), tuple(sections), found)


def _drawn(setting: CardSetting, sample: Sample, lacking: Sequence[str]) -> dict[str, Any]:
    # A name of the other direction shows whether it keeps to itself.
    name = _NAMES[not setting.translations.catalogs[sample.content.locale].rtl]
    photos = _photos(setting.illustrations["welcome"])
    if sample.same:
        photos = replace(photos, sharepoint=photos.microsoft365)
    if "microsoft365" in sample.absent:
        photos = replace(photos, microsoft365=None)
    if "sharepoint" in sample.absent:
        photos = replace(photos, sharepoint=None)
    message = render.message(setting, sample.content, name=name, photos=photos)
    problem = f"Not whole in this language, so people get it in {message.locale}. Missing: {', '.join(lacking)}."
    return {
        "name": sample.name,
        "card": message.card,
        "problem": "" if message.locale == sample.content.locale else problem,
    }


@cache
def _photos(welcome: bytes) -> Photos:
    with Image.open(io.BytesIO(welcome)) as picture:
        ours, theirs = (_jpeg(picture.convert("RGBA").crop(box).convert("RGB")) for box in _PORTRAITS)
    return Photos(ours, theirs, _COPIED, difference=marked(ours, theirs))


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def _html(shown: Mapping[str, Any]) -> str:
    files = _renderer()
    styles = [_text(path) for name, path in files.items() if name.endswith(".css")]
    scripts = [_text(path) for name, path in files.items() if name.endswith(".js")]
    parts = {
        "styles": "\n".join([*styles, _text(_HERE / "page.css")]),
        "cards": json.dumps(shown, ensure_ascii=False).replace("<", "\\u003c"),
        "scripts": "\n".join(f"<script>{_inline(text)}</script>" for text in [*scripts, _text(_HERE / "page.js")]),
    }
    html = _text(_HERE / "page.html")
    for name in ("styles", "scripts", "cards"):
        html = html.replace(f"{{{name}}}", parts[name], 1)
    return html


def _inline(script: str) -> str:
    return script.replace("</script", "<\\/script")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _renderer() -> dict[str, Path]:
    """What draws a card on a page. The sandbox is another program: it is asked, not imported."""
    command = [sys.executable, "-P", str(resources.RENDERER), "--where"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own file
    if done.returncode != 0:
        raise NoRenderer(done.stderr.strip().removeprefix("photosync: "))
    return {name: Path(path) for name, path in json.loads(done.stdout).items()}
