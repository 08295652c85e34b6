"""Language tags against the CLDR: known or not, what is meant, and how a PO header writes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

import langcodes
from babel import Locale
from babel.localedata import locale_identifiers
from rapidfuzz.distance import OSA

from bot.errors import LocalesError
from bot.languages import names
from dialogs.text import folded

# What stands behind an @ in gettext's names: a script, which comes second in a tag, or a variant, which comes last.
_MODIFIERS = {"latin": "Latn", "cyrillic": "Cyrl", "arabic": "Arab", "devanagari": "Deva", "valencia": "valencia"}
_SCRIPT = 4  # letters
# gettext's names of the two Chinese scripts: what Poedit and Weblate know.
_HEADER_NAMES = {"zh-Hans": "zh_CN", "zh-Hant": "zh_TW"}
_SCRIPT_OF_REGION = {"zh-CN": "zh-Hans", "zh-TW": "zh-Hant"}
_REGION_SAYS = ("pt",)  # both of its regions are written with theirs
# Names that are in use and not in the CLDR.
_ALSO = {
    "brasileiro": "pt-BR", "brazilian": "pt-BR", "british": "en-GB", "castellano": "es", "castilian": "es",
    "chinese": "zh-Hans", "farsi": "fa", "gaelic": "gd", "ivrit": "he", "mandarin": "zh-Hans", "mexican": "es-MX",
    "moldovan": "ro", "norsk": "nb", "norwegian": "nb", "portugues": "pt-BR", "portuguese": "pt-BR",
    "putonghua": "zh-Hans", "quebecois": "fr-CA", "romansh": "rm", "tagalog": "fil", "valencia": "ca-valencia",
    "valencian": "ca-valencia",
}  # fmt: skip


@lru_cache(maxsize=1_024)  # a folder's names are asked for again and again
def of_file(name: str) -> str:
    """The language of a file by its name without `.po`; "" if it is none that the CLDR knows.

    `pt_BR`, `PT-br` and gettext's `sr@latin` are `pt-BR` and `sr-Latn`. A region that the language has anyway, as in
    `ca_ES` and `sv_SE`, says nothing: the file is that of `ca` and `sv`.
    """
    plain, _, modifier = name.partition("@")
    language, *rest = plain.replace("_", "-").split("-")
    subtag = _MODIFIERS.get(modifier.lower(), "" if not modifier else "?")
    tag = "-".join(filter(None, (language, subtag if len(subtag) == _SCRIPT else "", *rest)))
    tag += f"-{subtag}" if len(subtag) != _SCRIPT and subtag else ""
    return _plain(standard(tag)) if known(tag) else ""


def _plain(tag: str) -> str:
    """A tag without the region that it would have anyway."""
    found = langcodes.Language.get(tag)
    if found.territory is None or found.language in _REGION_SAYS:
        return _SCRIPT_OF_REGION.get(tag, tag)
    shorter = langcodes.Language.make(language=found.language, script=found.script, variants=found.variants)
    same = shorter.maximize().to_tag() == found.maximize().to_tag()
    return _SCRIPT_OF_REGION.get(tag) or (shorter.to_tag() if same else tag)


@lru_cache(maxsize=1_024)
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


def called(name: str) -> str:
    """The language that is called so in English or in a language that ships: `farsi`, `castellano`, `Svenska`; "" if
    none is."""
    return _names().get(folded(name), "")


def nearest(word: str) -> tuple[str, str]:
    """The language, with its English name, whose tag or name comes closest to what was written."""
    tag = called(word) or _own_names().get(folded(word), "")
    part = word.replace("_", "-").partition("-")[0].lower()
    if not tag and (locale := known(part)) is not None and locale.language == part:
        tag = part
    if not tag:
        written = folded(word)
        every = {**_own_names(), **_names()}
        spelt = {**{one.lower(): one for one in every.values()}, **every}
        tag = spelt[min(spelt, key=lambda one: (OSA.normalized_distance(written, one), one))]
    return tag, str(Locale.parse(tag, sep="-").get_display_name("en") or tag)


@cache
def _names() -> Mapping[str, str]:
    """What languages are called, folded, with their tags."""
    english = Locale("en").languages
    found = {folded(english[tag]): tag for tag in _languages()}
    varieties = {folded(name): standard(tag) for tag, name in english.items() if "_" in tag and known(tag)}
    shipped = {folded(name): tag for name, tag in names.shipped().items()}
    return {**shipped, **varieties, **found, **_ALSO}


@cache
def _own_names() -> Mapping[str, str]:
    """What each language calls itself, folded: asking all of them costs a second."""
    return {folded(own_name(Locale(tag))): tag for tag in _languages()}


def _languages() -> list[str]:
    return [one for one in locale_identifiers() if "_" not in one and one in Locale("en").languages]


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
