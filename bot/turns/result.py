"""What a turn came to, and what a look found as the case and its card keep it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.cards.render import Photos
from bot.diagnosis.diagnosis import DiagnosisResult as Looking
from bot.photos.comparison import thumbnail
from bot.store import Job, LogEntry, Record
from bot.turns.events import now
from dialogs.model import Check, Effect, Erase, Follow, Show

_SHOW, _FOLLOW, _ERASE = Show(), Follow(), Erase()


@dataclass(frozen=True)
class TurnResult:
    """What one turn came to."""

    record: Record
    photos: Photos
    effects: tuple[Effect, ...]
    log: tuple[LogEntry, ...] = ()
    later: tuple[Job, ...] = ()  # work that came up
    owed_until: float = 0.0  # when the card that is to be shown is due, if that was committed with it

    @property
    def follows(self) -> bool:
        """Whether we are to look again by ourselves."""
        return _FOLLOW in self.effects

    @property
    def shows(self) -> bool:
        """Whether there is a card to show."""
        return _SHOW in self.effects

    @property
    def erased(self) -> bool:
        """Whether the person has just been forgotten."""
        return _ERASE in self.effects


def check_of(looking: Looking) -> Check:
    """A look as the case remembers it."""
    return Check(
        now(),
        looking.verdict,
        looking.reason,
        looking.similarity,
        looking.facts,
        looking.older_by,
        looking.site,
        looking.site_finding,
    )


def thumbnails(looking: Looking) -> Photos:
    """The two pictures, small enough for a card."""
    ours, theirs = looking.microsoft365, looking.sharepoint
    return Photos(
        thumbnail(ours.data) if ours else None,
        thumbnail(theirs.data) if theirs else None,
        theirs.modified if theirs else None,
    )
