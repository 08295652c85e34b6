"""What the packaged PO files come to, kept beside them as Python keeps what a module's source comes to.

Reading and checking every sentence of every language costs more than a second of processor time, and each start and
each command would pay for it again. So what came of it is kept in `locales/__pycache__/`, with a key of all that it was
made from: the bytes of each file, and of the code that read them. Where the key is another, or the file is damaged, or
not there, or nobody may write it, the languages are read as if it had never been.

Only languages without any fault are kept: whoever has to be told of one is told at every start.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import babel
import orjson

from bot.languages import plurals
from bot.languages.catalogs import Languages, laid_over
from bot.languages.vocabulary import vocabulary
from dialogs.translations import SOURCE, Catalog, Translations

log = logging.getLogger(__name__)

_NAME = "catalogs.json"
_HERE = Path(__file__).resolve().parent
_DIALOGS = _HERE.parent.parent / "dialogs"


def key(folder: Path) -> str:
    """Of the files of a folder and the code that reads them. Raises OSError where one cannot be read."""
    found = hashlib.sha256(babel.__version__.encode())
    code = (*_HERE.glob("*.py"), *_HERE.glob("*.json"), _DIALOGS / "translations.py", _DIALOGS / "examples.py")
    for path in sorted((*code, *folder.iterdir())):
        if path.is_file():
            content = path.read_bytes()
            found.update(f"\n{path.name} {len(content)}\n".encode())
            found.update(content)
    return found.hexdigest()


def load(folder: Path, key: str) -> Languages | None:
    """The languages of a folder as they were kept under this key; None if they were not."""
    file = _file(folder)
    if not file.is_file():  # also a pipe, which would never end
        return None
    try:
        kept = orjson.loads(file.read_bytes())
        if kept["key"] != key or SOURCE not in kept["catalogs"]:
            return None
        packaged = {tag: _catalog(tag, **one) for tag, one in kept["catalogs"].items()}
        catalogs = laid_over(packaged)
    except Exception as error:  # whatever stands there was not written by us, or only half of it
        log.debug("compiled languages not used: %s: %s", type(error).__name__, error)
        return None
    return Languages(Translations(catalogs), vocabulary(catalogs, {}), packaged=packaged)


def _catalog(tag: str, name: str, rtl: bool, plural: str, entries: Mapping[str, list[str]], base: str) -> Catalog:
    rule = plurals.read(plural)
    assert rule is not None  # or the file is damaged
    return Catalog(tag, name, rtl, {key: tuple(forms) for key, forms in entries.items()}, rule, base)


def keep(folder: Path, key: str, languages: Languages) -> None:
    """Keep languages that were read; where that cannot be, the next start reads them again."""
    if languages.problems or languages.faults or languages.unreadable:
        return
    catalogs = {tag: _kept(one) for tag, one in languages.packaged.items()}
    file = _file(folder)
    temporary = file.with_name(f"{file.name}.{os.getpid()}")  # nobody may read half of it
    try:
        file.parent.mkdir(exist_ok=True)
        temporary.write_bytes(orjson.dumps({"key": key, "catalogs": catalogs}))
        temporary.replace(file)
    except OSError as error:  # a folder of somebody else's, a read-only system, a disk that is full
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        log.debug("compiled languages not kept: %s", error.strerror)


def _kept(one: Catalog) -> dict[str, Any]:
    assert isinstance(one.plural, plurals.PluralForms)
    return {
        "name": one.name,
        "rtl": one.rtl,
        "plural": one.plural.header,
        "entries": dict(one.entries),
        "base": one.base,
    }


def _file(folder: Path) -> Path:
    return folder / "__pycache__" / _NAME
