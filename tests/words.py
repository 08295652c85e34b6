"""How well typed requests are understood, language by language (`make words`).

`tests/requests/<tag>.tsv` has what people would write, with the action that is expected, or `-` where no walk may
start. They were written by each language's second reader, before that reader had seen any keyword.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.languages import packaged
from bot.languages.catalogs import Languages

REQUESTS = Path(__file__).parent / "requests"
LEAST, LEAST_OF_ALL = 0.90, 0.95  # of one language, of all together
_WALKS = ("fix", "add", "check")


@dataclass(frozen=True)
class Score:
    """One language's requests: how many were understood, and those that were not."""

    tag: str
    asked: int
    missed: tuple[str, ...]

    @property
    def share(self) -> float:
        return 1 - len(self.missed) / self.asked


def requests(tag: str) -> list[tuple[str, str]]:
    """(expected action, message) of a language."""
    lines = (REQUESTS / f"{tag}.tsv").read_text(encoding="utf-8").splitlines()
    return [(one, text) for one, _, text in (line.partition("\t") for line in lines) if text]


def score(spoken: Languages, tag: str) -> Score:
    """How one language does."""
    asked, missed = requests(tag), []
    for expected, text in asked:
        action = spoken.vocabulary.understand(text, tag).action
        right = action not in _WALKS if expected == "-" else action == expected
        if not right:
            missed.append(f"{expected} understood as {action or 'nothing'}: {text}")
    return Score(tag, len(asked), tuple(missed))


def main() -> int:
    """Print the table; exit 1 below the bar."""
    spoken = packaged.languages()
    scores = [score(spoken, tag) for tag in spoken.tags]
    table = Table("language", "requests", "understood", "missed")
    for one in scores:
        table.add_row(one.tag, str(one.asked), f"{one.share:.0%}", "\n".join(one.missed))
    overall = 1 - sum(len(one.missed) for one in scores) / sum(one.asked for one in scores)
    table.add_row("all", str(sum(one.asked for one in scores)), f"{overall:.1%}")
    Console(width=140).print(table, markup=False)
    return 0 if overall >= LEAST_OF_ALL and all(one.share >= LEAST for one in scores) else 1


if __name__ == "__main__":
    sys.exit(main())
