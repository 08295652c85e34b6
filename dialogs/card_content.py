"""The content of a card, before any language: keys of texts, buttons and what to show, all from the case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dialogs.frozen import replace
from dialogs.library import EARLIER, QUESTIONS, SOLVED_NOTICE, Library
from dialogs.model import (
    ANSWERS,
    OLD_PHOTO_APPS,
    SOMETHING_ELSE,
    Case,
    Check,
    Fact,
    Outcome,
    Reason,
    SiteFinding,
    Step,
    TicketState,
    Verdict,
)

MOST_BUTTONS = 6  # Teams shows no more
MOST_MAIN = 3  # of them beside the three dots
# What is offered besides a step's own choices, the nearest to hand first.
_IN_A_WALK = ("back", "ticket", "stop", "menu", "language")
_WITH_PHOTOS = ("ticket", "menu", "stop", "back", "language")
_SOLVED = ("rate down", "ticket", "menu", "language")  # what a person says who is helped comes first of all
_AFTERWARDS = ("helpful up", "rate down", "menu", "language", "ticket")
_DESK = ("language", "forget", "back", "menu", "stop")  # on the cards around the walk-throughs
_PLATFORM_NAMES = {"windows": "windows", "mac": "mac", "macos": "mac", "ios": "ios", "android": "android"}

# Keys that cards need beside those of the steps.
EXTRA_KEYS = (
    "card.progress",
    "card.greeting",
    "card.steps",
    "card.copied",
    "card.copied_before",
    "card.contact",
    "card.ticket",
    "card.again_at",
    "card.earlier_ticket",
    "card.earlier_sent",
    "card.earlier_failed",
    "card.earlier_answer_sent",
    "card.earlier_answer_queued",
    *(f"card.earlier_{state.value}" for state in TicketState),
    "card.question",
    "card.helpdesk_informed",
    "card.closed",
    "summary.case",
    "summary.looked",
    "summary.not_looked",
    "summary.steps",
    "summary.comment",
    "form.comment.label",
    "form.comment.placeholder",
    "form.locale.label",
    "form.summary.label",
    "form.address.label",
    "tick.photo",
    "tick.visited",
    "tick.copy_awaited",
    "tick.photo_awaited",
    "photo.microsoft365.caption",
    "photo.microsoft365.alt",
    "photo.sharepoint.caption",
    "photo.sharepoint.alt",
    "photo.difference.caption",
    "photo.difference.alt",
    "photo.none",
    "notice.stale",
    "notice.unknown_words",
    "notice.keep_place",
    "notice.no_words",
    "notice.not_yet",
    "notice.missing",
    "notice.failed",
    "notice.unsure",
    "notice.thanks",
    "notice.hello",
    "notice.not_here",
    "notice.rated",
    "notice.rated_down",
    "notice.summary_taken",
    "notice.comment_taken",
    "notice.unknown_language",
    "notice.moved",
    "notice.lost",
    "notice.welcome",
    "notice.ticket_solved",
    "notice.other_person",
    "picture.no_photo",
    *(f"button.{name.replace(' ', '_')}" for name in dict.fromkeys((*_IN_A_WALK, "rate up", "rate down", *_DESK))),
    "button.helpful",
    *(f"button.{label}" for label in ANSWERS),
    *(f"reason.{reason.value}" for reason in Reason),
    *(f"fact.{fact.value}" for fact in Fact if fact is not Fact.OLDER),
    *(f"site.{finding.value}" for finding in SiteFinding),
)


@dataclass(frozen=True)
class Button:
    """One action of a card."""

    action: str
    title: str  # key
    main: bool = False  # among the one to three that most people want
    score: str = ""  # with `rate`
    value: str = ""  # with `question`, `answer` which; with `set_language` the language, whose own name is its title


@dataclass(frozen=True)
class Row:
    """One line of a list of steps."""

    text: str  # key
    sign: str = ""  # its number, DONE or AWAITED; "" for a heading
    hint: str = ""  # the key of a smaller line below
    link: str = ""  # an address below, as in `Step.link`


DONE, AWAITED = "✓", "○"


@dataclass(frozen=True)
class Summary:
    """A case in lines to copy. Every line is the key of a text, but for what the person wrote."""

    looked_at: str = ""  # UTC, ISO 8601; "" if the photos were not looked at
    found: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    comment: str = field(default="", repr=False)


@dataclass(frozen=True)
class CardContent:
    """One card. Every text is a key; `values` are what its placeholders stand for."""

    step: str
    case: str
    rev: int
    locale: str
    title: str
    body: tuple[str, ...]
    notice: str = ""
    earlier: tuple[str, str, str] | None = None  # of an earlier case: the key of what became of its ticket, id, number
    progress: tuple[int, int] | None = None
    steps_ahead: int = 0
    greeting: bool = False
    state: str = ""
    picture: str = ""
    rows: tuple[Row, ...] = ()
    places: tuple[Button, ...] = ()
    hint: str = ""
    link: str = ""
    photos: bool = False
    difference: bool = False
    form: str = ""
    comment: str = field(default="", repr=False)
    summary: Summary | None = None
    buttons: tuple[Button, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    timezone: str = ""  # as `Case.timezone`
    older_by: float = 0.0  # seconds by which SharePoint's copy is older, if that is known
    times: Mapping[str, str] = field(default_factory=dict)  # UTC, ISO 8601: clock times in the sentences
    shown_at: str = ""  # UTC, ISO 8601: of the look that the card is about
    link_first: bool = False  # nothing else leads on
    asks_rating: bool = False  # whether it helped: once a case


def platform_of(name: str) -> str:
    """Which of `dialogs.library.PLATFORMS` the channel's own name means."""
    return _PLATFORM_NAMES.get(name.strip().casefold(), "other")


