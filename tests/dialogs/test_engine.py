"""The conversation itself, as whole conversations."""

from __future__ import annotations

import os
from typing import get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot import resources
from bot.languages import packaged
from dialogs.card_content import MOST_BUTTONS, content_of
from dialogs.case_json import from_json, to_json
from dialogs.engine import TRACES_LENGTH, Engine
from dialogs.model import (
    ACTIONS,
    Case,
    Check,
    Comment,
    Diagnosed,
    Erased,
    Event,
    Follow,
    Followed,
    Ignored,
    Joined,
    Moment,
    Pressed,
    Progressed,
    Resumed,
    Show,
    Submitted,
    Typed,
    Verdict,
)
from tests.talk import Talk
from tests.texts import texts

V = Verdict
WALK = ["next"] * 5
ADD = ["next"] * 6

# what the looks find | what the person does | where it ends | how the case ended
CONVERSATIONS = [
    ("the photo is old and the walk fixes it", [V.DIFFER, V.MATCH], ["fix", "next", *WALK], "resync.done", ["resolved"]),
    ("SharePoint has none and the walk fixes it", [V.MISSING, V.MATCH], ["fix", "next", *WALK], "resync.done", ["resolved"]),
    ("all steps on one card, and it is there", [V.DIFFER, V.MATCH], ["fix", "check"], "resync.done", ["resolved"]),
    ("all steps on one card, and it lags", [V.DIFFER], ["fix", "check"], "resync.waiting", []),
    ("asked meanwhile whether it is there", [V.DIFFER], ["fix", "check", "check"], "resync.waiting", []),
    ("SharePoint lags after the walk", [V.DIFFER], ["fix", "next", *WALK], "resync.waiting", []),
    ("SharePoint lags, a later look finds it", [V.DIFFER, V.DIFFER, V.MATCH], ["fix", "next", *WALK, "next"], "resync.done", ["resolved"]),
    ("it matches already", [V.MATCH], ["check"], "look.match", ["resolved"]),
    ("it matches and an app shows the old one", [V.MATCH], ["fix", "next", "outlook"], "still_old.outlook", ["resolved"]),
    ("still old, walked to its end", [V.MATCH], ["fix", "next", "teams", *["next"] * 2], "still_old.done", ["resolved"]),
    ("it matches and is the wrong photo", [V.MATCH], ["fix", "add"], "add_photo.way", ["resolved"]),
    ("too close to call, the person says same", [V.UNSURE], ["fix", "same"], "look.same", ["resolved"]),
    ("too close to call, the person says different", [V.UNSURE], ["fix", "different"], "look.differ", []),
    ("too close to call, the person is not sure", [V.UNSURE], ["fix", "next"], "resync.steps", []),
    ("too close to call, answered once for both looks", [V.UNSURE], ["fix", "different", "check"], "resync.waiting", []),
    ("no photo at all: add one", [V.NO_PHOTO], ["fix", "next"], "add_photo.find_picture", []),
    ("added, and SharePoint has it at once", [V.NO_PHOTO, V.MATCH], ["fix", "next", *ADD], "add_photo.done", ["resolved"]),
    ("added, and SharePoint lags", [V.NO_PHOTO, V.MISSING], ["fix", "next", *ADD], "add_photo.lagging", []),
    ("added, lagging, resynced", [V.NO_PHOTO, V.MISSING, V.MATCH], ["fix", "next", *ADD, "next", *WALK], "resync.done", ["resolved"]),
    ("added, and not there yet", [V.NO_PHOTO], ["add", "next", *ADD], "add_photo.still_none", []),
    ("added in Teams, and SharePoint lags", [V.NO_PHOTO, V.MISSING], ["fix", "next", "next", "check"], "add_photo.lagging", []),
    ("from none to both in three presses", [V.NO_PHOTO, V.MISSING, V.MATCH], ["fix", "check", "check"], "resync.done", ["resolved"]),
    ("cannot be read: the walk anyway", [V.UNKNOWN], ["fix", "next", "next"], "resync.private_window", []),
    ("cannot be read: handed over", [V.UNKNOWN], ["fix", "ticket", "send_ticket"], "desk.ticket_sent", ["escalated"]),
    ("handed over from the middle of a walk", [V.DIFFER], ["fix", "next", "next", "ticket", "send_ticket"], "desk.ticket_sent", ["escalated"]),
    ("stopped in the middle of a walk", [V.DIFFER], ["fix", "next", "next", "stop", "stop"], "desk.stopped", ["stopped"]),
    ("stopped after a match stays resolved", [V.MATCH], ["fix", "stop"], "desk.stopped", ["resolved"]),
    ("a new case after the last one ended", [V.MATCH, V.DIFFER], ["fix", "fix"], "look.differ", ["resolved"]),
    ("back returns through the walk", [V.DIFFER], ["add", *["next"] * 3, "back"], "add_photo.in_teams", []),
    ("back from the first card is the menu", [V.DIFFER], ["add", "back"], "desk.menu", []),
    ("the menu and back into the walk", [V.DIFFER], ["add", "next", "next", "menu", "back"], "add_photo.in_teams", []),
    ("forget me", [V.DIFFER], ["forget", "forget_confirmed"], "desk.forgotten", []),
    ("forget me, but not confirmed", [V.DIFFER], ["forget", "back"], "desk.menu", []),
]  # fmt: skip


