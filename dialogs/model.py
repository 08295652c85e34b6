"""The nouns of the conversation: frozen, plain, each with one meaning (docs/architecture.md has the glossary)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import ClassVar


class Verdict(StrEnum):
    """What a look at the two photos found."""

    MATCH = "match"
    DIFFER = "differ"
    MISSING = "missing"
    UNSURE = "unsure"
    NO_PHOTO = "no_photo"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a look could not tell (with `Verdict.UNKNOWN`), or why the steps would not help (with any but a match)."""

    PERMISSION = "permission"  # we lack a permission: the helpdesk has to fix it
    SIGN_IN = "sign_in"  # the login service refused us: the helpdesk has to fix it too
    THROTTLED = "throttled"  # asked to slow down
    OUTAGE = "outage"  # failed or unreachable
    TIMEOUT = "timeout"  # no answer in time
    PICTURE = "picture"  # one of the two is not a picture that can be opened
    PERSON = "person"  # the directory does not know the person
    LIBRARY = "library"  # SharePoint's picture library was not found
    # what the person cannot fix alone
    GUEST = "guest"  # the photo belongs to another organisation
    DISABLED = "disabled"  # the account is switched off
    NO_MAILBOX = "no_mailbox"  # Graph says that there is no mailbox to take a photo from
    MAILBOX_ELSEWHERE = "mailbox_elsewhere"  # the mailbox is on premises
    NO_SHAREPOINT = "no_sharepoint"  # no SharePoint plan
    SHARED_MAILBOX = "shared_mailbox"  # a mailbox or a room that nobody signs in to
    POLICY = "policy"  # the organisation does not let people change their photo
    ON_PREMISES = "on_premises"  # photos come from the organisation's own directory
    NO_SITE = "no_site"  # the personal site that the copy belongs to was never made


PASSING = frozenset({Reason.THROTTLED, Reason.OUTAGE, Reason.TIMEOUT})
"""What is over after a while: looking again by ourselves makes sense."""

_BRANCH_OF_REASON = {
    Reason.GUEST: "guest",
    Reason.DISABLED: "blocked",
    Reason.NO_MAILBOX: "blocked",
    Reason.MAILBOX_ELSEWHERE: "blocked",
    Reason.NO_SHAREPOINT: "blocked",
    Reason.SHARED_MAILBOX: "blocked",
    Reason.POLICY: "not_allowed",
    Reason.ON_PREMISES: "synced",
    Reason.NO_SITE: "new_site",
}


class Fact(StrEnum):
    """What else a look found; said under the photos."""

    PLACEHOLDER = "placeholder"  # SharePoint shows a stand-in
    OLDER = "older"  # SharePoint's copy is older than the photo, by `Check.older_by`
    SYNCED = "synced"  # SharePoint copied one since the last look, and it still differs
    PARTIAL = "partial"  # only some sizes of the copy are current
    REGION = "region"  # the person's my-site host is not the one of the settings
    ORPHAN = "orphan"  # SharePoint has a photo, Microsoft 365 none
    DIRECT = "direct"  # no Exchange plan: pages show Microsoft 365's photo itself, only older ones use the copy


class SiteFinding(StrEnum):
    """What was found on a site whose address the person sent."""

    SAME = "same"  # it uses the present copy
    OLD = "old"  # it points at an older one
    UNLISTED = "unlisted"  # it does not know the person
    FORBIDDEN = "forbidden"  # we may not read it
    FAILED = "failed"  # it could not be read now


class Outcome(StrEnum):
    """How a case ended (the labels of `photosync_cases_total`)."""

    RESOLVED = "resolved"
    RESOLVED_LATER = "resolved_later"
    ESCALATED = "escalated"
    STOPPED = "stopped"
    EXPIRED = "expired"


OLD_PHOTO_APPS = ("teams", "outlook", "page", "windows", "phone")
"""Where an old photo is still seen: actions of the card that asks for it."""


