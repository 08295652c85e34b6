"""What people write, as examples: one catalog entry for each label, one sentence a line.

A label is what a message means: an action of the conversation, an answer to a card, a question, small talk, or
`other`: something that is not this program's business. A line that begins with `#` says who wrote those below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

QUESTIONS = (
    "why", "how_long", "privacy", "deleted", "no_tile", "private_window", "phone", "sign_in", "do_it", "others",
    "rules", "elsewhere", "remove", "name", "cost",
)  # fmt: skip
OTHER = "other"
LABELS = (
    "fix", "add", "check", "ticket", "send_ticket", "language", "set_language", "forget", "forget_confirmed", "stop",
    "menu", "rate_up", "rate_down", "next", "back", "not_yet", "missing", "failed", "yes", "no", "same", "different",
    "unsure", "another", "thanks", "hello", OTHER, *(f"question.{name}" for name in QUESTIONS),
)  # fmt: skip
PREFIX = "examples."
EXAMPLE_KEYS = frozenset(f"{PREFIX}{label}" for label in LABELS)
NAME = "{language}"  # stands for the name of a language
_MARK = re.compile(r"#\s*")


class Example(NamedTuple):
    """One sentence, under its label, by whom."""

    label: str
    text: str
    writer: str


def examples(entries: Mapping[str, str]) -> Iterator[Example]:
    """The sentences of a language's `examples.*` entries, in the order of the labels."""
    for label in LABELS:
        writer = ""
        for line in entries.get(PREFIX + label, "").splitlines():
            if line.startswith("#"):
                writer = _MARK.sub("", line, count=1).strip()
            elif line.strip():
                yield Example(label, line.strip(), writer)