@pytest.mark.parametrize(("verdicts", "presses", "step", "outcomes"), [row[1:] for row in CONVERSATIONS], ids=[row[0] for row in CONVERSATIONS])  # fmt: skip
@pytest.mark.parametrize("typed", [False, True], ids=["pressed", "typed"])
def test_a_conversation_ends_where_it_should(
    engine: Engine, verdicts: list[Verdict], presses: list[str], step: str, outcomes: list[str], typed: bool
) -> None:
    talk = Talk(engine, list(verdicts))
    for action in presses:
        _ = talk.type(action) if typed else talk.press(action)
    assert (talk.step, talk.outcomes) == (step, outcomes)


WALKING = ["add", *["next"] * 4]  # stands on add_photo.circle


@pytest.mark.parametrize("ref", ["stop", "language", "ticket", "menu", "forget", "fix", "check", "add"])
def test_what_works_everywhere_works_at_every_step(engine: Engine, ref: str) -> None:
    for step in engine.library.steps():
        if step.on_arrival or step.entry:
            continue
        talk = Talk(engine, case=Case("C", 3, step.id, ("desk.menu",)))
        before = talk.shown
        talk.press(ref)
        assert talk.shown > before, step.id
        assert talk.card.notice != "notice.not_here", step.id


def test_back_leads_to_the_step_before_from_every_step(engine: Engine) -> None:
    for step in engine.library.steps():
        if step.on_arrival or step.entry:
            continue
        talk = Talk(engine, case=Case("C", 3, step.id, ("desk.menu", "add_photo.circle"))).press("back")
        assert talk.step == "add_photo.circle", step.id


def test_what_a_turn_writes_does_not_grow_with_what_was_pressed_before(engine: Engine) -> None:
    talk = Talk(engine).press(*WALKING)
    talk.press(*["next", "back"] * TRACES_LENGTH)
    full = len(to_json(talk.case))
    talk.press(*["next", "back"] * 100)
    assert len(to_json(talk.case)) == full
    assert [trace.answer for trace in talk.case.traces[-4:]] == ["next", "back"] * 2


def test_going_back_and_forth_takes_no_step_from_what_the_helpdesk_is_told(engine: Engine) -> None:
    talk = Talk(engine).press("fix", "next", *["next"] * 3, *["next", "back"] * TRACES_LENGTH)
    walked = {trace.step for trace in talk.case.traces if trace.answer == "next"}
    assert {"look.differ", "resync.private_window", "resync.office", "resync.sign_in", "resync.tile"} <= walked
    assert len(talk.case.traces) == TRACES_LENGTH


def test_an_old_button_changes_nothing_and_shows_the_present_card(engine: Engine) -> None:
    talk = Talk(engine).press(*WALKING)
    before = talk.case
    talk.send(Pressed("next", before.id, "add_photo.in_teams", before.rev - 2))
    assert talk.step == before.step
    assert talk.card.notice == "notice.stale"
    assert (talk.case.trail, talk.case.traces, talk.case.checks) == (before.trail, before.traces, before.checks)


@pytest.mark.parametrize(
    "event",
    [
        Pressed("next", "SOMEONE-ELSES", "add_photo.circle", 3),
        Pressed("launch_rockets", "FIRST", "add_photo.circle", 3),
        Pressed("", "", "", None),
        Pressed("send_ticket", "", "", None),
        Pressed("forget_confirmed", "", "", None),
        Pressed("rate", "FIRST", "add_photo.circle", 3, "eleven"),
    ],
    ids=["another case", "unknown action", "nothing", "no case for a ticket", "no case for erasing", "bad rating"],
)
def test_invented_buttons_change_nothing(engine: Engine, event: Pressed) -> None:
    talk = Talk(engine).press(*WALKING)
    talk.send(event)
    assert talk.step == "add_photo.circle"
    assert any(isinstance(effect, Ignored) for effect in talk.effects)
    assert talk.outcomes == []


def test_a_button_without_a_case_may_start_something(engine: Engine) -> None:
    assert Talk(engine).send(Pressed("fix")).step == "look.differ"


def test_a_card_with_photos_is_never_shown_again_without_a_new_look(engine: Engine) -> None:
    talk = Talk(engine, [V.MATCH, V.DIFFER]).press("fix", "language")
    talk.press("set_language", value="sv")
    assert talk.step == "look.differ"
    assert [check.verdict for check in talk.case.checks] == [V.MATCH, V.DIFFER]


@pytest.mark.parametrize(
    "label", ["", "other", "hello", "thanks", "not_yet", "missing", "failed", "no", "unsure", "question.unheard_of"]
)
def test_words_that_lead_nowhere_are_answered_and_the_person_keeps_their_place(engine: Engine, label: str) -> None:
    talk = Talk(engine).press(*WALKING)
    talk.type(label, text="purple monkey")
    assert talk.step == "add_photo.circle"
    assert talk.card.notice.startswith("notice.")


@pytest.mark.parametrize("label", ["failed", "missing"])
@pytest.mark.parametrize("card", ["stop", "forget", "language"])
def test_who_is_asked_something_is_not_told_to_try_a_step_again(engine: Engine, card: str, label: str) -> None:
    talk = Talk(engine).press("fix", "next").type(card, text=card).type(label, text="it does not work")
    assert talk.card.notice == "notice.keep_place"


def test_a_language_chosen_in_mid_walk_keeps_the_step(engine: Engine) -> None:
    talk = Talk(engine).press(*WALKING, "language")
    talk.press("set_language", value="lv")
    assert (talk.step, talk.case.locale) == ("add_photo.circle", "lv")


