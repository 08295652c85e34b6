"""GNU `msgfmt -c`, where there is one: what other programs that read the file will not take.

These are warnings: the bot does use the file, and what the check says is not to depend on what is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bot.commands.locales.issue import Issue, Level

_REPORT = re.compile(r"(\d+): (.*)")
_LONGEST = 60  # seconds


def check(path: Path) -> Iterator[Issue]:
    """The errors it finds; nothing where it is not installed. Its warnings want header fields we do not need."""
    program = shutil.which("msgfmt")
    if program is None or not path.is_file():
        return
    environ = {**os.environ, "LC_ALL": "C"}
    command = [program, "--check", f"--output-file={os.devnull}", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, env=environ, timeout=_LONGEST, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in done.stderr.decode(errors="replace").splitlines():
        found = _REPORT.fullmatch(line.removeprefix(f"{path}:"))
        if found and not found[2].startswith("warning: "):
            yield Issue(int(found[1]), f"msgfmt: {found[2]}", Level.WARNING)
