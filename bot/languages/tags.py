"""Language tags against the CLDR: known or not, what is meant, and how a PO header writes them."""

from __future__ import annotations

import langcodes
from babel import Locale
from babel.localedata import locale_identifiers
from rapidfuzz.distance import OSA

from bot.errors import LocalesError

# gettext's names of the two Chinese scripts: what Poedit and Weblate know.
# What stands behind an @ in gettext's names: a script, which comes second in a tag, or a variant, which comes last.
_MODIFIERS = {"latin": "Latn", "cyrillic": "Cyrl", "arabic": "Arab", "devanagari": "Deva", "valencia": "valencia"}
_SCRIPT = 4  # letters
_HEADER_NAMES = {"zh-Hans": "zh_CN", "zh-Hant": "zh_TW"}


def of_file(name: str) -> str:
    """The language of a file by its name without `.po`; "" if it is none that the CLDR knows.

    `pt_BR`, `PT-br` and gettext's `sr@latin` are `pt-BR` and `sr-Latn`.
    """
    plain, _, modifier = name.partition("@")
    language, *rest = plain.replace("_", "-").split("-")
    subtag = _MODIFIERS.get(modifier.lower(), "" if not modifier else "?")
    tag = "-".join(filter(None, (language, subtag if len(subtag) == _SCRIPT else "", *rest)))
    tag += f"-{subtag}" if len(subtag) != _SCRIPT and subtag else ""
    return standard(tag) if known(tag) else ""


def known(tag: str) -> Locale | None:
    """The CLDR's language of a BCP 47 tag, however it is spelt; None if it has none."""
    try:
        spelt = standard(tag)
        return None if spelt.startswith("und") else Locale.parse(spelt, sep="-")
    except Exception:  # the two libraries raise more than they say for what is far from a tag
        return None


def standard(tag: str) -> str:
    """A tag in its usual spelling: `pt_br` is `pt-BR`, `iw` is `he`. Raises ValueError if it is none."""
    return langcodes.standardize_tag(tag)


def require(tag: str) -> Locale:
    """As `known`. Raises `LocalesError` with the nearest known language."""
    found = known(tag)
    if found is None:
        near, name = nearest(tag)
        raise LocalesError(f"{tag} is no language that the CLDR knows; the nearest is {near} ({name})")
    return found


def nearest(word: str) -> tuple[str, str]:
    """The language, with its English name, whose tag or name comes closest to what was written."""
    part = word.replace("_", "-").partition("-")[0]
    english = Locale("en").languages
    tags = [one for one in locale_identifiers() if "_" not in one and one in english]
    if part.lower() in tags:
        return part.lower(), english[part.lower()]
    written = word.casefold()

    def distance(tag: str) -> tuple[float, str]:
        spelt = (tag, english[tag].casefold(), own_name(Locale(tag)).casefold())
        return min(OSA.normalized_distance(written, one) for one in spelt), tag

    found = min(tags, key=distance)
    return found, english[found]


def header_name(tag: str) -> str:
    """How a PO header's `Language` names it."""
    return _HEADER_NAMES.get(tag, tag.replace("-", "_"))


def same_language(header: str, tag: str) -> bool:
    """Whether a header's `Language` means the language of a file's name."""
    named, meant = known(of_file(header)), known(tag)
    return named is not None and meant is not None and _whole(named) == _whole(meant)


def _whole(locale: Locale) -> tuple[str | None, str | None]:
    whole = langcodes.Language.get(str(locale)).maximize()
    return whole.language, whole.script


def own_name(locale: Locale) -> str:
    """The language's name in itself, as it begins a line."""
    name = locale.get_display_name() or str(locale)
    return name[:1].upper() + name[1:]