# what the person is asked between on the step about the tile | what they do then | where they stand | the line above
ASKED = [
    ("it is done", ("next", "missing"), ("next", ""), "resync.page", ""),
    ("it is not there", ("next", "missing"), ("answer", "missing"), "resync.tile", "notice.missing"),
    ("it did not work", ("failed", "next"), ("answer", "failed"), "resync.tile", "notice.failed"),
    ("they need time", ("not_yet", "next"), ("answer", "not_yet"), "resync.tile", "notice.not_yet"),
    ("something else", ("next", "missing"), ("answer", "other"), "resync.tile", "notice.keep_place"),
    ("back", ("next", "missing"), ("back", ""), "resync.tile", ""),
    ("the menu", ("menu", "missing"), ("menu", ""), "desk.menu", ""),
    ("a question", ("question.why", "missing"), ("question", "why"), "questions.why", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("between", "chosen", "step", "notice"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED]
)
def test_who_is_asked_what_they_meant_goes_on_from_where_they_were(
    engine: Engine, between: tuple[str, ...], chosen: tuple[str, str], step: str, notice: str
) -> None:
    talk = Talk(engine).press("fix", "next", *["next"] * 3)
    talk.send(Typed(text="hm", alternatives=between, confidence=0.2))
    assert talk.step == "desk.ask"
    offered = {(button.action, button.value) for button in talk.card.buttons}
    assert {chosen} <= offered | {("back", "")}
    talk.press(chosen[0], value=chosen[1])
    assert (talk.step, talk.card.notice) == (step, notice)
    assert "desk.ask" not in talk.case.trail


@pytest.mark.parametrize("between", [("language", "forget"), ("stop", "ticket"), ("menu", "language", "forget")])
def test_nothing_is_offered_twice_to_who_is_asked_what_they_meant(engine: Engine, between: tuple[str, ...]) -> None:
    for presses in ([], ["fix"], ["fix", "next", "next"]):
        talk = Talk(engine).press(*presses).send(Typed(text="hm", alternatives=between, confidence=0.2))
        offered = [button.action for button in talk.card.buttons if button.action != "answer"]
        assert sorted(set(offered)) == sorted(offered)


def test_who_is_asked_what_they_meant_can_say_it_in_other_words(engine: Engine) -> None:
    talk = (
        Talk(engine)
        .press("fix", "next", *["next"] * 3)
        .send(Typed(text="hm", alternatives=("next", "missing"), confidence=0.2))
    )
    assert "next" in engine.step(talk.case).choices  # an answer to the step is expected there too
    assert talk.type("next", text="done").step == "resync.page"


# on which card a question was asked and answered | what the person writes then | where they stand | the line above
AFTER_ANSWERS = [
    ("the step is done", ["fix", "next", *["next"] * 3], "next", "resync.page", ""),
    ("all the steps are done", ["fix"], "next", "resync.waiting", ""),
    ("the step did not work", ["fix", "next", *["next"] * 3], "failed", "resync.tile", "notice.failed"),
    ("it is not there", ["fix", "next", *["next"] * 3], "missing", "resync.tile", "notice.missing"),
    ("they need time", ["fix", "next", *["next"] * 3], "not_yet", "resync.tile", "notice.not_yet"),
    ("the answer was read", ["fix", "next", *["next"] * 3], "yes", "resync.tile", ""),
    ("nothing was begun", ["menu"], "next", "desk.menu", "notice.unknown_words"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("presses", "label", "step", "notice"), [row[1:] for row in AFTER_ANSWERS], ids=[row[0] for row in AFTER_ANSWERS]
)
def test_who_was_answered_a_question_goes_on_from_where_they_asked(
    engine: Engine, presses: list[str], label: str, step: str, notice: str
) -> None:
    talk = Talk(engine, [V.DIFFER]).press(*presses).type("question.why", text="why?").type("question.how_long")
    talk.send(Typed(label, text="hm", confidence=0.9))
    assert (talk.step, talk.card.notice) == (step, notice)


def test_what_is_expected_of_a_card_is_expected_after_an_answer_about_it(engine: Engine) -> None:
    talk = Talk(engine).press("fix", "next", "next").type("question.why", text="why?")
    assert {"next", "back"} <= set(engine.step(talk.case).choices)
    assert engine.step(talk.case).id == "resync.office"  # the titles of its buttons count


def test_who_thanked_goes_on_from_where_they_were(engine: Engine) -> None:
    talk = Talk(engine, [V.DIFFER]).press("fix").type("thanks", text="thank you")
    assert talk.step == "desk.thanks"
    assert talk.send(Typed("next", text="done", confidence=0.9)).step == "resync.waiting"


@pytest.mark.parametrize("label", ["yes", "same", "different"])
def test_two_photos_are_judged_only_where_they_are_seen(engine: Engine, label: str) -> None:
    talk = Talk(engine, [V.UNSURE]).press("fix").type("question.privacy", text="who sees it?")
    talk.send(Typed(label, text="hm", confidence=0.9))
    assert (talk.step, talk.case.judged, talk.outcomes) == ("look.unsure", "", [])


@pytest.mark.parametrize(
    ("said", "then", "step"), [("same", "different", "look.unsure"), ("different", "same", "resync.compare")]
)
def test_who_thinks_otherwise_of_two_photos_is_asked_again(engine: Engine, said: str, then: str, step: str) -> None:
    talk = Talk(engine, [V.UNSURE]).press("fix", said).send(Typed(then, text="no, wait", confidence=0.9))
    assert (talk.step, talk.case.judged, talk.case.outcome) == (step, "", "")


def test_a_language_that_was_typed_for_is_undone_with_one_tap(engine: Engine) -> None:
    talk = Talk(engine).press("fix").type("set_language", "lv", text="latviski")
    undo = next(button for button in talk.card.buttons if button.action == "set_language")
    assert (talk.case.locale, undo.value) == ("lv", "en")
    talk.press(undo.action, value=undo.value)
    assert (talk.step, talk.case.locale) == ("look.differ", "en")
    assert "set_language" not in [button.action for button in talk.card.buttons]


def test_a_language_that_was_pressed_for_needs_no_way_back(engine: Engine) -> None:
    talk = Talk(engine).press("language").press("set_language", value="lv")
    assert "set_language" not in [button.action for button in talk.card.buttons]


def test_a_language_nobody_translated_is_refused_politely(engine: Engine) -> None:
    talk = Talk(engine).press("language")
    talk.send(Pressed("set_language", talk.case.id, talk.step, talk.case.rev, "tlh", known=False))
    assert (talk.step, talk.case.locale, talk.card.notice) == ("desk.language", "en", "notice.unknown_language")


@pytest.mark.parametrize(
    ("submitted", "step"),
    [(Submitted("sent", "INC7"), "desk.ticket_sent"), (Submitted("contact"), "desk.contact"), (Submitted("queued"), "desk.ticket_queued")],
    ids=["taken", "no ticket system", "system down for now"],
)  # fmt: skip
def test_a_ticket_ends_as_the_helpdesk_answers(engine: Engine, submitted: Submitted, step: str) -> None:
    talk = Talk(engine, submitted=submitted).press("ticket")
    talk.press("send_ticket", value="please")
    assert (talk.step, talk.case.submissions) == (step, 1)
    assert talk.outcomes == ["escalated"]


COMMENTS = [
    ("a sentence about the photo", [("fix", "my old photo still shows on the start page", False)]),
    ("words in which a command stands", [("stop", "no, please cancel that old picture", False)]),
    ("a whole command of another card", [("check", "look at my photos", True)]),
    ("the name of a language", [("set_language", "Swedish", True)]),
    ("a rating", [("rate", "not helpful", True)]),
    ("what means nothing", [("", "purple monkey", False)]),
    ("more words are added", [("", "in the org chart", False), ("fix", "and in Teams", False)]),
]


@pytest.mark.parametrize("typed", [row[1] for row in COMMENTS], ids=[row[0] for row in COMMENTS])
def test_what_is_typed_on_the_form_is_the_comment(engine: Engine, typed: list[tuple[str, str, bool]]) -> None:
    talk = Talk(engine).press("ticket")
    for action, text, whole in typed:
        talk.type(action, text=text, whole=whole)
    assert (talk.step, talk.card.notice) == ("desk.ticket", "notice.comment_taken")
    assert talk.card.comment == "\n".join(text for _, text, _ in typed)


@pytest.mark.parametrize(
    ("action", "step"),
    [("send_ticket", "desk.ticket_sent"), ("back", "desk.menu"), ("stop", "desk.stopped"), ("menu", "desk.menu")],
)
def test_a_whole_command_leaves_the_form(engine: Engine, action: str, step: str) -> None:
    assert Talk(engine).press("ticket").type(action, text=action).step == step


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_a_picture_takes_nothing_away_and_leaves_nothing(engine: Engine, text: str) -> None:
    talk = Talk(engine).press("ticket").type("", text="in the org chart").type("", text=text)
    assert (talk.step, talk.card.comment, talk.card.notice) == ("desk.ticket", "in the org chart", "notice.no_words")
    walking = Talk(engine).press(*WALKING).type("", text=text)
    assert (walking.step, walking.card.notice) == ("add_photo.circle", "notice.no_words")
    assert Talk(engine).type("", text=text).card.notice == "notice.no_words"


@pytest.mark.parametrize(
    ("label", "text"),
    [("", "please tell them that I am on leave from Monday"), ("failed", "it still does not work in the org chart")],
)
def test_what_is_added_after_the_hand_over_is_put_into_a_comment_and_sent_when_the_person_says_so(
    engine: Engine, label: str, text: str
) -> None:
    talk = Talk(engine).press("fix", "ticket").press("send_ticket", value="please")
    talk.send(Typed(label, text=text, confidence=0.9))
    assert (talk.step, talk.card.comment, talk.card.notice) == ("desk.ticket", text, "notice.comment_taken")
    assert talk.case.submissions == 1
    assert talk.press("send_ticket", value=text).case.submissions == 2
    picture = Talk(engine).press("fix", "ticket").press("send_ticket", value="please").type("", text="")
    assert (picture.step, picture.case.comment) != ("desk.ticket", "")


# what the card says | what is found | what is pressed | "ok" or "no" in words | where that leads
SMALL_ANSWERS = [
    ("all is well", [V.MATCH], ["fix"], "yes", "desk.thanks"),
    ("all is well, and it is not", [V.MATCH], ["fix"], "no", "still_old.where"),
    ("it has arrived, and it has not", [V.DIFFER, V.MATCH], ["fix", "check"], "no", "still_old.where"),
    ("the helpdesk has it", [V.DIFFER], ["fix", "ticket", "send_ticket"], "yes", "desk.thanks"),
    ("stopped", [V.DIFFER], ["fix", "stop", "stop"], "yes", "desk.thanks"),
]


@pytest.mark.parametrize(
    ("verdicts", "presses", "label", "step"), [row[1:] for row in SMALL_ANSWERS], ids=[row[0] for row in SMALL_ANSWERS]
)
def test_ok_and_no_to_what_a_case_came_to_are_answered(
    engine: Engine, verdicts: list[Verdict], presses: list[str], label: str, step: str
) -> None:
    talk = Talk(engine, list(verdicts)).press(*presses)
    before = talk.outcomes
    talk.send(Typed(label, text="ok", confidence=0.9))
    assert (talk.step, talk.outcomes) == (step, before)


@pytest.mark.parametrize("label", ["next", "same", "different"])
def test_what_means_nothing_at_the_menu_is_answered_with_what_there_is_to_do(engine: Engine, label: str) -> None:
    talk = Talk(engine).send(Typed(label, text="so what now", confidence=0.9))
    assert (talk.step, talk.card.notice) == ("desk.menu", "notice.unknown_words")


@pytest.mark.parametrize("label", ["thanks", "hello", "yes"])
def test_who_only_greets_after_the_hand_over_is_asked_for_no_comment(engine: Engine, label: str) -> None:
    talk = Talk(engine).press("fix", "ticket").press("send_ticket", value="please")
    assert talk.type(label, text="hm", whole=False).step in ("desk.thanks", "desk.menu")


def test_a_second_submission_has_only_what_is_new(engine: Engine) -> None:
    talk = Talk(engine).press("ticket").press("send_ticket", value="please")
    talk.submitted = Submitted("sent", "COMMENT-7")
    talk.type("ticket")
    assert talk.card.comment == ""
    talk.press("send_ticket", value="and hurry")
    assert (talk.case.submissions, talk.case.ticket) == (2, "INC1")
    assert talk.outcomes == ["escalated"]


def test_the_same_ticket_again_is_the_same_submission(engine: Engine) -> None:
    talk = Talk(engine, submitted=Submitted("queued")).press("ticket").press("send_ticket", value="please")
    talk.send(Submitted("failed", case="FIRST", submission=1, comment="please"))
    assert (talk.step, talk.case.submissions) == ("desk.ticket_failed", 0)
    assert talk.press("next").card.comment == "please"
    assert talk.press("send_ticket").case.submissions == 1


def test_a_failure_of_an_older_submission_takes_no_number_twice(engine: Engine) -> None:
    talk = Talk(engine, submitted=Submitted("queued")).press("ticket").press("send_ticket", value="one")
    talk.type("ticket").press("send_ticket", value="two")
    talk.send(Submitted("failed", case="FIRST", submission=1, comment="one"))
    assert (talk.press("next").card.comment, talk.press("send_ticket").case.submissions) == ("one", 3)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Submitted("sent", "INC7", case="EARLIER"), ("card.earlier_ticket", "EARLIER", "INC7")),
        (Submitted("sent", case="EARLIER"), ("card.earlier_sent", "EARLIER", "")),
        (Submitted("failed", case="EARLIER", submission=1), ("card.earlier_failed", "EARLIER", "")),
    ],
)
def test_what_became_of_an_earlier_cases_ticket_is_said_once(
    engine: Engine, event: Submitted, line: tuple[str, str, str]
) -> None:
    talk = Talk(engine).press(*WALKING).send(event)
    assert (talk.step, talk.card.earlier) == ("add_photo.circle", line)
    assert talk.press("next").card.earlier is None


