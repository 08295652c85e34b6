"""What the endpoint answers to a request, whatever is in it."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as some

from bot.conversation import Channel, Incoming, Message
from bot.errors import Outage, StoreUnavailable
from bot.teams.activities import parse, read_incoming
from bot.teams.refusal import Refusal
from tests.teams_edge import CARD, Stage, answer, stage


@pytest_asyncio.fixture
async def edge() -> AsyncIterator[Stage]:
    async with stage() as here:
        yield here


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"hello",
    "cut": b'{"type": "message"',
    "two objects": b"{}{}",
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "NaN": b'{"type": NaN}',
    "infinity": b'{"type": -Infinity}',
    "a number beyond all numbers": b'{"type": 1e999}',
    "ten thousand digits": b'{"type": ' + b"1" * 10_000 + b"}",
    "a name twice": b'{"type": "message", "type": "invoke"}',
    "a name twice, deep inside": b'{"value": [{"a": 1, "a": 2}]}',
    "not UTF-8": b'{"type": "\xff"}',
    "UTF-16": '{"type": "message"}'.encode("utf-16"),
    "a hundred levels": b'{"a":' * 100 + b"1" + b"}" * 100,
    "a hundred thousand levels": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("way", BAD_BODIES)
async def test_a_body_that_is_no_json_object_gets_400(edge: Stage, way: str) -> None:
    given = await edge.tenant.channel.post(BAD_BODIES[way])
    assert (given.status, given.body) == (400, b"")
    assert edge.refused("not_an_activity") == 1


async def test_a_mark_before_the_body_changes_nothing(edge: Stage) -> None:
    given = await edge.tenant.channel.post(b"\xef\xbb\xbf" + json.dumps(edge.activity()).encode())
    assert given.status == 200
    assert [one.text for one in edge.turns] == ["hello"]


async def test_who_is_not_authenticated_learns_nothing_about_the_body(edge: Stage) -> None:
    assert (await edge.tenant.channel.post(b"hello", token="")).status == 401


WRONG_ACTIVITIES: dict[str, dict[str, Any]] = {
    "no type": {"type": None},
    "type is a number": {"type": 5},
    "no id": {"id": None},
    "id is a list": {"id": ["1"]},
    "an id of 2,000 letters": {"id": "1" * 2000},
    "no sender": {"from": None},
    "sender is text": {"from": "somebody"},
    "a sender without an id": {"from": {"aadObjectId": "0a"}},
    "aadObjectId is a path": {"from": {"id": "29:a", "aadObjectId": "../me"}},
    "aadObjectId is a number": {"from": {"id": "29:a", "aadObjectId": 5}},
    "a name that is an object": {"from": {"id": "29:a", "name": {"a": 1}}},
    "text is a number": {"text": 5},
    "text is an object": {"text": {"a": 1}},
    "value is text": {"value": "fix"},
    "value is a list": {"value": [1]},
    "no conversation": {"conversation": None},
    "conversation is a number": {"conversation": 5},
    "recipient is text": {"recipient": "28:bot"},
    "channelData is text": {"channelData": "tenant"},
    "replyToId is an object": {"replyToId": {}},
    "an invoke with text as value": {"type": "invoke", "name": "adaptiveCard/action", "value": "x"},
    "an invoke with a list as data": {
        "type": "invoke",
        "name": "adaptiveCard/action",
        "value": {"action": {"data": []}},
    },
}


@pytest.mark.parametrize("way", WRONG_ACTIVITIES)
async def test_an_activity_with_a_wrong_field_gets_400_and_no_turn(edge: Stage, way: str) -> None:
    assert (await edge.deliver(**WRONG_ACTIVITIES[way])).status == 400
    assert edge.turns == []


@pytest.mark.parametrize("conversation", ["", ".", ".."])
async def test_a_conversation_id_that_would_lead_elsewhere_gets_400(edge: Stage, conversation: str) -> None:
    assert (await edge.deliver(conversation={"id": conversation, "tenantId": edge.tenant.id})).status == 400


FOREIGN: dict[str, Callable[[str], dict[str, Any]]] = {
    "another tenant": lambda _: {
        "conversation": {"id": "a:1", "tenantId": "other"},
        "channelData": {"tenant": {"id": "other"}},
    },
    "another tenant in the conversation": lambda ours: {
        "conversation": {"id": "a:1", "tenantId": "other"},
        "channelData": {"tenant": {"id": ours}},
    },
    "another tenant in the channel data": lambda ours: {
        "conversation": {"id": "a:1", "tenantId": ours},
        "channelData": {"tenant": {"id": "other"}},
    },
    "no tenant": lambda _: {"conversation": {"id": "a:1"}, "channelData": None},
    "a tenant that is a list": lambda ours: {"conversation": {"id": "a:1", "tenantId": [ours]}},
}


@pytest.mark.parametrize("way", FOREIGN)
async def test_a_foreign_tenant_gets_403_and_no_turn(edge: Stage, way: str) -> None:
    given = await edge.deliver(**FOREIGN[way](edge.tenant.id))
    assert (given.status, given.body) == (403, b"")
    assert edge.turns == []
    assert edge.refused("tenant") == 1


async def test_one_naming_of_our_tenant_in_any_case_is_enough(edge: Stage) -> None:
    assert (await edge.deliver(channelData={"tenant": {"id": edge.tenant.id.upper()}})).status == 200


SERVICES = [
    "http://localhost/teams/",
    "https://127.0.0.1/teams/",
    "https://169.254.169.254/",
    "https://evil.trafficmanager.net/teams/",
    "https://localhost.evil.example/teams/",
    "https://user@localhost/teams/",
    "https://localhost:1/teams/",
    "//localhost/teams/",
    "localhost",
    "https://[::1",
]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_address_that_is_not_listed_gets_403(edge: Stage, service: str) -> None:
    token = edge.tenant.channel.token(serviceurl=service)
    given = await edge.deliver(token, serviceUrl=service)
    assert (given.status, given.body) == (403, b"")
    assert edge.turns == []
    assert edge.refused("service_host") == 1


async def test_a_query_in_the_service_address_gets_403(edge: Stage) -> None:
    service = edge.tenant.channel.service_url + "?to="
    assert (await edge.deliver(edge.tenant.channel.token(serviceurl=service), serviceUrl=service)).status == 403


TYPES = {
    "text/plain": 415,
    "application/x-www-form-urlencoded": 415,
    "multipart/form-data; boundary=x": 415,
    "application/json; charset=utf-16": 415,
    "application/json; charset=UTF-8": 200,
    "APPLICATION/JSON": 200,
}


@pytest.mark.parametrize("type_", TYPES)
async def test_only_json_is_taken(edge: Stage, type_: str) -> None:
    body = json.dumps(edge.activity()).encode()
    given = await edge.tenant.channel.post(body, headers={"Content-Type": type_})
    assert given.status == TYPES[type_]


async def test_a_packed_body_is_not_unpacked(edge: Stage) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    assert (await edge.tenant.channel.post(bomb, headers={"Content-Encoding": "gzip"})).status == 415


async def test_more_than_256_kib_gets_413(edge: Stage) -> None:
    largest = json.dumps(edge.activity(text="")).encode()
    largest += b" " * (256 * 1024 - len(largest))
    assert (await edge.tenant.channel.post(largest)).status == 200
    assert (await edge.tenant.channel.post(largest + b" ")).status == 413
    assert edge.refused("too_large") == 1


async def test_a_body_in_chunks_that_grows_too_large_gets_413(edge: Stage) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 16_384

    headers = {"Authorization": f"Bearer {edge.tenant.channel.token()}", "Content-Type": "application/json"}
    url = f"{edge.tenant.channel.bot_url}/api/messages"
    async with aiohttp.ClientSession() as session, session.post(url, data=chunks(), headers=headers) as given:
        assert given.status == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_other_methods_get_405(edge: Stage, method: str) -> None:
    url = f"{edge.tenant.channel.bot_url}/api/messages"
    async with aiohttp.ClientSession() as session, session.request(method, url) as given:
        assert given.status == 405


async def test_a_connection_that_breaks_within_the_body_harms_nobody(edge: Stage) -> None:
    port = int(edge.tenant.channel.bot_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /api/messages HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + edge.tenant.channel.token().encode() + b"\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    )
    await writer.drain()
    assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert (await edge.deliver()).status == 200


# What is answered after a turn


async def test_an_invoke_is_answered_with_the_card_once(edge: Stage) -> None:
    edge.act = answer
    value = {"action": {"type": "Action.Execute", "verb": "press", "data": {"action": "next"}}}
    given = await edge.deliver(type="invoke", name="adaptiveCard/action", value=value, text=None)
    assert given.status == 200
    card = {"statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": dict(CARD.card)}
    assert given.json() == card
    assert dict(edge.turns[0].value) == {"action": "next"}


async def test_an_invoke_that_shows_nothing_is_answered_all_the_same(edge: Stage) -> None:
    given = await edge.deliver(type="invoke", name="adaptiveCard/action", value={"action": {"data": {"action": "x"}}})
    assert (given.status, given.json()["statusCode"]) == (200, 200)


@pytest.mark.parametrize("name", [None, "task/fetch", "composeExtension/query"])
async def test_an_invoke_of_another_kind_gets_501(edge: Stage, name: str | None) -> None:
    given = await edge.deliver(type="invoke", name=name, value={})
    assert (given.status, given.body) == (501, b"")
    assert edge.turns == []


async def test_a_message_is_answered_with_an_empty_200(edge: Stage) -> None:
    edge.act = answer
    given = await edge.deliver()
    assert (given.status, given.body) == (200, b"")
    assert edge.chat.card() == CARD.card


async def test_a_store_out_of_reach_gets_503_so_that_teams_tries_again(
    edge: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async def unavailable(_: Incoming, __: Channel) -> Message | None:
        raise StoreUnavailable("PostgreSQL: 57P03")

    edge.act = unavailable
    assert (await edge.deliver()).status == 503
    assert edge.refused("store") == 1
    assert "refused with 503: store, PostgreSQL: 57P03" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("a secret of mine"), Outage("teams", "502"), KeyError("a secret")])
async def test_a_fault_of_our_own_gets_500_and_a_log_line_without_its_text(
    edge: Stage, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def faulty(_: Incoming, __: Channel) -> Message | None:
        raise error

    caplog.set_level(logging.DEBUG)
    edge.act = faulty
    given = await edge.deliver(text="a secret of mine")
    assert (given.status, given.body) == (500, b"")
    assert edge.refused("error") == 1
    assert type(error).__name__ in caplog.text
    assert "secret" not in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_bot_that_is_stopping_takes_nothing_more(edge: Stage) -> None:
    await edge.edge.stop()
    assert (await edge.deliver()).status == 503
    assert edge.turns == []


# Whatever comes

BASE: dict[str, Any] = {
    "type": "message", "id": "1", "channelId": "msteams", "serviceUrl": "https://localhost/teams/", "text": "hello",
    "from": {"id": "29:a", "name": "Ada", "aadObjectId": "0a-1"}, "recipient": {"id": "28:bot"},
    "conversation": {"id": "a:1", "conversationType": "personal", "tenantId": "t"},
    "entities": [{"type": "clientInfo", "locale": "en-US"}, {"type": "mention", "mentioned": {"id": "28:bot"}}],
    "value": {"action": "next"}, "name": "adaptiveCard/action", "action": "add", "membersAdded": [{"id": "28:bot"}],
}  # fmt: skip

any_json = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)


def understood(body: bytes) -> Incoming | int | None:
    """What is made of a body, or the status it is refused with."""
    try:
        return read_incoming(parse(body), "bot")
    except Refusal as refusal:
        return refusal.status


@given(
    some.sampled_from(["message", "invoke", "installationUpdate", "conversationUpdate", "event", ""]),
    some.dictionaries(some.sampled_from(sorted(BASE)), any_json, max_size=3),
)
def test_any_change_of_an_activity_is_read_or_refused(kind: str, changes: dict[str, Any]) -> None:
    came = understood(json.dumps({**BASE, "type": kind, **changes}).encode())
    assert came in (400, 501, None) or (isinstance(came, Incoming) and len(came.text) <= 2_000)


@given(some.binary() | any_json.map(lambda made: json.dumps(made).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    assert understood(body) in (400, 501, None)
