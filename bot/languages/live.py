"""The languages of a running bot: what is saved in the installation's folder is spoken within two seconds.

Polling. Once a second the folder's listing (name, time of change, size of each file) is compared with the one before;
where it differs, the languages are loaded again, in a thread. The system's own notifications would miss changes on
network shares and on what container platforms mount; a listing costs a few system calls.

Replacing. `languages` and `setting` are frozen and are replaced together, between two steps of the event loop: a turn
that has begun goes on with what it holds, the next one has the new texts. Cards that were drawn ahead belong to a
setting and go with it.

Falling back. A file that cannot be used keeps what it said when it could be; without an earlier state, the packaged
texts are used, or the language is not there. `languages.problems` names each such file, for `/readyz` and `doctor`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from bot.background import Beat
from bot.cards.render import CardSetting
from bot.languages import packaged
from bot.languages.catalogs import CatalogError, Languages

log = logging.getLogger(__name__)

_POLL_INTERVAL = 1.0  # seconds

_Stamps = Mapping[str, tuple[int, int]]


class LiveTranslations:
    """The languages as they are now, and what cards are drawn with. Raises `CatalogError` if there is no English."""

    def __init__(self, folder: Path | None, pictures: Mapping[str, bytes], chat: str) -> None:
        self._folder = folder
        self._pictures = pictures
        self._chat = chat
        self._stamps = _stamps(folder)
        self._replace(packaged.languages(folder))

    def _replace(self, languages: Languages) -> None:
        # Both at once: no turn may negotiate in one and be drawn in another.
        self.languages, self.setting = languages, CardSetting(languages.wording, self._pictures, self._chat)

    async def watch(self, beat: Beat) -> None:
        """Use what is saved in the folder, for ever. A background task."""
        while self._folder is not None:
            await asyncio.sleep(_POLL_INTERVAL)
            stamps = await asyncio.to_thread(_stamps, self._folder)
            beat()
            if stamps == self._stamps:
                continue
            self._stamps = stamps
            try:
                self._replace(await asyncio.to_thread(packaged.languages, self._folder, self.languages))
            except CatalogError as error:
                log.error("languages stay as they are: %s", error)
                continue
            log.info("languages: %s", ", ".join(self.languages.tags))


def _stamps(folder: Path | None) -> _Stamps:
    """When each file was changed, and its size; one that is deleted meanwhile counts as deleted."""
    found: dict[str, tuple[int, int]] = {}
    for path in folder.glob("*.po") if folder is not None else ():
        try:
            status = path.stat()
        except OSError:
            continue
        found[path.name] = (status.st_mtime_ns, status.st_size)
    return found
