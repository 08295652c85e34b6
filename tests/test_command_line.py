"""The command line in odd surroundings: a line of words, an exit status, never a traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PHOTOSYNC = f"{shlex.quote(sys.executable)} -m bot"
ROWS = [
    ("a full disk under the output", f"{PHOTOSYNC} --help >/dev/full", 1, "No space left on device"),
    ("a full disk under a command's output", f"{PHOTOSYNC} topics check >/dev/full", 1, "No space left on device"),
    ("an output that is closed", f"{PHOTOSYNC} --help >&-", 0, ""),
    ("an error output that is closed", f"MicrosoftAppId=x {PHOTOSYNC} serve 2>&- || [ $? = 2 ]", 0, ""),
    ("an output of few letters", f"PYTHONIOENCODING=ascii {PHOTOSYNC} numbers --help", 0, ""),
    ("a working folder that is gone", f"mkdir gone; cd gone; rmdir ../gone; {PHOTOSYNC} store backup x", 1, ""),
]


@pytest.mark.parametrize(("line", "status", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_odd_surroundings_end_in_words(line: str, status: int, words: str, tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode != 0, "Traceback" in done.stderr, "Exception ignored" in done.stderr) == (status != 0, False, False)  # fmt: skip
    assert words in done.stderr


def test_a_backup_that_cannot_be_begun_says_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "copy.db.part").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "nowhere")
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    for name, words in (("copy.db", "is a folder"), ("link.db", "is a link")):
        line = [sys.executable, "-m", "bot", "store", "backup", name]
        done = subprocess.run(line, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert (done.returncode, words in done.stderr, done.stderr.count("\n")) == (1, True, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("locales", "new", "{}"),
        ("locales", "try", "{}"),
        ("topics", "check", "{}"),
        ("locales", "list", "--env-file", "{}"),
        ("store", "backup", "{}/x"),
    ],
    ids=" ".join,
)
def test_what_was_typed_stays_in_one_line_of_what_is_reported(arguments: tuple[str, ...], tmp_path: Path) -> None:
    typed = [one.format("there\nphotosync: all is well\x1b[2J") for one in arguments]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "bot", *typed]
    done = subprocess.run(line, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert (done.stderr.count("\n"), "\x1b" in done.stderr) == (1, False)
