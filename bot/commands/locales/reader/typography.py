"""The marks of a language: quotes, blanks, final marks, letters; and words or blanks that stand twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from bot.commands.locales.reader.text import ADDRESS, PLACEHOLDER, SHORTCUT, EntryForm
from bot.commands.locales.reader.words import LETTER

_QUOTES = '"“”„‟«»‚‛‹›「」『』″'
_APOSTROPHES = "'’‘ʼ׳′`´"
_BEFORE_MARK = re.compile(r"\s([,;!?)]|[.:](?!\w))")
_FULL_WIDTH = re.compile("[，。！？；：（）、．]")
_FINAL = {
    ".": ".", "。": ".", "।": ".", "։": ".", "!": "!", "！": "!", "?": "?", "？": "?", "؟": "?", ";": "?",
    ":": ":", "：": ":", "…": "…",
}  # fmt: skip
# A colon behind a figure or capitals begins an ending (Finnish 365:ssä, ID:n); a comma after one letter is spelling
# (Greek ό,τι).
_AFTER_MARK = re.compile(r"(?<=[^\W\d_]{2})(?:[,;!?]|(?<![A-Z]):)(?=[^\W\d_])")
_VALUE_AT_END = re.compile(r"[:：]\s*\{\w*\}$")
_LATIN, _OTHERS = re.compile("[a-zA-Z]"), re.compile("[\u0370-\u052f]")
_BREAK = re.compile(rf"[^{LETTER}\s]")
_WORD = re.compile(rf"[{LETTER}]+")
_REPEATED = re.compile(r"([\u3400-\u9fff]{2,}|[\u3040-\u30ff]{3,}|[\u0e00-\u0e7f\u1000-\u109f]{3,})\1")


def quotes(one: EntryForm) -> Iterator[str]:
    """Quotes and apostrophes of another language, and those that do not close."""
    pairs = one.knows.lists.quotes
    if pairs and (odd := sorted({sign for sign in one.text if sign in _QUOTES and sign not in "".join(pairs)})):
        yield f"{' '.join(odd)} is no quote of this language; it has {' '.join(pairs)}"
    for pair in pairs:
        signs = "".join(sign for sign in one.text if sign in pair)
        if pair[1] in _APOSTROPHES:
            matched = signs.count(pair[0]) <= signs.count(pair[1])
        else:
            matched = not signs.replace(pair, "")
        if not matched:
            yield f"{pair[0]} and {pair[1]} do not match"
    if usual := one.knows.lists.apostrophe:
        between = re.findall(rf"(?<=[^\W\d_])[{_APOSTROPHES}](?=[^\W\d_])", one.text)
        if odd := sorted({sign for sign in between if sign != usual}):
            yield f"{' '.join(odd)} between letters; this language has {usual}"


def blanks(one: EntryForm) -> Iterator[str]:
    """Doubled blanks; blanks before and behind marks, which French has, unbreakable."""
    if "  " in one.text or re.search(r"[^\S\n]{2,}", one.text):
        yield "two blanks"
    text = ADDRESS.sub("x", one.text)
    before, after = one.knows.lists.blank_before, one.knows.lists.blank_after
    if before and (found := re.search(rf"(?<![\u00a0\u202f{re.escape(before)}])[{re.escape(before)}]", text)):
        yield f"no unbreakable blank before {found[0]}"
    if after and (found := re.search(rf"[{re.escape(after)}](?![\u00a0\u202f])", text)):
        yield f"no unbreakable blank behind {found[0]}"
    if (found := _BEFORE_MARK.search(text)) and found[1] not in before:
        yield f"a blank before {found[1]}"
    if one.knows.lists.spaces and (found := _AFTER_MARK.search(text)):
        yield f"no blank behind {found[0]}"


def marks(one: EntryForm) -> Iterator[str]:
    """The final mark is the English's, in this language's shape; and no marks of another script."""
    wanted, found = _end(one.english), _end(one.text)
    if found == "." and not wanted and _abridged(one):
        found = ""  # the full stop of an abbreviation
    if not (found == wanted or _end_is_free(one) or (not found and not one.knows.lists.full_stop)):
        yield f"ends with {found or 'no mark'}; the English with {wanted or 'no mark'}"
    if odd := sorted({sign for sign in one.bare if sign in one.knows.lists.wrong_marks}):
        yield f"{' '.join(odd)} is no mark of this language"
    if one.knows.lists.spaces and (full := _FULL_WIDTH.search(one.text)):
        yield f"{full[0]} is no mark of this language"
    for begin, end in ("()", "（）"):
        if one.text.count(begin) != one.text.count(end):
            yield f"{begin} and {end} do not match"


def _end(text: str) -> str:
    last = text.rstrip(_QUOTES + _APOSTROPHES + "\u00a0\u202f )）*_")[-1:]
    return _FINAL.get(last, "")


def _abridged(one: EntryForm) -> bool:
    return any(one.text.endswith(f" {short}") for short in one.knows.lists.abbreviations)


def _end_is_free(one: EntryForm) -> bool:
    """A value at the end, of the English or behind a colon, has a mark of its own, or none."""
    return one.english.endswith("}") or _VALUE_AT_END.search(one.text) is not None


def doubled(one: EntryForm) -> Iterator[str]:
    """A word, or two or three, twice in a row."""
    allowed = one.knows.lists.doubled
    if not one.knows.lists.spaces:
        found = (found[1] for found in _REPEATED.finditer(one.text) if found[0] not in allowed)
        yield from (f"“{said}” stands twice" for said in found)
    text = SHORTCUT.sub("|", PLACEHOLDER.sub("|", one.text))
    words = [(found[0].casefold(), found.start(), found.end()) for found in _WORD.finditer(text)]
    for size in (1, 2, 3):
        for at in range(len(words) - 2 * size + 1):
            first, second = words[at : at + size], words[at + size : at + 2 * size]
            if [word for word, _, _ in first] == [word for word, _, _ in second]:
                said = text[first[0][1] : second[-1][2]]
                if _BREAK.search(said) is None and not {said, said[:1].lower() + said[1:]} & {*allowed}:
                    yield f"“{said}”: twice"


def letters(one: EntryForm) -> Iterator[str]:
    """A word with letters of two scripts: a Latin a in a Cyrillic word looks the same and is read aloud otherwise."""
    if not (_OTHERS.search(one.text) and _LATIN.search(one.text)):
        return
    for found in _WORD.finditer(one.bare):
        scripts = {unicodedata.name(sign, "").split()[0] for sign in found[0] if sign.isalpha()}
        mixed = scripts & {"LATIN", "CYRILLIC", "GREEK"}
        if len(mixed) > 1:
            yield f"“{found[0]}” has letters of {' and '.join(sorted(name.capitalize() for name in mixed))}"


def capital(one: EntryForm) -> Iterator[str]:
    """Begins with a capital where the English does, in scripts that have them."""
    ours, english = one.text[:1], one.english[:1]
    if english.isupper() and ours.islower() and not one.knows.proper.match(one.english):
        yield f"begins with a small letter: {ours}"
