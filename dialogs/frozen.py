"""`dataclasses.replace` at a tenth of its cost, for frozen classes that have neither slots nor `__post_init__`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import replace
else:

    def replace(frozen, **fields):
        """The same object with other values in some fields."""
        new, values = object.__new__(type(frozen)), frozen.__dict__.copy()
        values.update(fields)
        object.__setattr__(new, "__dict__", values)
        return new


__all__ = ["replace"]
