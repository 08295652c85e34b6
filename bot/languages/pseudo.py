"""Pseudo-languages: English made strange, to find what is not localised, cut or not mirrored.

Made in memory, never a file; people are not offered them. `qps-ploc` has accented letters, is a third longer and stands
in brackets, so that a text without both of them was cut or never came from a catalog. `qps-plocm` is the same written
from right to left: every letter is turned round by an override, so that what is not isolated comes out backwards.
"""

from __future__ import annotations

import math
import re
from itertools import accumulate, cycle, takewhile

from dialogs.translations import SOURCE, Catalog, Translations

ACCENTED, MIRRORED = "qps-ploc", "qps-plocm"
OPENING, CLOSING = "[", "]"
_LONGER = 0.35
_RLO, _PDF = "\u202e", "\u202c"
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LETTERS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "ÅƁÇÐÉƑĜĤÎĴĶĻḾÑÖÞǪŔŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļḿñöþǫŕšţûṽŵẋýž",
)
# What stays as it is: placeholders, and the names that translators keep.
_KEPT = re.compile(
    r"\{\w+\}|Microsoft 365|Exchange Online|(?:www\.)?office\.com|\w+(?:\+\w+)+"
    r"|\b(?:SharePoint|OneDrive|Outlook|Teams|Microsoft|Photosync|InPrivate|Incognito|Edge|Chrome|Firefox|Safari)\b"
)


def with_pseudo(translations: Translations) -> Translations:
    """The languages and both pseudo-languages beside them."""
    english = translations.catalogs[SOURCE]
    made = (pseudo(english, ACCENTED), pseudo(english, MIRRORED))
    return Translations({**translations.catalogs, **{one.tag: one for one in made}})


def pseudo(english: Catalog, tag: str) -> Catalog:
    """The English as the catalog of `ACCENTED` or `MIRRORED`."""
    mirrored = tag == MIRRORED
    entries = {
        key: tuple(_strange(form, mirrored=mirrored) for form in forms) for key, forms in english.entries.items()
    }
    return Catalog(tag, "Pseudo (mirrored)" if mirrored else "Pseudo", mirrored, entries, english.plural)


def _strange(form: str, *, mirrored: bool) -> str:
    parts, end = [], 0
    for kept in _KEPT.finditer(form):
        parts += [form[end : kept.start()].translate(_LETTERS), kept[0]]
        end = kept.end()
    text = "".join([*parts, form[end:].translate(_LETTERS)])
    longer = f"{OPENING}{text} {_padding(len(form))}{CLOSING}"
    return f"{_RLO}{longer}{_PDF}" if mirrored else longer


def _padding(length: int) -> str:
    """Words that make up for what other languages take more."""
    wanted = math.ceil(length * _LONGER)
    words = takewhile(lambda so_far: len(so_far) < wanted + 6, accumulate(cycle(_NUMBERS), lambda a, b: f"{a} {b}"))
    return list(words)[-1][:wanted].strip().translate(_LETTERS)
