"""The content of a card, before any language: keys of texts, buttons and what to show, all from the case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dialogs.library import QUESTIONS, Library
from dialogs.model import Case, Fact, Outcome, Reason, SiteFinding, Step, TicketState, Verdict

MOST_BUTTONS = 6  # Teams shows no more
# What is offered besides a step's own choices, the nearest to hand first.
_ALWAYS = ("back", "stop", "ticket", "language", "menu")
_AFTERWARDS = ("rate up", "rate down", "menu", "language", "ticket")
_DESK = ("back", "menu", "forget", "stop")  # on the cards around the walk-throughs
_PLATFORM_NAMES = {"windows": "windows", "mac": "mac", "macos": "mac", "ios": "ios", "android": "android"}

# Keys that cards need beside those of the steps.
EXTRA_KEYS = (
    "card.progress",
    "card.greeting",
    "card.steps",
    "card.copied",
    "card.contact",
    "card.ticket",
    "card.again",
    "card.earlier_ticket",
    "card.earlier_sent",
    "card.earlier_failed",
    *(f"card.earlier_{state.value}" for state in TicketState),
    "card.question",
    "card.helpdesk_informed",
    "summary.case",
    "summary.looked",
    "summary.not_looked",
    "summary.steps",
    "summary.comment",
    "form.comment.label",
    "form.comment.placeholder",
    "form.locale.label",
    "form.summary.label",
    "photo.microsoft365.caption",
    "photo.microsoft365.alt",
    "photo.sharepoint.caption",
    "photo.sharepoint.alt",
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
    "notice.ticket_solved",
    "notice.other_person",
    "picture.no_photo",
    *(f"button.{name.replace(' ', '_')}" for name in dict.fromkeys((*_ALWAYS, *_AFTERWARDS, *_DESK))),
    *(f"reason.{reason.value}" for reason in Reason),
    *(f"fact.{fact.value}" for fact in Fact),
    *(f"site.{finding.value}" for finding in SiteFinding),
)


@dataclass(frozen=True)
class Button:
    """One action of a card."""

    action: str
    title: str  # key
    main: bool = False  # among the one to three that most people want
    score: str = ""  # with `rate`
    value: str = ""  # with `question` which; with `set_language` the language, whose own name is the title then


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
    picture: str = ""
    hint: str = ""
    link: str = ""
    photos: bool = False
    form: str = ""
    comment: str = field(default="", repr=False)
    summary: Summary | None = None
    buttons: tuple[Button, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    timezone: str = ""  # as `Case.timezone`
    spans: Mapping[str, float] = field(default_factory=dict)  # seconds: `when` from now, `age` of a difference


TemplateKey = tuple[str, str, str, str, bool, str, bool, bool]


def platform_of(name: str) -> str:
    """Which of `dialogs.library.PLATFORMS` the channel's own name means."""
    return _PLATFORM_NAMES.get(name.strip().casefold(), "other")


def content_of(library: Library, case: Case, *, contact: str = "", again: float = 0.0) -> CardContent:
    """The present card of a case.

    `contact` is how this installation's helpdesk is reached, if that was set; `again` the seconds after which we look
    again by ourselves.
    """
    step = library.step(case.step)
    target = step.choices.get("next", "")
    link = case.ticket_url if step.link == "ticket" else step.link
    ahead = library.progress(target) if target and step.photos and not step.outcome else None
    return CardContent(
        step=step.id,
        case=case.id,
        rev=case.rev,
        locale=case.locale,
        title=f"{step.id}.title",
        body=_body(step, case, contact, again),
        notice=case.notice,
        earlier=_earlier(case),
        progress=library.progress(step.id),
        steps_ahead=ahead[1] if ahead and ahead[0] == 1 else 0,
        greeting=step.greeting,
        picture=step.picture,
        hint=f"hint.{step.hints}.{platform_of(case.platform)}" if step.hints else "",
        link=link,
        photos=step.photos and not (case.checks and case.checks[-1].verdict is Verdict.UNKNOWN),
        form=step.form,
        comment=case.comment if step.form == "comment" else "",
        summary=_summary(library, case) if step.form == "summary" else None,
        buttons=_buttons(library, step, case, bool(link)),
        values=_values(case, contact),
        timezone=case.timezone,
        spans={"when": again, "age": (case.checks[-1].older_by or 0.0) if case.checks else 0.0},
    )


def template_key(library: Library, case: Case) -> TemplateKey | None:
    """What a static card shows of a case but its id and rev: equal keys, equal cards. None where a card shows more."""
    step = library.step(case.step)
    if not step.static or case.earlier_case or case.before_locale:
        return None
    platform = platform_of(case.platform) if step.hints else ""
    has_trail, ended, in_case = bool(case.trail), bool(case.outcome), bool(case.id)
    return case.step, case.locale, case.notice, platform, has_trail, case.rating, ended, in_case


def _earlier(case: Case) -> tuple[str, str, str] | None:
    if not case.earlier_case:
        return None
    result = case.earlier_result
    if result == "failed" or result in list(TicketState):
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
    return {"ticket": case.ticket, "case": case.id, "contact": contact, "site": site, "question": case.question}


def entry(library: Library, ref: str, locale: str) -> CardContent:
    """A card outside any case: of a step with `entry`."""
    step = library.step(ref)
    return CardContent(ref, "", 0, locale, f"{ref}.title", (f"{ref}.body",), picture=step.picture, link=step.link)


def _body(step: Step, case: Case, contact: str, again: float) -> tuple[str, ...]:
    last = case.checks[-1] if case.checks else None
    because = last.reason if step.reason and last else ""
    facts = last.facts if step.photos and last else ()
    handed_over = step.outcome == Outcome.ESCALATED
    lines = {
        f"reason.{because}": bool(because),
        "card.question": step.form == "comment" and bool(case.question),
        f"{step.id}.body": True,
        **{f"fact.{fact}": True for fact in facts},
        f"site.{last.site_finding if last else ''}": bool(step.photos and last and last.site_finding),
        "card.again": bool((step.reason or handed_over) and again and case.following == step.id),
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
    """A button for each thing that the person may have meant."""
    for label in case.asked.split():
        kind, _, name = label.partition(".")
        if not name:
            yield Button(label, library.button(step.id, label), main=True)
        elif library.has(f"{QUESTIONS}.{name}"):
            yield Button(kind, f"{QUESTIONS}.{name}.title", main=True, value=name)


def _buttons(library: Library, step: Step, case: Case, linked: bool) -> tuple[Button, ...]:
    own = [Button(action, library.button(step.id, action), main=True) for action in step.choices]
    if step.form == "choices":
        own = [*_asked(library, step, case), *own]
    if case.before_locale:
        own.append(Button("set_language", "button.set_language", value=case.before_locale))
    if not case.id:
        return tuple(own)  # nothing to go back to, to stop or to delete
    offered = _DESK if step.id.startswith("desk.") and not step.photos else _AFTERWARDS if step.outcome else _ALWAYS
    unhelped = case.rating == "down" and not _with_helpdesk(case)
    if unhelped:
        offered = tuple(dict.fromkeys(("ticket", *offered)))
    more = []
    for name in offered:
        action, _, score = name.partition(" ")
        if action in step.choices or (action == "back" and not case.trail):
            continue
        if (action == "rate" and case.rating) or (action == "stop" and case.outcome):
            continue
        if library.everywhere.get(action) == step.id:
            continue
        more.append(Button(action, f"button.{name.replace(' ', '_')}", unhelped and action == "ticket", score))
    room = MOST_BUTTONS - len(own) - linked
    return (*own, *more[: max(0, room)])