class TicketState(StrEnum):
    """What the helpdesk does with a ticket, as far as it is reported to people; `told` is no state: just words."""

    WORKING = "working"
    WAITING = "waiting"  # for the person
    TOLD = "told"
    SOLVED = "solved"
    CLOSED = "closed"


ACTIONS = (
    "fix", "add", "check", "next", "back", "same", "different", "ticket", "send_ticket", "language", "set_language",
    "rate", "stop", "menu", "forget", "forget_confirmed", "question", "answer", *OLD_PHOTO_APPS,
)  # fmt: skip
"""Every action a button or typed words can mean (docs/contract.md)."""

ANSWERS = ("not_yet", "missing", "failed", "unsure", "another")
"""Answers to a card for which it has no button: what `answer` can carry where the person was asked what they meant.

`SOMETHING_ELSE` is the other thing it can carry.
"""

SOMETHING_ELSE = "other"


_LOOKED = (*(verdict.value for verdict in Verdict), "same", "direct", *dict.fromkeys(_BRANCH_OF_REASON.values()))

LOOKS = ("photos", "change")
"""The step actions that look at the two photos; `change` finds out too whether the person may change theirs."""

STATES = ("good", "warning", "attention", "accent")
"""What a card's state can be, named after the container styles that show it."""

STEP_ACTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(LOOKS, _LOOKED),
    # what handing over comes to, and then the states of which a card tells; of a solved one a new look tells
    "ticket": ("sent", "contact", "queued", "failed", "working", "waiting", "told", "closed"),
    "forget": ("done",),
}
"""What a step can do on arrival, and every result it needs a branch for."""


@dataclass(frozen=True)
class Step:
    """One card of a topic. Its sentences are in `locales/` under `{topic}.{id}.*`.

    A target is `topic.step`, or `@back` for the step the person came from.
    """

    id: str  # `topic.step`
    choices: Mapping[str, str] = field(default_factory=dict)  # action -> target
    on_arrival: str = ""  # one of STEP_ACTIONS, `check` in the TOML: done on arrival, then its result is a branch
    branches: Mapping[str, str] = field(default_factory=dict)  # its result -> target
    later: Mapping[str, str] = field(default_factory=dict)  # we look again by ourselves; one of LATER -> target
    after_days: int = 0  # `later` counts once, that many days after it was shown: a reminder, of ended cases too
    watch: bool = False  # from the moment it is shown we look at short intervals first; `later` says what then
    numbered: bool = False  # says "step 2 of 6"
    photos: bool = False  # shows the two photos
    difference: bool = False  # and a third picture, where what differs between them is marked
    reason: bool = False  # says why the last look could not tell
    greeting: bool = False  # greets the person by name
    state: str = ""  # of STATES: the colour and sign of its banner
    checklist: str = ""  # the topic whose numbered steps are listed on it
    heading: bool = False  # a heading stands above it in a checklist: `topic.step.heading`
    picture: str = ""  # the illustration's name
    lines: int = 0  # how many numbered lines stand below its text: `topic.step.line1` and on
    link: str = ""  # an https address its button opens, or one of `library.LINKS` or `library.PAGES`
    seen: str = ""  # when the screen it speaks of was last seen or read about, as in "2026-11"
    source: str = ""  # where: an address or the name of a document
    hints: str = ""  # the group of per-platform lines it shows: `hint.{hints}.{platform}`
    more: str = ""  # the key of one more line
    # `comment`, `locale`: what the person fills in; `summary`, `address`: to copy; `choices`: what they meant
    form: str = ""
    outcome: str = ""  # arriving here ends the case so
    entry: bool = False  # shown by the edge, outside any case
    answer: bool = False  # to a question: can be shown at any time, and leads back to where the person was

    @cached_property
    def static(self) -> bool:
        """Whether its card shows nothing that the case holds, like the steps of a walk: such cards are cached."""
        return not (
            self.photos
            or self.reason
            or self.greeting
            or self.form not in ("", "address")  # an address is the same for everybody
            or self.later
            or self.checklist
            or self.link == "ticket"
        )


