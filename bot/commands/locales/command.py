"""`photosync locales`: its commands, over the packaged files and an installation's own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.commands.configuration import environment
from bot.commands.locales import coverage, new
from bot.commands.locales.check import check
from bot.commands.locales.folders import Folders, folders
from bot.commands.locales.sync import sync
from bot.commands.preview.command import preview
from bot.resources import LOCALES


def add(parser: argparse.ArgumentParser) -> None:
    """The commands and their arguments."""
    parser.epilog = (
        "The files are those of PHOTOSYNC_LOCALES_DIR, laid over the packaged ones; docs/languages.md is a guide."
    )
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, line: str, run: Callable[[argparse.Namespace], int]) -> Any:
        one = kinds.add_parser(name, help=line)
        one.set_defaults(run=run)
        return one

    command(
        "list",
        "every language: coverage, cards that people see, plural forms",
        lambda chosen: coverage.show(_folders(chosen)),
    )
    begin = command("new", "a file ready to be translated", _new)
    begin.add_argument("tag", metavar="TAG", help="the language, such as ca or eu")
    like = begin.add_mutually_exclusive_group()
    like.add_argument(
        "--from", metavar="TAG", dest="near", default="", help="begin with the texts of a language near to it"
    )
    like.add_argument(
        "--variant-of", metavar="TAG", dest="base", default="", help="with only what differs from that language"
    )
    begin.add_argument("--draft", action="store_true", help="only the people of PHOTOSYNC_PILOT get it")
    lint = command(
        "check",
        "what is wrong, with line numbers; exit status 1 if anything is an error",
        lambda chosen: check(_folders(chosen), chosen.tag),
    )
    lint.add_argument("tag", metavar="TAG", nargs="?", default="", help="one language; without it all")
    update = command(
        "sync",
        "bring changed and new English texts into every language's file",
        lambda chosen: sync(_folders(chosen), chosen.reworded),
    )
    update.add_argument(
        "--reworded",
        metavar="KEY",
        nargs="+",
        default=(),
        help="entries whose English means what it meant, or all: their translations hold",
    )
    show = command("preview", "every card of a language as a page and as pictures", _preview)
    show.add_argument("tag", metavar="TAG", help="such as sv or zh-Hant; qps-ploc, qps-plocm: pseudo-languages")
    show.add_argument("--out", metavar="DIR", type=Path, help="where to (default preview-TAG)")
    show.add_argument("--section", metavar="NAME", action="append", default=[], help="only these cards, such as look")

    attempt = command("try", "what is understood: sentences on standard input, a JSON object a line", _attempt)
    attempt.add_argument("tag", metavar="TAG", help="the language of the person who writes")
    attempt.add_argument("--step", default="", help="the card they see, as a button's data.step names it")

    command("unknown", "sentences that were not understood, by PHOTOSYNC_KEEP_UNKNOWN", _unknown)


def _new(chosen: argparse.Namespace) -> int:
    return new.create(_folders(chosen), chosen.tag, near=chosen.near, base=chosen.base, draft=chosen.draft)


def _own(chosen: argparse.Namespace) -> str:
    """The one setting that matters to translators, who have no registration."""
    return environment(chosen).get("PHOTOSYNC_LOCALES_DIR", "").strip()


def _folders(chosen: argparse.Namespace) -> Folders:
    return folders(LOCALES, _own(chosen))


def _preview(chosen: argparse.Namespace) -> int:
    topics = environment(chosen).get("PHOTOSYNC_TOPICS_DIR", "").strip()
    own = Path(_own(chosen)) if _own(chosen) else None
    return preview(chosen.tag, chosen.out, own, chosen.section, Path(topics) if topics else None)


def _attempt(chosen: argparse.Namespace) -> int:
    from bot.commands.locales.trial import attempt  # noqa: PLC0415 - the other commands need no topics

    return attempt(chosen.tag, chosen.step, Path(_own(chosen)) if _own(chosen) else None, sys.stdin)


def _unknown(chosen: argparse.Namespace) -> int:
    from bot.commands.locales.unknown import show  # noqa: PLC0415 - the other commands need no settings

    return show(environment(chosen))
