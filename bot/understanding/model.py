"""The trained classifier as it ships: one file, mapped into memory, read where a message needs it.

The table has a row for each feature, and in it a byte for each label: the weight, plus 128. A message's score for a
label is the sum of its features' weights, over the square root of the sum of their own sizes (a last byte of each row),
plus the label's offset. All labels of a row are added at once: a row is read as one large integer whose bytes are
lanes, taken apart into even and odd lanes of 16 bits, of which 256 can be added before one runs over into the next.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bot.understanding.features import ROWS

_HERE = Path(__file__).parent
MEANINGS, LANGUAGES = _HERE / "meanings.bin", _HERE / "languages.bin"  # written by `make model`
HALF = 128  # what is added to a weight
_MOST_ADDED = 256  # rows, before a lane of 16 bits could run over
_SIZES = 2.0  # the square of a feature's own size is kept in halves


class ModelError(Exception):
    """The file is not a model of this release."""


@dataclass(frozen=True)
class Model:
    """`weights` are rows of `width` bytes; `offsets` and `scale` turn their sums into scores."""

    labels: tuple[str, ...]
    examples: str  # the digest of the examples it was trained on
    scale: float
    offsets: Sequence[float]
    width: int
    weights: bytes | mmap.mmap = field(repr=False)
    rows: int = ROWS  # a power of two; with fewer than features have, more features share one
    start: int = 0  # where the first row begins

    @cached_property
    def _mask(self) -> int:
        return int.from_bytes(b"\xff\x00" * (self.width // 2), "little")

    def scores(self, found: Iterable[int], more: Mapping[int, Sequence[int]] | None = None) -> list[float]:
        """A score for each label; `more` are weights to be added, of some rows, in the same unit."""
        rows = self.reduced(found)
        sums = self._sums(rows)
        factor = self.scale / _size(sums[-1])
        for row in rows if more else ():
            for label, weight in enumerate(more.get(row, ()) if more else ()):
                sums[label] += weight
        middle = HALF * len(rows)
        return [(total - middle) * factor + offset for total, offset in zip(sums, self.offsets, strict=False)]

    def reduced(self, found: Iterable[int]) -> list[int]:
        """The rows of some features in this model."""
        return list(found) if self.rows == ROWS else list({one % self.rows for one in found})

    def size(self, rows: Sequence[int]) -> float:
        """What a message's sums are divided by."""
        return _size(self._sums(rows)[-1])

    def _sums(self, rows: Sequence[int]) -> list[int]:
        weights, width, start, mask = self.weights, self.width, self.start, self._mask
        sums = [0] * width
        for first in range(0, len(rows), _MOST_ADDED):
            even = odd = 0
            for row in rows[first : first + _MOST_ADDED]:
                at = start + row * width
                lanes = int.from_bytes(weights[at : at + width], "little")
                even += lanes & mask
                odd += (lanes >> 8) & mask
            form = f"<{width // 2}H"
            for lane, total in enumerate(struct.unpack(form, even.to_bytes(width, "little"))):
                sums[2 * lane] += total
            for lane, total in enumerate(struct.unpack(form, odd.to_bytes(width, "little"))):
                sums[2 * lane + 1] += total
        return sums


def _size(squares: int) -> float:
    return math.sqrt(max(_SIZES, squares) / _SIZES)


def load(path: Path) -> Model:
    """A model that ships. Raises `ModelError`, and OSError where there is none."""
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    end = content.find(b"\n")
    try:
        head = json.loads(content[:end])
        labels, width = tuple(head["labels"]), int(head["width"])
        rows = int(head["rows"])
        model = Model(labels, head["examples"], head["scale"], head["offsets"], width, content, rows, end + 1)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is no model: {error}") from None
    if len(content) != end + 1 + rows * width:
        raise ModelError(f"{path} is cut off")
    return model


def document(model: Model) -> bytes:
    """A model as `load` reads it."""
    head = {
        "labels": model.labels,
        "examples": model.examples,
        "scale": model.scale,
        "offsets": list(model.offsets),
        "width": model.width,
        "rows": model.rows,
    }
    return json.dumps(head).encode() + b"\n" + bytes(model.weights)
