"""`photosync manifest`: the Teams app package as a file."""

from __future__ import annotations

import sys
from pathlib import Path

from bot import resources
from bot.app_package.build import AppPackage, NoPackage, build, zipped
from bot.app_package.rules import problems
from bot.languages import packaged
from bot.languages.catalogs import CatalogError
from bot.settings import Settings

# A name that can never be anybody's (RFC 2606).
PLACEHOLDER_HOST = "photosync.example"


def manifest(settings: Settings, out: Path, *, host: str | None, version: str) -> int:
    """Build, check, write; returns 0, or 1 with one line for each reason why there is no package."""
    try:
        package = _checked(settings, {"app_id": settings.app_id, "host": host or PLACEHOLDER_HOST, "version": version})
    except NoPackage as error:
        return _complain(*error.problems)
    except CatalogError as error:
        return _complain(str(error))
    content = zipped(package.files())
    try:
        out.write_bytes(content)
    except OSError as error:
        return _complain(f"{out} cannot be written: {error.strerror}")
    for tag, keys in package.in_english.items():
        _complain(f"{tag}: English in place of {', '.join(keys)}")
    if not host:
        _complain(f"the links to website, privacy and terms lead to {PLACEHOLDER_HOST}; --host names yours")
    sys.stdout.write(f"{out}: version {version}, {len(package.sentences)} languages, {len(content):,} bytes\n")
    return 0


def _checked(settings: Settings, values: dict[str, str]) -> AppPackage:
    package = build(resources.manifest(), packaged.languages(settings.locales_dir), values)
    wrong = problems(package)
    if wrong:
        raise NoPackage(*wrong)
    return package


def _complain(*lines: str) -> int:
    sys.stderr.writelines(f"photosync: {line}\n" for line in lines)
    return 1
