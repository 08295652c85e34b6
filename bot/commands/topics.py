"""`photosync topics`: the topic files of an installation, checked like the packaged ones."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bot import resources
from bot.commands.configuration import environment
from bot.commands.terminal import complain
from bot.languages import packaged, topic_files
from bot.languages.catalogs import CatalogError, Languages
from bot.languages.topic_files import Topics
from dialogs import library
from dialogs.library import LibraryError
from dialogs.translations import SOURCE


def add(parser: argparse.ArgumentParser) -> None:
    """The commands and their arguments."""
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = kinds.add_parser(
        "check", help="what is wrong, by file and step; exit status 1 if anything is; drafts are checked too"
    )
    check.add_argument("folder", metavar="DIR", nargs="?", help="the files (default PHOTOSYNC_TOPICS_DIR)")
    check.set_defaults(run=_check)


def _check(chosen: argparse.Namespace) -> int:
    known = environment(chosen)
    named = chosen.folder or known.get("PHOTOSYNC_TOPICS_DIR", "").strip()
    own = Path(named) if named else None
    locales = known.get("PHOTOSYNC_LOCALES_DIR", "").strip()
    try:
        spoken = packaged.languages(Path(locales) if locales else None)
        found = topic_files.topics(spoken, resources.illustrations(), own, drafts=True)
    except LibraryError as error:
        return complain(*error.problems)
    except CatalogError as error:
        return complain(str(error))
    for line in (*_fallbacks(spoken, found), *_outdated(found)):
        sys.stdout.write(f"{line}\n")
    steps = sum(1 for _ in found.library.steps())
    sys.stdout.write(f"{len(found.library.topics)} topics, {steps} steps: nothing is wrong\n")
    return 0


def _fallbacks(spoken: Languages, found: Topics) -> Iterator[str]:
    """Languages in which cards are in English because of the files: they have no text of their own there."""
    for tag, catalog in found.translations.catalogs.items():
        gone = sorted(spoken.translations.catalogs[tag].entries.keys() - catalog.entries.keys())
        new = sorted(
            found.translations.catalogs[SOURCE].entries.keys() - spoken.translations.catalogs[SOURCE].entries.keys()
        )
        lacking = [*gone, *(key for key in new if key not in catalog.entries)]
        if lacking:
            yield f"{tag}: in English, for want of {', '.join(lacking)}"


def _outdated(found: Topics) -> Iterator[str]:
    for step in library.outdated(found.library, datetime.now(UTC).strftime("%Y-%m")):
        yield f"{step.id}: last seen {step.seen}: look whether the screen is still like that"
