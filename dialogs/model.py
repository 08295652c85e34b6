"""The nouns of the conversation: frozen, plain, each with one meaning (docs/architecture.md has the glossary)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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


CHECKS: Mapping[str, tuple[str, ...]] = {
    "photos": tuple(verdict.value for verdict in Verdict),
    "ticket": ("sent", "contact", "queued", "failed"),
    "forget": ("done",),
}
"""What a step can have done on arrival, and every result it has to branch on."""


@dataclass(frozen=True)
class Step:
    """One card of a topic. Its sentences are in `locales/` under `{topic}.{id}.*`.

    A target is `topic.step`, or `@back` for the step the person came from.
    """

    id: str  # `topic.step`
    choices: Mapping[str, str] = field(default_factory=dict)  # action -> target
    check: str = ""  # one of CHECKS: arriving here does it, then branches
    branches: Mapping[str, str] = field(default_factory=dict)  # result of the check -> target
    later: Mapping[str, str] = field(default_factory=dict)  # we look again by ourselves; `match` and `over` -> target
    numbered: bool = False  # says "step 2 of 6"
    photos: bool = False  # shows the two photos
    reason: bool = False  # says why the last look could not tell
    greeting: bool = False  # greets the person by name
    picture: str = ""  # the illustration's name
    link: str = ""  # an https address its button opens, or one of `library.LINKS`
    hints: str = ""  # the group of per-platform lines it shows: `hint.{hints}.{platform}`
    form: str = ""  # `comment` or `locale`: what the person fills in
    outcome: str = ""  # arriving here ends the case so
    entry: bool = False  # shown by the edge, outside any case


@dataclass(frozen=True)
class Topic:
    """A walk-through, or a group of cards that belong together."""

    id: str
    start: str  # `topic.step`
    steps: Mapping[str, Step]  # by `topic.step`


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
    rev: int = 0  # counts the cards shown: a button of an older card carries an older one
    step: str = "desk.menu"  # `topic.step`
    trail: tuple[str, ...] = ()  # where `back` leads, the nearest last
    locale: str = "en"
    platform: str = ""  # as the channel told it: decides which hints fit
    opened_at: str = ""  # UTC, ISO 8601
    checks: tuple[Check, ...] = ()
    traces: tuple[Trace, ...] = ()
    checked_by: str = ""  # the step whose check led to the present card
    following: str = ""  # the step for which we look again by ourselves
    notice: str = ""  # the key of a line above the present card
    comment: str = field(default="", repr=False)  # what the person wants the helpdesk to know
    outcome: str = ""
    ticket: str = ""  # the number the helpdesk gave
    ticket_url: str = ""
    rating: str = ""  # up, down
    card: str = ""  # the activity that shows the case, for the update in place


@dataclass(frozen=True)
class Moment:
    """What a pure function cannot know: the time (UTC, ISO 8601) and an id nobody has used yet."""

    at: str
    fresh: str


@dataclass(frozen=True)
class Typed:
    """The person wrote; `action` is what the words mean, "" if nothing we know."""

    action: str = ""
    value: str = ""  # with `set_language` the language named, with `rate` up or down
    text: str = field(default="", repr=False)  # as written, capped


@dataclass(frozen=True)
class Pressed:
    """A card's button. Everything in it comes from outside and may be invented."""

    action: str
    case: str = ""
    step: str = ""
    rev: int | None = None
    value: str = ""  # with `set_language` the language, with `rate` up or down, with `send_ticket` the comment
    known: bool = True  # the language is one of ours


@dataclass(frozen=True)
class Joined:
    """The bot was installed for the person."""


@dataclass(frozen=True)
class Looked:
    """The look that was asked for is done."""

    check: Check


@dataclass(frozen=True)
class Handed:
    """The helpdesk's answer: `sent`, `contact` (there is no ticket system), `queued` (it will be tried again) or,
    after a day, `failed`."""

    result: str
    number: str = ""
    url: str = ""


@dataclass(frozen=True)
class Erased:
    """Everything known of the person is gone."""


@dataclass(frozen=True)
class Followed:
    """We looked again by ourselves; `over` if that was the last time."""

    check: Check
    over: bool = False


@dataclass(frozen=True)
class Resumed:
    """The present card was decided on and is not known to have been shown."""


Event = Typed | Pressed | Joined | Looked | Handed | Erased | Followed | Resumed


@dataclass(frozen=True)
class Show:
    """Show the case's present card."""


@dataclass(frozen=True)
class Look:
    """Look at the two photos now, then decide on `Looked`."""


@dataclass(frozen=True)
class Hand:
    """Hand the case to the helpdesk, then decide on `Handed`."""


@dataclass(frozen=True)
class Erase:
    """Erase everything known of the person, then decide on `Erased`."""


@dataclass(frozen=True)
class Follow:
    """Look again by ourselves, from now on the schedule, then decide on `Followed`."""


@dataclass(frozen=True)
class Ended:
    """The case got an outcome: count it."""

    outcome: str


@dataclass(frozen=True)
class Ignored:
    """A press that was not honoured: count it. `reason` is `stale` or `invented`."""

    reason: str


Effect = Show | Look | Hand | Erase | Follow | Ended | Ignored