def without_tickets(engine: Engine) -> Engine:
    return Engine(engine.library, tickets=False)


def test_without_a_ticket_system_there_is_no_form_and_a_summary_to_copy(engine: Engine) -> None:
    talk = Talk(without_tickets(engine), submitted=Submitted("contact")).press("fix", "next", "next", "ticket")
    assert (talk.step, talk.outcomes) == ("desk.contact", ["escalated"])
    summary = talk.card.summary
    assert summary is not None
    assert summary.found == ("look.differ.title",)
    assert summary.steps == ("resync.private_window.title",)
    talk.type("", text="in the org chart").type("", text="and in Teams")
    assert talk.card.notice == "notice.summary_taken"
    assert talk.card.summary is not None
    assert talk.card.summary.comment == "in the org chart\nand in Teams"
    assert talk.type("fix", text="my photo is wrong", whole=False).case.id != "FIRST"  # a new visit


def test_without_a_ticket_system_a_case_that_stood_on_the_form_keeps_its_comment(engine: Engine) -> None:
    stood = Case("C", 3, "desk.ticket", ("desk.menu",), comment="please")
    talk = Talk(without_tickets(engine), submitted=Submitted("contact"), case=stood).press("send_ticket", value="")
    assert talk.card.summary is not None
    assert talk.card.summary.comment == "please"


