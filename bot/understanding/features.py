"""A message -> the features that the classifier weighs: numbers of rows of its table.

Features are hashed: a row may stand for several of them, and there is no vocabulary to keep. Each word gives its letter
n-grams of one to five, with its beginning and end as letters; a long word gives itself, and each two neighbours give a
pair. Letters are folded (case, width, accents), so that "prénom" and "PRENOM" are alike. Where folding changed a word,
the n-grams of the word as it was written are features too: Vietnamese "ảnh" (photo) and "anh" (you) differ in
nothing else. A question mark and an emoji are words. What is language-specific is data: `_LETTERS` below, and the
ranges of scripts that write no blanks between words or no vowels without marks.
"""

from __future__ import annotations

import unicodedata
import zlib
from array import array
from functools import lru_cache

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
