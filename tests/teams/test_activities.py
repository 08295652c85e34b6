"""What the bot understands of an activity."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.conversation import ActivityKind, Address, Incoming, Scope
from bot.teams.activities import parse, read_incoming

US = "28:bot"


def activity(**changes: Any) -> dict[str, Any]:
    made = {
        "type": "message",
        "id": "1700000000001",
        "channelId": "msteams",
        "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "from": {"id": "29:ada", "name": "Ada O'Neil", "aadObjectId": "0A000000-0000-4000-8000-000000000001"},
        "recipient": {"id": US, "name": "Photosync"},
        "conversation": {"conversationType": "personal", "id": "a:chat", "tenantId": "tenant"},
        "channelData": {"tenant": {"id": "tenant"}},
        "text": "hello",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def read(**changes: Any) -> Incoming:
    came = read_incoming(parse(json.dumps(activity(**changes)).encode()), "bot")
    assert came is not None
    return came


def test_a_message_as_teams_sends_it() -> None:
    came = read(
        locale="sv-SE",
        replyToId="17",
        entities=[{"type": "clientInfo", "locale": "en-US", "country": "US", "platform": "Mac"}],
    )
    assert came == Incoming(
        id="1700000000001",
        kind=ActivityKind.TYPED,
        scope=Scope.PERSONAL,
        address=Address("https://smba.trafficmanager.net/emea/", "a:chat", US, "29:ada", "tenant"),
        person="0a000000-0000-4000-8000-000000000001",
        name="Ada O'Neil",
        text="hello",
        locale="sv-SE",
        platform="Mac",
        reply_to="17",
    )


MEMBER = {"membersAdded": [{"id": "29:ada"}]}
BOT_ADDED = {"membersAdded": [{"id": "29:ada"}, {"id": US}]}
EXECUTE = {"name": "adaptiveCard/action", "value": {"action": {"type": "Action.Execute", "data": {"action": "next"}}}}
KINDS: dict[str, tuple[dict[str, Any], ActivityKind]] = {
    "typed": ({}, ActivityKind.TYPED),
    "a picture and no text": ({"text": None, "attachments": [{"contentType": "image/png"}]}, ActivityKind.TYPED),
    "a button": ({"text": None, "value": {"action": "next"}}, ActivityKind.PRESSED),
    "text with an empty value": ({"value": {}}, ActivityKind.TYPED),
    "an Action.Execute": ({"type": "invoke", **EXECUTE}, ActivityKind.PRESSED),
    "an Action.Execute without data": (
        {"type": "invoke", "name": "adaptiveCard/action", "value": {}},
        ActivityKind.PRESSED,
    ),
    "installed": ({"type": "installationUpdate", "action": "add"}, ActivityKind.INSTALLED),
    "upgraded": ({"type": "installationUpdate", "action": "add-upgrade"}, ActivityKind.OTHER),
    "removed": ({"type": "installationUpdate", "action": "remove"}, ActivityKind.REMOVED),
    "an installation that does not say": ({"type": "installationUpdate"}, ActivityKind.OTHER),
    "the bot was added": ({"type": "conversationUpdate", **BOT_ADDED}, ActivityKind.INSTALLED),
    "somebody else was added": ({"type": "conversationUpdate", **MEMBER}, ActivityKind.OTHER),
    "members that are none": ({"type": "conversationUpdate", "membersAdded": [5, None]}, ActivityKind.OTHER),
    "an edited message": ({"type": "messageUpdate"}, ActivityKind.OTHER),
    "a deleted message": ({"type": "messageDelete"}, ActivityKind.OTHER),
    "a reaction": ({"type": "messageReaction"}, ActivityKind.OTHER),
    "typing": ({"type": "typing"}, ActivityKind.OTHER),
    "a type nobody knows": ({"type": "somethingNew"}, ActivityKind.OTHER),
}


@pytest.mark.parametrize("what", KINDS)
def test_what_happened_is_recognised(what: str) -> None:
    changes, kind = KINDS[what]
    assert read(**changes).kind is kind


def test_a_button_brings_its_data_and_inputs() -> None:
    assert dict(read(text=None, value={"action": "send_ticket", "comment": "Hi"}).value) == {
        "action": "send_ticket",
        "comment": "Hi",
    }
    assert dict(read(type="invoke", text=None, **EXECUTE).value) == {"action": "next"}


@pytest.mark.parametrize(
    "sender",
    [{"id": US}, {"id": "28:another-bot"}, {"id": "x", "role": "bot"}],
    ids=["itself", "another bot", "the role bot"],
)
@pytest.mark.parametrize("what", [{"type": "message"}, {"type": "invoke", **EXECUTE}], ids=["message", "invoke"])
def test_what_a_bot_says_is_not_listened_to(what: dict[str, Any], sender: dict[str, Any]) -> None:
    assert read_incoming(activity(**what, **{"from": sender}), "bot") is None


SCOPES: dict[str, tuple[dict[str, Any], Scope]] = {
    "a 1:1 chat": ({"id": "a:1", "conversationType": "personal"}, Scope.PERSONAL),
    "a 1:1 chat that does not say": ({"id": "a:1"}, Scope.PERSONAL),
    "not a group": ({"id": "a:1", "isGroup": False}, Scope.PERSONAL),
    "a group chat": ({"id": "19:1@thread.v2", "conversationType": "groupChat", "isGroup": True}, Scope.GROUP),
    "a channel": ({"id": "19:1@thread.tacv2;messageid=1", "conversationType": "channel"}, Scope.GROUP),
    "a thread that does not say": ({"id": "19:1@thread.tacv2"}, Scope.GROUP),
    "a group that says it is personal": ({"id": "a:1", "conversationType": "personal", "isGroup": True}, Scope.GROUP),
    "a kind nobody knows": ({"id": "a:1", "conversationType": "meeting"}, Scope.GROUP),
}


@pytest.mark.parametrize("where", SCOPES)
def test_anything_that_is_not_surely_a_chat_of_two_counts_as_a_group(where: str) -> None:
    conversation, scope = SCOPES[where]
    assert read(conversation=conversation).scope is scope


def mention(text: Any = "<at>Photosync</at>", of: str = US) -> dict[str, Any]:
    return {"type": "mention", "text": text, "mentioned": {"id": of, "name": "Photosync"}}


TEXTS: dict[str, tuple[str, list[Any], str]] = {
    "only a mention": ("<at>Photosync</at>", [mention()], ""),
    "a mention before": ("<at>Photosync</at>\xa0my photo ", [mention()], "my photo"),
    "a mention within": ("my <at>Photosync</at> photo", [mention()], "my   photo"),
    "somebody else": ("<at>Ada</at> hello", [mention("<at>Ada</at>", "29:ada")], "<at>Ada</at> hello"),
    "a mention without its text": ("hello", [mention(None)], "hello"),
    "markup stays text": ("<img src=x> [x](https://evil.example)", [], "<img src=x> [x](https://evil.example)"),
    "half an emoji": ("photo \ud83d", [], "photo \ufffd"),
    "a whole emoji": ("photo \U0001f600", [], "photo \U0001f600"),
    "entities that are none": ("hello", [5, None, "x"], "hello"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_the_text_is_what_the_person_wrote(what: str) -> None:
    text, entities, expected = TEXTS[what]
    assert read(text=text, entities=entities).text == expected


def test_a_long_text_is_cut_after_the_mention_is_gone() -> None:
    came = read(text="<at>Photosync</at>" + "x" * 100_000, entities=[mention()])
    assert came.text == "x" * 2_000
    assert came.mentioned


def test_half_an_emoji_in_a_comment_can_be_stored() -> None:
    came = read(text=None, value={"action": "send_ticket", "comment": "\udc00", "\ud800": ["\ud800"]})
    assert dict(came.value) == {"action": "send_ticket", "comment": "\ufffd", "\ufffd": ["\ufffd"]}


LOCALES: dict[str, tuple[Any, Any, str]] = {
    "of the activity": ("lv-LV", "en-US", "lv-LV"),
    "of the client": (None, "zh-Hant-TW", "zh-Hant-TW"),
    "none": (None, None, ""),
    "not a language": ("../../etc", "en-US", "en-US"),
    "a number": (5, None, ""),
    "much too long": ("en-" + "x" * 500, None, ""),
}


@pytest.mark.parametrize("where", LOCALES)
def test_the_language_is_found(where: str) -> None:
    own, client, expected = LOCALES[where]
    assert read(locale=own, entities=[{"type": "clientInfo", "locale": client}]).locale == expected


def test_a_sender_without_a_directory_id_is_nobody_in_particular() -> None:
    assert read(**{"from": {"id": "29:guest"}}).person == ""


def test_a_name_of_any_length_is_capped() -> None:
    assert len(read(**{"from": {"id": "29:ada", "name": "x" * 10_000}}).name) == 256