@dataclass(frozen=True)
class Topic:
    """A walk-through, or a group of cards that belong together."""

    id: str
    start: str  # `topic.step`
    steps: Mapping[str, Step]  # by `topic.step`


@dataclass(frozen=True)
class Check:
    """One look at the two photos, as the case keeps it. `at` is UTC, ISO 8601."""

    at: str
    verdict: Verdict
    reason: str = ""
    similarity: float | None = None
    facts: tuple[str, ...] = ()  # of `Fact`
    older_by: float | None = None  # seconds
    site: str = ""  # the name of the site that was looked at too
    site_finding: str = ""  # of `SiteFinding`
    photo: str = ""  # changes with the photo in Microsoft 365
    copy: str = ""  # changes with SharePoint's copy

    @property
    def result(self) -> str:
        """The branch it leads to."""
        special = _BRANCH_OF_REASON.get(Reason(self.reason)) if self.reason in list(Reason) else None
        direct = self.verdict is Verdict.MATCH and Fact.DIRECT in self.facts
        return special or ("direct" if direct else self.verdict.value)

    @property
    def passing(self) -> bool:
        """Whether it could not tell, for a reason that is over after a while."""
        return self.verdict is Verdict.UNKNOWN and self.reason in PASSING


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
    platform: str = ""  # as the channel names it: decides which hints fit
    timezone: str = ""  # of the person: an IANA name, or an offset as in "+02:00"; "" is UTC
    opened_at: str = ""  # UTC, ISO 8601
    checks: tuple[Check, ...] = ()
    traces: tuple[Trace, ...] = ()
    checked_by: str = ""  # the step whose look or ticket led to the present card
    following: str = ""  # the step for which we look again by ourselves
    following_since: str = ""  # UTC, ISO 8601
    judged: str = ""  # what the person said of two pictures that are too alike, and of which: "same PHOTO COPY"
    notice: str = ""  # the key of a line above the present card
    comment: str = field(default="", repr=False)  # what the person wants the helpdesk to know, and is not sent yet
    submissions: int = 0  # how often it was handed over: the ticket, then comments to it
    outcome: str = ""
    ticket: str = ""  # the number the helpdesk gave
    ticket_url: str = ""
    ticket_ref: str = ""  # by which the helpdesk's system knows it
    ticket_state: str = ""  # of `TicketState`: what was reported to the person last
    ticket_agent: str = field(default="", repr=False)  # who has taken it, where that is known
    question: str = field(default="", repr=False)  # what the helpdesk wrote to the person last, and is not answered yet
    rating: str = ""  # up, down
    card: str = ""  # the activity that shows the case, for the update in place
    site: str = ""  # the address of a SharePoint site the person sent: looked at too
    earlier_case: str = ""  # an earlier case of which the helpdesk was heard later
    earlier_ticket: str = ""  # its number, if it got one
    earlier_result: str = ""  # `sent`, `failed`, `answer_*`, one of `TicketState`; "" in cases of before: `sent`
    earlier_question: str = field(default="", repr=False)  # what the helpdesk wrote last about an earlier case,
    question_case: str = ""  # and about which
    asked: str = ""  # what the person is asked to choose between, with blanks between (`dialogs.meaning.ASKED`)
    requests: str = ""  # what the person asked for so far, each once, with blanks between: actions, `question.NAME`
    understood: str = ""  # how many typed messages were understood right away, asked about, not at all: as in "3 0 1"
    before_locale: str = ""  # the language before the one that was just typed for: one tap leads back


@dataclass(frozen=True)
class Moment:
    """What a pure function cannot know: the time (UTC, ISO 8601) and an unused id."""

    at: str
    fresh: str


# Events. `log_kind` is what the case's log and a ticket's transcript call one: part of the contract, whatever the class
# is called.


