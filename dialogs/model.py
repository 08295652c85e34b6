"""The nouns of the conversation: frozen, plain, each with one meaning (docs/architecture.md has the glossary)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What a look at the two photos found (DESIGN section 3)."""

    MATCH = "match"
    DIFFER = "differ"
    MISSING = "missing"
    UNSURE = "unsure"
    NO_PHOTO = "no_photo"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a look could not tell; only with `Verdict.UNKNOWN`."""

    PERMISSION = "permission"  # we lack a permission: the helpdesk has to fix it
    SIGN_IN = "sign_in"  # the login service refused us: likewise
    THROTTLED = "throttled"  # asked to slow down
    OUTAGE = "outage"  # failed or unreachable
    TIMEOUT = "timeout"  # no answer in time
    PICTURE = "picture"  # one of the two is not a picture that can be opened
    PERSON = "person"  # the directory does not know the person
    LIBRARY = "library"  # SharePoint's picture library was not found


class Outcome(StrEnum):
    """How a case ended (the labels of `photosync_cases_total`)."""

    RESOLVED = "resolved"
    RESOLVED_LATER = "resolved_later"
    ESCALATED = "escalated"
    STOPPED = "stopped"
    EXPIRED = "expired"


ACTIONS = (
    "fix", "add", "check", "next", "back", "same", "different", "ticket", "send_ticket", "language", "set_language",
    "rate", "stop", "menu", "forget", "forget_confirmed",
)  # fmt: skip
"""Every action a button or typed words can mean (DESIGN section 4)."""


@dataclass(frozen=True)
class Step:
    """One card of a topic. Its sentences are in `locales/` under `{topic}.{id}.*`."""

    id: str
    choices: Mapping[str, str] = field(default_factory=dict)  # action -> step: `id` here, or `topic.id`
    branches: Mapping[str, str] = field(default_factory=dict)  # verdict -> step: entering it means looking first
    numbered: bool = False  # shows "step 2 of 5"
    photos: bool = False  # shows the two photos
    picture: str = ""  # the illustration's name
    link: str = ""  # an address its button opens
    hints: bool = False  # has a line of its own for each platform
    form: str = ""  # `comment` or `locale`: an input
    outcome: str = ""  # arriving here ends the case so


@dataclass(frozen=True)
class Topic:
    """A walk-through, or a group of cards."""

    id: str
    start: str
    steps: Mapping[str, Step]


@dataclass(frozen=True)
class Check:
    """One look, as the case remembers it. `at` is UTC, ISO 8601."""

    at: str
    verdict: Verdict
    reason: str = ""
    similarity: float | None = None


@dataclass(frozen=True)
class Trace:
    """One step the person answered: which, when, with what."""

    step: str
    at: str
    answer: str


@dataclass(frozen=True)
class Case:
    """One person's concern, from the first message to its outcome. The whole of it is one JSON document."""

    id: str
    rev: int = 0  # counts what the person was shown: a button of an older card carries an older one
    step: str = "desk.menu"  # `topic.step`
    trail: tuple[str, ...] = ()  # where `back` leads, the nearest last
    locale: str = "en"
    opened_at: str = ""
    checks: tuple[Check, ...] = ()
    traces: tuple[Trace, ...] = ()
    outcome: str = ""
    ticket: str = ""  # the number the helpdesk gave
    card: str = ""  # the activity that shows it, for the update in place
    platform: str = ""  # as the channel last told it: decides which hints fit
    walked: bool = False  # went through steps before the last look


@dataclass(frozen=True)
class Typed:
    """The person wrote; `action` is what the words mean in some language, "" if nothing known."""

    action: str
    locale: str = ""  # with `set_language`: the language that was named
    value: str = ""  # with `rate`: up or down


@dataclass(frozen=True)
class Pressed:
    """A card's button; everything in it comes from outside and may be invented."""

    action: str
    case: str
    step: str
    rev: int
    value: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Looked:
    """A look is done."""

    check: Check


@dataclass(frozen=True)
class Joined:
    """The bot was installed for the person."""


@dataclass(frozen=True)
class TicketDone:
    """The helpdesk's answer; no number where it gave none, `sent` False where it could not be reached."""

    sent: bool
    number: str = ""
    url: str = ""


Event = Typed | Pressed | Looked | Joined | TicketDone


@dataclass(frozen=True)
class Show:
    """Show the case's current card; `notice` is the key of a line above it."""

    notice: str = ""
    anew: bool = False  # as a new message at the end of the chat, not in the place of the last card


@dataclass(frozen=True)
class Look:
    """Look at the two photos now, then decide on `Looked`."""


@dataclass(frozen=True)
class SendTicket:
    """Hand the case to the helpdesk, then decide on `TicketDone`."""

    comment: str = field(default="", repr=False)


@dataclass(frozen=True)
class Forget:
    """Erase everything known of the person."""


@dataclass(frozen=True)
class Ended:
    """The case got an outcome: count it."""

    outcome: str


Effect = Show | Look | SendTicket | Forget | Ended
