"""What typed words mean: by the classifier that ships, by an installation's own examples, and whatever is typed."""

from __future__ import annotations

import asyncio
import os
import sys
import tracemalloc
from dataclasses import replace
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.languages.catalogs import Languages
from bot.understanding import classifier, own
from bot.understanding.classifier import LONGEST, features
from bot.understanding.understand import Understanding, named
from dialogs.engine import Engine
from dialogs.examples import LABELS, Example
from dialogs.library import Library
from dialogs.meaning import judge
from dialogs.model import Case, Typed, Verdict
from dialogs.text import folded
from tests.talk import Talk
from tests.texts import texts
from tools.understanding import material

# what a person writes | in which language | on which card | what it means | with which value
SAID = [
    ("môžeme hovoriť po slovensky", "sk", "desk.menu", "set_language", "sk"),
    ("lahko po slovensko prosim", "sl", "desk.menu", "set_language", "sl"),
    ("my photo is wrong in SharePoint", "en", "desk.menu", "fix", ""),
    ("Мое фото в SharePoint старое", "ru", "desk.menu", "fix", ""),
    ("mans foto sharepoint ir vecs un nemainās", "en", "desk.menu", "fix", ""),  # whatever the client's language
    ("my colleagues still see my OLD photo", "en", "desk.menu", "fix", ""),
    ("my colleague's photo is wrong", "en", "desk.menu", "", ""),
    ("how do I put a picture on a SharePoint page?", "en", "desk.menu", "", ""),
    ("let's go", "en", "resync.tile", "next", ""),
    ("the printer prints my photo wrong", "en", "desk.menu", "", ""),
    ("the logo on our site is old", "en", "desk.menu", "", ""),
    ("svenska", "en", "desk.menu", "set_language", "sv"),
    ("in Swedish please", "en", "desk.menu", "set_language", "sv"),
    ("русский", "en", "desk.menu", "set_language", "ru"),
    ("ok thanks", "en", "resync.tile", "thanks", ""),
    ("all done", "en", "resync.tile", "next", ""),
    ("Hi, I'm Dan", "en", "desk.menu", "hello", ""),
    ("done", "en", "resync.tile", "next", ""),
    ("I can't see the tile", "en", "resync.tile", "missing", ""),
    ("hej hej", "sv", "desk.menu", "hello", ""),
    ("thank you", "en", "look.match", "thanks", ""),
    ("not helpful at all", "en", "look.match", "rate", "down"),
    ("My photo is wrong", "en", "desk.menu", "fix", ""),
    ("", "en", "desk.menu", "", ""),
    ("???", "en", "desk.menu", "", ""),
    ("👍", "en", "resync.tile", "yes", ""),
    ("photo", "en", "desk.menu", "check", ""),  # and nothing else: a look is free
    ("min profilbild", "sv", "desk.menu", "check", ""),
    ("ảnh của tôi", "vi", "desk.menu", "check", ""),
    ("фотка", "ru", "resync.tile", "check", ""), ("слика ми је стара у шерпоинту", "sr-Latn", "desk.menu", "fix", ""),
    ("Избриши моје податке", "sr", "desk.menu", "forget", ""),
]  # fmt: skip


@pytest.mark.parametrize("row", SAID, ids=[row[0] for row in SAID])
def test_typed_words_are_understood(
    understanding: Understanding, spoken: Languages, shelf: Library, row: tuple[str, str, str, str, str]
) -> None:
    text, tag, step, action, value = row
    found = understanding.understand(text, tag, shelf.step(step), spoken.vocabulary)
    assert (found.action, found.value, found.text) == (action, value, text)


@pytest.mark.parametrize("file", [classifier.MEANINGS, classifier.LANGUAGES], ids=lambda file: file.name)
def test_the_model_is_trained_on_the_examples_that_ship(file: os.PathLike[str]) -> None:
    assert classifier.load(file).examples == material.digest(), "make model"  # type: ignore[arg-type]


def test_there_is_a_label_in_the_model_for_every_entry_of_examples() -> None:
    assert set(classifier.load(classifier.MEANINGS).labels) == set(LABELS)


