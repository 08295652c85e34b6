"""See to it that this machine has what the tests drive: Chromium, PostgreSQL, gettext, promtool; with
`--request-tracker` that as well, which takes minutes. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.commands.preview.browser import executable

BROWSER_PACKAGES = ("chromium", "fonts-noto-core", "fonts-noto-cjk")
DATABASE_PACKAGES = ("postgresql",)
GETTEXT_PACKAGES = ("gettext",)
PROMETHEUS_PACKAGES = ("prometheus",)
RT_PACKAGES = ("request-tracker5", "rt5-db-sqlite", "rt5-standalone")
RT_SHARE = Path("/usr/share/request-tracker5")


def postgres() -> Path | None:
    """The folder of PostgreSQL's server programs: the newest that is installed."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]))
    return found[-1].parent if found else None


def install(packages: tuple[str, ...]) -> None:
    """From Debian's packages, where that can be done without asking."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    sys.stderr.write(f"set-up: installing {', '.join(packages)}\n")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], check=False, stdout=subprocess.DEVNULL, env=environ)


@dataclass(frozen=True)
class _Program:
    """Something that the tests drive."""

    name: str
    there: Callable[[], object]
    packages: tuple[str, ...]
    more: str = ""

    @property
    def advice(self) -> str:
        return f"{self.name} (Debian: apt-get install {' '.join(self.packages)}{self.more})"


_PROGRAMS = (
    _Program("Chromium", executable, BROWSER_PACKAGES, ", or name one in PHOTOSYNC_CHROMIUM"),
    _Program("a PostgreSQL server", postgres, DATABASE_PACKAGES),
    _Program("gettext's msgfmt", lambda: shutil.which("msgfmt"), GETTEXT_PACKAGES),
    _Program("Prometheus' promtool", lambda: shutil.which("promtool"), PROMETHEUS_PACKAGES),
)
_REQUEST_TRACKER = _Program("Request Tracker 5", RT_SHARE.is_dir, RT_PACKAGES)


def main() -> int:
    """0 if everything is there (now)."""
    wanted = [*_PROGRAMS, *([_REQUEST_TRACKER] if "--request-tracker" in sys.argv else [])]
    for one in wanted:
        if not one.there():
            install(one.packages)
    missing = [one.advice for one in wanted if not one.there()]
    for advice in missing:
        sys.stderr.write(f"set-up: the tests need {advice}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
