"""What came in as an event of the conversation, and an event as a line of the case's log."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from bot.conversation import ActivityKind, Incoming
from bot.languages.catalogs import Languages
from bot.store import LogEntry
from bot.store.numbers import RATINGS, RESOLVED, UNDERSTOOD, understood_of
from bot.understanding.understand import Understanding
from dialogs.frozen import replace
from dialogs.library import QUESTIONS, Library
from dialogs.model import (
    OLD_PHOTO_APPS,
    Case,
    Diagnosed,
    Event,
    Followed,
    Joined,
    Pressed,
    Progressed,
    Step,
    Submitted,
    Typed,
)

_LONGEST_LINE = 500  # letters of what a person wrote that the log keeps
_LINK = re.compile(r"https://[^\s<>\"']+", re.IGNORECASE)
_VALUE_NAMES = {
    "set_language": "locale",
    "rate": "score",
    "send_ticket": "comment",
    "question": "question",
    "answer": "answer",
}


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return _moment(int(time.time()))


@lru_cache(maxsize=1)  # a turn asks several times
def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def event(incoming: Incoming, case: Case, step: Step, languages: Languages, understanding: Understanding) -> Event:
    """What an activity means to a case that stands on `step`."""
    if incoming.kind is ActivityKind.INSTALLED:
        return Joined()
    if incoming.kind is ActivityKind.RATED:
        score, words = incoming.value["score"], incoming.value["comment"]
        return Pressed("rate", case.id, case.step, case.rev, score, words=words)
    if incoming.kind is ActivityKind.TYPED:
        typed = understanding.understand(incoming.text, case.locale, step, languages.vocabulary)
        if typed.action == "set_language" and typed.value:
            typed = replace(typed, value=_wanted_language(typed, case, incoming.locale, languages, understanding))
        return replace(typed, link=address_in(" ".join((incoming.text, *incoming.links))))
    return _pressed(incoming, languages)


def _wanted_language(typed: Typed, case: Case, client: str, languages: Languages, understanding: Understanding) -> str:
    """The language that a person names; of the one that the case has already, the one that they write in.

    "I don't speak Swedish" names Swedish.
    """
    value = languages.as_spoken(typed.value, client)
    written = understanding.language_of(typed.text) if value == case.locale else ""
    return languages.as_spoken(written, client) if written in languages.tags else value


def address_in(text: str) -> str:
    """The first address of a SharePoint site in what a person wrote, or ""."""
    for link in _LINK.findall(text):
        try:
            host = urlsplit(link).hostname or ""
        except ValueError:
            continue
        if "sharepoint" in host.split(".")[1:] and re.fullmatch(r"[a-z0-9.-]{1,200}", host):
            return str(link)[:500]
    return ""


def is_late_rating(incoming: Incoming, case: Case | None) -> bool:
    """Whether it is a rating by the channel's own means, and the case does not ask for one (any more). Which message it
    is of is not looked at: Teams does not always name it, or by another id than the one that sending returned."""
    if incoming.kind is not ActivityKind.RATED:
        return False
    asked = case is not None and case.outcome in RESOLVED and not case.rating
    return not asked or incoming.value["score"] not in RATINGS


def with_comment(case: Case, incoming: Incoming) -> Case:
    """The case with the words beside a bad rating: they stand in the form that comes, and are sent if that is sent."""
    bad = incoming.kind is ActivityKind.RATED and incoming.value["score"] == "down"
    return replace(case, comment=incoming.value["comment"]) if bad else case


def _pressed(incoming: Incoming, languages: Languages) -> Pressed:
    """A button's data as an event: whatever has the wrong type counts as absent."""
    data = incoming.value
    action, case, step, rev = (
        _text(data.get("action")),
        _text(data.get("case")),
        _text(data.get("step")),
        data.get("rev"),
    )
    number = rev if isinstance(rev, int) and not isinstance(rev, bool) else None
    value = _text(data.get(_VALUE_NAMES.get(action, "")))
    known = True
    if action == "set_language":
        chosen = languages.nearest(value)
        known, value = bool(chosen), languages.as_spoken(chosen, incoming.locale) if chosen else ""
    return Pressed(action, case, step, number, value, known)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def log_entry(happened: Event) -> LogEntry:
    """An event as the case's log keeps it."""
    match happened:
        case Typed():
            what = happened.text[:_LONGEST_LINE]
        case Pressed():
            what = f"{happened.action[:40]} {happened.value[:_LONGEST_LINE]} {happened.words[:_LONGEST_LINE]}".strip()
        case Diagnosed() | Followed():
            what = f"{happened.check.verdict.value} {happened.check.reason}".strip()
        case Submitted():
            what = f"{happened.result} {happened.number}".strip()
        case Progressed():
            what = f"{happened.state} {happened.text[:_LONGEST_LINE]}".strip()
        case _:
            what = ""
    return LogEntry(now(), happened.log_kind, what)


_REQUESTS = frozenset(("fix", "add", "check", "ticket", "language", "stop", "forget", *OLD_PHOTO_APPS))


def with_request(case: Case, happened: Typed | Pressed, library: Library) -> Case:
    """The case with what the person asked for by an event that was honoured; for the numbers only."""
    request = f"question.{happened.value}" if happened.action == "question" else happened.action
    name = request.removeprefix("question.")
    known = request in _REQUESTS or (name != request and library.has(f"{QUESTIONS}.{name}"))
    if not known or request in case.requests.split():
        return case
    return replace(case, requests=f"{case.requests} {request}".strip())


def understood(typed: Typed) -> str:
    """How well words were understood: one of `bot.store.numbers.UNDERSTOOD`."""
    return "right_away" if typed.action else "asked" if typed.alternatives else "nothing"


def with_understood(case: Case, result: str) -> Case:
    """The case with one more typed message that was understood so well."""
    found = understood_of(case)
    return replace(case, understood=" ".join(str(found[one] + (one == result)) for one in UNDERSTOOD))
