"""The file of settings that `setup` leaves: ours replaced or added, every other line as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bot.commands.setup.credential import write_private

_NAME = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@,+~-]*")


def write(path: Path, settings: Mapping[str, str]) -> None:
    """Set each name; an empty value takes the name out. Raises OSError."""
    lines = path.read_text(encoding="utf-8-sig").splitlines() if path.exists() else []
    left = dict(settings)
    kept = []
    for line in lines:
        match = _NAME.match(line)
        if match is None or match[1] not in settings:
            kept.append(line)
        elif value := left.pop(match[1], ""):
            kept.append(f"{match[1]}={_quoted(value)}")
    kept += [f"{name}={_quoted(value)}" for name, value in left.items() if value]
    write_private(path, "".join(f"{line}\n" for line in kept).encode())


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def write_text(path: Path, text: str) -> None:
    """A whole file, for its owner only. Raises OSError."""
    write_private(path, text.encode())
