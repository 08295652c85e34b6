"""Texts of any characters, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

# Those that UTF-8 can hold, as Hypothesis' own default: asked for by category, which takes no table of its own. It
# would be worked out for two seconds by each worker, since a fresh checkout has kept none.
_CHARACTERS = st.characters(exclude_categories=["Cs"])


def texts(*, min_size: int = 0, max_size: int) -> SearchStrategy[str]:
    """Texts of so many characters."""
    return st.text(_CHARACTERS, min_size=min_size, max_size=max_size)
