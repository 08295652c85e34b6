"""`dataclasses.replace` at a tenth of its cost, for frozen classes that have neither slots nor `__post_init__`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import replace
else:

    def replace(frozen, **fields):
        """The same object with other values in some fields."""
        new = object.__new__(type(frozen))
        new.__dict__.update(frozen.__dict__, **fields)
        return new


__all__ = ["replace"]