HAND_OVER = ["fix", "next", "ticket", "send_ticket"]


def followed(verdict: Verdict, *, over: bool = False) -> Followed:
    return Followed(Check("2026-01-02T00:00:00+00:00", verdict, "outage" if verdict is V.UNKNOWN else ""), over=over)


@pytest.mark.parametrize("verdict", [V.DIFFER, V.MISSING, V.NO_PHOTO])
def test_after_a_hand_over_the_arrival_is_shown_and_the_helpdesk_hears_of_it_once(
    engine: Engine, verdict: Verdict
) -> None:
    talk = Talk(engine, [verdict]).press("fix", "ticket", "send_ticket")
    assert Follow() in talk.effects
    talk.send(followed(verdict)).send(followed(V.UNKNOWN))
    assert talk.step == "desk.ticket_sent"
    talk.send(followed(V.MATCH)).send(followed(V.MATCH))
    assert (talk.step, talk.case.following, talk.outcomes) == ("desk.arrived", "", ["escalated"])
    assert talk.effects.count(Comment()) == 1
    assert talk.case.submissions == 2
    assert "card.helpdesk_informed" in talk.card.body


def test_a_hand_over_from_the_wait_goes_on_looking_and_ends_in_silence(engine: Engine) -> None:
    talk = Talk(engine).press("fix", "next", *WALK, "ticket", "send_ticket")
    shown = talk.shown
    talk.send(followed(V.DIFFER, over=True))
    assert (talk.case.following, talk.shown, talk.case.outcome) == ("", shown, "escalated")


