"""Serbian is written in two alphabets, letter for letter: what is typed in Cyrillic is read as Latin, in which the
examples are."""

from __future__ import annotations

_LANGUAGE = "sr"
_CYRILLIC = "абвгдђежзијклмнопрстћуфхцчш"
_LATIN = "abvgdđežzijklmnoprstćufhcčš"
_OF_TWO = {"љ": "lj", "њ": "nj", "џ": "dž"}
_SMALL = dict(zip(_CYRILLIC, _LATIN, strict=True)) | _OF_TWO
_LETTERS = str.maketrans(_SMALL | {letter.upper(): latin.capitalize() for letter, latin in _SMALL.items()})


def in_latin(text: str, locale: str) -> str:
    """What somebody who speaks `locale` typed, in Latin letters if that is Serbian."""
    return text.translate(_LETTERS) if locale.partition("-")[0] == _LANGUAGE else text
