"""Why it is so: each cause where it can be known, and none where it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.diagnosis.causes import Seen, blocked, facts, older_by, uneven
from bot.graph.users import Person
from bot.photos.picture import Picture
from dialogs.model import Reason, Verdict
from tests.portraits import portrait
from tests.scripted import ADA, desk, file, jpeg, tenant

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FULL = frozenset({"exchange", "sharepoint"})
V = Verdict

BLOCKED = [
    (Person("a", enabled=True, plans=FULL), V.DIFFER, ""),
    (Person("a", plans=None), V.DIFFER, ""),  # not told is no cause
    (Person("a", enabled=False, plans=FULL), V.MISSING, Reason.DISABLED),
    (Person("a", plans=frozenset({"exchange"})), V.MISSING, Reason.NO_SHAREPOINT),
    (Person("a", plans=frozenset({"sharepoint"})), V.DIFFER, ""),  # no copy is used: a match
    (Person("a", plans=FULL, has_site=False), V.MISSING, Reason.NO_SITE),
    (Person("a", plans=FULL, has_site=False), V.DIFFER, ""),  # a copy is there: so was a site
    (Person("a", enabled=False), V.NO_PHOTO, Reason.DISABLED),
    (Person("a", plans=frozenset()), V.DIFFER, Reason.NO_SHAREPOINT),
    (Person("a", plans=frozenset({"sharepoint"})), V.MATCH, ""),  # what works needs no cause
    (Person("a", plans=frozenset()), V.NO_PHOTO, ""),
]


@pytest.mark.parametrize(("person", "verdict", "reason"), BLOCKED)
def test_why_the_steps_would_not_help(person: Person, verdict: Verdict, reason: str) -> None:
    assert blocked(person, verdict) == reason


PLANS = [
    {"service": "exchange", "capabilityStatus": "Enabled"},
    {"service": "SharePoint", "capabilityStatus": "Enabled"},
]
ODD_PLANS: list[Any] = [
    None, 5, "exchange", [], {}, {"service": 5, "capabilityStatus": "Enabled"}, {"service": "", "capabilityStatus": "Enabled"},
    {"service": None, "capabilityStatus": "Enabled"}, {"capabilityStatus": "Enabled"}, {"service": "exchange"},
    {"service": "exchange", "capabilityStatus": "Renewed"}, {"service": "exchange", "capabilityStatus": None},
    {"service": "exchange", "capabilityStatus": ["Enabled"]},
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_PLANS, ids=repr)
async def test_a_plan_that_cannot_be_read_is_no_plan_that_is_lacking(odd: Any) -> None:
    for place in range(2):
        plans = [odd if number == place else one for number, one in enumerate(PLANS)]
        answers = tenant(jpeg(portrait("ada"), 360), jpeg(portrait("ben"), 200))
        answers["/users/ada-1"] = {**answers["/users/ada-1"], "assignedPlans": plans}
        async with desk(answers) as one:
            found = await one.diagnosis.look("ada-1")
        assert (found.verdict, found.reason) == (V.DIFFER, "")


def seen(verdict: Verdict, ours: datetime | None = None, theirs: datetime | None = None, **more: Any) -> Seen:
    known = {"placeholder": False, "partial": False} | more
    return Seen(verdict, Picture(b"", modified=ours), Picture(b"", modified=theirs), **known)


FACTS = [
    (seen(V.DIFFER), "", "", ()),
    (seen(V.MISSING, placeholder=True), "", "", ("placeholder",)),
    (seen(V.DIFFER, NOW, NOW - timedelta(days=90)), "", "", ("older",)),
    (seen(V.DIFFER, NOW, NOW - timedelta(minutes=5)), "", "", ()),  # clocks of two systems
    (seen(V.DIFFER, None, NOW), "", "2026-10-01T00:00:00+00:00", ("synced",)),
    (seen(V.DIFFER, None, NOW), "", "2026-11-02T00:00:00+00:00", ()),
    (seen(V.MATCH, partial=True), "", "", ("partial",)),
    (seen(V.MATCH), "contoso-my.sharepoint.com", "", ("region",)),
    (seen(V.NO_PHOTO), "", "", ("orphan",)),
]


@pytest.mark.parametrize(("what", "host", "since", "told"), FACTS)
def test_what_else_is_worth_saying(what: Seen, host: str, since: str, told: tuple[str, ...]) -> None:
    person = Person("a", my_site="contosoeur-my.sharepoint.com" if host else "")
    assert facts(person, what, host, since) == told


def test_by_how_much_a_copy_is_older_is_told_in_seconds() -> None:
    assert older_by(seen(V.DIFFER, NOW, NOW - timedelta(days=2))) == 2 * 86_400
    assert older_by(seen(V.DIFFER, NOW, NOW + timedelta(days=2))) is None


def test_sizes_made_together_are_even() -> None:
    assert not uneven([NOW, NOW + timedelta(minutes=1), None])
    assert uneven([NOW, NOW + timedelta(days=1)])
    assert not uneven([])


OLD, NEW = jpeg(portrait("ada", variant=3), 200), jpeg(portrait("ada"), 200)


def sizes(large: str, small: str, body: bytes) -> dict[str, Any]:
    """A tenant whose large copy is current, and whose smaller ones were made at another time, of another picture."""
    path = file("ada-1")
    answers = tenant(jpeg(portrait("ada"), 360), NEW)
    answers[path] = {**answers[path], "lastModifiedDateTime": large}
    stem = path.removesuffix("_LThumb.jpg")
    small_files: dict[str, Any] = {}
    for letter in "MS":
        path = f"{stem}_{letter}Thumb.jpg"
        small_files |= {path: {"eTag": "1", "lastModifiedDateTime": small}, f"{path}:/content": body}
    return answers | small_files


PARTIAL = [
    ("the small sizes are old and of the old picture", "2025-01-01T00:00:00Z", OLD, ("partial",)),
    ("the small sizes are older and of the same picture", "2025-01-01T00:00:00Z", NEW, ()),
    ("all sizes were made together", "2026-03-01T10:00:00Z", OLD, ()),
]


@pytest.mark.parametrize(("small", "body", "told"), [row[1:] for row in PARTIAL], ids=[row[0] for row in PARTIAL])
async def test_a_copy_that_is_current_in_some_sizes_only_is_told(
    small: str, body: bytes, told: tuple[str, ...]
) -> None:
    async with desk(sizes("2026-03-01T10:00:00Z", small, body)) as one:
        found = await one.diagnosis.look("ada-1")
    assert (found.verdict, found.facts) == (Verdict.MATCH, told)


async def test_a_guest_is_not_looked_at() -> None:
    async with desk(tenant(NEW, OLD) | {"/users/ada-1": {**ADA, "userType": "Guest"}}) as one:
        found = await one.diagnosis.look("ada-1")
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "guest")
    assert (found.microsoft365, found.sharepoint) == (None, None)
    assert not any(path.startswith("/drives") for path in one.script.asked)
