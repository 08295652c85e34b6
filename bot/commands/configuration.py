"""A command's settings: the process's environment, over a file of `NAME=value` lines."""

from __future__ import annotations

import argparse
import codecs
import io
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from bot import logs
from bot.commands.terminal import complain
from bot.errors import SettingsError
from bot.settings import PROXIES, Settings, Use, misspelt, read, table

_USUAL = Path(".env")
_MAX_BYTES = 1 << 20
_OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def environment(chosen: argparse.Namespace) -> Mapping[str, str]:
    """Both together. A proxy that the file names counts for the whole process, as one of the environment does.

    Raises `SettingsError` for a file that cannot be read, or that `--env-file` names and is not there.
    """
    named: Path | None = getattr(chosen, "env_file", None)
    file = _read(named or _USUAL, needed=named is not None)
    for name in PROXIES:
        if file.get(name):
            os.environ.setdefault(name, file[name])
    process = dict(os.environ)
    if sys.platform == "win32":  # where the system writes every name in capitals
        names = {setting.name.upper(): setting.name for setting in table()}
        process = {names.get(name, name): value for name, value in process.items()}
    return {**file, **process}


def load(use: Use, chosen: argparse.Namespace) -> Settings:
    """The settings, checked for that use; logging is set up as they say. Raises `SettingsError`."""
    environ = environment(chosen)
    settings = read(environ, use)
    if use is Use.SERVE:
        complain(*misspelt(environ))
    logs.set_up(settings)
    return settings


def _read(path: Path, *, needed: bool) -> Mapping[str, str]:
    where = path.absolute()
    try:
        if path.is_dir():
            raise SettingsError((f"{where} is a folder, not a file of settings",))
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        if needed:
            raise SettingsError((f"{where} is not there",)) from None
        return {}
    except OSError as error:
        raise SettingsError((f"{where} cannot be read: {error.strerror}",)) from None
    text = _text(content, where)
    for number, line in _left_out(text):
        complain(f"{where}:{number}: {line}")
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # it would report the same lines
    return {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}


def _text(content: bytes, where: Path) -> str:
    """Raises `SettingsError`: half of the settings would be worse than none."""
    if len(content) > _MAX_BYTES:
        raise SettingsError((f"{where} is larger than a file of settings can be",))
    encoding = next((name for mark, name in _OTHER_MARKS.items() if content.startswith(mark)), "")
    if not encoding and b"\0" in content:
        encoding = "UTF-16 or no text"
    if encoding:
        raise SettingsError((f"{where} is {encoding}: save it as UTF-8",))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError((f"{where}:{line}: is not UTF-8 (Windows-1252, perhaps): save it as UTF-8",)) from None


def _left_out(text: str) -> list[tuple[int, str]]:
    """Lines that set nothing, or that a later one overrules; never with their text, which may be a secret."""
    found: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(text)):
        number = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\r\n"))
        if binding.error or (binding.key and binding.value is None):
            found.append((number, "is not NAME=value and is left out"))
        elif binding.key and binding.key in seen:
            found.append((seen[binding.key], f"{binding.key} is set again in line {number}, which counts"))
        if binding.key:
            seen[binding.key] = number
    return found
