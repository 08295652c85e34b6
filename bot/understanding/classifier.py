"""The trained classifier as it ships: a message -> the features that it weighs -> a score for each label.

Features are hashed: a row may stand for several of them, and there is no vocabulary to keep. Each word gives its letter
n-grams of one to five, with its beginning and end as letters; a long word gives itself, and each two neighbours give a
pair. Letters are folded (case, width, accents), so that "prénom" and "PRENOM" are alike. Where folding changed a word,
the n-grams of the word as it was written are features too: Vietnamese "ảnh" (photo) and "anh" (you) differ in
nothing else. A question mark and an emoji are words. What is language-specific is data: `_LETTERS` below, and the
ranges of scripts that write no blanks between words or no vowels without marks.

The model is one file, mapped into memory, read where a message needs it. Its table has a row for each feature, and in
it a byte for each label: the weight, plus 128. A message's score for a label is the sum of its features' weights, over
the square root of the sum of their own sizes (a last byte of each row), plus the label's offset. All labels of a row
are added at once: a row is read as one large integer whose bytes are lanes, taken apart into even and odd lanes of 16
bits, of which 256 can be added before one runs over into the next.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
import unicodedata
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

_HERE = Path(__file__).parent
MEANINGS, LANGUAGES = _HERE / "meanings.bin", _HERE / "languages.bin"  # written by `make model`
HALF = 128  # what is added to a weight
_MOST_ADDED = 256  # rows, before a lane of 16 bits could run over
_SIZES = 2.0  # the square of a feature's own size is kept in halves
BITS = 18
ROWS = 1 << BITS
LONGEST = 240  # letters of a message that are looked at
_MASK = ROWS - 1
_LONGEST_NGRAM = 5
_LONGEST_WORD = 40
_MOST_LETTERS = 10_000  # different ones that are kept
_FOLDED, _WRITTEN, _PAIR, _WORD = range(4)  # seeds: kinds of features do not share their numbers
# Letters with a stroke, and ligatures: to Unicode they are no letters with a mark.
_LETTERS = str.maketrans({"ı": "i", "ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t"})


# Features


def features(text: str) -> set[int]:
    """Numbers below `ROWS`, each once. No text takes longer than one of `LONGEST` letters."""
    found: set[int] = set()
    before = b"<"
    for word in unicodedata.normalize("NFKC", text[:LONGEST]).casefold().translate(_KEPT).split():
        name, letters = _word(word)
        found.update(letters)
        found.add(zlib.crc32(before + b" " + name, _PAIR) & _MASK)
        before = name
    if found:
        found.add(zlib.crc32(before + b" >", _PAIR) & _MASK)
    return found


@lru_cache(maxsize=2048)
def _word(word: str) -> tuple[bytes, array[int]]:
    """A word as pairs name it, and the features of its letters."""
    plain = _plain(word)
    spaced = not any(map(_is_unspaced, plain))
    cut = plain[:_LONGEST_WORD] if spaced else plain
    found = _ngrams(f" {cut} " if spaced else cut, _FOLDED, 1)
    if plain != word:
        found += _ngrams(f" {word[:_LONGEST_WORD]} ", _WRITTEN, 2)
    name = plain.encode("utf-8", "replace")
    if spaced and len(plain) > 3:
        found.append(zlib.crc32(name, _WORD) & _MASK)
    return name, found


def _ngrams(word: str, seed: int, shortest: int) -> array[int]:
    letters, crc32 = word.encode("utf-32-le", "replace"), zlib.crc32
    lengths = range(4 * shortest, 4 * _LONGEST_NGRAM + 1, 4)
    return array(
        "I",
        [
            crc32(letters[at : at + length], seed) & _MASK
            for length in lengths
            for at in range(0, len(letters) - length + 1, 4)
        ],
    )


def _plain(word: str) -> str:
    """A word without its marks."""
    if word.isascii():
        return word
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).translate(_MARKS)).translate(_LETTERS)


def _is_unspaced(letter: str) -> bool:
    """Of a script that puts no blanks between words: Thai, Lao, Han, Kana."""
    return "\u0e00" <= letter <= "\u0eff" or "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff"


class _Table(dict[int, str]):
    """What becomes of each letter, found out when it first occurs."""

    def __missing__(self, code: int) -> str:
        kept = self.kept(chr(code))
        if len(self) < _MOST_LETTERS:
            self[code] = kept
        return kept

    def kept(self, letter: str) -> str:
        raise NotImplementedError


class _Kept(_Table):
    """Letters, marks, digits as "0", emoji and question marks as words of their own; a blank for the rest."""

    def kept(self, letter: str) -> str:
        kind = unicodedata.category(letter)
        if kind == "So" or letter in "?؟":
            return f" {'?' if kind != 'So' else letter} "
        if letter in "'’`ʼ":
            return "'"  # elision: l'image
        if kind == "Cf" or "\ufe00" <= letter <= "\ufe0f":
            return ""
        return "0" if letter.isdigit() else letter if kind[0] in "LM" else " "


class _Marks(_Table):
    """Accents go, vowel signs of South and South East Asia stay: without them a word is another word."""

    def kept(self, letter: str) -> str:
        return "" if unicodedata.combining(letter) and not "\u0900" <= letter <= "\u0eff" else letter


_KEPT, _MARKS = _Kept(), _Marks()


# The model


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