@pytest.mark.parametrize(
    "question", ["do I have to stop?", "muss ich das beenden?", "quando chega?", "can I cancel it later?"]
)
def test_no_question_ends_a_case(
    understanding: Understanding, spoken: Languages, shelf: Library, question: str
) -> None:
    assert understanding.understand(question, "en", shelf.step("resync.waiting"), spoken.vocabulary).action not in (
        "stop",
        "forget",
    )


COSTLY_QUESTIONS = [
    ("desk.forget", "en", "ok what happens then"),
    ("desk.forget", "en", "and then?"),
    ("desk.forget", "en", "Yes, delete it?"),
    ("desk.forget", "en", "yes?"),
    ("desk.leave", "en", "stop?"),
    ("desk.leave", "en", "yes?"),
    ("look.unsure", "en", "are they the same?"),
    ("look.unsure", "de", "sind die gleich?"),
    ("look.unsure", "zh-Hans", "是同一张吗"),
    ("look.unsure", "ja", "同じ写真ですか。"),
    ("look.unsure", "el", "είναι η ίδια φωτογραφία\u037e"),
    ("look.unsure", "el", "είναι η ίδια φωτογραφία;"),
]


@pytest.mark.parametrize(("card", "tag", "question"), COSTLY_QUESTIONS, ids=[row[2] for row in COSTLY_QUESTIONS])
def test_a_question_about_what_a_card_asks_is_no_yes(
    understanding: Understanding, spoken: Languages, engine: Engine, card: str, tag: str, question: str
) -> None:
    talk = answered(understanding, spoken, engine, card, tag, question)
    assert talk.step not in ("desk.forgotten", "desk.stopped", "look.same")
    assert talk.outcomes == []


# on which card | in which language | what is written, of the words that the card would do something by
TAKEN_BACK = [
    ("desk.forget", "de", "nicht löschen"),
    ("desk.forget", "ru", "не удаляй"),
    ("desk.forget", "en", "yes later"),
    ("desk.leave", "en", "do not stop"),
    ("desk.leave", "lv", "nebeidz"),
    ("desk.leave", "lv", "kāpēc"),
    ("desk.leave", "zh-Hans", "不停止"),
    ("desk.leave", "ar", "نعم استمر"),
    ("desk.ticket", "en", "do not send"),
    ("desk.ticket", "sv", "skicka inte"),
    ("desk.ticket", "ru", "кому отправить"),
    ("look.unsure", "en", "almost the same"),
    ("look.unsure", "en", "I don't think they're the same"),
    ("look.unsure", "ja", "同じ問題です"),
]


def answered(understanding: Understanding, spoken: Languages, engine: Engine, card: str, tag: str, *texts: str) -> Talk:
    """Somebody who is on a card, and whose photo is watched, writes."""
    talk = Talk(engine, [Verdict.UNSURE]).press("fix")
    talk.case = replace(talk.case, step=card, trail=("look.differ",), following="look.differ", locale=tag)
    for text in texts:
        talk.send(understanding.understand(text, tag, engine.step(talk.case), spoken.vocabulary))
    return talk


@pytest.mark.parametrize(("card", "tag", "text"), TAKEN_BACK, ids=[row[2] for row in TAKEN_BACK])
def test_nothing_is_erased_ended_or_sent_by_words_that_take_it_back(
    understanding: Understanding, spoken: Languages, engine: Engine, card: str, tag: str, text: str
) -> None:
    talk = answered(understanding, spoken, engine, card, tag, text)
    assert talk.step in (card, "desk.ask")
    assert (talk.outcomes, talk.case.submissions) == ([], 0)


@pytest.mark.parametrize(
    ("card", "tag", "texts", "step"),
    [
        ("desk.forget", "en", ["yes"], "desk.forgotten"),
        ("desk.forget", "ru", ["да"], "desk.forgotten"),
        ("desk.forget", "ja", ["はい"], "desk.forgotten"),
        ("desk.forget", "en", ["Yes, delete it"], "desk.forgotten"),
        ("desk.leave", "sv", ["ja"], "desk.stopped"),
        ("desk.leave", "en", ["stop"], "desk.stopped"),
        ("desk.ticket", "en", ["send"], "desk.ticket_sent"),
        ("look.unsure", "en", ["yes"], "look.same"),
        ("look.unsure", "en", ["they look the same to me", "yes they are the same"], "look.same"),
    ],
)
def test_a_mere_yes_and_the_title_of_a_button_are_meant(
    understanding: Understanding, spoken: Languages, engine: Engine, card: str, tag: str, texts: list[str], step: str
) -> None:
    assert answered(understanding, spoken, engine, card, tag, *texts).step == step


