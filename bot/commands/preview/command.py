"""The command: writes the page, then a picture of each of its sections."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from bot import resources
from bot.cards.render import CardSetting
from bot.commands.preview import browser
from bot.commands.preview.browser import BrowserFailed
from bot.commands.preview.needs import CHAT
from bot.commands.preview.pages import NoRenderer, Page, page
from bot.commands.preview.samples import sections
from bot.commands.terminal import complain
from bot.languages import packaged, tags, topic_files
from bot.languages.catalogs import CatalogError, Languages
from bot.languages.folder import meant
from bot.languages.pseudo import ACCENTED, MIRRORED, with_pseudo
from dialogs.library import LibraryError

_WIDTH = 1730  # pixels: two cards in both widths beside each other
_WINDOW_CHROME = 200  # what a window may take of its own height


def preview(
    tag: str, folder: Path | None, over: Path | None, only: Sequence[str] = (), topics: Path | None = None
) -> int:
    """Show one of the packaged languages and those laid `over` them, or a pseudo-language; returns the exit status.

    `only` names the sections to show, instead of all of them; `topics` is a folder of topic files laid over the
    packaged ones, drafts too.
    """
    pictures = resources.illustrations()
    try:
        spoken = packaged.languages(over, drafts=True)
        found = topic_files.topics(spoken, pictures, topics, drafts=True)
    except (CatalogError, LibraryError) as error:
        return complain(str(error), status=1)
    known = {ACCENTED, MIRRORED}
    if tag not in known and (broken := _not_used(tag, spoken)):
        return complain(f"{broken} cannot be used; photosync locales check {tag} says why", status=1)
    chosen = tag if tag in known else spoken.nearest(tag)
    if not chosen:
        return complain(
            f"there is no language {tag!r}; there are {', '.join((*spoken.tags, *sorted(known)))}", status=2
        )
    library = found.library
    there = sections(library)
    if unknown := sorted({*only}.difference(there)):
        return complain(f"there is no section {unknown[0]!r}; there are {', '.join(there)}", status=2)
    translations = with_pseudo(found.translations)
    target = folder or Path(f"preview-{chosen}")
    try:
        made = page(CardSetting(translations, found.pictures, CHAT), library, chosen, only)
        target.mkdir(parents=True, exist_ok=True)
        (target / "index.html").write_text(made.html, encoding="utf-8")
    except NoRenderer as error:
        return complain(str(error), status=1)
    except OSError as error:
        return complain(f"cannot write {error.filename or target}: {error.strerror}", status=1)
    sys.stdout.write(f"{chosen}: {made.shown}\n{target / 'index.html'}\n")
    return _pictures(made, target)


def _not_used(tag: str, spoken: Languages) -> str:
    """The file of a language that is not there because of it; "" if there is none."""
    wanted = tags.of_file(tag)
    if not wanted or wanted in spoken.tags:
        return ""
    named = (problem.partition(":")[0] for problem in spoken.problems)
    return min((name for name in named if meant(Path(name)) == wanted), key=len, default="")  # the plainest name


def _pictures(made: Page, folder: Path) -> int:
    found = browser.executable()
    if found is None:
        return complain("pictures need Chromium, Chrome or Edge; name one in PHOTOSYNC_CHROMIUM", status=0)
    address = (folder / "index.html").resolve().as_uri()
    try:
        sizes = _sizes(browser.content(found, f"{address}#sizes", (_WIDTH, 1000)))
        for section, height in zip(made.sections, sizes, strict=True):
            file = folder / f"{section}.png"
            browser.picture(found, f"{address}#{section}", (_WIDTH, height + _WINDOW_CHROME), file)
            _crop(file, height)
            sys.stdout.write(f"{file}\n")
    except (BrowserFailed, ValueError) as error:
        return complain(f"no pictures: {error}", status=1)
    return 0


def _sizes(content: str) -> list[int]:
    """The heights that the page reported, one for each section."""
    found = re.search(r'<pre id="sizes">([\d ]+)</pre>', html.unescape(content))
    if found is None:
        raise BrowserFailed("the page did not draw its cards")
    return [int(part) for part in found[1].split()]


def _crop(file: Path, height: int) -> None:
    with Image.open(file) as shot:
        picture = shot.convert("RGB").crop((0, 0, shot.width, min(height, shot.height)))
    picture.save(file)
