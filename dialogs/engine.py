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
          case where the step has an outcome (see `_decides`), begins to follow up where it has `later`, and raises
          `rev`
  return  to a step that was there before: shown again. But the photos are kept nowhere, and a match is only reported
          fresh: so a step with photos goes back to the look that led to it (`checked_by`) and arrives from there

What a look by ourselves finds leads on where it is news: another result than the last that could tell, or another photo
in Microsoft 365. What the person said of two pictures that are too alike holds as long as they are the same two.

`rev` counts the cards: a button names the case and the rev of its card, so one of an older card is recognised.
`following` names the step for which we look again by ourselves; what such a look finds is a `Followed`. Handing over
does not end it: when the photo arrives then, the person is shown it and the helpdesk gets a `Comment`. What the
helpdesk writes about an earlier case has a card of its own; the `Answer` goes to that case's ticket, and then the
person is where they were. A notice is shown on one card; where that card has to look first, the notice waits at the
step with the action ("kept").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from dialogs.frozen import replace
from dialogs.library import ARRIVAL, ASK, BACK, EARLIER, LEAVE, QUESTIONS, SOLVED_NOTICE, START, THANKS, Library
from dialogs.model import (
    ACTIONS,
    ANSWERS,
    LOOKS,
    SOMETHING_ELSE,
    Answer,
    Case,
    Check,
    Comment,
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
    Progressed,
    Resumed,
    Show,
    Step,
    Submit,
    Submitted,
    TicketState,
    Trace,
    Typed,
    Verdict,
)

TRAIL_LENGTH = 30
CHECKS_LENGTH = 200  # that a case keeps; the oldest go first
TRACES_LENGTH = 60  # likewise, repeated ones first; each turn writes them all, and the log has every press
COMMENT_LENGTH = 1_000
_SIGNS = frozenset("👍👌✅✔☑🆗+")  # that say yes or done without a word

Decision = tuple[Case, tuple[Effect, ...]]

_EFFECTS_ON_ARRIVAL: dict[str, Effect] = {
    "photos": Diagnose(),
    "change": Diagnose(change=True),
    "ticket": Submit(),
    "forget": Erase(),
}
_OPENING_ACTIONS = ("fix", "add", "check")  # what begins a new case when the last one has ended
# The action that leads to the card of one that works on its own card alone.
_ENTRY_ACTIONS = {"send_ticket": "ticket", "forget_confirmed": "forget"}
# The commands that lead away from the form for a comment, where they are all that was typed: the rest is the comment.
_LEAVE_FORM = ("send_ticket", "back", "stop", "menu")
_FINAL_STATES = (TicketState.SOLVED, TicketState.CLOSED)
_NOT_THERE = (Verdict.DIFFER, Verdict.MISSING, Verdict.NO_PHOTO)
# What an answer in words does on a card: the first of these that the card has a button for.
_ANSWERS = {
    "yes": ("forget_confirmed", "send_ticket", "same", "stop", "next"),
    "no": ("different", "next"),
    "next": ("next",),
}
# What is said of the card below an answer: what it does there, and what has to be seen first.
_FROM_BELOW = ("next", *ANSWERS)
_UNSEEN = ("yes", "same", "different")
# What is more likely said to the helpdesk than to us, once it has the case.
_FOR_THE_HELPDESK = ("", "not_yet", "missing", "failed", "unsure")
_ALTERNATIVES = ("check", "ticket", "menu")  # what there is where the person wants another way
_NOTICES = {
    "not_yet": "notice.not_yet",
    "missing": "notice.missing",
    "failed": "notice.failed",
    "unsure": "notice.unsure",
}
# What a button may ask for without saying which card it is on; the others only make sense on their card.
_FREE_ACTIONS = ("fix", "add", "check", "menu", "language", "ticket", "stop", "forget", "question")