# An installation's own examples

ICELANDIC = [
    *(Example("fix", text, "") for text in ("myndin mín er gömul", "myndin uppfærist ekki", "ég er eins og fyrir tíu árum")),
    *(Example("other", text, "") for text in ("prentarinn er bilaður", "blýanturinn í fundarherberginu", "trefillinn hennar Maríu")),
    *(Example("thanks", text, "") for text in ("þakka þér kærlega", "kærar þakkir")),
]  # fmt: skip


def test_an_installations_own_examples_are_understood_by_its_own_people(spoken: Languages, shelf: Library) -> None:
    taught = Understanding()
    taught.learn({"is": tuple(ICELANDIC)})
    menu = shelf.step("desk.menu")
    theirs = replace(spoken.vocabulary, examples={"is": tuple(ICELANDIC)})
    found = [taught.understand(one.text, "is", menu, theirs).action for one in ICELANDIC]
    assert found == ["" if one.label == "other" else one.label for one in ICELANDIC]


def test_the_same_examples_are_learned_in_the_same_way() -> None:
    meanings = classifier.load(classifier.MEANINGS)
    assert own.learn(meanings, ICELANDIC) == own.learn(meanings, ICELANDIC)


async def test_learning_leaves_the_event_loop_to_others() -> None:
    """However many examples an installation has, a message waits for one of them at most."""
    given = tuple(Example("other", f"toaster {number} of floor {number % 7}", "") for number in range(300))
    learning = asyncio.create_task(asyncio.to_thread(Understanding().learn, {"is": given}))
    turns = 0
    while not learning.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > len(given)


# Names of languages

NAMES = [
    ("in english please", "en"), ("по-английски пожалуйста", "en"), ("på svenska tack", "sv"), ("中文可以吗", "zh-Hans"), ("باللغة العربية", "ar"),
    ("thank you very much", ""),
]  # fmt: skip


@pytest.mark.parametrize(("message", "tag"), NAMES, ids=[row[0] for row in NAMES])
def test_a_language_is_found_by_its_name_also_inflected(spoken: Languages, message: str, tag: str) -> None:
    assert named(folded(message), spoken.vocabulary.names) == tag