def content_of(library: Library, case: Case, *, contact: str = "", next_look: float = 0.0) -> CardContent:
    """The present card of a case.

    `contact` is how this installation's helpdesk is reached, if that was set; `next_look` the seconds after which we
    look again by ourselves. What it reads of a case on a static step stands in `template_key` of
    `bot/cards/templates.py`.
    """
    step = library.step(case.step)
    link = case.ticket_url if step.link == "ticket" else step.link
    times = _times(case, next_look)
    return CardContent(
        step=step.id,
        case=case.id,
        rev=case.rev,
        locale=case.locale,
        title=f"{step.id}.title",
        body=_body(step, case, contact, times),
        notice=case.notice,
        earlier=_earlier(case),
        progress=library.progress(step.id),
        steps_ahead=_steps_ahead(library, step),
        greeting=step.greeting,
        state=step.state,
        picture=step.picture,
        rows=_rows(library, step, case),
        places=tuple(Button(one, library.button(step.id, one)) for one in step.choices if one in OLD_PHOTO_APPS),
        hint=_hint(step, case),
        link=link,
        photos=step.photos and not (case.checks and case.checks[-1].verdict is Verdict.UNKNOWN),
        difference=step.difference,
        form=step.form,
        comment=case.comment if step.form == "comment" else "",
        summary=_summary(library, case) if step.form == "summary" else None,
        buttons=_buttons(library, step, case, bool(link) and step.form != "address"),
        values=_values(case, contact),
        timezone=case.timezone,
        older_by=(case.checks[-1].older_by or 0.0) if case.checks else 0.0,
        times=times,
        shown_at=case.checks[-1].at if case.checks else "",
        link_first=not step.choices,
        asks_rating=bool(case.id) and _is_solved(step) and not case.rating,
    )


def _hint(step: Step, case: Case) -> str:
    return f"hint.{step.hints}.{platform_of(case.platform)}" if step.hints else ""


def _times(case: Case, next_look: float) -> dict[str, str]:
    """Since when we look by ourselves, and when the next look is."""
    last = case.checks[-1].at if case.checks else case.following_since
    after = (datetime.fromisoformat(last) + timedelta(seconds=next_look)).isoformat() if last and next_look else ""
    return {name: at for name, at in (("since", case.following_since), ("time", after)) if at}


def _steps_ahead(library: Library, step: Step) -> int:
    """How many steps its checklist asks for; 0 where they are several ways to choose from."""
    numbered = [one for one in library.steps_of(step.checklist) if one.numbered]
    return 0 if any(one.heading for one in numbered) else len(numbered)