@pytest.mark.parametrize("verdicts", [[V.MATCH], [V.UNSURE], [V.UNKNOWN]])
def test_nothing_is_watched_where_no_arrival_could_be_seen(engine: Engine, verdicts: list[Verdict]) -> None:
    talk = Talk(engine, verdicts).press("fix", "ticket", "send_ticket")
    assert talk.case.following != "desk.ticket_sent"


def test_a_match_that_the_person_finds_after_a_hand_over_reaches_the_helpdesk_too(engine: Engine) -> None:
    talk = Talk(engine, [V.DIFFER, V.MATCH]).press("fix", "next", "ticket", "send_ticket", "back", "back", "back")
    assert (talk.step, talk.case.outcome, talk.case.following) == ("look.match", "escalated", "")
    assert talk.effects.count(Comment()) == 1


def test_without_a_ticket_system_the_arrival_is_shown_and_nobody_else_is_named(engine: Engine) -> None:
    talk = Talk(without_tickets(engine), submitted=Submitted("contact")).press("fix", "ticket")
    talk.send(followed(V.MATCH))
    assert talk.step == "desk.arrived"
    assert "card.helpdesk_informed" not in talk.card.body
    assert Comment() not in talk.effects


DECIDED_ONCE = [
    ("rating what arrived later", ["rate"], ["resolved_later"], [V.MATCH]),
    ("looking again at what arrived later", ["language", "back"], ["resolved_later"], [V.MATCH]),
    ("stopping afterwards", ["stop"], ["resolved_later"], [V.MATCH]),
    ("asking the helpdesk after all", ["ticket", "send_ticket"], ["resolved_later", "escalated"], [V.MATCH]),
]


@pytest.mark.parametrize(("presses", "outcomes", "verdicts"), [row[1:] for row in DECIDED_ONCE], ids=[row[0] for row in DECIDED_ONCE])  # fmt: skip
def test_what_a_case_came_to_is_decided_once(
    engine: Engine, presses: list[str], outcomes: list[str], verdicts: list[Verdict]
) -> None:
    talk = Talk(engine).press("fix", "next", *WALK).send(followed(V.MATCH))
    talk.verdicts = verdicts
    for action in presses:
        talk.press(action, value="up" if action == "rate" else "")
    assert talk.outcomes == outcomes


@pytest.mark.parametrize("presses", [["back"], ["rate"], ["back", "stop"], ["stop"]])
def test_a_hand_over_stays_one(engine: Engine, presses: list[str]) -> None:
    talk = Talk(engine).press("fix", "ticket", "send_ticket").send(followed(V.MATCH))
    talk.verdicts = [V.MATCH]
    for action in presses:
        talk.press(action, value="up" if action == "rate" else "")
    assert (talk.outcomes, talk.case.outcome) == (["escalated"], "escalated")


def test_a_last_look_that_could_not_tell_claims_nothing(engine: Engine) -> None:
    talk = Talk(engine).press("fix", "next", *WALK)
    talk.send(followed(V.UNKNOWN)).send(followed(V.UNKNOWN))
    assert (talk.step, len(talk.case.checks)) == ("resync.waiting", 3)  # an outage fills no history
    talk.send(followed(V.UNKNOWN, over=True))
    assert (talk.step, talk.case.following, talk.outcomes) == ("resync.unknown", "", [])


def test_not_helpful_offers_the_helpdesk_at_once(engine: Engine) -> None:
    talk = Talk(engine, [V.MATCH]).press("fix").press("rate", value="down")
    assert (talk.step, talk.card.notice) == ("desk.ticket", "notice.rated_down")
    alone = Talk(without_tickets(engine), [V.MATCH]).press("fix").press("rate", value="down")
    assert (alone.step, alone.outcomes) == ("look.match", ["resolved"])  # nothing is handed over by a rating
    assert ("ticket", True) in [(button.action, button.main) for button in alone.card.buttons]
    walking = Talk(engine).press(*WALKING).type("rate", "down", "it did not help")
    assert (walking.step, walking.press("back").step) == ("desk.ticket", "add_photo.circle")


def test_what_is_deleted_leaves_a_card_that_belongs_to_no_case(engine: Engine) -> None:
    talk = Talk(engine).press("fix", "ticket").type("", text="secret").press("forget", "forget_confirmed")
    assert (talk.step, talk.case) == ("desk.forgotten", Case("", step="desk.forgotten", locale="en"))
    assert [button.action for button in talk.card.buttons] == ["menu"]


@pytest.mark.parametrize(("action", "step"), [("menu", "desk.menu"), ("forget_confirmed", "desk.forgotten")])
def test_a_card_without_a_case_offers_only_what_needs_none(engine: Engine, action: str, step: str) -> None:
    case = engine.without_case(action, "sv")
    assert (case.id, case.step, case.locale) == ("", step, "sv")
    for button in content_of(engine.library, case).buttons:
        opened = engine.new_case(Moment("2026-01-01T00:00:00+00:00", "NEW"), locale="sv")
        _, effects = engine.decide(opened, Pressed(button.action, "", case.step, case.rev), Moment("", "OTHER"))
        assert not any(isinstance(effect, Ignored) for effect in effects), button.action


