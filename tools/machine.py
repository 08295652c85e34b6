"""See to it that this machine has what the tests drive: Chromium, PostgreSQL and the programs below; with
`--request-tracker` that as well, which takes minutes. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bot.commands.preview.browser import executable

FONTS = ("fonts-noto-core", "fonts-noto-cjk")
# The first costs half of the other, which there is where Debian's packages are older or another's.
BROWSERS = ("chromium-headless-shell", "chromium")
DATABASE_PACKAGES = ("postgresql",)
# Programs and their packages: of languages, of deploy/, of the script of `setup --print bash`.
PROGRAMS = {
    "msgfmt": "gettext",
    "nginx": "nginx-light",
    "shellcheck": "shellcheck",
    "systemd-analyze": "systemd",
    "jq": "jq",
    "curl": "curl",
    "openssl": "openssl",
    "promtool": "prometheus",
}
RT_PACKAGES = ("request-tracker5", "rt5-db-sqlite", "rt5-standalone")
RT_SHARE = Path("/usr/share/request-tracker5")


def postgres() -> Path | None:
    """The folder of PostgreSQL's server programs: the newest that is installed."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]))
    return found[-1].parent if found else None


def program(name: str) -> str | None:
    """A program's path; those of administrators are not on everybody's."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))


def install(packages: tuple[str, ...]) -> None:
    """From Debian's packages, where that can be done without asking."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    sys.stderr.write(f"set-up: installing {', '.join(packages)}\n")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], check=False, stdout=subprocess.DEVNULL, env=environ)


def main() -> int:
    """0 if everything is there (now)."""
    for browser in BROWSERS:
        if not executable():
            install((browser, *FONTS))
    if not postgres():
        install(DATABASE_PACKAGES)
    wanted = tuple(package for name, package in PROGRAMS.items() if not program(name))
    if wanted:
        install(wanted)
    tracker = "--request-tracker" in sys.argv
    if tracker and not RT_SHARE.is_dir():
        install(RT_PACKAGES)
    needs = {
        "Chromium (Debian: apt-get install chromium-headless-shell, or name one in PHOTOSYNC_CHROMIUM)": executable(),
        "a PostgreSQL server (Debian: apt-get install postgresql)": postgres(),
        **{f"{name} (Debian: apt-get install {package})": program(name) for name, package in PROGRAMS.items()},
        f"Request Tracker 5 (Debian: apt-get install {' '.join(RT_PACKAGES)})": not tracker or RT_SHARE.is_dir(),
    }
    missing = [need for need, there in needs.items() if not there]
    for one in missing:
        sys.stderr.write(f"set-up: the tests need {one}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
