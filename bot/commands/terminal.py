"""Text from outside on an admin's terminal."""

from __future__ import annotations


def without_controls(text: str) -> str:
    """One line, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
