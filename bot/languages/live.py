"""The languages and topics of a running bot: what is saved in the installation's folders is shown within two seconds.

Polling. Once a second the folder's listing (name, time of change, size of each file) is compared with the one before;
where it differs, the languages are loaded again, in a thread. The system's own notifications would miss changes on
network shares and on what container platforms mount; a listing costs a few system calls.

Replacing. `languages` and the two views (everybody's, and that of the pilot, with drafts) are frozen and are replaced
together, between two steps of the event loop: a turn that has begun goes on with what it holds, the next one has the
new texts. Cards that were drawn ahead belong to a view's setting and go with it.

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
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.background import Beat
from bot.cards.render import CardSetting
from bot.clouds import CLOUDS
from bot.languages import folder, packaged, topic_files
from bot.languages.catalogs import Languages
from dialogs.examples import Example
from dialogs.library import Library, LibraryError

log = logging.getLogger(__name__)

POLL_INTERVAL = 1.0  # seconds
_RETRY_POLLS = 5  # polls between two tries to read what the system did not give

_State = tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class View:
    """The topics, what cards are drawn with, and the languages, as some people see them."""

    library: Library
    setting: CardSetting
    languages: Languages


class LiveTranslations:
    """The languages as they are now, and what cards are drawn with. Raises `CatalogError` if there is no English."""

    def __init__(
        self,
        own: Path | None,
        pictures: Mapping[str, bytes],
        chat: str,
        interval: float = POLL_INTERVAL,
        cloud: str = "public",
        topics: Path | None = None,
        pilot: Collection[str] = (),
    ) -> None:
        """`own` are language files, `topics` topic files; `pilot` the object ids of people who get drafts too."""
        self._folder = own
        self._interval = interval
        self._pictures = pictures
        self._chat = chat
        self._pages = CLOUDS[cloud].pages
        self._topics = topics
        self._pilot = frozenset(pilot)
        self.topic_problems: tuple[str, ...] = ()
        self._failure = ""
        self._polls = 0
        self._state = (_state(own), _state(topics, _topic_names))
        every, of_pilot = self._load(None, None)
        self._replace(every, self._views(every, of_pilot, None))
        _report(self.languages, None)

    def _replace(self, languages: Languages, shown: tuple[View, View]) -> None:
        # All at once: no turn may negotiate in one and be drawn in another.
        self.languages, self._shown = languages, shown

    def view(self, person: str) -> View:
        """What one person is shown: with drafts for those of the pilot."""
        return self._shown[person.lower() in self._pilot]

    def set_pilot(self, people: Collection[str]) -> None:
        """Who belongs to the pilot from now on: object ids, in small letters."""
        self._pilot = frozenset(people)

    @property
    def examples(self) -> Mapping[str, tuple[Example, ...]]:
        """What people type, of all own files, drafts included."""
        return self._shown[1].languages.vocabulary.examples

    def _load(self, last: Languages | None, last_of_pilot: Languages | None) -> tuple[Languages, Languages]:
        """The languages of everybody, and those of the pilot."""
        every = packaged.languages(self._folder, last)
        # What cannot be read now may be a draft: the pilot keeps what it said.
        had_drafts = last_of_pilot is not None and last_of_pilot is not last
        if not self._pilot or not (every.drafts or had_drafts):
            return every, every
        return every, packaged.languages(self._folder, last_of_pilot, drafts=True)

    def _views(self, every: Languages, of_pilot: Languages, before: tuple[View, View] | None) -> tuple[View, View]:
        """For everybody, and for the pilot. Topic files that cannot be used leave what was before, or the packaged."""
        if self._topics is None:
            return self._both(every, of_pilot, None)
        try:
            views = self._both(every, of_pilot, self._topics)
        except LibraryError as error:
            for problem in set(error.problems) - set(self.topic_problems):
                log.error("topic files not used: %s", problem)
            self.topic_problems = error.problems
            return before or self._both(every, of_pilot, None)
        self.topic_problems = ()
        return views

    def _both(self, every: Languages, of_pilot: Languages, own: Path | None) -> tuple[View, View]:
        plain = self._view(every, own)
        same = every is of_pilot and (own is None or not self._pilot)
        return plain, plain if same else self._view(of_pilot, own, drafts=True)

    def _view(self, languages: Languages, own: Path | None, *, drafts: bool = False) -> View:
        found = topic_files.topics(languages, self._pictures, own, drafts=drafts)
        setting = CardSetting(found.translations, found.pictures, self._chat, self._pages)
        return View(found.library, setting, languages)

    async def watch(self, beat: Beat) -> None:
        """Keep up with the folder for as long as the process lives; `beat` is called after each poll that went well.
        A background task: raises what a poll raises, and can be called again."""
        while True:
            await asyncio.sleep(self._interval)
            await self._poll()
            beat()

    async def _poll(self) -> None:
        state = await asyncio.to_thread(self._present)
        self._polls += 1
        retry = self.languages.unreadable and self._polls % _RETRY_POLLS == 0
        if state == self._state and not retry:
            return
        before = self.languages
        every, of_pilot = await asyncio.to_thread(self._load, before, self._shown[1].languages)
        self._replace(every, await asyncio.to_thread(self._views, every, of_pilot, self._shown))
        changed, self._state = state != self._state, state  # after the load: a load that failed is tried again
        if changed or self.languages.problems != before.problems:
            _report(self.languages, before)

    def _present(self) -> tuple[_State, _State]:
        return _state(self._folder), _state(self._topics, _topic_names)


def _topic_names(path: Path) -> Iterator[Path]:
    return (one for one in path.iterdir() if one.suffix in (".toml", ".png"))


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


def _state(own: Path | None, names: Callable[[Path], Iterator[Path]] = folder.names) -> _State:
    """What of the folder's files a change can be seen by; also that the folder, or a file, cannot be read."""
    if own is None:
        return ()
    try:
        return tuple(sorted((path.name, *folder.stamp(path)) for path in names(own)))
    except OSError as error:
        return ((str(error.errno),),)