def _rows(library: Library, step: Step, case: Case) -> tuple[Row, ...]:
    """The lines of a step, or the steps of its checklist between what is proven and what is awaited."""
    lines = tuple(Row(f"{step.id}.line{number}", str(number)) for number in range(1, step.lines + 1))
    if not step.checklist:
        return lines
    rows = list(lines)
    adding = "missing" in step.later  # a photo is awaited, not a copy of one
    there = _last_known(case)
    if not adding and there and there.verdict is not Verdict.NO_PHOTO:
        rows.append(Row("tick.photo", DONE))
    number, shared = 0, 0
    for one in (one for one in library.steps_of(step.checklist) if one.numbered):
        if one.heading:
            rows.append(Row(f"{one.id}.heading"))
            # Several ways, of which one is taken: each goes on from what they share.
            shared = shared or number
            number = shared
        number += 1
        rows.append(Row(f"{one.id}.title", str(number), _hint(one, case), one.link))
    if not adding and _visited(case):
        rows.append(Row("tick.visited", DONE))
    if case.following == step.id and case.following_since:
        rows.append(Row("tick.photo_awaited" if adding else "tick.copy_awaited", AWAITED))
    return tuple(rows)


def _last_known(case: Case) -> Check | None:
    return next((one for one in reversed(case.checks) if one.verdict is not Verdict.UNKNOWN), None)


def _visited(case: Case) -> bool:
    """Whether SharePoint has made a copy since we began to look by ourselves."""
    since = case.following_since
    return bool(since) and any(Fact.SYNCED in one.facts for one in case.checks if one.at >= since)


def _earlier(case: Case) -> tuple[str, str, str] | None:
    if not case.earlier_case:
        return None
    result = case.earlier_result
    if result in ("failed", "answer_sent", "answer_queued") or result in list(TicketState):
        key = f"card.earlier_{result}"
    else:
        key = "card.earlier_ticket" if case.earlier_ticket else "card.earlier_sent"
    return key, case.earlier_case, case.earlier_ticket


def _summary(library: Library, case: Case) -> Summary:
    """What the helpdesk would have to ask for: what the last look found, and which steps were tried."""
    walked = dict.fromkeys(trace.step for trace in case.traces if trace.answer == "next" and library.has(trace.step))
    steps = tuple(f"{ref}.title" for ref in walked if library.step(ref).numbered)
    if not case.checks:
        return Summary(steps=steps, comment=case.comment)
    last = case.checks[-1]
    found = (f"look.{last.result}.title", *((f"reason.{last.reason}",) if last.reason else ()))
    return Summary(last.at, found, steps, case.comment)


def _values(case: Case, contact: str) -> dict[str, str]:
    site = case.checks[-1].site if case.checks else ""
    about, question = (case.question_case, case.earlier_question) if case.step == EARLIER else (case.id, case.question)
    return {"ticket": case.ticket, "case": about, "contact": contact, "site": site, "question": question}


def standalone_content(library: Library, ref: str, locale: str) -> CardContent:
    """A card outside any case: of a step with `entry`."""
    step = library.step(ref)
    return CardContent(ref, "", 0, locale, f"{ref}.title", (f"{ref}.body",), picture=step.picture, link=step.link)


def _body(step: Step, case: Case, contact: str, times: Mapping[str, str]) -> tuple[str, ...]:
    last = case.checks[-1] if case.checks else None
    because = last.reason if step.reason and last else ""
    facts = [one for one in last.facts if one != Fact.OLDER] if step.photos and last else []  # that is said by the date
    handed_over = step.outcome == Outcome.ESCALATED
    lines = {
        f"reason.{because}": bool(because),
        "card.question": (step.form == "comment" or case.notice == SOLVED_NOTICE)
        and bool(case.earlier_question if step.id == EARLIER else case.question),
        f"{step.id}.body": True,
        **{f"fact.{fact}": True for fact in facts},
        f"site.{last.site_finding if last else ''}": bool(step.photos and last and last.site_finding),
        "card.again_at": bool((step.reason or handed_over) and "time" in times and case.following == step.id),
        step.more: bool(step.more),
        "card.ticket": step.link == "ticket" and bool(case.ticket),
        "card.contact": step.form == "summary" and bool(contact),
        "card.helpdesk_informed": bool(step.photos and step.outcome == Outcome.RESOLVED_LATER and _with_helpdesk(case)),
    }
    return tuple(key for key, wanted in lines.items() if wanted)


