"""Microsoft's own JSON schemas of Teams app packages, and axe: npm packages, installed by a lock file, never committed.

`python -m tests.official` installs them, which the set-up does; validating needs no network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft4Validator, validators
from referencing import Registry, Resource

from sandbox.renderer import RendererMissing, npm

FOLDER = Path(__file__).resolve().parent / "schemas"
PACKAGE = "node_modules/@microsoft/app-manifest"
AXE = FOLDER / "node_modules/axe-core/axe.min.js"  # a script that finds barriers on the page it is run in
SCHEMAS = FOLDER / PACKAGE / "build/json-schemas"


def installed() -> bool:
    """Whether the locked versions are there."""
    packages = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name in (PACKAGE, "node_modules/axe-core"):
        found = FOLDER / name / "package.json"
        if not found.is_file() or json.loads(found.read_text(encoding="utf-8"))["version"] != packages[name]["version"]:
            return False
    return True


def install() -> None:
    """Install unless that is done."""
    if not installed():
        command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=FOLDER, check=True)


def wrong(document: dict[str, Any]) -> list[str]:
    """What the schema that a document names in `$schema` says against it, one line each."""
    schema = json.loads(stored(document["$schema"]))
    kind = validators.validator_for(schema, default=Draft4Validator)
    registry: Registry[Any] = Registry(retrieve=lambda address: Resource.from_contents(json.loads(stored(address))))
    checker = kind(schema, registry=registry, format_checker=kind.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(document)]


def stored(address: str) -> str:
    """A schema by its public address, from the installed package. Raises OSError if there is none."""
    path = urlsplit(address).path.rpartition("/json-schemas/")[2]
    return (SCHEMAS / path).read_text(encoding="utf-8-sig")


def main() -> int:
    """`python -m tests.official` -> exit status."""
    try:
        install()
    except (RendererMissing, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"Microsoft's schemas and axe could not be installed: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