@dataclass(frozen=True)
class Engine:
    """Decides over one library of topics. Without `tickets` (no ticket system) there is a summary instead of a form."""

    library: Library
    tickets: bool = True

    def decide(self, case: Case, event: Event, moment: Moment) -> Decision:
        """The case after the event, and the effects in the order they are to be performed.

        Never raises: whatever it goes to by itself, `dialogs.library.build` refuses topics without.
        """
        case = self._usable(case)
        if isinstance(event, Typed | Pressed):
            case = self._answered(case, moment)
        decided, effects = self._decide(case, event, moment)
        if bool(decided.following) != bool(decided.following_since):
            decided = replace(decided, following_since=moment.at if decided.following else "")
        return decided, effects

    def _decide(self, case: Case, event: Event, moment: Moment) -> Decision:
        match event:
            case Typed():
                return self._typed(case, event, moment)
            case Pressed():
                return self._pressed(case, event, moment)
            case Joined():
                return self._joined(case, moment)
            case Diagnosed():
                return self._diagnosed(case, event)
            case Submitted() | Progressed():
                return self._submitted(case, event) if isinstance(event, Submitted) else self._progressed(case, event)
            case Erased():
                return self._erased(case)
            case Followed():
                return self._followed(case, event)
            case Resumed():
                return self._return(case, case.notice)

    def step(self, case: Case) -> Step:
        """The step of the card that the person sees; one that is laid over another has the choices of that too."""
        step = self.library.step(case.step if self.library.has(case.step) else START)
        if not _is_aside(step) or not case.trail or not self.library.has(case.trail[-1]):
            return step
        below = self.library.step(case.trail[-1])
        choices = {**below.choices, **step.choices}
        # After an answer the person says what they do with the card that it was about, in its words.
        return replace(step if step.form == "choices" else below, choices=choices)

    def _usable(self, case: Case) -> Case:
        """The case as the present topics can go on with it: one whose step is gone goes on from the menu."""
        if not self.library.has(case.step):
            case = replace(case, step=START, trail=(), rev=case.rev + 1, checked_by="", notice="notice.moved")
        if case.following and not self.library.has(case.following):
            case = replace(case, following="", following_since="")
        if all(map(self.library.has, case.trail)):
            return case
        return replace(case, trail=tuple(ref for ref in case.trail if self.library.has(ref)))

    @staticmethod
    def _answered(case: Case, moment: Moment) -> Case:
        """The case once the person has done something with its card."""
        if case.earlier_case:
            case = replace(case, earlier_case="", earlier_ticket="", earlier_result="")  # that was read
        if case.before_locale:
            case = replace(case, before_locale="")
        # The card that says "deleted" belongs to no case: what is done with it begins one.
        return case if case.id else replace(case, id=moment.fresh, opened_at=moment.at)

    # What the person does

    def _typed(self, case: Case, event: Typed, moment: Moment) -> Decision:
        step = self.library.step(case.step)
        form = step.form
        exact = event.confidence >= 1.0  # the title of a button is that button, and a mere yes is yes
        if form == "comment" and not (
            event.whole and event.action in _LEAVE_FORM and (exact or event.action != "send_ticket")
        ):
            return self._commented(case, event.text, "notice.comment_taken")
        if event.link:
            return self._act(replace(case, site=event.link), "check", "", moment)
        if event.alternatives and form != "summary":
            return self._ask(case, event.alternatives)
        asked = case.asked.split() if form == "choices" else []
        case, event = self._of_below(case, event)
        step = self.library.step(case.step)
        if _says_nothing(event):  # a picture, a file, a smile: the person keeps their place
            menu = case.step == START and event.text.strip()
            return self._stay(case, "notice.unknown_words" if menu else "notice.no_words")
        action = event.action if exact and event.action in ACTIONS else self._meant(step, event.action)
        if action in ACTIONS:
            return self._act_on_words(case, event, action, moment, asked=asked)
        if form == "summary":
            return self._commented(case, event.text, "notice.summary_taken")
        return self._answer(case, step, action, event.text)

    def _act_on_words(
        self, case: Case, event: Typed, action: str, moment: Moment, *, asked: Collection[str] = ()
    ) -> Decision:
        """What words ask for. What cannot be undone, or ends the case, is asked first where they are no button's title
        and no mere yes: "don't delete it" and "almost the same" are made of the same words."""
        if action == "stop" and case.following and case.step != LEAVE:
            return self._go(case, LEAVE)  # we would look no more
        choices = self.library.step(case.step).choices
        if action in ("same", "different") and action not in choices and case.judged:
            case, action = replace(case, judged=""), "check"  # they think otherwise now: asked again
        if event.confidence < 1.0 and action in choices:
            if action in ("forget_confirmed", "stop"):
                return self._stay(case, "notice.keep_place")  # the card asks already
            if action == "same" and action not in asked:
                return self._ask(case, ("same", "different"))
        if action == "set_language" and event.value != case.locale:
            case = replace(case, before_locale=case.locale)
        return self._act(case, action, event.value, moment)

    def _ask(self, case: Case, between: tuple[str, ...]) -> Decision:
        """Ask what was meant, between what there is a button for."""
        known = [one for one in between if "." not in one or self.library.has(_question(one))]
        step = self.library.step(case.step)
        if not known:
            return self._answer(case, step, "")
        return self._go(replace(case, asked=" ".join(known)), ASK)

    def _meant(self, step: Step, label: str) -> str:
        """What an answer comes to on the present card: the action of one of its buttons, where there is one."""
        if label == "no" and (step.form == "choices" or "forget_confirmed" in step.choices):
            return "back"
        if label == "failed":
            return self._failed(step)
        if label not in _ANSWERS:
            return label
        if label == "next" and step.checklist and "check" in step.choices:
            return "check"  # "done", where all steps are on the card; the button that takes them one by one has a title
        if step.outcome and step.photos:
            # "Ok" or "no" on a card that says that all is well.
            return "next" if label == "no" and "next" in step.choices else "thanks"
        if step.outcome and label == "yes" and step.form != "summary":
            return "thanks"  # "ok" to what a case came to
        fits = (action for action in _ANSWERS[label] if action in step.choices)
        if label == "no" and step.id != LEAVE:
            fits = (action for action in fits if action == "different")
        return next(fits, label)

    def _failed(self, step: Step) -> str:
        """What "it is still the old one" asks for: what comes after the steps is a look."""
        if step.id == START:
            return "fix"
        target = step.choices.get("next", "")
        looks = target != BACK and self.library.has(target) and self.library.step(target).on_arrival == "photos"
        if step.outcome or looks:
            return "next" if target else "failed"
        return "check" if "check" in step.choices else "failed"

    def _answer(self, case: Case, step: Step, label: str, text: str = "") -> Decision:
        """The answer to words that lead nowhere: a line of its own, and the person keeps their place."""
        if label.startswith("question.") and self.library.has(_question(label)):
            return self._go(case, _question(label))
        if label == "thanks":
            return self._go(case, THANKS) if step.photos or step.outcome else self._stay(case, "notice.thanks")
        if label == "another" and case.step != START:
            return self._ask(case, _ALTERNATIVES)
        if label == "hello" and not step.outcome:
            return self._stay(case, "notice.hello")
        if case.step == START:
            return self._stay(case, "notice.unknown_words")
        if text and self.tickets and step.outcome == Outcome.ESCALATED and label in _FOR_THE_HELPDESK:
            case = self._with_comment(case, text)
            return self._go(case, self.library.everywhere["ticket"], "notice.comment_taken")
        if step.outcome:
            return self._go(case, START, notice="notice.hello" if label == "hello" else "notice.unknown_words")
        asks = "different" in step.choices if label == "unsure" else "next" in step.choices and step.id != LEAVE
        if label in ("unsure", "missing", "failed") and not asks:
            label = ""  # there is no step to try again
        return self._stay(case, _NOTICES.get(label, "notice.keep_place"))

    def _commented(self, case: Case, text: str, notice: str) -> Decision:
        """More words for the helpdesk; a picture or a file has none, and takes nothing away."""
        if not text.strip():
            return self._stay(case, "notice.no_words")
        return self._stay(self._with_comment(case, text), notice)

    @staticmethod
    def _with_comment(case: Case, text: str) -> Case:
        return replace(case, comment=f"{case.comment}\n{text.strip()}".strip()[:COMMENT_LENGTH])

    def _pressed(self, case: Case, event: Pressed, moment: Moment) -> Decision:
        if event.action not in ACTIONS:
            return self._refuse(case, "invented")
        if event.foreign:
            return self._refuse(case, "foreign", "notice.other_person")
        free = not event.case and event.action in _FREE_ACTIONS
        if not free and (event.case, event.rev) != (case.id, case.rev):
            return self._refuse(case, "stale")
        if event.action == "set_language" and not event.known:
            return self._stay(case, "notice.unknown_language")
        if event.action != "back":
            case = self._below(case) if self.library.step(case.step).form == "choices" else case
        return self._act(case, event.action, event.value, moment)

    def _act(self, case: Case, action: str, value: str, moment: Moment) -> Decision:
        if action == "rate":
            return self._rate(case, value, moment)
        if action == "question":
            return self._answer(case, self.library.step(case.step), f"question.{value}")
        if action == "back":
            return self._back(self._traced(case, action, "", moment))
        step = self.library.step(case.step)
        if action == "answer":
            return self._replied(case, step, value, moment)
        if action in ("same", "different") and action in step.choices and case.checks:
            case = replace(case, judged=f"{action} {_pictures(case.checks[-1])}")
        if action == "set_language":
            case = replace(self._traced(case, action, value, moment), locale=value or case.locale)
            return self._go(case, step.choices[action]) if action in step.choices else self._stay(case, "")
        target = step.choices.get(action) or self._elsewhere(case, action)
        if target is None:
            return self._stay(case, "notice.unknown_words" if case.step == START else "notice.not_here")
        if case.outcome and action in _OPENING_ACTIONS:
            opened = self.new_case(moment, locale=case.locale, platform=case.platform)
            return self._go(replace(opened, site=case.site, timezone=case.timezone, card=case.card), target)
        if action == "send_ticket":
            case = replace(case, comment=value[:COMMENT_LENGTH] or case.comment)
        return self._go(self._traced(case, action, "", moment), target)

    def _of_below(self, case: Case, event: Typed) -> tuple[Case, Typed]:
        """Words on a card that is laid over another, and the card that they are about."""
        step = self.library.step(case.step)
        if step.form == "choices":
            return (case if event.action in ("", "yes", "no", "back") else self._below(case)), event
        if not _is_aside(step):
            return case, event
        if event.action in _UNSEEN:
            return case, replace(event, action="back")
        return (self._below(case) if event.action in _FROM_BELOW else case), event

    @staticmethod
    def _below(case: Case) -> Case:
        """The case on the card that the present one is laid over."""
        return replace(case, step=case.trail[-1] if case.trail else START, trail=case.trail[:-1], asked="")

    def _replied(self, case: Case, step: Step, label: str, moment: Moment) -> Decision:
        """An answer that the person chose where they were asked what they meant."""
        if label not in (*ANSWERS, SOMETHING_ELSE):
            return self._refuse(case, "invented")
        action = self._meant(step, label)
        return self._act(case, action, "", moment) if action in ACTIONS else self._answer(case, step, action)

    def _elsewhere(self, case: Case, action: str) -> str | None:
        """Where an action leads that is no choice of the present step.

        Who asks for a look while we look again by ourselves gets to know what became of that, not the way once more.
        """
        if action in ("fix", "check") and self.library.has(case.following) and not case.outcome:
            followed = self.library.step(case.following)
            if action == "fix" and "check" in followed.choices:  # the steps are shown and none was taken yet
                return self.library.everywhere[action]
            for own in (followed.choices.get("check"), followed.choices.get("next"), followed.later.get("known")):
                if own and self.library.has(own) and self.library.step(own).on_arrival == "photos":
                    return own
        return self.library.everywhere.get(_ENTRY_ACTIONS.get(action, action))

    def new_case(self, moment: Moment, *, locale: str, platform: str = "") -> Case:
        """A new case at the menu."""
        return Case(id=moment.fresh, locale=locale, platform=platform, opened_at=moment.at, step=START)

    def _rate(self, case: Case, value: str, moment: Moment) -> Decision:
        if value not in ("up", "down"):
            return self._refuse(case, "invented")
        notice = "notice.rated_down" if value == "down" else "notice.rated"
        rated = replace(self._traced(case, "rate", value, moment), rating=value)
        form = self.library.everywhere["ticket"]
        if value == "down" and self.tickets and case.outcome != Outcome.ESCALATED and case.step != form:
            return self._go(rated, form, notice)  # nothing is sent until they send it
        return self._stay(rated, notice)

    def _joined(self, case: Case, moment: Moment) -> Decision:
        """The first card shows both photos. A case that has ended stays as it is: this is another one."""
        if case.outcome not in ("", Outcome.ESCALATED):
            opened = self.new_case(moment, locale=case.locale, platform=case.platform)
            case = replace(opened, timezone=case.timezone, card=case.card)
        return self._arrive(replace(case, trail=()), ARRIVAL, "notice.welcome")

    # What came of an action on arrival, and of following up

    def _diagnosed(self, case: Case, event: Diagnosed) -> Decision:
        old_copy = _has_old_copy(event.check, case.checks)
        case, report = self._found(case, event.check)
        case, effects = self._branch(case, LOOKS, _result(case, event.check), old_copy=old_copy)
        return case, (*report, *effects)

    @property
    def _first_look(self) -> Step:
        """The look whose cards say what there is, and claim nothing about what the person did."""
        return self.library.step(self.library.everywhere["check"])

    def _found(self, case: Case, check: Check) -> Decision:
        """The case with what a look found. A helpdesk that holds the case gets a comment when the photo arrives."""
        arrived = check.verdict is Verdict.MATCH and bool(case.checks) and case.checks[-1].verdict is not Verdict.MATCH
        case = replace(case, checks=(*case.checks, check)[-CHECKS_LENGTH:])
        if (
            not (arrived and case.outcome == Outcome.ESCALATED and case.submissions)
            or case.ticket_state in _FINAL_STATES
        ):
            return case, ()
        return replace(case, submissions=case.submissions + 1), (Comment(),)

    def _followed(self, case: Case, event: Followed) -> Decision:
        handed_over = case.outcome == Outcome.ESCALATED
        followed = self.library.step(case.following) if self.library.has(case.following) else None
        if followed is None or (case.outcome and not (handed_over or followed.after_days)):
            return case, ()  # it ended meanwhile
        here, later = followed.id, followed.later
        matches = event.check.verdict is Verdict.MATCH
        last = case.checks[-1] if case.checks else None
        target = self._news(case, event, followed) if _is_news(event.check, case.checks) else ""
        if last and event.check.verdict is last.verdict is Verdict.UNKNOWN and event.check.reason == last.reason:
            case = replace(case, checks=case.checks[:-1])  # an outage fills no history
        case, report = self._found(case, event.check)
        if target:
            case, effects = self._arrive(replace(case, following=""), target)
            return case, (*report, *effects)
        if event.check.verdict is not Verdict.UNKNOWN and "known" in later:
            checker = self.library.step(later["known"])
            if case.step != here and not matches:  # the person has gone on, and it is no news that would help them
                watched = case.step if handed_over and self.library.step(case.step).later else ""
                return replace(case, following=watched), ()
            case = replace(case, following="", checked_by=checker.id)
            case, effects = self._arrive(case, checker.branches[_result(case, event.check)])
            return case, (*report, *effects)
        if not event.over:
            more = event.in_place and case.step == here and last is not None and _tells_more(event.check, last)
            return case, ((Show(),) if more else ())
        case = replace(case, following="")
        if handed_over or (case.checked_by == ARRIVAL and not case.traces):
            return case, ()  # the helpdesk has it, or nobody asked: that nothing changed is no news
        if event.check.verdict is Verdict.UNKNOWN and "known" not in later:
            # Nothing was seen at the end, so nothing is claimed: why not is shown.
            checker = self.library.step(self._checker(replace(case, step=here)))
            return self._arrive(case, checker.branches[_result(case, event.check)], follow=False)
        return self._arrive(case, later["over"], follow=False) if "over" in later else (case, ())

    def _news(self, case: Case, event: Followed, followed: Step) -> str:
        """The step that says what a look by ourselves found; "" where nothing does."""
        first, last = self._first_look.branches, case.checks[-1] if case.checks else None
        if _has_old_copy(event.check, case.checks):
            return first["match"]
        if event.check.result in followed.later:
            return followed.later[event.check.result]
        if event.in_place and case.step == followed.id and _is_another_result(event.check, last):
            return first.get(event.check.result, "")  # what the card says, and asks for, is no longer so
        return ""

    def _submitted(self, case: Case, event: Submitted) -> Decision:
        if case.step == EARLIER and (event.case, event.submission) == (case.question_case, 0):
            return self._answered_earlier(case, event)
        if event.case and event.case != case.id:
            earlier = replace(case, earlier_case=event.case, earlier_ticket=event.number, earlier_result=event.result)
            return self._stay(earlier, "")
        case = with_ticket_update(case, event)
        step = self.library.step(case.step)
        if step.on_arrival == "ticket":
            sent = "" if event.result != "contact" else case.comment
            return self._branch(replace(case, comment=sent), ("ticket",), event.result)
        if event.result == "failed":  # nothing that was written is lost: it can be sent again
            case = replace(case, comment=f"{event.comment}\n{case.comment}".strip()[:COMMENT_LENGTH])
        return self._arrive(case, self._submitter().branches[event.result])  # known later than the person waited

    def _progressed(self, case: Case, event: Progressed) -> Decision:
        """What the helpdesk did becomes a card; that it has solved something is found out by looking again."""
        if event.case != case.id:
            if event.text and self.library.has(EARLIER):
                return self._go(replace(case, earlier_question=event.text, question_case=event.case), EARLIER)
            earlier = replace(case, earlier_case=event.case, earlier_ticket=event.number, earlier_result=event.state)
            return self._stay(earlier, "")
        case = with_ticket_update(case, event)
        if event.state == TicketState.SOLVED:
            return self._go(case, self.library.everywhere["check"], SOLVED_NOTICE)
        return self._go(case, self._submitter().branches[event.state])

    def _answered_earlier(self, case: Case, event: Submitted) -> Decision:
        """What became of an answer about an earlier case, in a line of the card that the person was on before."""
        result = "failed" if event.result == "failed" else f"answer_{event.result}"
        there = replace(case, earlier_case=case.question_case, earlier_ticket=event.number, earlier_result=result)
        there = replace(there, earlier_question="", question_case="", rev=case.rev + 1)
        if result != "failed":  # else it can be sent some other way
            there = replace(there, comment="")
        return self._return(replace(there, step=case.trail[-1] if case.trail else START, trail=case.trail[:-1]), "")

    def _submitter(self) -> Step:
        """The step that hands a case over."""
        return next(step for step in self.library.steps() if step.on_arrival == "ticket")

    def _erased(self, case: Case) -> Decision:
        """The last card of a case that is no more: it belongs to no case, and nothing of the old one is on it."""
        step = self.library.step(case.step)
        if step.on_arrival != "forget":
            return case, ()
        blank = Case("", step=step.branches["done"], locale=case.locale, platform=case.platform, card=case.card)
        return blank, (Show(),)

    def without_case(self, action: str, locale: str, platform: str = "") -> Case:
        """What a press on a card is answered with when nothing is known of its case or of the person: no case either.

        Its buttons begin one. Nothing of it is to be stored.
        """
        done = next(step for step in self.library.steps() if step.on_arrival == "forget").branches["done"]
        return Case("", step=done if action == "forget_confirmed" else START, locale=locale, platform=platform)

    def _branch(self, case: Case, actions: tuple[str, ...], result: str, *, old_copy: bool = False) -> Decision:
        step = self.library.step(case.step)
        if step.on_arrival not in actions or result not in step.branches:
            return case, ()  # the person has moved on meanwhile: what they see stays
        case = replace(case, checked_by=case.step)
        target = (self._first_look if old_copy else step).branches[result]
        return self._arrive(case, target, asked=case.step != ARRIVAL)

    # Moving

    def _go(self, case: Case, target: str, notice: str = "") -> Decision:
        """Onwards to a step; `back` will lead to the present one."""
        if target == BACK:
            return self._back(case)
        here = self.library.step(case.step)
        if here.id == EARLIER and self.library.step(target).on_arrival == "ticket":
            # Not this case is handed over; and without a word there is no answer.
            return (case, (Answer(),)) if case.comment.strip() else self._stay(case, "notice.no_words")
        if target != case.step and not here.on_arrival and not here.answer:
            case = replace(case, trail=(*case.trail, case.step)[-TRAIL_LENGTH:])
        return self._arrive(case, target, notice)

    def _back(self, case: Case) -> Decision:
        case = replace(case, judged="")  # who goes back to a question may answer it otherwise
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
            if step.on_arrival in LOOKS and case.step in step.branches.values():
                return case.checked_by
        for step in self.library.steps():
            if step.on_arrival in LOOKS and case.step in step.branches.values():
                return step.id
        return self.library.everywhere["check"]

    def _arrive(
        self, case: Case, target: str, notice: str = "", *, follow: bool = True, asked: bool = True
    ) -> Decision:
        """`asked` False: the person asked for nothing yet, so that nothing is solved by showing it."""
        step = self.library.step(target)
        if step.form == "comment" and not self.tickets:
            step = self._submitter()  # nothing would be sent: so there is nothing to fill in
        if step.on_arrival:
            submissions = case.submissions + (step.on_arrival == "ticket" and self.tickets)
            case = replace(case, step=step.id, notice=notice, rev=case.rev + 1, submissions=submissions)
            return case, (_EFFECTS_ON_ARRIVAL[step.on_arrival],)
        trail = case.trail[:-1] if case.trail and case.trail[-1] == step.id else case.trail
        keeps = self.library.step(case.step).on_arrival and not step.greeting
        kept = notice or (case.notice if keeps else "")
        arrived = replace(case, step=step.id, trail=trail, notice=kept, rev=case.rev + 1)
        effects: tuple[Effect, ...] = ()
        if step.outcome not in ("", Outcome.ESCALATED):
            arrived = replace(arrived, following="")
        if step.outcome and asked and _decides(case.outcome, step.outcome):
            arrived, effects = replace(arrived, outcome=step.outcome), (Ended(step.outcome),)
        if follow and step.later and self._worth_following(case, step):
            arrived, effects = replace(arrived, following=step.id), (*effects, Follow())
        return arrived, (*effects, Show())

    @staticmethod
    def _worth_following(case: Case, step: Step) -> bool:
        """Whether looking again by ourselves may find news: not where a photo never differed, or cannot be read."""
        if step.outcome == Outcome.ESCALATED:
            known = (check.verdict for check in reversed(case.checks) if check.verdict is not Verdict.UNKNOWN)
            last = next(known, None)
            return last in _NOT_THERE or (last is Verdict.UNSURE and bool(case.following))
        if not case.checks:
            return not step.reason
        return case.checks[-1].passing or (not step.reason and case.checks[-1].verdict is not Verdict.UNKNOWN)

    def _refuse(self, case: Case, reason: str, notice: str = "notice.stale") -> Decision:
        """A press that does not fit the present card: nothing changes, the present card is shown again."""
        again, effects = self._return(case, notice)
        return again, (Ignored(reason), *effects)

    def _traced(self, case: Case, action: str, value: str, moment: Moment) -> Case:
        answer = f"{action} {value}".strip()
        traces = (*case.traces, Trace(case.step, moment.at, answer))
        return replace(case, traces=_without_repeats(traces)[-TRACES_LENGTH:])


