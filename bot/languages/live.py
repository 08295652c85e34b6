"""The languages of a running bot: what is saved in the installation's folder is spoken within two seconds.

Polling. Once a second the folder's listing (name, time of change, size of each file) is compared with the one before;
where it differs, the languages are loaded again, in a thread. The system's own notifications would miss changes on
network shares and on what container platforms mount; a listing costs a few system calls.

Replacing. `languages` and `setting` are frozen and are replaced together, between two steps of the event loop: a turn
that has begun goes on with what it holds, the next one has the new texts. Cards that were drawn ahead belong to a
setting and go with it.

Falling back. A file that cannot be used keeps what it said when it could be; without an earlier state, the packaged
texts are used, or the language is not there. `languages.problems` names each such file, for `/readyz` and `doctor`.
A folder that cannot be read (a share that is away, a permission taken) changes nothing.

Going on. Where the system did not give a file or the folder, it is tried again every few polls without a change being
seen: a share that is back has the same files as before. Whatever else is raised ends the poll: the languages stay as
they are, and `bot.background` logs it and comes again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from bot.background import Beat
from bot.cards.render import CardSetting
from bot.languages import folder, packaged
from bot.languages.catalogs import Languages

log = logging.getLogger(__name__)

POLL_INTERVAL = 1.0  # seconds
_RETRY_POLLS = 5  # polls between two tries to read what the system did not give

_State = tuple[tuple[object, ...], ...]


class LiveTranslations:
    """The languages as they are now, and what cards are drawn with. Raises `CatalogError` if there is no English."""

    def __init__(
        self, own: Path | None, pictures: Mapping[str, bytes], chat: str, interval: float = POLL_INTERVAL
    ) -> None:
        self._folder = own
        self._interval = interval
        self._pictures = pictures
        self._chat = chat
        self._polls = 0
        self._state = _state(own)
        self._replace(packaged.languages(own))
        _report(self.languages, None)

    def _replace(self, languages: Languages) -> None:
        # Both at once: no turn may negotiate in one and be drawn in another.
        self.languages, self.setting = languages, CardSetting(languages.wording, self._pictures, self._chat)

    async def watch(self, beat: Beat) -> None:
        """Keep up with the folder for as long as the process lives; `beat` is called after each poll that went well.
        A background task: raises what a poll raises, and can be called again."""
        while True:
            await asyncio.sleep(self._interval)
            await self._poll()
            beat()

    async def _poll(self) -> None:
        state = await asyncio.to_thread(_state, self._folder)
        self._polls += 1
        retry = self.languages.unreadable and self._polls % _RETRY_POLLS == 0
        if state == self._state and not retry:
            return
        before = self.languages
        self._replace(await asyncio.to_thread(packaged.languages, self._folder, before))
        changed, self._state = state != self._state, state  # after the load: a load that failed is tried again
        if changed or self.languages.problems != before.problems:
            _report(self.languages, before)


def _report(languages: Languages, before: Languages | None) -> None:
    """Log what is not used, each once."""
    known = frozenset((*before.problems, *before.faults)) if before is not None else frozenset[str]()
    for problem in languages.problems:
        if problem not in known:
            log.error("language file not used: %s", problem)
    for fault in languages.faults:
        if fault not in known:
            log.warning("text not used: %s", fault)
    if before is not None:
        log.info("languages: %s", ", ".join(languages.tags))


def _state(own: Path | None) -> _State:
    """What of the folder's files a change can be seen by; also that the folder, or a file, cannot be read."""
    if own is None:
        return ()
    try:
        return tuple(sorted((path.name, *_stamp(path)) for path in folder.names(own)))
    except OSError as error:
        return ((str(error.errno),),)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError as error:
        return (-1, error.errno or 0)
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode
