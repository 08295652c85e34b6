"""`photosync manifest`: the Teams app package as a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from bot import resources
from bot.app_package.build import AppPackage, NoPackage, branded, build, zipped
from bot.app_package.rules import problems
from bot.commands.configuration import load
from bot.commands.terminal import complain, public_host
from bot.languages import packaged
from bot.languages.catalogs import CatalogError
from bot.settings import Settings, Use

# A name that can never be anybody's (RFC 2606).
PLACEHOLDER_HOST = "photosync.example"


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--out", metavar="FILE", type=Path, default=Path("photosync.zip"), help="default %(default)s")
    parser.add_argument(
        "--host",
        type=public_host,
        help="where the app's website, /privacy and /terms are, without https:// (default PHOTOSYNC_PAGE_URL)",
    )
    parser.add_argument(
        "--app-version",
        metavar="X.Y.Z",
        default=version("photosync-teams-bot"),
        help="Teams wants a higher one with each upload (default %(default)s)",
    )
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    """Build, check, write; returns 0, or 1 with one line for each reason why there is no package."""
    settings, out = load(Use.PACKAGE, chosen), chosen.out
    host = chosen.host or _of_pages(settings)
    values = {"app_id": settings.app_id, "host": host or PLACEHOLDER_HOST, "version": chosen.app_version}
    try:
        package = checked(settings, values)
    except NoPackage as error:
        return complain(*error.problems)
    except CatalogError as error:
        return complain(str(error))
    content = zipped(package.files())
    try:
        out.write_bytes(content)
    except OSError as error:
        return complain(f"{out} cannot be written: {error.strerror}")
    for tag, keys in package.in_english.items():
        complain(f"{tag}: English in place of {', '.join(keys)}")
    if not host:
        complain(
            f"the links to website, privacy and terms lead to {PLACEHOLDER_HOST}; "
            "--host or PHOTOSYNC_PAGE_URL names yours"
        )
    sys.stdout.write(
        f"{out}: version {chosen.app_version}, {len(package.sentences)} languages, {len(content):,} bytes\n"
    )
    return 0


def _of_pages(settings: Settings) -> str:
    """The host of our own pages, "" where there are none that others could open."""
    https, _, host = settings.page_url.partition("://")
    return host if https == "https" else ""


def checked(settings: Settings, values: Mapping[str, str]) -> AppPackage:
    """The package of this installation. Raises `NoPackage` with everything that Teams would refuse."""
    languages = packaged.languages(settings.locales_dir)
    source, own = branded(resources.manifest(), settings)
    package = build(source, languages, {**values, **own})
    # A sentence of the package that is not used as it stands in a file would be missing without a word.
    faults = [one for one in languages.faults if any(f": {key}: " in one for key in package.keys.values())]
    wrong = (*languages.problems, *faults, *problems(package))
    if wrong:
        raise NoPackage(*wrong)
    return package
