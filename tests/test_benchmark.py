"""The command line of `make bench`; measuring is not for a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = sorted((ROOT / "benchmarks/turns/requirements").glob("*.txt"))


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.turns", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


def test_help_needs_nothing_installed() -> None:
    shown = bench("--help")
    assert shown.returncode == 0
    for option in ("--rounds", "--seconds", "--only", "--json"):
        assert option in shown.stdout


@pytest.mark.parametrize(
    "arguments", [("--only", "bare,nothing"), ("--rounds", "0"), ("--seconds", "never")], ids=lambda pair: pair[0]
)
def test_what_makes_no_sense_is_refused_before_anything_is_installed(arguments: tuple[str, str]) -> None:
    refused = bench(*arguments)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.stem)
def test_every_package_of_the_others_is_pinned(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    assert lines
    pinned = r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*( ; [^;]+?)?( +--hash=sha256:[0-9a-f]{64})*"
    assert [line for line in lines if not re.fullmatch(pinned, line)] == []
