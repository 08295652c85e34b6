"""The demo without a browser: in the terminal, and what it says before it begins."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from bot import resources
from tests.command import command


def demo(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command("demo", *arguments), input=typed, capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "100"}, check=False)  # fmt: skip


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = demo("--no-browser", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is taken" in done.stderr


def test_the_story_can_be_played_in_the_terminal_and_what_comes_unasked_is_shown() -> None:
    with subprocess.Popen(command("demo", "--terminal"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "100"}) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("1\n2\n1\n1\n1\n/tile 2\n")
        process.stdin.flush()
        shown = ""
        while "SharePoint now has your new photo" not in shown:  # without another line
            line = process.stdout.readline()
            assert line
            shown += line
        _, complaints = process.communicate("/quit\n", timeout=20)
    assert (process.returncode, complaints) == (0, "")
    assert "SharePoint still has a different photo" in shown
    assert "https://www.office.com" in shown
    assert "](" not in shown  # an address, not how a card writes it


def test_the_terminal_ends_with_its_input_and_survives_nonsense() -> None:
    done = demo(
        "--terminal", typed="nobody\n99\n1\n/photo x\n/photo 99\n/tile soon\n/remove\nmy photo is wrong\n/again\n77\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Type a number from 1" in done.stdout
    assert "There is no such button" in done.stdout
    assert done.stdout.count("There is no such photo") == 2
    assert "is changed" not in done.stdout
    assert "Give the seconds" in done.stdout
    assert "You have no photo in Microsoft 365 yet" in done.stdout
    assert done.stdout.count("SharePoint still has a different photo") == 2


def test_a_language_of_ones_own_can_be_seen_in_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (resources.LOCALES / "sv.po").read_text(encoding="utf-8").replace("Hur kan jag hjälpa till med ditt foto?", "Hej från Kontoret!")  # fmt: skip
    (tmp_path / "sv.po").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PHOTOSYNC_LOCALES_DIR", str(tmp_path))
    assert "Hej från Kontoret!" in demo("--terminal", typed="1\nsvenska\nmeny\n/quit\n").stdout
