"""Beyond the verdict: why it is so, where that can be known, and what else was found.

What may not be read is "not known", never a cause.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.graph.policies import PhotoPolicy
from bot.graph.users import Person
from bot.photos.picture import Picture
from dialogs.model import Fact, Reason, Verdict

_SLACK = timedelta(minutes=10)  # clocks of two systems, and the time one sync takes
_NOBODY = frozenset({"shared", "room", "equipment"})  # purposes of mailboxes that nobody signs in to


@dataclass(frozen=True)
class Seen:
    """What both sides hold, as far as causes depend on it."""

    verdict: Verdict
    ours: Picture | None
    theirs: Picture | None  # the file SharePoint has, a placeholder too
    placeholder: bool  # SharePoint's file is a placeholder
    partial: bool  # some sizes of the copy are another picture than the rest


def direct(person: Person) -> bool:
    """Whether SharePoint shows this person Microsoft 365's photo itself: there is no Exchange plan."""
    if person.plans is None or person.enabled is False:
        return False
    return "sharepoint" in person.plans and "exchange" not in person.plans


def blocked(person: Person, verdict: Verdict, purpose: str = "") -> str:
    """Why the steps would not help, or not as they are, although they are due; "" where no reason is known.

    `purpose` is what the mailbox of a disabled account is for, if that is known.
    """
    if verdict not in (Verdict.DIFFER, Verdict.MISSING, Verdict.NO_PHOTO):
        return ""
    if person.enabled is False:
        return Reason.SHARED_MAILBOX if purpose in _NOBODY else Reason.DISABLED
    if verdict is Verdict.NO_PHOTO:
        return ""
    if person.plans is not None and "sharepoint" not in person.plans:
        return Reason.NO_SHAREPOINT
    return Reason.NO_SITE if verdict is Verdict.MISSING and person.has_site is False else ""


def forbidden(policy: PhotoPolicy | None) -> str:
    """Why a person may not change the photo; "" where they may, or where that is not known."""
    if policy is None:
        return ""
    if policy.on_premises:
        return Reason.ON_PREMISES
    # Who has one of these roles is not known here: it takes a wider permission, and hardly anybody has one.
    return Reason.POLICY if policy.roles else ""


def facts(person: Person, seen: Seen, configured_host: str, since: str) -> tuple[str, ...]:
    """What else is worth saying; `since` is when the last look was (UTC, ISO 8601), "" for the first."""
    holds = {
        Fact.PLACEHOLDER: seen.placeholder,
        Fact.OLDER: older_by(seen) is not None,
        Fact.SYNCED: seen.verdict is Verdict.DIFFER and _copied_since(seen.theirs, since),
        Fact.PARTIAL: seen.partial,
        Fact.REGION: bool(configured_host and person.my_site and person.my_site != configured_host),
        Fact.DIRECT: seen.verdict is Verdict.MATCH and direct(person),
        Fact.ORPHAN: seen.verdict is Verdict.NO_PHOTO and seen.theirs is not None and not seen.placeholder,
    }
    return tuple(fact.value for fact, true in holds.items() if true)


def older_by(seen: Seen) -> float | None:
    """Seconds by which the copy is older than the photo; None where it is not, or where that is not known.

    The date of a photo is the `Last-Modified` of Graph's answer, which may be missing.
    """
    if seen.verdict is not Verdict.DIFFER or seen.ours is None or seen.theirs is None:
        return None
    ours, theirs = seen.ours.modified, seen.theirs.modified
    if ours is None or theirs is None or ours - theirs < _SLACK:
        return None
    return (ours - theirs).total_seconds()


def uneven(times: Iterable[datetime | None]) -> bool:
    """Whether the sizes of one copy were made at different times: a sync that stopped half-way."""
    known = [one for one in times if one is not None]
    return bool(known) and max(known) - min(known) > _SLACK


def _copied_since(copy: Picture | None, since: str) -> bool:
    if copy is None or copy.modified is None or not since:
        return False
    last = datetime.fromisoformat(since)
    return copy.modified > (last if last.tzinfo else last.replace(tzinfo=UTC))
