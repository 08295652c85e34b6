"""The packaged topics, and an installation's own files laid over them: steps, texts and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot import regular_file, resources, toml_file
from bot.languages.catalogs import Languages
from bot.toml_file import WrongToml
from dialogs import library, topic_overlay
from dialogs.library import PAGES, Library, LibraryError
from dialogs.topic_overlay import Texts
from dialogs.translations import SOURCE, Catalog, Translations, placeholders

LARGEST_PICTURE = 8_000  # bytes: beside a card's text well under what Teams takes
_COMMON_PLACEHOLDERS = frozenset({"address", *PAGES})  # places that any text may have


@dataclass(frozen=True)
class Topics:
    """What is shown, as an installation has it."""

    library: Library
    translations: Translations
    pictures: Mapping[str, bytes] = field(repr=False)


def topics(languages: Languages, pictures: Mapping[str, bytes], own: Path | None, *, drafts: bool = False) -> Topics:
    """The packaged topics with the files of `own` over them; with `drafts` those too that say `draft = true`.

    Raises `LibraryError` naming every file and step that could strand a person, and every text that is missing.
    """
    documents: dict[str, Mapping[str, Any]] = dict(resources.topics())
    if own is None:
        plain = languages.translations
        return Topics(_packaged(frozenset(pictures), frozenset(plain.catalogs[SOURCE].entries)), plain, pictures)
    found, own_pictures, problems = _read(own)
    texts: Texts = {}
    for name, document in found.items():
        if document.get("draft") is True and not drafts:
            continue
        if not isinstance(document.get("draft", False), bool):
            problems.append(f"{name}.toml: draft has to be true or false")
        try:
            problems += [
                f"{name}.toml: texts.{tag}: no language of this installation"
                for tag in document.get("texts", {})
                if tag not in languages.translations.catalogs
            ]
            for tag, table in topic_overlay.texts_of(name, document).items():
                texts.setdefault(tag, {}).update(table)
            documents[name] = topic_overlay.laid_over(documents.get(name, {}), document)
        except (ValueError, TypeError, AttributeError) as error:
            problems.append(f"{name}.toml: {error}")
    problems += _wrong_texts(languages, texts)
    try:
        documents = topic_overlay.without_skipped(documents)
    except (ValueError, TypeError, AttributeError) as error:
        problems.append(str(error))
    if problems:
        raise LibraryError(tuple(problems))
    catalogs = {
        tag: replace(one, entries=topic_overlay.entries_of(tag, one.entries, _of_variant(one, texts))) if texts else one
        for tag, one in languages.translations.catalogs.items()
    }
    shown = {**pictures, **own_pictures}
    return Topics(library.build(documents, shown, catalogs[SOURCE].entries), Translations(catalogs), shown)


@lru_cache(maxsize=4)
def _packaged(pictures: frozenset[str], english: frozenset[str]) -> Library:
    return library.build(resources.topics(), pictures, english)


def _of_variant(one: Catalog, texts: Texts) -> Texts:
    """The texts with a variant's, which has those of its language too."""
    if not one.base:
        return texts
    return {**texts, one.tag: {**texts.get(one.base, {}), **texts.get(one.tag, {})}}


def _read(own: Path) -> tuple[dict[str, dict[str, Any]], dict[str, bytes], list[str]]:
    """Documents and pictures by name, and what is wrong with the others."""
    found: dict[str, dict[str, Any]] = {}
    pictures: dict[str, bytes] = {}
    problems = []
    try:
        paths = sorted(path for path in own.iterdir() if path.suffix in (".toml", ".png"))
    except OSError as error:
        raise LibraryError((f"{own}: the folder cannot be read: {error.strerror}",)) from None
    for path in paths:
        try:
            if path.suffix == ".toml":
                found[path.stem] = toml_file.document(toml_file.text(path))
                continue
            data = regular_file.read(path, LARGEST_PICTURE)
            if len(data) > LARGEST_PICTURE:
                problems.append(f"{path.name}: larger than {LARGEST_PICTURE} bytes")
            else:
                pictures[path.stem] = data
        except OSError as error:
            problems.append(f"{path.name}: {error.strerror}")
        except WrongToml as error:
            problems.append(f"{path.name}: {error}")
    return found, pictures, problems


def _wrong_texts(languages: Languages, texts: Texts) -> list[str]:
    """Texts with places for values that their card does not have."""
    english = languages.translations.catalogs[SOURCE].entries
    problems = []
    for tag, table in texts.items():
        for key, (form,) in table.items():
            try:
                strange = placeholders(form) - _COMMON_PLACEHOLDERS - placeholders("".join(english.get(key, ())))
            except ValueError as error:
                problems.append(f"texts.{tag}: {key}: {error}")
                continue
            if strange:
                problems.append(f"texts.{tag}: {key}: nothing stands for {{{min(strange)}}} there")
            if key not in english and key not in texts.get(SOURCE, {}):
                problems.append(f"texts.{tag}: {key}: no English text")
    return problems
