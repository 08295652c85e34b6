"""What happens next: `decide(case, event)` -> the case as it now is, and what has to be done about it.

Law: every decision either shows a card, or asks for an action (a look, a ticket, erasing) whose result will, or changes
nothing at all. A step with such an action is only passed through: while it runs the case stands there, and any event
but its result either leads elsewhere or asks for the action again.

An event becomes one of these transitions:

  go      onwards to another step, which `back` will lead away from: the step left behind goes onto the trail
  back    to the last step of the trail, or to the menu
  stay    the same step again, mostly with a notice above it
  branch  on the result of the action that the present step does on arrival; a result that comes when the person is
          elsewhere by now is dropped
  refuse  a press that does not belong to the present card: the card is shown again, nothing else changes

and each of them ends in one of two ways:

  arrive  at a step for the first time: its action is asked for if it has one; else it is shown. Arriving ends the
          case where the step has an outcome, begins to follow up where it has `later`, and raises `rev`
  return  to a step that was there before: shown again. But the photos are kept nowhere, and a match is only reported
          fresh: so a step with photos goes back to the look that led to it (`checked_by`) and arrives from there

`rev` counts the cards: a button names the case and the rev of its card, so one of an older card is recognised.
`following` names the step for which we look again by ourselves; what such a look finds is a `Followed`. A notice is
shown on one card; where that card has to look first, the notice waits at the step with the action ("kept").
"""

from __future__ import annotations

from dataclasses import dataclass

from dialogs.frozen import replace
from dialogs.library import BACK, Library
from dialogs.model import (
    ACTIONS,
    Case,
    Diagnose,
    Diagnosed,
    Effect,
    Ended,
    Erase,
    Erased,
    Event,
    Follow,
    Followed,
    Ignored,
    Joined,
    Moment,
    Outcome,
    Pressed,
    Resumed,
    Show,
    Submit,
    Submitted,
    Trace,
    Typed,
    Verdict,
)

TRAIL_LENGTH = 30
HISTORY_LENGTH = 200  # of checks and traces that a case keeps; the oldest go first
COMMENT_LENGTH = 1_000
START = "desk.menu"

Decision = tuple[Case, tuple[Effect, ...]]

_EFFECTS_ON_ARRIVAL: dict[str, Effect] = {"photos": Diagnose(), "ticket": Submit(), "forget": Erase()}
_OPENERS = ("fix", "add", "check")  # what begins a new case when the last one has ended
_HOME = {"send_ticket": "ticket", "forget_confirmed": "forget"}  # where an action is at home that needs its own card
# What a button may ask for without saying which card it is on; the others only make sense on their card.
_FREE = ("fix", "add", "check", "menu", "language", "ticket", "stop", "forget")