WRITTEN = [
    ("my photo in SharePoint is still the old one", "en"), ("min profilbild uppdateras inte", "sv"), ("моё фото не обновляется", "ru"),
    ("моє фото не оновлюється", "uk"), ("meine Kollegen sehen noch mein altes Bild", "de"), ("foto sharepoint", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tag"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_the_language_of_a_sentence_is_known_where_it_is_sure(
    understanding: Understanding, text: str, tag: str
) -> None:
    assert understanding.language_of(text) == tag


# Whatever is typed

ODD = {
    "100,000 letters": "x" * 100_000,
    "one word a thousand times": "photo " * 1_000,
    "emoji": "🙂🖼️" * 500,
    "mixed scripts": "photo фото 写真 รูป صورة תמונה " * 20,
    "overrides of direction": "\u202e" + "gnorw si otohp ym" * 30 + "\u202c",
    "a stack trace": "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nKeyError: 'photo'\n"
    * 50,
    "code": "for (let i = 0; i < photos.length; i++) { photos[i].delete(); }" * 20,
    "marks without letters": "\u0301" * 5_000,
    "half of a pair": "\ud83d photo",
    "zeros": "\x00" * 1_000,
    "letters that unfold": "\ufdfa" * 2_000,
    "no blanks": "我的照片不对" * 5_000,
}
MOST_CALLS = 15_000


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("ref", ["resync.tile", "desk.ticket", "look.unsure"])
def test_odd_text_raises_nothing_and_ends_or_erases_nothing(
    understanding: Understanding, spoken: Languages, engine: Engine, name: str, ref: str
) -> None:
    before = Case("FIRST", step=ref, trail=("desk.menu",))
    found = understanding.understand(ODD[name], "en", engine.library.step(ref), spoken.vocabulary)
    talk = Talk(engine, case=before).send(found)
    assert talk.case.id == "FIRST"
    assert not talk.case.outcome
    assert talk.shown == 1


@given(
    text=texts(max_size=400),
    ref=st.sampled_from(["desk.menu", "resync.tile", "look.unsure", "desk.ask", "desk.forget"]),
)
@settings(max_examples=int(os.environ.get("PHOTOSYNC_FUZZ", "200")))
def test_no_text_is_an_error(
    understanding: Understanding, spoken: Languages, engine: Engine, text: str, ref: str
) -> None:
    found = understanding.understand(text, "en", engine.library.step(ref), spoken.vocabulary)
    assert 0.0 <= found.confidence <= 1.0
    assert isinstance(found, Typed)
    assert Talk(engine, case=Case("FIRST", step=ref, trail=("resync.tile",))).send(found).shown == 1


@given(text=texts(min_size=LONGEST, max_size=2_000))
@settings(max_examples=30)
def test_a_long_text_is_no_more_work_than_its_beginning(text: str) -> None:
    assert features(text) == features(text[:LONGEST])
    assert len(features(text)) <= 12 * LONGEST  # n-grams of up to five letters, folded and as written, and pairs


def test_the_model_takes_little_memory() -> None:
    tracemalloc.start()
    try:
        fresh = classifier.load(classifier.MEANINGS)
        fresh.scores(features("my photo is wrong in SharePoint, can you help me please"))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000  # the table itself is mapped: 3 MB of file
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ODD)
def test_no_message_costs_more_than_so_many_calls(
    understanding: Understanding, spoken: Languages, shelf: Library, name: str
) -> None:
    """Calls, of Python and of what it is built on: a count that no busy machine changes."""
    step, calls = shelf.step("resync.tile"), 0
    understanding.understand("photo", "en", step, spoken.vocabulary)  # the model and the titles are read once

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        understanding.understand(ODD[name], "en", step, spoken.vocabulary)
    finally:
        sys.setprofile(None)
    assert calls < MOST_CALLS


@pytest.mark.parametrize("sign", ["❌", "✖️", "🚫", "🙄", "💩", "🤔", "🛑", "🤷", "⬅️"])
@pytest.mark.parametrize("step", ["desk.forget", "look.unsure", "resync.tile", "desk.menu"])
def test_a_sign_that_says_nothing_clear_does_nothing(spoken: Languages, shelf: Library, step: str, sign: str) -> None:
    found = Understanding().understand(sign, "en", shelf.step(step), spoken.vocabulary)
    assert (found.action, found.alternatives) == ("", ())


@pytest.mark.parametrize(
    ("step", "text"),
    [
        *(("desk.forget", text) for text in ("555", "xx", "Ж", "yes no", "呵呵", "lol")),
        *(("look.unsure", text) for text in ("555", "xx", "Ж")),
    ],
)
def test_what_is_hardly_a_word_neither_erases_nor_ends(spoken: Languages, shelf: Library, step: str, text: str) -> None:
    found = Understanding().understand(text, "en", shelf.step(step), spoken.vocabulary)
    assert found.action not in {"yes", "next", "same", "forget_confirmed"}


@pytest.mark.parametrize(("sign", "action"), [("👍", "yes"), ("👎", "no")])
def test_a_thumb_is_an_answer(spoken: Languages, shelf: Library, sign: str, action: str) -> None:
    found = Understanding().understand(sign, "en", shelf.step("look.unsure"), spoken.vocabulary)
    assert found.action == action


def test_what_ends_or_erases_is_offered_only_where_it_may_well_be_meant(shelf: Library) -> None:
    menu = shelf.step("desk.menu")
    unsure = {**dict.fromkeys(LABELS, -9.0), "fix": 1.0, "add": 0.9}
    assert "stop" not in judge({**unsure, "stop": -0.9}, menu).alternatives
    assert judge({**unsure, "stop": 0.2}, menu).alternatives == ("fix", "add", "stop")
