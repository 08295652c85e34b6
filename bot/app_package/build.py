"""What an admin uploads into Teams: the manifest, two icons and one file of sentences per language.

`manifest/manifest.json` is the template. `{{name}}` in it stands for a value of the installation (`app_id`, `host`,
`version`, `developer`, `color`) or, as a whole string, for a sentence of the catalogues. Where such a sentence stands
is its name in the language files, so the template alone says what is translated. A name that the installation gives
the app is the same in every language.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import PhotosyncError
from bot.languages.catalogs import Languages
from bot.settings import Settings
from dialogs.translations import SOURCE, MissingText, Translations

TEMPLATE = "manifest.json"
_STANDS_FOR = re.compile(r"\{\{([\w.]+)\}\}")
# Teams takes the exact language of a client, else the language without its region, else the default. These clients
# would miss a file whose tag names the script, or another region, although the person reads it.
_CLIENTS = ("pt-PT", "sr-Latn-RS", "zh-CN", "zh-TW")

_USUAL = {"developer": "Photosync", "color": "#4B53BC"}

_ISOLATES = dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069"))


class NoPackage(PhotosyncError):
    """The package cannot be built, or Teams would not take it; `problems` has one line for each reason."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class AppPackage:
    """The content, before it is a file."""

    manifest: Mapping[str, Any]
    icons: Mapping[str, bytes]  # file name -> PNG
    sentences: Mapping[str, Mapping[str, str]]  # tag -> where it stands -> sentence
    keys: Mapping[str, str]  # where it stands -> key of the catalogues
    in_english: Mapping[str, tuple[str, ...]]  # tag -> keys that it lacks

    def files(self) -> dict[str, bytes]:
        """Everything that goes into the zip, by name."""
        schema = self.manifest["$schema"].replace("MicrosoftTeams.schema", "MicrosoftTeams.Localization.schema")
        translations = {
            f"{tag}.json": _json({"$schema": schema, **sentences}) for tag, sentences in self.sentences.items()
        }
        return {TEMPLATE: _json(self.manifest), **self.icons, **translations}


def branded(source: Mapping[str, bytes], settings: Settings) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files of `manifest/` with the installation's icons, and its values for `build`: what the app looks like.

    Raises `NoPackage` for an icon that cannot be read.
    """
    names = json.loads(source[TEMPLATE])["icons"]
    icons = {names["color"]: settings.app_icon, names["outline"]: settings.app_icon_outline}
    values = {"developer": settings.app_developer, "color": settings.app_color}
    if settings.app_name:
        values["app.name"] = settings.app_name
    try:
        return {**source, **{name: path.read_bytes() for name, path in icons.items() if path is not None}}, values
    except OSError as error:
        raise NoPackage(f"{error.filename} cannot be read: {error.strerror}") from None


def build(source: Mapping[str, bytes], spoken: Languages, values: Mapping[str, str]) -> AppPackage:
    """From the files of `manifest/`, the languages, and the values of this installation.

    Raises `NoPackage` if English lacks a sentence of the template.
    """
    template = json.loads(source[TEMPLATE])
    values = {**_USUAL, **values}
    keys = {where: key for where, key in _sentences(template) if key not in values}
    wanted = tuple(dict.fromkeys(keys.values()))
    texts = {tag: _texts(spoken.translations, tag, wanted) for tag in spoken.tags}
    manifest = _filled(template, {**values, **texts[SOURCE][0]})
    manifest["localizationInfo"] = _localization(spoken)
    return AppPackage(
        manifest,
        {name: source[name] for name in manifest["icons"].values() if name in source},
        {tag: {where: found[key] for where, key in keys.items()} for tag, (found, _) in texts.items()},
        keys,
        {tag: lacking for tag, (_, lacking) in texts.items() if lacking},
    )


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The same bytes for the same files, on any machine: no clock, no compressor, whose output varies by version."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _sentences(node: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Where a string of the template is nothing but `{{name}}`, and the name."""
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from _sentences(inner, f"{where}.{name}" if where else name)
    elif isinstance(node, list):
        for place, inner in enumerate(node):
            yield from _sentences(inner, f"{where}[{place}]")
    elif isinstance(node, str) and (match := _STANDS_FOR.fullmatch(node)):
        yield where, match[1]


def _filled(node: Any, values: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {name: _filled(inner, values) for name, inner in node.items()}
    if isinstance(node, list):
        return [_filled(inner, values) for inner in node]
    return _STANDS_FOR.sub(lambda match: values[match[1]], node) if isinstance(node, str) else node


def _texts(translations: Translations, tag: str, keys: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """A language's sentences by key, and the keys for which only English has one."""
    try:
        # The isolates around names are for cards; Teams shows these lines elsewhere.
        texts = {key: translations.text(tag, key).translate(_ISOLATES) for key in keys}
    except MissingText as missing:
        raise NoPackage(f"{missing.tag}.po has no {missing.key}") from None
    except KeyError as unknown:
        raise NoPackage(f"{tag}.po: {{{unknown.args[0]}}} cannot be filled in the app's own sentences") from None
    own = [catalogue for catalogue in translations.chain(tag) if catalogue.tag != SOURCE or tag == SOURCE]
    return texts, tuple(key for key in keys if not any(key in catalogue.entries for catalogue in own))


def _localization(spoken: Languages) -> dict[str, Any]:
    others = {tag: tag for tag in sorted(spoken.tags) if tag != SOURCE}
    loaded = {tag.lower() for tag in spoken.tags}
    for client in _CLIENTS:
        language, nearest = client.partition("-")[0], spoken.nearest(client)
        if nearest and not {client.lower(), language} & loaded:
            others[client] = nearest
    return {
        "defaultLanguageTag": SOURCE,
        "defaultLanguageFile": f"{SOURCE}.json",
        "additionalLanguages": [{"languageTag": tag, "file": f"{file}.json"} for tag, file in sorted(others.items())],
    }