def with_ticket_update(case: Case, event: Submitted | Progressed) -> Case:
    """A case with what became of its ticket; the person may have a newer one."""
    if isinstance(event, Progressed):
        return replace(case, ticket_state=event.state, question=event.text)
    # The first number stays: a system may number comments too.
    case = replace(case, ticket=case.ticket or event.number, ticket_url=case.ticket_url or event.url)
    # The same submission again, if no other came after it: the receiver may have taken it after all.
    again = event.result == "failed" and event.submission == case.submissions and event.submission > 0
    return replace(case, ticket_ref=case.ticket_ref or event.ref, question="", submissions=case.submissions - again)


def _without_repeats(traces: tuple[Trace, ...]) -> tuple[Trace, ...]:
    """Of more traces than are kept all but the oldest that was given once more later: going back and forth takes no
    step away of those that were taken."""
    if len(traces) <= TRACES_LENGTH:
        return traces
    step, answer = traces[-1].step, traces[-1].answer  # mostly it is what is repeated
    place = next(place for place, one in enumerate(traces) if one.step == step and one.answer == answer)
    if place == len(traces) - 1:
        times = Counter((one.step, one.answer) for one in traces)
        place = next((place for place, one in enumerate(traces) if times[one.step, one.answer] > 1), 0)
    return traces[:place] + traces[place + 1 :]


