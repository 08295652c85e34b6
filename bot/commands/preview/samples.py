"""Every card and message there is, in samples that show every sentence: what `photosync locales preview` shows.
Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dialogs.card_content import EXTRA_KEYS, CardContent, content_of, standalone_content
from dialogs.library import PLATFORMS, Library
from dialogs.model import Case, Check, Fact, Reason, SiteFinding, TicketState, Trace, Verdict
from dialogs.translations import SOURCE

_MENU, _DIFFER, _NO_PHOTO = "desk.menu", "look.differ", "look.no_photo"
_AT = "2026-03-09T12:00:00+00:00"
_QUESTION = "Which page shows the old photo?"  # of an agent
_WITHOUT_NUMBER = ("sent", "failed", "answer_sent", "answer_queued")
_DIFFERENT = Check(_AT, Verdict.DIFFER, similarity=0.4)
_DAY = 86_400.0
_CONTACT = "+1 555 0100, helpdesk@contoso.example"
_TWO_MINUTES = 120.0
_NO_COPY, _NOTHING = frozenset({"sharepoint"}), frozenset({"microsoft365", "sharepoint"})
# Cards that say that both sides show one photo.
_MATCHING = frozenset(
    (
        "add_photo.done",
        "add_photo.arrived",
        "desk.arrived",
        "look.match",
        "resync.done",
        "resync.arrived",
        "still_old.done",
    )
)
# Which side has no photo on the cards that say so.
_ABSENT = {
    "look.missing": _NO_COPY,
    "look.new_site": _NO_COPY,
    "add_photo.lagging": _NO_COPY,
    "add_photo.still_none": _NOTHING,
    _NO_PHOTO: _NOTHING,
}


@dataclass(frozen=True)
class Sample:
    """One card to show: in which section, under which name, which of the two sides has no photo, and whether they show
    the same one.
    """

    section: str
    name: str
    content: CardContent
    absent: frozenset[str] = frozenset()
    same: bool = False


def samples(library: Library, tag: str) -> Iterator[Sample]:
    """Every step of every topic, then what can be added to one, in a language."""
    for step in library.steps():
        card = standalone_content(library, step.id, tag) if step.entry else _content(library, _case(step.id, tag))
        absent = _ABSENT.get(step.id, frozenset())
        yield Sample(step.id.partition(".")[0], step.id, card, absent, step.id in _MATCHING)
    yield from _notices(library, tag)
    yield from _answers(library, tag)
    yield from _looks(library, tag)
    yield from _devices(library, tag)


def sections(library: Library) -> tuple[str, ...]:
    """Every section, in their order."""
    return tuple(dict.fromkeys(sample.section for sample in samples(library, SOURCE)))


def _content(library: Library, case: Case) -> CardContent:
    return content_of(library, case, contact=_CONTACT, next_look=_TWO_MINUTES)


def _case(step: str, tag: str) -> Case:
    """A case in the middle of its life, standing on a step; what is deleted belongs to none."""
    handed_over = step in ("desk.contact", "desk.arrived") or (
        step.startswith("desk.ticket_") and step != "desk.ticket_failed"
    )
    return Case(
        id="" if step == "desk.forgotten" else "1A2B3C4D",
        step=step,
        trail=(_MENU,),
        locale=tag,
        platform="Windows",
        checks=(_DIFFERENT,),
        traces=(Trace("resync.private_window", _AT, "next"), Trace("resync.office", _AT, "next")),
        comment="Also in the org chart." if step == "desk.contact" else "",
        outcome="escalated" if handed_over else "",
        submissions=1 if handed_over else 0,
        following=step,
        following_since=_AT,
        asked="fix add ticket" if step == "desk.ask" else "",
        question=_QUESTION if step in ("desk.ticket_waiting", "desk.ticket_told") else "",
        earlier_question=_QUESTION if step == "desk.earlier" else "",
        question_case="5E6F7A8B" if step == "desk.earlier" else "",
        ticket="INC0042",
        ticket_url="https://helpdesk.contoso.example/INC0042",
    )


def _notices(library: Library, tag: str) -> Iterator[Sample]:
    menu = _case(_MENU, tag)
    for key in EXTRA_KEYS:
        if key.startswith("notice."):
            yield Sample("notices", key, _content(library, replace(menu, notice=key)))
    earlier = replace(menu, earlier_case="5E6F7A8B")
    states = tuple((state.value, "INC0041") for state in TicketState)
    for result, number in (("ticket", "INC0041"), *((one, "") for one in _WITHOUT_NUMBER), *states):
        heard = replace(earlier, earlier_ticket=number, earlier_result=result)
        yield Sample("notices", f"card.earlier_{result}", _content(library, heard))
    not_looked = replace(_case("desk.contact", tag), checks=())
    yield Sample("notices", "summary.not_looked", _content(library, not_looked))


def _answers(library: Library, tag: str) -> Iterator[Sample]:
    """What may have been meant by an answer to a step."""
    for asked in ("not_yet missing failed", "unsure another"):
        case = replace(_case("desk.ask", tag), asked=asked)
        yield Sample("notices", f"asked: {asked}", _content(library, case))


def _looks(library: Library, tag: str) -> Iterator[Sample]:
    """What a look can find: why it could not tell, what else it saw, a site that was asked about."""
    for reason in Reason:
        check = Check(_AT, Verdict.UNKNOWN, reason)
        ref = f"look.{check.result}"
        case = replace(_case(ref, tag), checks=(check,), following=ref if check.passing else "")
        yield Sample("reasons", f"reason.{reason}", _content(library, case))
    for fact in Fact:
        check = replace(_DIFFERENT, facts=(fact,), older_by=90 * _DAY)
        orphan = fact is Fact.ORPHAN
        case = replace(_case(_NO_PHOTO if orphan else _DIFFER, tag), checks=(check,))
        absent = frozenset({"microsoft365"}) if orphan else frozenset[str]()
        yield Sample("facts", f"fact.{fact}", _content(library, case), absent)
    for finding in SiteFinding:
        check = replace(_DIFFERENT, site="Intranet", site_finding=finding)
        yield Sample("sites", f"site.{finding}", _content(library, replace(_case(_DIFFER, tag), checks=(check,))))


def _devices(library: Library, tag: str) -> Iterator[Sample]:
    steps = {step.hints: step.id for step in library.steps() if step.hints}
    for hints, ref in steps.items():
        for platform in PLATFORMS:
            shown = _content(library, replace(_case(ref, tag), platform=platform))
            yield Sample("devices", f"hint.{hints}.{platform}", shown)
