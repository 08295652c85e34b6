"""How a language tells counts apart: the CLDR's rule, as a PO header says it, and whether a header agrees with it.

The CLDR changes its mind from release to release (Vietnamese got a form for one with Babel 2.19). A file that was right
stays right: `plural_rules.json` (written by `make names`, only ever added to) holds the rules of the releases so far,
and a header may agree with any of them or with the library's present one.
"""

from __future__ import annotations

import gettext
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, cached_property, lru_cache
from pathlib import Path

from babel import Locale
from babel.messages.plurals import PLURALS
from babel.plural import PluralRule, to_gettext

RULES = Path(__file__).with_name("plural_rules.json")  # tag -> Plural-Forms headers, the one for new files first
_CATEGORIES = ("zero", "one", "two", "few", "many", "other")
# A category of fractions only never shows here. French and Spanish have one for whole millions, which no card counts
# to; a file that tells it apart is right too.
_COUNTS = tuple(range(1001))
_MILLIONS = (1_000_000, 2_000_000)
_OFTEN = 5  # where gettext draws the line too
_LONGEST = 1_000  # characters of a header; the longest that is known has 200
_HEADER = re.compile(r"\s*nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;]+?)[\s;]*")
# What Babel's own table lacks, in the usual spelling.
_MORE = (
    "(n==1 ? 0 : n==2 ? 1 : 2)",
    "(n%10==0 || (n%100>=11 && n%100<=19) ? 0 : n%10==1 && n%100!=11 ? 1 : 2)",
    "(n==1 || n==2 || n==3 || (n%10!=4 && n%10!=6 && n%10!=9) ? 0 : 1)",
)


class WrongRule(Exception):
    """A header's plural rule that cannot be read, or is another language's."""


class PluralForms:
    """A header's rule: how many forms there are, and a count -> index of its form."""

    def __init__(self, header: str, forms: int, index: Callable[[int], int]) -> None:
        self.header = header
        self.forms = forms
        self._index = index

    def __call__(self, count: int) -> int:
        """Never raises: a formula may divide by nothing for a count that it was not tried with."""
        try:
            return self._index(count)
        except (ArithmeticError, RecursionError):
            return self.forms - 1

    @cached_property
    def used(self) -> frozenset[int]:
        """The forms that whole numbers take. Russian has another for fractions, which no card shows."""
        return frozenset(map(self, (*_COUNTS, *_MILLIONS)))

    @cached_property
    def seldom(self) -> frozenset[int]:
        """The forms that stand for a few counts only, so that they can do without the number: "one step"."""
        often = Counter(map(self, _COUNTS))
        return frozenset(form for form, times in often.items() if times < _OFTEN)

    @cached_property
    def groups(self) -> frozenset[frozenset[int]]:
        """Which counts share a form; which number a form has is the file's own business."""
        return _partition(self, _COUNTS)

    def like(self, other: PluralForms, texts: tuple[str, ...]) -> tuple[str, ...]:
        """The forms of this rule's language, in the order that another header gives them."""
        first: dict[int, int] = {}
        for count in (*_COUNTS, *_MILLIONS):
            first.setdefault(other(count), count)
        return tuple(texts[min(self(first.get(form, 0)), len(texts) - 1)] for form in range(other.forms))


def categories(locale: Locale, counts: Iterable[int] = _COUNTS) -> tuple[str, ...]:
    """The CLDR's names of the forms that whole numbers take."""
    rule = locale.plural_form
    found = {rule(count) for count in counts}
    return tuple(name for name in _CATEGORIES if name in found)


@cache
def known(locale: Locale) -> tuple[str, ...]:
    """The language's `Plural-Forms` by the releases of the CLDR so far."""
    rules: dict[str, list[str]] = json.loads(RULES.read_text(encoding="utf-8"))
    return tuple(rules.get(str(locale)) or rules.get(locale.language) or ())


def header(locale: Locale) -> str:
    """The `Plural-Forms` of a new file: the same whatever release of the CLDR is installed, where we know one."""
    return next(iter(known(locale)), "") or present(locale)


@cache
def present(locale: Locale) -> str:
    """The `Plural-Forms` by the CLDR that is installed."""
    names = categories(locale)
    usual = [PLURALS[tag][1] for tag in (str(locale), locale.language) if tag in PLURALS]
    for formula in (*usual, *_MORE, *(formula for _, formula in PLURALS.values())):
        index = gettext.c2py(formula)
        agrees = _partition(index, _COUNTS) == _partition(locale.plural_form, _COUNTS)
        if agrees and max(map(index, (*_COUNTS, *_MILLIONS))) < len(names):
            return f"nplurals={len(names)}; plural={formula};"
    # What is left over takes the last form, so that a language whose "other" is for fractions needs no form for it.
    return to_gettext(PluralRule({name: str(locale.plural_form.rules[name]) for name in names[:-1]}))


@lru_cache(maxsize=512)
def rule(plural_forms: str, locale: Locale) -> PluralForms:
    """A header's `Plural-Forms`. Raises `WrongRule` if it cannot be read, or is not the language's."""
    wanted = header(locale)
    found = read(plural_forms)
    if found is None:
        raise WrongRule(f"cannot be read; this language has {wanted}")
    if _spelling(plural_forms) in map(_spelling, known(locale)):
        return found
    # A form for fractions may be there too; no whole number takes it.
    enough = max(found.used) < found.forms <= max(len(locale.plural_form.tags) + 1, len(found.used))
    if not (enough and min(found.used) >= 0 and _is_right(found, locale)):
        names = ", ".join(categories(locale))
        raise WrongRule(f"does not fit the CLDR's forms of this language ({names}): {wanted}")
    return found


def _is_right(found: PluralForms, locale: Locale) -> bool:
    """Whether it tells the same counts apart as the CLDR, the library's present one or an earlier release."""
    if found.groups == _partition(locale.plural_form, _COUNTS):
        return True
    return any(found.groups == other.groups for one in known(locale) if (other := read(one)) is not None)


def _partition(form: Callable[[int], object], counts: Iterable[int]) -> frozenset[frozenset[int]]:
    groups: dict[object, set[int]] = {}
    for number in counts:
        groups.setdefault(form(number), set()).add(number)
    return frozenset(frozenset(group) for group in groups.values())


def _spelling(plural_forms: str) -> str:
    return "".join(plural_forms.split()).rstrip(";")


@lru_cache(maxsize=512)
def read(plural_forms: str) -> PluralForms | None:
    """A header's `Plural-Forms`, whichever language's it is; None if it cannot be read."""
    parts = _HEADER.fullmatch(plural_forms) if len(plural_forms) <= _LONGEST else None
    try:
        found = PluralForms(plural_forms, int(parts[1]), gettext.c2py(parts[2])) if parts and int(parts[1]) else None
    except Exception:  # whatever a formula makes of the library: ValueError, SyntaxError, RecursionError, MemoryError
        return None
    return found