def _with_helpdesk(case: Case) -> bool:
    open_ = case.ticket_state not in (TicketState.SOLVED, TicketState.CLOSED)
    return case.outcome == Outcome.ESCALATED and case.submissions > 0 and open_


def _asked(library: Library, step: Step, case: Case) -> Iterator[Button]:
    """A button for each thing that the person may have meant, as it is called on the card that they wrote to."""
    here = case.trail[-1] if case.trail else step.id
    for label in case.asked.split():
        kind, _, name = label.partition(".")
        if label in ANSWERS:
            yield Button("answer", f"button.{label}", main=True, value=label)
        elif not name:
            yield Button(label, library.button(here, label), main=True)
        elif library.has(f"{QUESTIONS}.{name}"):
            yield Button(kind, f"{QUESTIONS}.{name}.title", main=True, value=name)
    yield Button("answer", library.button(step.id, "menu"), main=True, value=SOMETHING_ELSE)


def _buttons(library: Library, step: Step, case: Case, linked: bool) -> tuple[Button, ...]:
    """The step's own choices and what is offered beside them, those that lead on first."""
    own = [Button(action, library.button(step.id, action)) for action in step.choices if action not in OLD_PHOTO_APPS]
    if step.form == "choices":
        own = list(_asked(library, step, case))
    if case.before_locale:
        own.append(Button("set_language", "button.set_language", value=case.before_locale))
    if not case.id:
        return tuple(replace(one, main=True) for one in own)  # nothing to go back to, to stop or to delete
    last = case.checks[-1] if case.checks else None
    if step.reason and last and not last.passing:
        own.sort(key=lambda one: one.action != "ticket")  # another look would find the same
    solved = _is_solved(step)
    if (solved or step.lines) and not case.rating:
        own.insert(0, Button("rate", library.button(step.id, "rate_up"), score="up"))
    unhelped = case.rating == "down" and not _with_helpdesk(case)
    offers = _offers(step, solved=solved)
    if unhelped:
        offers = tuple(dict.fromkeys(("ticket", *offers)))
    there = {(one.action, one.score) for one in own}
    offered = (button for name in offers if (button := _offered(library, step, case, name)) is not None)
    more = [button for button in offered if (button.action, button.score) not in there]
    buttons = [*own, *more][: MOST_BUTTONS - linked]
    leading = [
        place
        for place, one in enumerate(buttons)
        if place < len(own) or (one.action == "ticket" and unhelped) or (one.action in ("back", "rate") and not solved)
    ]
    main = leading[: MOST_MAIN - linked]
    return tuple(
        one if one.main == (place in main) else replace(one, main=place in main) for place, one in enumerate(buttons)
    )


def _offers(step: Step, *, solved: bool) -> tuple[str, ...]:
    """What stands beside the choices of a kind of step, by name."""
    if _is_desk(step) and not step.outcome:
        return _DESK
    if step.outcome:
        return _SOLVED if solved else _AFTERWARDS
    return _WITH_PHOTOS if step.photos or step.checklist else _IN_A_WALK


def _offered(library: Library, step: Step, case: Case, name: str) -> Button | None:
    """What is offered beside a step's own choices, where it makes sense."""
    action, _, score = name.partition(" ")
    if action in step.choices or library.everywhere.get(action) == step.id:
        return None
    if action == "back" and (not case.trail or (case.trail[-1] == library.everywhere["menu"] and not _is_desk(step))):
        return None  # the menu is offered anyway
    if (score and case.rating) or (action == "stop" and case.outcome):
        return None
    title = f"button.{name.replace(' ', '_')}" if action != "helpful" else "button.helpful"
    return Button("rate" if score else action, title, score=score)


def _is_solved(step: Step) -> bool:
    return step.outcome in (Outcome.RESOLVED, Outcome.RESOLVED_LATER)


def _is_desk(step: Step) -> bool:
    return step.id.startswith("desk.") and not step.photos