@dataclass(frozen=True)
class Engine:
    """Decides over one library of topics. Holds nothing else."""

    library: Library

    def decide(self, case: Case, event: Event, moment: Moment) -> Decision:
        """The case after the event, and the effects in the order they are to be performed. Never raises."""
        case = self._usable(case)
        if case.earlier_case and isinstance(event, Typed | Pressed):
            case = replace(case, earlier_case="", earlier_ticket="")  # that was read
        match event:
            case Typed():
                return self._typed(case, event, moment)
            case Pressed():
                return self._pressed(case, event, moment)
            case Joined():
                return self._go(replace(case, trail=()), START)
            case Diagnosed():
                return self._diagnosed(case, event)
            case Submitted():
                return self._submitted(case, event)
            case Erased():
                return self._branch(case, "forget", "done")
            case Followed():
                return self._followed(case, event)
            case Resumed():
                return self._return(case, case.notice)

    def _usable(self, case: Case) -> Case:
        """The case as the present topics can go on with it: one whose step is gone goes on from the menu."""
        if not self.library.has(case.step):
            case = replace(case, step=START, trail=(), rev=case.rev + 1, checked_by="", notice="notice.moved")
        if all(map(self.library.has, case.trail)):
            return case
        return replace(case, trail=tuple(ref for ref in case.trail if self.library.has(ref)))

    # What the person does

    def _typed(self, case: Case, event: Typed, moment: Moment) -> Decision:
        if event.link:
            return self._act(replace(case, site=event.link), "check", "", moment)
        if event.action:
            return self._act(case, event.action, event.value, moment)
        if not any(letter.isalnum() for letter in event.text) and (case.step != START or not event.text.strip()):
            return self._stay(case, "notice.no_words")  # a picture, a GIF, an emoji: the person keeps their place
        if self.library.step(case.step).form == "comment":
            return self._stay(replace(case, comment=event.text[:COMMENT_LENGTH]), "notice.comment_taken")
        if case.step == START:
            return self._stay(case, "notice.unknown_words")
        return self._go(case, START, notice="notice.unknown_words")

    def _pressed(self, case: Case, event: Pressed, moment: Moment) -> Decision:
        if event.action not in ACTIONS:
            return self._refuse(case, "invented")
        if event.foreign:
            return self._refuse(case, "foreign", "notice.other_person")
        free = not event.case and event.rev is None and event.action in _FREE
        if not free and (event.case, event.rev) != (case.id, case.rev):
            return self._refuse(case, "stale")
        if event.action == "set_language" and not event.known:
            return self._stay(case, "notice.unknown_language")
        return self._act(case, event.action, event.value, moment)

    def _act(self, case: Case, action: str, value: str, moment: Moment) -> Decision:
        if action == "rate":
            return self._rate(case, value, moment)
        if action == "back":
            return self._back(self._traced(case, action, "", moment))
        step = self.library.step(case.step)
        if action == "set_language":
            case = replace(self._traced(case, action, value, moment), locale=value or case.locale)
            return self._go(case, step.choices[action]) if action in step.choices else self._stay(case, "")
        target = step.choices.get(action) or self.library.everywhere.get(_HOME.get(action, action))
        if target is None:
            return self._stay(case, "notice.not_here")
        if case.outcome and action in _OPENERS:
            opened = self.open(moment, locale=case.locale, platform=case.platform)
            return self._go(replace(opened, site=case.site), target)
        if action == "send_ticket":
            case = replace(case, comment=value[:COMMENT_LENGTH] or case.comment)
        return self._go(self._traced(case, action, "", moment), target)

    def open(self, moment: Moment, *, locale: str, platform: str = "") -> Case:
        """A new case at the menu."""
        return Case(id=moment.fresh, locale=locale, platform=platform, opened_at=moment.at, step=START)

    def _rate(self, case: Case, value: str, moment: Moment) -> Decision:
        if value not in ("up", "down"):
            return self._refuse(case, "invented")
        return self._stay(replace(self._traced(case, "rate", value, moment), rating=value), "notice.rated")

    # What came of an action on arrival, and of following up

    def _diagnosed(self, case: Case, event: Diagnosed) -> Decision:
        case = replace(case, checks=(*case.checks, event.check)[-HISTORY_LENGTH:])
        return self._branch(case, "photos", event.check.result)

    def _followed(self, case: Case, event: Followed) -> Decision:
        if not case.following or case.outcome or not self.library.has(case.following):
            return case, ()  # it ended meanwhile
        here, later = case.following, self.library.step(case.following).later
        matches = event.check.verdict is Verdict.MATCH
        case = replace(case, checks=(*case.checks, event.check)[-HISTORY_LENGTH:])
        if matches and "match" in later:
            return self._arrive(replace(case, following=""), later["match"])
        if event.check.verdict is not Verdict.UNKNOWN and "known" in later:
            checker = self.library.step(later["known"])
            case = replace(case, following="", checked_by=checker.id)
            if case.step != here and not matches:
                return case, ()  # the person has gone on meanwhile, and it is no news that would help them
            return self._arrive(case, checker.branches[event.check.result])
        if event.over:
            return self._arrive(replace(case, following=""), later["over"], follow=False)
        return case, ()

    def _submitted(self, case: Case, event: Submitted) -> Decision:
        if event.case and event.case != case.id:
            if not event.number:
                return case, ()
            return self._stay(replace(case, earlier_case=event.case, earlier_ticket=event.number), "")
        case = replace(case, ticket=event.number or case.ticket, ticket_url=event.url or case.ticket_url)
        handing = next((step for step in self.library.steps() if step.on_arrival == "ticket"), None)
        if handing is None or case.step == handing.id:
            return self._branch(case, "ticket", event.result)
        return self._arrive(case, handing.branches[event.result])  # known later than the person waited

    def _branch(self, case: Case, action: str, result: str) -> Decision:
        step = self.library.step(case.step)
        if step.on_arrival != action or result not in step.branches:
            return case, ()  # the person has moved on meanwhile: what they see stays
        case = replace(case, checked_by=case.step)
        return self._arrive(case, step.branches[result])

    # Moving

    def _go(self, case: Case, target: str, notice: str = "") -> Decision:
        """Onwards to a step; `back` will lead to the present one."""
        if target == BACK:
            return self._back(case)
        if target != case.step and not self.library.step(case.step).on_arrival:
            case = replace(case, trail=(*case.trail, case.step)[-TRAIL_LENGTH:])
        return self._arrive(case, target, notice)

    def _back(self, case: Case) -> Decision:
        if not case.trail:
            return self._arrive(case, START)
        return self._return(replace(case, trail=case.trail[:-1], step=case.trail[-1], rev=case.rev + 1), "")

    def _stay(self, case: Case, notice: str) -> Decision:
        return self._return(replace(case, rev=case.rev + 1), notice)

    def _return(self, case: Case, notice: str) -> Decision:
        """Show a step again. The photos are kept nowhere, and a match is only said fresh: so look again."""
        case = replace(case, notice=notice)
        step = self.library.step(case.step)
        if step.photos:
            return replace(case, step=self._checker(case)), (Diagnose(),)
        if step.on_arrival:
            return case, (_EFFECTS_ON_ARRIVAL[step.on_arrival],)
        return case, (Show(),)

    def _checker(self, case: Case) -> str:
        """The check that leads to the present step: the one that did, if it can again."""
        if self.library.has(case.checked_by):
            step = self.library.step(case.checked_by)
            if step.on_arrival == "photos" and case.step in step.branches.values():
                return case.checked_by
        for step in self.library.steps():
            if step.on_arrival == "photos" and case.step in step.branches.values():
                return step.id
        return self.library.everywhere["check"]

    def _arrive(self, case: Case, target: str, notice: str = "", *, follow: bool = True) -> Decision:
        step = self.library.step(target)
        if step.on_arrival:
            return replace(case, step=target, notice=notice, rev=case.rev + 1), (_EFFECTS_ON_ARRIVAL[step.on_arrival],)
        trail = case.trail[:-1] if case.trail and case.trail[-1] == target else case.trail
        kept = notice or (case.notice if self.library.step(case.step).on_arrival else "")
        arrived = replace(case, step=target, trail=trail, notice=kept, rev=case.rev + 1)
        follow = follow and bool(step.later) and (not step.reason or self._passing(case))
        following: tuple[Effect, ...] = (Follow(),) if follow else ()
        if follow:
            arrived = replace(arrived, following=step.id)
        unchanged = step.outcome in ("", case.outcome) or (case.outcome and step.outcome == Outcome.STOPPED)
        if unchanged:
            return arrived, (*following, Show())
        return replace(arrived, outcome=step.outcome, following=""), (Ended(step.outcome), Show())

    @staticmethod
    def _passing(case: Case) -> bool:
        return bool(case.checks) and case.checks[-1].passing

    def _refuse(self, case: Case, reason: str, notice: str = "notice.stale") -> Decision:
        """A press that does not fit the present card: nothing changes, the present card is shown again."""
        again, effects = self._return(case, notice)
        return again, (Ignored(reason), *effects)

    def _traced(self, case: Case, action: str, value: str, moment: Moment) -> Case:
        answer = f"{action} {value}".strip()
        return replace(case, traces=(*case.traces, Trace(case.step, moment.at, answer))[-HISTORY_LENGTH:])
