"""What the bot understands of an activity."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

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


def mention(text: Any = "<at>Photosync</at>", of: str = US, name: str = "Photosync") -> dict[str, Any]:
    return {"type": "mention", "text": text, "mentioned": {"id": of, "name": name}}


def page(content: Any) -> dict[str, Any]:
    return {"attachments": [{"contentType": "text/html", "content": content}]}


ADA = mention("<at>Ada</at>", "29:ada", "Ada")
REPLY = '<blockquote itemscope="" itemtype="http://schema.skype.com/Reply" itemid="17"><strong itemprop="mri">Photosync</strong><span itemprop="time"></span><p itemprop="preview">They differ.<br>Next<p>unclosed</blockquote>'
TEXTS: dict[str, tuple[str | None, list[Any], dict[str, Any], str]] = {
    # mentions of the bot, in every spelling
    "only a mention": ("<at>Photosync</at>", [mention()], {}, ""),
    "a mention before": ("<at>Photosync</at>\xa0my photo ", [mention()], {}, "my photo"),
    "a mention and the entity of a blank": ("<at>Photosync</at>&nbsp;my photo", [mention()], {}, "my photo"),
    "a mention and a line": ("<at>Photosync</at>\r\nmy photo", [mention()], {}, "my photo"),
    "a mention within": ("my <at>Photosync</at> photo", [mention()], {}, "my photo"),
    "two mentions": ("<at>Photosync</at> my <at>Photosync</at> photo", [mention(), mention()], {}, "my photo"),
    "a mention whose entity has no text": ("<at>Photosync</at> hello", [mention(None)], {}, "hello"),
    "a mention whose entity has only an id": ("<at>Bild</at> hello", [{"type": "mention", "mentioned": {"id": US}}], {}, "hello"),
    "a mention without a tag": ("hello", [mention(None)], {}, "hello"),
    "a numbered mention": ('<at id="0">Photosync</at> hello', [mention(None)], {}, "hello"),
    "a numbered mention after another's": ('<at id="0">Ada</at> and <at id="1">The bot</at> hello', [mention("<at>Ada</at>", "29:ada"), mention(None)], {}, "Ada and hello"),
    "an ampersand in the name": ("<at>Photo &amp; Sync</at> hello", [mention("<at>Photo & Sync</at>"), ADA], {}, "hello"),
    "an ampersand in the entity": ("<at>Photo & Sync</at> hello", [mention("<at>Photo &amp; Sync</at>"), ADA], {}, "hello"),
    "escaped tags": ("&lt;at&gt;Photosync&lt;/at&gt; hello", [mention()], {}, "hello"),
    "another case": ("<AT>photosync</AT> hello", [mention()], {}, "hello"),
    "a name that was changed since": ("<at>Photo sync helper</at> hello", [mention("<at>Photosync</at>")], {}, "hello"),
    "no entity at all": ("<at>Photosync</at> hello", [], {}, "hello"),
    "a mention that is no tag": ("Photosync, hello", [mention("Photosync,")], {}, "hello"),
    "somebody else": ("<at>Ada</at> hello", [ADA], {}, "Ada hello"),
    # quoted replies
    "a quoted reply": ('<quoted messageId="1700000000001"/> my photo is wrong', [], {}, "my photo is wrong"),
    "an escaped quoted reply": ("&lt;quoted messageId=&quot;17&quot;/&gt; next", [], {}, "next"),
    "one escaped twice": ("&amp;lt;quoted messageId=\"17\"/&amp;gt; next", [], {}, "next"),
    "several, with line breaks": ('<quoted messageId="1"/>\n<quoted\n messageId="2" />\r\n next', [], {}, "next"),
    "one with an end": ('<quoted messageId="1"></quoted>next', [], {}, "next"),
    "a quoted reply after the mention": ('<at>Photosync</at> <quoted messageId="1"/> next', [mention()], {}, "next"),
    "only a quoted reply": ('<quoted messageId="1"/>', [], {}, ""),
    "a quotation in the older form": ("Photosync\r\nThey differ.\r\nNext\r\n\r\nmine is new", [], page(f"{REPLY}\n<p>mine is <b>new</b></p>"), "mine is new"),
    "two of them and a mention": ("Photosync x\n<at>Photosync</at> yes & no", [mention()], page(f'{REPLY}{REPLY}<p><span itemtype="http://schema.skype.com/Mention" itemid="0">Photosync</span>&nbsp;yes &amp; no</p>'), "yes & no"),
    "a quotation that does not end": ("They differ. hello", [], page('<blockquote itemtype="http://schema.skype.com/Reply">hello'), "They differ. hello"),
    "a quotation of their own": ("so it says\nhelp", [], page("<blockquote>so it says</blockquote>help"), "so it says\nhelp"),
    # entities and markup
    "entities": ("it&#39;s wrong &amp; old &lt;3", [], {}, "it's wrong & old <3"),
    "an entity as text": ("&amp;nbsp;", [], {}, "&nbsp;"),
    "markup stays text": ("<img src=x> [x](https://evil.example)", [], {}, "<img src=x> [x](https://evil.example)"),
    "half an emoji": ("photo \ud83d", [], {}, "photo \ufffd"),
    "a whole emoji": ("photo \U0001f600", [], {}, "photo \U0001f600"),
    "entities that are none": ("hello", [5, None, "x"], {}, "hello"),
    # no text
    "a picture": (None, [], page('<p><img src="https://x.example/1" alt="image"></p>'), ""),
    "a GIF": ("", [], page('<p>&nbsp;</p><div><img itemtype="http://schema.skype.com/Giphy" src="https://x.example/2.gif"></div>'), ""),
    "a sticker": ("", [], {"attachments": [{"contentType": "image/*", "contentUrl": "https://x.example/3"}]}, ""),
    "a file": (" ", [], {"attachments": [{"contentType": "application/vnd.microsoft.teams.file.download.info", "content": {"uniqueId": "1"}, "contentUrl": "https://contoso-my.sharepoint.com/x.docx"}, {"contentType": "text/html", "content": "<p></p>"}]}, ""),
    "words in the HTML only": (None, [], page("<div><p>my photo</p><p>is wrong</p></div>"), "my photo\n\nis wrong".replace("\n\n", "\n")),
    "attachments that are none": ("hello", [], {"attachments": ["x", 5, None, {"contentType": 5}, {"contentType": "text/html", "content": {}}]}, "hello"),
    "attachments that are an object": ("hello", [], {"attachments": {"contentType": "text/html"}}, "hello"),
    "HTML that is none": ("hello", [], page("<![x <a href= <!-- <at"), "hello"),
}  # fmt: skip


@pytest.mark.parametrize("what", TEXTS)
def test_the_text_is_what_the_person_wrote(what: str) -> None:
    text, entities, more, expected = TEXTS[what]
    assert read(text=text, entities=entities, **more).text == expected


LINKS: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "a pasted link, which has its title as text": (
        "Team site - Home",
        '<p><a href="https://contoso.sharepoint.com/sites/a?x=1&amp;y=2" title="x">Team site - Home</a></p>',
        ("https://contoso.sharepoint.com/sites/a?x=1&y=2",),
    ),
    "two, and one of them twice": ("a b a", '<A HREF="https://a.example/">a</A><a href=\'http://b.example\'>b</a><a href=https://a.example/>a</a>', ("https://a.example/", "http://b.example")),
    "one without an address": ("a", "<a>a</a><a name='x'>a</a>", ()),
    "another scheme": ("a", '<a href="javascript:alert(1)">a</a><a href="mailto:a@b.example">a</a><a href="file:///etc">a</a>', ()),
    "one in a quotation": ("a\nb", "<blockquote itemtype='http://schema.skype.com/Reply'><a href='https://a.example'>a</a></blockquote>b", ()),
    "a very long one": ("a", '<a href="https://a.example/' + "x" * 5_000 + '">a</a>', ()),
    "thirty": ("a", "".join(f'<a href="https://a.example/{n}">a</a>' for n in range(30)), tuple(f"https://a.example/{n}" for n in range(10))),
    "content that is no text": ("a", ["<a href='https://a.example'>"], ()),
}  # fmt: skip


@pytest.mark.parametrize("what", LINKS)
def test_the_addresses_behind_links_are_found(what: str) -> None:
    text, content, expected = LINKS[what]
    assert read(text=text, **page(content)).links == expected


@given(some.text(), some.text(alphabet="<>/ab=\"' !-[]&;#blockquoteitemtypehref", max_size=200))
def test_no_html_and_no_text_is_too_odd(text: str, content: str) -> None:
    came = read(text=text, entities=[mention()], **page(f"<a href={content}"))
    assert len(came.text) <= 2_000
    read(text="", **page(f"<blockquote itemtype='http://schema.skype.com/Reply'>{content}"))


@pytest.mark.parametrize(
    "part",
    [
        "<at>",
        "<quoted ",
        "<blockquote itemtype='schema.skype.com/Reply'>",
        "<a href=",
        '<a href="',
        "<a href= ",
        "<a x>",
        "&lt;quoted",
        "<at id=",
        "</at>",
        "&",
        "<!--",
        "<![CDATA[",
    ],
)
def test_no_text_holds_the_bot_up(part: str) -> None:
    long = part * 8_000
    began = time.process_time()
    read(text=long[:100_000], entities=[mention()], **page(long[:100_000]))
    assert time.process_time() - began < 0.25  # a twentieth of it on a quiet machine


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


NAMES = {
    "Persian, with a joiner that keeps letters apart": ("می\u200cخواهم", "می\u200cخواهم"),
    "a family of emoji": ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),
    "Hindi": ("क्\u200dष", "क्\u200dष"),
    "a flag of tags": ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4\U000e0067\U000e0062\U000e007f"),
    "overrides of direction": ("Ada\u202egnp.exe\u202c\u2066x\u2069", "Adagnp.exex"),
    "control characters": ("Ada\x00\x1b[31m\x85Lovelace\u2028!", "Ada [31m Lovelace !"),
    "invisible signs": ("A\u200bd\u2060a\ufeff\u00ad", "Ada"),
    "blanks of all kinds": (" Ada\u3000\t\r\nO'Neil\xa0", "Ada O'Neil"),
}


@pytest.mark.parametrize("what", NAMES)
def test_names_stay_whole(what: str) -> None:
    name, expected = NAMES[what]
    assert read(**{"from": {"id": "29:ada", "name": name}}).name == expected


ZONES: dict[str, tuple[dict[str, Any], str]] = {
    "by name": ({"localTimezone": "America/Los_Angeles", "localTimestamp": "2026-11-27T10:00:00.000-08:00"}, "America/Los_Angeles"),
    "of the client": ({"entities": [{"type": "clientInfo", "timezone": "Europe/Riga"}]}, "Europe/Riga"),
    "an offset only": ({"localTimestamp": "2026-11-27T10:00:00.000+05:30"}, "+05:30"),
    "a name that is none": ({"localTimezone": "Mars/Olympus", "localTimestamp": "2026-11-27T10:00:00-03:00"}, "-03:00"),
    "a path": ({"localTimezone": "../../etc/passwd"}, ""),
    "a number": ({"localTimezone": 5, "localTimestamp": 5}, ""),
    "an offset of another planet": ({"localTimestamp": "2026-11-27T10:00:00+26:00"}, ""),
    "UTC": ({"localTimestamp": "2026-11-27T10:00:00Z"}, ""),
    "none": ({}, ""),
}  # fmt: skip


@pytest.mark.parametrize("what", ZONES)
def test_the_persons_time_zone_is_found(what: str) -> None:
    changes, expected = ZONES[what]
    assert read(**changes).timezone == expected


@pytest.mark.parametrize("value", ["fix", "", "[1]"])
def test_a_submit_whose_data_is_a_text_is_a_message_without_words(value: str) -> None:
    came = read(text=None, value=value)
    assert (came.kind, came.text) == (ActivityKind.TYPED, "")