def _is_aside(step: Step) -> bool:
    """Whether a card is laid over the one that the person is on: what they meant, an answer, "you are welcome"."""
    return step.form == "choices" or step.answer or step.id == THANKS


def _says_nothing(event: Typed) -> bool:
    """Whether it has neither a word nor a sign that stands for one."""
    worded = any(letter.isalnum() or letter in _SIGNS for letter in event.text)
    return not worded and bool(event.text.strip() or not event.action)


def _question(label: str) -> str:
    """The step that answers a question."""
    return f"{QUESTIONS}.{label.removeprefix('question.')}"


def _result(case: Case, check: Check) -> str:
    """What a look comes to. Of two pictures that are too alike, what the person said of just these."""
    answer, _, pictures = case.judged.partition(" ")
    if check.verdict is not Verdict.UNSURE or not answer or pictures != _pictures(check):
        return check.result
    return "same" if answer == "same" else Verdict.DIFFER


def _pictures(check: Check) -> str:
    return f"{check.photo} {check.copy}"


def _is_news(check: Check, earlier: tuple[Check, ...]) -> bool:
    """Whether a look found another result than the last one that could tell, or another photo in Microsoft 365."""
    last = next((one for one in reversed(earlier) if one.verdict is not Verdict.UNKNOWN), None)
    if last is None or check.result != last.result:
        return True
    return bool(check.photo and last.photo) and check.photo != last.photo


