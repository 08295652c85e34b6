"""Pictures of a page, made by the Chromium, Chrome or Edge that the machine has: headless, by its command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# The first is Chromium without its windows, at half the cost: a package of its own in Debian.
NAMES = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge", "microsoft-edge-stable", "msedge",
)  # fmt: skip
# Where they are installed without a name on the path.
_INSTALL_PATHS = {
    "darwin": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ),
    "win32": (
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    ),
}
_SECONDS = 120.0  # for one page, on a slow machine
_LONGEST = 300  # letters of what it says
_CHROMIUM_FLAGS = (
    "--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync", "--disable-extensions",
    "--disable-background-networking", "--force-device-scale-factor=1", "--virtual-time-budget=10000",
)  # fmt: skip


class BrowserFailed(Exception):
    """It did not do what was asked; says what it was heard to say."""


def executable() -> str | None:
    """The browser to use: PHOTOSYNC_CHROMIUM, else the first that is found."""
    named = os.environ.get("PHOTOSYNC_CHROMIUM")
    on_path = (found for name in NAMES if (found := shutil.which(name)))
    installed = (place for place in _INSTALL_PATHS.get(sys.platform, ()) if Path(place).is_file())
    return named or next(on_path, None) or next(installed, None)


def content(browser: str, address: str, size: tuple[int, int]) -> str:
    """The page as it is once its scripts have run, as HTML. Raises `BrowserFailed`."""
    return _run(browser, address, size, "--dump-dom")


def picture(browser: str, address: str, size: tuple[int, int], file: Path) -> None:
    """A PNG of the page in a window of a size. Raises `BrowserFailed`."""
    said = _run(browser, address, size, f"--screenshot={file.resolve()}")
    if not file.is_file():
        raise BrowserFailed(f"the browser made no picture: {_told(said)}")


def _run(browser: str, address: str, size: tuple[int, int], order: str) -> str:
    # As root Chromium refuses its own sandbox; the page is ours and reaches nothing.
    root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(prefix="photosync-", ignore_cleanup_errors=True) as profile:
        window = ("--window-size={},{}".format(*size), f"--user-data-dir={profile}")
        command = [browser, *_CHROMIUM_FLAGS, *root, *window, order, address]
        try:
            done = subprocess.run(  # noqa: S603 - the admin's own browser, our own page
                command, capture_output=True, encoding="utf-8", errors="replace", timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BrowserFailed(f"{browser} cannot be used: {error}") from None
    if done.returncode != 0:
        raise BrowserFailed(f"{browser} ended with {done.returncode}: {_told(done.stderr)}")
    return done.stdout


def _told(text: str) -> str:
    """What a program said, as one line that is not too long."""
    return " ".join(text.split())[:_LONGEST] or "it said nothing"