@pytest.mark.parametrize(
    ("submitted", "step"),
    [(Submitted("sent", "INC8"), "desk.ticket_sent"), (Submitted("failed"), "desk.ticket_failed")],
)
def test_a_ticket_that_is_known_later_is_shown_wherever_the_person_is(
    engine: Engine, submitted: Submitted, step: str
) -> None:
    talk = Talk(engine, submitted=Submitted("queued")).press("ticket", "send_ticket", "menu")
    assert talk.send(submitted).step == step
    assert talk.outcomes == ["escalated"]


def test_a_rating_is_thanked_once_and_kept(engine: Engine) -> None:
    talk = Talk(engine, [V.MATCH]).press("fix")
    talk.press("rate", value="up")
    assert (talk.case.rating, talk.card.notice) == ("up", "notice.rated")
    assert "rate" not in [button.action for button in talk.card.buttons]


def test_a_late_look_does_not_move_a_person_who_went_on(engine: Engine) -> None:
    talk = Talk(engine).press(*WALKING)
    talk.send(Diagnosed(Check("2026-01-01T00:00:00+00:00", V.MATCH)))
    assert talk.step == "add_photo.circle"


def test_a_case_on_a_step_that_no_longer_exists_goes_on_from_the_menu(engine: Engine) -> None:
    talk = Talk(engine, case=Case("C", 9, "gone.step", ("also.gone",))).type("")
    assert talk.step == "desk.menu"


def test_no_card_has_more_buttons_than_teams_shows(engine: Engine) -> None:
    for step in engine.library.steps():
        if not step.on_arrival and not step.entry:
            card = Talk(engine, case=Case("C", 1, step.id, ("desk.menu",))).card
            assert 1 <= len(card.buttons) + bool(card.link) <= MOST_BUTTONS, step.id


LOG_KINDS: list[tuple[Event, str]] = [
    (Typed("fix", text="my photo is wrong"), "typed"),
    (Pressed("next"), "pressed"),
    (Joined(), "joined"),
    (Diagnosed(Check("", V.MATCH)), "looked"),
    (Submitted("sent"), "handed"),
    (Progressed("solved", "C1"), "progressed"),
    (Erased(), "erased"),
    (Followed(Check("", V.MATCH)), "followed"),
    (Resumed(), "resumed"),
]


@pytest.mark.parametrize(("event", "kind"), LOG_KINDS)
def test_a_transcript_calls_an_event_the_same_whatever_its_class_is_called(event: Event, kind: str) -> None:
    """Helpdesks read transcripts by machine."""
    assert event.log_kind == kind
    assert {type(one) for one, _ in LOG_KINDS} == set(get_args(Event))


class AnyConversation(RuleBasedStateMachine):
    """Any events in any order: the person always sees something, and can always leave."""

    @initialize()
    def start(self) -> None:
        self.talk = Talk(Engine(packaged.topics(packaged.languages(), resources.illustrations())))

    @rule(action=st.sampled_from(ACTIONS), value=st.sampled_from(["", "up", "down", "sv", "xx", "a comment"]))
    def presses(self, action: str, value: str) -> None:
        shown = self.talk.shown
        self.talk.press(action, value=value)
        assert self.talk.shown == shown + 1

    @rule(action=st.sampled_from(("", *ACTIONS)), text=texts(max_size=20))
    def types(self, action: str, text: str) -> None:
        shown = self.talk.shown
        self.talk.type(action, "sv" if action == "set_language" else "up", text)
        assert self.talk.shown == shown + 1

    @rule(
        action=st.one_of(st.sampled_from(ACTIONS), texts(max_size=5)),
        case=st.sampled_from(["", "FIRST", "OTHER"]),
        rev=st.one_of(st.none(), st.integers(-3, 40)),
    )
    def presses_something_invented(self, action: str, case: str, rev: int | None) -> None:
        shown = self.talk.shown
        self.talk.send(Pressed(action, case, "what.ever", rev))
        assert self.talk.shown == shown + 1

    @rule(verdict=st.sampled_from(Verdict))
    def the_world_changes(self, verdict: Verdict) -> None:
        self.talk.verdicts = [verdict]

    @rule(result=st.sampled_from(["sent", "contact", "queued"]))
    def the_helpdesk_changes(self, result: str) -> None:
        self.talk.submitted = Submitted(result, "INC9")

    @rule(verdict=st.sampled_from(Verdict))
    def a_late_look_arrives(self, verdict: Verdict) -> None:
        self.talk.send(Diagnosed(Check("2026-01-01T00:00:00+00:00", verdict)))

    @rule(verdict=st.sampled_from(Verdict), over=st.booleans())
    def we_look_again(self, verdict: Verdict, over: bool) -> None:
        before, shown = self.talk.case.outcome, self.talk.shown
        self.talk.send(followed(verdict, over=over))
        news = self.talk.shown > shown  # it went on to another card, which may be looked after too
        assert not (over and verdict is not V.MATCH and before == "") or news or self.talk.case.following == ""

    @rule(result=st.sampled_from(["sent", "failed"]), case=st.sampled_from(["FIRST", "EARLIER"]))
    def a_ticket_is_known_later(self, result: str, case: str) -> None:
        shown = self.talk.shown
        self.talk.send(Submitted(result, "INC8", case=case, submission=self.talk.case.submissions))
        assert self.talk.shown == shown + 1

    @invariant()
    def a_hand_over_stays_one(self) -> None:
        if hasattr(self, "talk"):
            self.escalated = getattr(self, "escalated", set()) | (
                {self.talk.case.id} if self.talk.case.outcome == "escalated" else set()
            )
            assert self.talk.case.outcome == "escalated" or self.talk.case.id not in self.escalated

    @rule()
    def installs_again(self) -> None:
        self.talk.send(Joined())

    @invariant()
    def stands_on_a_card_that_can_be_left(self) -> None:
        if hasattr(self, "talk"):
            assert not self.talk.engine.library.step(self.talk.step).on_arrival
            assert self.talk.card.buttons

    @invariant()
    def survives_a_round_trip(self) -> None:
        if hasattr(self, "talk"):
            assert from_json(to_json(self.talk.case)) == self.talk.case


