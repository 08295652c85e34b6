"""The languages of a running bot: a file that is saved in the installation's folder is spoken within two seconds.

The folder is looked at once a second rather than watched by the system: that works on network shares and on what
container platforms mount, and costs a few system calls.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from bot import resources
from bot.cards.render import CardSetting
from bot.languages.catalogs import CatalogError, Languages

log = logging.getLogger(__name__)

_EVERY = 1.0  # seconds

_Stamps = Mapping[str, tuple[int, int]]


class LiveTranslations:
    """What is spoken now, and how cards are drawn in it. Raises `CatalogueError` if there is no English."""

    def __init__(self, folder: Path | None, pictures: Mapping[str, bytes], chat: str) -> None:
        self._folder = folder
        self._pictures = pictures
        self._chat = chat
        self._stamps = _stamps(folder)
        self._watching: asyncio.Task[None] | None = None
        self._speak(resources.languages(folder))

    def _speak(self, languages: Languages) -> None:
        # Both at once: no turn may negotiate in one and be drawn in another.
        self.languages, self.setting = languages, CardSetting(languages.wording, self._pictures, self._chat)

    def start(self) -> None:
        """Begin to look at the folder, if there is one."""
        if self._folder is not None:
            self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            stamps = await asyncio.to_thread(_stamps, self._folder)
            if stamps == self._stamps:
                continue
            self._stamps = stamps
            try:
                self._speak(await asyncio.to_thread(resources.languages, self._folder, self.languages))
            except CatalogError as error:
                log.error("languages stay as they are: %s", error)
                continue
            log.info("languages: %s", ", ".join(self.languages.tags))


def _stamps(folder: Path | None) -> _Stamps:
    """When each file was changed, and its size; a file that goes meanwhile counts as gone."""
    found: dict[str, tuple[int, int]] = {}
    for path in folder.glob("*.po") if folder is not None else ():
        try:
            told = path.stat()
        except OSError:
            continue
        found[path.name] = (told.st_mtime_ns, told.st_size)
    return found
