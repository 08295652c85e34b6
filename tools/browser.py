"""See to it that there is a Chromium for the browser tests. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-noto-core", "fonts-noto-cjk")


def executable() -> str | None:
    """The browser to use: PHOTOSYNC_CHROMIUM, else the first of the usual names."""
    named = os.environ.get("PHOTOSYNC_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


def main() -> int:
    """0 if there is one (now)."""
    if executable():
        return 0
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stderr.write("set-up: installing Chromium for the browser tests\n")
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES], check=False, **quiet)  # type: ignore[call-overload]
    if executable():
        return 0
    sys.stderr.write(
        "set-up: the browser tests need Chromium: install it (Debian: apt-get install chromium), "
        "or name one in PHOTOSYNC_CHROMIUM\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