TestAnyConversation = AnyConversation.TestCase
TestAnyConversation.settings = settings(
    max_examples=int(os.environ.get("PHOTOSYNC_FUZZ", "24")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"id": 1}', '{"id": "x", "rev": "1"}', '{"id": "x", "checks": [{}]}', "{", "[" * 5000]
)  # fmt: skip
def test_a_document_that_is_no_case_is_refused_as_that(text: str) -> None:
    with pytest.raises(ValueError, match=r"case|JSON|Expecting|verdict"):
        from_json(text)


ODD_TIMES = ["x", "2026-01-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-23:59"]


@pytest.mark.parametrize("time", ODD_TIMES)
@pytest.mark.parametrize("field", ["opened_at", "following_since"])
def test_a_time_that_none_can_reckon_with_makes_no_case(time: str, field: str) -> None:
    text = to_json(Case("C1", **{field: "2026-01-01T00:00:00+00:00"}))
    assert from_json(text).id == "C1"
    with pytest.raises(ValueError, match=r"case|isoformat"):
        from_json(text.replace("2026-01-01T00:00:00+00:00", time))


def test_answers_to_questions_lead_back_to_the_place_and_never_to_each_other(engine: Engine) -> None:
    case = Case("C1", locale="en", step="resync.tile", trail=("look.differ",))
    for name in ("questions.why", "questions.phone"):
        case, _ = engine._go(case, name)
    assert case.step == "questions.phone"
    case, effects = engine.decide(
        case, Pressed("back", case.id, case.step, case.rev), Moment("2026-01-01T00:00:00+00:00", "NEW")
    )
    assert (case.step, effects) == ("resync.tile", (Show(),))


def seen(verdict: Verdict, photo: str, copy: str) -> Check:
    return Check("2026-01-02T00:00:00+00:00", verdict, photo=photo, copy=copy)


DIFFERED = seen(V.DIFFER, "new", "old")
MATCHES = [
    ("SharePoint has copied the new photo", seen(V.MATCH, "new", "new"), "resync.arrived", "resync.done"),
    ("the old photo was set again", seen(V.MATCH, "old", "old"), "look.match", "look.match"),
]


@pytest.mark.parametrize(("check", "by_itself", "asked"), [row[1:] for row in MATCHES], ids=[row[0] for row in MATCHES])
def test_no_new_photo_is_claimed_where_sharepoint_has_the_copy_of_before(
    engine: Engine, check: Check, by_itself: str, asked: str
) -> None:
    watched = Case("C", 3, "look.differ", checks=(DIFFERED,), following="look.differ")
    assert Talk(engine, case=watched).send(Followed(check, in_place=True)).step == by_itself
    waits = Case("C", 3, "resync.checking", checks=(DIFFERED,))
    assert Talk(engine, case=waits).send(Diagnosed(check)).step == asked


CHANGES = [
    ("the photo was removed", seen(V.NO_PHOTO, "", "old"), "look.no_photo"),
    ("another new photo", seen(V.DIFFER, "newer", "old"), "look.differ"),
    ("Graph is away", Check("2026-01-02T00:00:00+00:00", V.UNKNOWN, "outage"), "look.differ"),
]


@pytest.mark.parametrize(("check", "step"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_the_card_that_is_watched_says_what_is_so_now(engine: Engine, check: Check, step: str) -> None:
    """Whoever removes the photo meanwhile is not told that two photos differ, nor how to copy one."""
    watched = Case("C", 3, "look.differ", checks=(DIFFERED,), following="look.differ")
    talk = Talk(engine, case=watched).send(Followed(check, in_place=True))
    assert talk.step == step
    assert talk.case.following in (step, "look.differ")
    elsewhere = Case("C", 3, "desk.language", ("look.differ",), checks=(DIFFERED,), following="look.differ")
    assert (
        Talk(engine, case=elsewhere).send(Followed(check, in_place=True)).step == "desk.language"
    )  # nobody is interrupted


@pytest.mark.parametrize(
    ("verdict", "typed", "step"),
    [
        (V.DIFFER, Typed("next", text="I've done it", confidence=0.9), "resync.waiting"),
        (V.NO_PHOTO, Typed("next", text="done", confidence=0.99), "add_photo.still_none"),
        (V.DIFFER, Typed("next", text="One step at a time", confidence=1.0), "resync.private_window"),
        (V.DIFFER, Typed("yes", text="ok, show me", confidence=0.9), "resync.private_window"),
    ],
)
def test_done_where_all_steps_are_on_the_card_is_its_main_button(
    engine: Engine, verdict: Verdict, typed: Typed, step: str
) -> None:
    assert Talk(engine, [verdict]).press("fix").send(typed).step == step