def _has_old_copy(check: Check, earlier: tuple[Check, ...]) -> bool:
    """Whether a match is with the copy that was there when they differed: then not SharePoint has a new photo, but
    Microsoft 365 has SharePoint's."""
    last = next((one for one in reversed(earlier) if one.verdict is not Verdict.UNKNOWN), None)
    if check.result != Verdict.MATCH or last is None or last.verdict is Verdict.MATCH:
        return False
    return bool(check.copy) and check.copy == last.copy


def _is_another_result(check: Check, last: Check | None) -> bool:
    """Whether both looks could tell, and told different things."""
    return last is not None and Verdict.UNKNOWN not in (check.verdict, last.verdict) and check.result != last.result


def _tells_more(check: Check, last: Check) -> bool:
    """Whether a look found more than the one that the card is about, though no other result."""
    if Verdict.UNKNOWN in (check.verdict, last.verdict):
        return False
    return (check.facts, check.photo, check.copy) != (last.facts, last.photo, last.copy)


def _decides(before: str, outcome: str) -> bool:
    """Whether a case with one outcome gets another: what it came to is decided once.

    Only a case that was stopped, or that ran out, may still be resolved; and a hand-over is one, whatever was before.
    """
    if outcome == Outcome.ESCALATED:
        return before != Outcome.ESCALATED
    if outcome in (Outcome.STOPPED, Outcome.EXPIRED):
        return not before
    return before in ("", Outcome.STOPPED, Outcome.EXPIRED)
