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
from functools import cache
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
_HEADER = re.compile(r"\s*nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;]+?)[\s;]*")
# What Babel's own table lacks, in the usual spelling.
_MORE = (
    "(n==1 ? 0 : n==2 ? 1 : 2)",
    "(n%10==0 || (n%100>=11 && n%100<=19) ? 0 : n%10==1 && n%100!=11 ? 1 : 2)",
    "(n==1 || n==2 || n==3 || (n%10!=4 && n%10!=6 && n%10!=9) ? 0 : 1)",
)


class WrongRule(Exception):
    """A header's plural rule that cannot be read, or is another language's."""


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
        rule = gettext.c2py(formula)
        if _agrees(rule, locale, _COUNTS) and max(map(rule, (*_COUNTS, *_MILLIONS))) < len(names):
            return f"nplurals={len(names)}; plural={formula};"
    # What is left over takes the last form, so that a language whose "other" is for fractions needs no form for it.
    return to_gettext(PluralRule({name: str(locale.plural_form.rules[name]) for name in names[:-1]}))


def forms(plural_forms: str, locale: Locale) -> int:
    """How many forms a header asks for. Raises `WrongRule` if it is not the language's."""
    count, index = _read(plural_forms)
    wanted = header(locale)
    if index is None:
        raise WrongRule(f"cannot be read; this language has {wanted}")
    by_the_library = any(
        count == len(categories(locale, counts)) and _agrees(index, locale, counts)
        for counts in (_COUNTS, (*_COUNTS, *_MILLIONS))
    )
    if not by_the_library and not any(_same(count, index, one) for one in known(locale)):
        names = categories(locale)
        raise WrongRule(f"does not fit the CLDR's forms of this language ({', '.join(names)}): {wanted}")
    return count


def _same(count: int, index: Callable[[int], int], header_: str) -> bool:
    """Whether a formula tells the same counts apart as a header's; in which order is its own business."""
    wanted, rule = _read(header_)
    return rule is not None and count == wanted and _partition(index, _COUNTS) == _partition(rule, _COUNTS)


def _partition(rule: Callable[[int], int], counts: Iterable[int]) -> set[frozenset[int]]:
    groups: dict[int, set[int]] = {}
    for number in counts:
        groups.setdefault(rule(number), set()).add(number)
    return {frozenset(group) for group in groups.values()}


def seldom(plural_forms: str) -> frozenset[int]:
    """The forms that stand for a few counts only, so that they can do without the number: "one step"."""
    _, index = _read(plural_forms)
    often = Counter(index(number) for number in _COUNTS) if index else Counter[int]()
    return frozenset(form for form, times in often.items() if times < _OFTEN)


def read(plural_forms: str) -> tuple[int, Callable[[int], int]]:
    """How many forms a header asks for, and a count -> index of its form. Raises `WrongRule` if it is no rule."""
    parts = _HEADER.fullmatch(plural_forms)
    try:
        if parts:
            return int(parts[1]), gettext.c2py(parts[2])
    except ValueError:
        pass
    raise WrongRule("Plural-Forms cannot be read")


def _read(plural_forms: str) -> tuple[int, Callable[[int], int] | None]:
    try:
        return read(plural_forms)
    except WrongRule:
        return 0, None


def _agrees(index: Callable[[int], int], locale: Locale, counts: Iterable[int]) -> bool:
    """Whether a formula tells the same counts apart as the CLDR; in which order is its own business."""
    rule = locale.plural_form
    forms_of: dict[str, int] = {}
    for count in counts:
        if forms_of.setdefault(rule(count), index(count)) != index(count):
            return False
    return len(set(forms_of.values())) == len(forms_of)
