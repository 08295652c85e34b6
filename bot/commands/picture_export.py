"""Pictures written for the helpdesk: only on request, readable by their owner only."""

from __future__ import annotations

import os
from pathlib import Path

from bot.errors import NotAPicture
from bot.photos.decode import measured
from bot.photos.picture import Picture

SUFFIXES = {"JPEG": ".jpg", "PNG": ".png"}


class CannotSave(Exception):
    """Says why, in one line."""


class Folder:
    """Where to write; `microsoft365` and `sharepoint` are the names used, with the suffix of the format."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def ready(cls, path: Path, *names: str) -> Folder:
        """A folder that has none of the names yet: a picture of somebody else would stand beside the new ones.

        It is made if need be. Raises `CannotSave`.
        """
        taken = [f"{name}{suffix}" for name in names for suffix in SUFFIXES.values()]
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = [name for name in taken if os.path.lexists(path / name)]
        except OSError as error:
            raise CannotSave(f"{path} is not a folder to write to: {error.strerror}") from None
        if there:
            raise CannotSave(f"{path} has a {there[0]} already: name another folder")
        if not os.access(path, os.W_OK | os.X_OK):
            raise CannotSave(f"{path} is not a folder to write to: Permission denied")
        return cls(path)

    def keep(self, name: str, picture: Picture) -> Path:
        """Write the bytes as they were fetched, for the owner only; returns where. Raises `CannotSave`."""
        try:
            _, kind = measured(picture.data)
        except NotAPicture as error:
            raise CannotSave(f"{name} is not a picture: {error.reason}") from None
        path = self._path / f"{name}{SUFFIXES[kind]}"
        try:
            # Exclusive: never through a link that somebody put there.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(picture.data)
        except OSError as error:
            raise CannotSave(f"{path}: {error.strerror}") from None
        return path