@dataclass(frozen=True)
class Typed:
    """The person wrote; `action` is what the words mean, "" if nothing we know."""

    log_kind: ClassVar[str] = "typed"
    action: str = ""
    value: str = ""  # with `set_language` the language named, with `rate` up or down
    text: str = field(default="", repr=False)  # as written, capped
    whole: bool = False  # nothing but a command: a few words, and surely meant
    link: str = field(default="", repr=False)  # the address of a SharePoint site it names
    alternatives: tuple[str, ...] = ()  # what it could mean, where that is not sure
    confidence: float = 1.0  # in what it most likely means; 1 only for exact words, such as a button's title


@dataclass(frozen=True)
class Pressed:
    """A card's button. Everything in it comes from outside and may be invented."""

    log_kind: ClassVar[str] = "pressed"
    action: str
    case: str = ""
    step: str = ""
    rev: int | None = None
    value: str = ""  # with `set_language` the language, `rate` up or down, `send_ticket` the comment, else which
    known: bool = True  # the language is one of ours
    foreign: bool = False  # the case is another person's
    words: str = field(default="", repr=False)  # beside a rating that was given by the channel's own means


@dataclass(frozen=True)
class Joined:
    """The bot was installed for the person."""

    log_kind: ClassVar[str] = "joined"


@dataclass(frozen=True)
class Diagnosed:
    """The look that was asked for is done."""

    log_kind: ClassVar[str] = "looked"
    check: Check


@dataclass(frozen=True)
class Submitted:
    """The helpdesk's answer: `sent`, `contact` (there is no ticket system), `queued` (it will be tried again) or,
    after a day, `failed`."""

    log_kind: ClassVar[str] = "handed"
    result: str
    number: str = ""
    url: str = ""
    case: str = ""  # the case it is about, if the person may have opened another one since
    submission: int = 0  # the how manieth of the case, where it is known later; 0 while the person waits
    comment: str = field(default="", repr=False)  # what was to be sent with it
    ref: str = ""  # by which the helpdesk's system knows the ticket


@dataclass(frozen=True)
class Progressed:
    """The helpdesk has gone on with a ticket: something that was not reported to the person yet."""

    log_kind: ClassVar[str] = "progressed"
    state: str  # of `TicketState`
    case: str
    number: str = ""
    text: str = field(default="", repr=False)  # what the helpdesk wrote to the person


@dataclass(frozen=True)
class Erased:
    """Everything known of the person is to go; the card that says so belongs to no case."""

    log_kind: ClassVar[str] = "erased"


@dataclass(frozen=True)
class Followed:
    """We looked again by ourselves; `over` if that was the last time, `in_place` if the card may change in place."""

    log_kind: ClassVar[str] = "followed"
    check: Check
    over: bool = False
    in_place: bool = False


@dataclass(frozen=True)
class Resumed:
    """The present card was decided on and is not known to have been shown."""

    log_kind: ClassVar[str] = "resumed"


Event = Typed | Pressed | Joined | Diagnosed | Submitted | Progressed | Erased | Followed | Resumed


@dataclass(frozen=True)
class Show:
    """Show the case's present card."""


@dataclass(frozen=True)
class Diagnose:
    """Look at the two photos now, then decide on `Diagnosed`.

    `change`: find out too whether the person may change theirs; a reason that forbids it counts whatever the verdict.
    """

    change: bool = False


@dataclass(frozen=True)
class Submit:
    """Hand the case to the helpdesk, then decide on `Submitted`."""


@dataclass(frozen=True)
class Answer:
    """Add what the person wrote to the ticket of `Case.question_case`, then decide on `Submitted`."""


@dataclass(frozen=True)
class Comment:
    """Tell the helpdesk that holds the case what was found since; no event follows."""


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
    """A press that was not honoured: count it. `reason` is `stale`, `invented` or `foreign`."""

    reason: str


Effect = Show | Diagnose | Submit | Answer | Comment | Erase | Follow | Ended | Ignored
