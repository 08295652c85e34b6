"""Messages to Teams: what is sent, where to, and how often when the connector fails."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation import Address, Channel, Incoming, Message
from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, Throttled
from sandbox.channel import Shown
from sandbox.faults import Fault
from tests.teams_edge import CARD, Stage, answer, stage


@pytest_asyncio.fixture
async def edge() -> AsyncIterator[Stage]:
    async with stage() as here:
        yield here


def cards(here: Stage) -> list[Shown]:
    return [one for one in here.chat.messages if one.card is not None]


def failing(here: Stage, *faults: Fault) -> None:
    here.tenant.world.faults.plan("connector", faults)


def carried_on(here: Stage) -> list[str]:
    return [method for method, _ in here.tenant.channel.requests]


async def test_a_message_is_one_card_with_a_summary_and_its_language(edge: Stage) -> None:
    edge.act = answer
    await edge.deliver(locale="en-US")
    shown = cards(edge)[0].activity
    assert shown["attachments"] == [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": dict(CARD.card)}
    ]
    assert (shown["summary"], shown["locale"]) == ("A summary", "sv")
    assert "text" not in shown  # Teams makes two messages of a text beside a card
    assert "replyToId" not in shown
    assert shown["from"]["id"] == edge.tenant.channel.bot_account
    assert shown["recipient"]["id"] == edge.address.user
    assert shown["conversation"]["id"] == edge.chat.conversation
    assert edge.sent("sent") == 1


async def test_a_card_is_updated_in_place_by_the_id_that_send_returned(edge: Stage) -> None:
    other = Message({**CARD.card, "speak": "later"}, "Another", "ru")

    async def twice(_: Incoming, channel: Channel) -> Message | None:
        await channel.update(await channel.send(CARD), other)
        return other

    edge.act = twice
    assert (await edge.deliver()).status == 200
    shown = cards(edge)
    assert [one.versions for one in shown] == [1]
    assert (shown[0].card, shown[0].activity["locale"]) == (other.card, "ru")
    assert (edge.sent("sent"), edge.sent("updated")) == (1, 1)


async def test_the_person_sees_that_the_bot_is_at_work(edge: Stage) -> None:
    async def work(_: Incoming, channel: Channel) -> Message | None:
        await channel.typing()
        return None

    edge.act = work
    await edge.deliver()
    assert edge.chat.typing == 1


async def test_typing_signs_beyond_the_rates_of_teams_are_not_sent_and_take_no_place_of_a_card(edge: Stage) -> None:
    async def work(incoming: Incoming, channel: Channel) -> Message | None:
        for _ in range(12):
            await channel.typing()
        return await answer(incoming, channel)

    edge.act = work
    edge.tenant.world.faults.paced = False  # whatever is sent is taken
    await edge.deliver()
    assert edge.chat.typing == 7  # what a conversation takes in a second
    assert len(cards(edge)) == 1


async def test_a_typing_sign_that_fails_does_not_matter(edge: Stage) -> None:
    async def work(incoming: Incoming, channel: Channel) -> Message | None:
        await channel.typing()
        return await answer(incoming, channel)

    edge.act = work
    failing(edge, Fault(500))
    assert (await edge.deliver()).status == 200
    assert len(cards(edge)) == 1


async def test_an_unasked_message_reaches_an_earlier_conversation(edge: Stage) -> None:
    later = edge.channel(edge.address)
    await later.typing()
    shown = await later.send(CARD)
    await later.update(shown, CARD)
    assert [(one.id, one.versions) for one in cards(edge)] == [(shown, 1)]
    assert cards(edge)[0].activity["locale"] == "sv"
    assert edge.chat.typing == 1


async def test_an_answer_goes_to_the_conversation_it_came_from(edge: Stage) -> None:
    edge.act = answer
    group = {"id": "19:x/y@thread.tacv2;messageid=1", "conversationType": "channel", "tenantId": edge.tenant.id}
    await edge.deliver(conversation=group)
    assert edge.tenant.channel.requests == [
        ("POST", "/teams/v3/conversations/19:x/y@thread.tacv2;messageid=1/activities")
    ]


# When the connector fails

NOW = Fault(429, retry_after="0")
FRACTION = Fault(429, retry_after="0.05")
CONFLICT = Fault(412)
BUSY = Fault(503, retry_after="0")
BAD_GATEWAY = Fault(502)
LATE_GATEWAY = Fault(504)
DROPPED = Fault(kind="drop")
LOST = Fault(kind="drop", lost=True)
LOST_502 = Fault(502, lost=True)

CREATES: dict[str, tuple[tuple[Fault, ...], int, int]] = {  # faults, requests, copies the person sees
    "nothing": ((), 1, 1),
    "asked to wait": ((NOW,), 2, 1),
    "asked to wait a fraction of a second": ((FRACTION, FRACTION), 3, 1),
    "asked to wait by a date": ((Fault(429, retry_after=email.utils.formatdate(time.time(), usegmt=True)),), 2, 1),
    "asked to wait without saying how long": ((Fault(429),), 2, 1),
    "in conflict": ((CONFLICT, NOW), 3, 1),
    "busy": ((BUSY, BUSY), 3, 1),
    "a bad gateway": ((BAD_GATEWAY,), 2, 1),
    "a late gateway": ((LATE_GATEWAY,), 2, 1),
    "a dropped connection": ((DROPPED,), 2, 1),
    "an answer that was lost": ((LOST,), 2, 2),
    "a bad gateway after it was done": ((LOST_502,), 2, 2),
    "a bad gateway, then asked to wait": ((BAD_GATEWAY, NOW), 3, 1),
    "our token refused once": ((Fault(401),), 2, 1),
}


@pytest.mark.parametrize("fault", CREATES)
async def test_a_new_message_gets_through(edge: Stage, fault: str) -> None:
    faults, requests, copies = CREATES[fault]
    failing(edge, *faults)
    assert await edge.channel(edge.address).send(CARD)
    assert len(carried_on(edge)) == requests
    assert len(cards(edge)) == copies
    assert edge.sent("sent") == 1


LOST_CREATES: dict[str, tuple[tuple[Fault, ...], type[OutsideError], int, str]] = {
    "two answers lost": ((LOST, LOST), Outage, 2, "failed"),
    "two bad gateways": ((BAD_GATEWAY, BAD_GATEWAY), Outage, 2, "failed"),
    "a bad gateway, a late one": ((LOST_502, LATE_GATEWAY), Outage, 2, "failed"),
    "a bad gateway, busy, a dropped connection": ((BAD_GATEWAY, BUSY, DROPPED), Outage, 3, "failed"),
    "busy for good": ((BUSY,) * 5, Outage, 5, "failed"),
    "asked to wait for good": ((NOW,) * 5, Throttled, 5, "throttled"),
    "asked to wait for an hour": ((Fault(429, retry_after="3600"),), Throttled, 1, "throttled"),
    "an error of its own": ((Fault(500),), Outage, 1, "failed"),
    "blocked by the person": ((Fault(403, code="ConversationBlockedByUser"),), Refused, 1, "refused"),
    "no such conversation": ((Fault(404, code="ConversationNotFound"),), NotFound, 1, "gone"),
    "not understood": ((Fault(400, code="BadSyntax"),), Malformed, 1, "failed"),
    "too large": ((Fault(413, code="MessageSizeTooBig"),), Malformed, 1, "failed"),
    "led elsewhere": ((Fault(302),), Malformed, 1, "failed"),
    "our token refused for good": ((Fault(401), Fault(401)), Outage, 2, "failed"),
}


@pytest.mark.parametrize("fault", LOST_CREATES)
async def test_a_new_message_is_given_up_after_few_tries(edge: Stage, fault: str) -> None:
    faults, error, requests, result = LOST_CREATES[fault]
    failing(edge, *faults)
    with pytest.raises(error) as raised:
        await edge.channel(edge.address).send(CARD)
    assert raised.value.system == "teams"
    assert len(carried_on(edge)) == requests
    assert len(cards(edge)) <= 2
    assert edge.sent(result) == 1


async def test_the_services_own_code_is_told(edge: Stage) -> None:
    failing(edge, Fault(403, code="BotNotInConversationRoster"))
    with pytest.raises(Refused, match="BotNotInConversationRoster"):
        await edge.channel(edge.address).send(CARD)


async def test_how_long_to_wait_is_told(edge: Stage) -> None:
    failing(edge, Fault(429, retry_after="3600"))
    with pytest.raises(Throttled) as raised:
        await edge.channel(edge.address).send(CARD)
    assert raised.value.retry_after == 3600


async def test_a_refused_token_is_replaced_by_a_new_one(edge: Stage) -> None:
    channel = edge.channel(edge.address)
    await channel.send(CARD)
    before = edge.tenant.login.requests
    failing(edge, Fault(401))
    await channel.send(CARD)
    assert edge.tenant.login.requests == before + 1
    assert len(cards(edge)) == 2


async def test_a_token_refused_for_good_is_an_alarm_in_the_log(edge: Stage, caplog: pytest.LogCaptureFixture) -> None:
    failing(edge, Fault(401), Fault(401))
    with pytest.raises(Outage):
        await edge.channel(edge.address).send(CARD)
    assert [record.levelname for record in caplog.records if "own token" in record.getMessage()] == ["ERROR"]


async def test_a_login_that_refuses_us_is_not_final_for_the_conversation(edge: Stage) -> None:
    edge.tenant.world.faults.login_refuses = True
    with pytest.raises(Outage) as raised:
        await edge.channel(edge.address).send(CARD)
    assert raised.value.system == "teams"
    assert carried_on(edge) == []


UPDATES: dict[str, tuple[Fault, ...]] = {
    "bad gateways": (BAD_GATEWAY, BAD_GATEWAY, LATE_GATEWAY),
    "dropped connections": (DROPPED, LOST),
    "asked to wait, in conflict, busy": (NOW, CONFLICT, BUSY),
}


@pytest.mark.parametrize("fault", UPDATES)
async def test_an_update_is_repeated_freely(edge: Stage, fault: str) -> None:
    channel = edge.channel(edge.address)
    shown = await channel.send(CARD)
    failing(edge, *UPDATES[fault])
    await channel.update(shown, CARD)
    assert len(cards(edge)) == 1
    assert carried_on(edge) == ["POST"] + ["PUT"] * (len(UPDATES[fault]) + 1)


@pytest.mark.parametrize("id_", ["1700000000001", "1:1700000000001", "1", "abc", "../activities"])
async def test_an_update_of_a_message_that_teams_does_not_know_says_so(edge: Stage, id_: str) -> None:
    with pytest.raises(NotFound):
        await edge.channel(edge.address).update(id_, CARD)
    assert edge.sent("gone") == 1


async def test_messages_of_one_conversation_keep_their_order_through_faults(edge: Stage) -> None:
    channel = edge.channel(edge.address)
    failing(edge, NOW, BAD_GATEWAY)
    numbered = [replace(CARD, summary=str(number)) for number in range(4)]
    await asyncio.gather(*(channel.send(message) for message in numbered))
    assert [one.activity["summary"] for one in cards(edge)] == ["0", "1", "2", "3"]


async def test_a_message_that_is_given_up_while_it_waits_lets_the_others_on(edge: Stage) -> None:
    channel = edge.channel(edge.address)
    numbered = [asyncio.create_task(channel.send(replace(CARD, summary=str(number)))) for number in range(3)]
    await asyncio.sleep(0)
    numbered[1].cancel()
    await asyncio.wait(numbered)
    assert [one.activity["summary"] for one in cards(edge)] == ["0", "2"]


async def test_of_one_conversation_no_more_than_fifty_messages_wait(edge: Stage) -> None:
    channel = edge.channel(edge.address)
    waiting = [asyncio.create_task(channel.send(CARD)) for _ in range(51)]  # the first is under way
    await asyncio.sleep(0)
    with pytest.raises(Throttled):
        await channel.send(CARD)
    for one in waiting:
        one.cancel()
    await asyncio.wait(waiting)
    await channel.send(replace(CARD, summary="later"))
    assert cards(edge)[-1].activity["summary"] == "later"


async def test_another_conversation_does_not_wait(edge: Stage) -> None:
    other = edge.tenant.channel.chat(edge.tenant.world.people[1].id)
    failing(edge, Fault(429, retry_after="1"))
    slow = asyncio.create_task(edge.channel(edge.address).send(CARD))
    while not edge.tenant.channel.requests:  # noqa: ASYNC110 - until the first try has arrived
        await asyncio.sleep(0.01)
    await edge.channel(replace(edge.address, conversation=other.conversation)).send(CARD)
    assert not slow.done()
    await slow


# Where a token may go

ELSEWHERE = {
    "no https": {"service_url": "http://localhost/teams/"},
    "an address in the network": {"service_url": "https://169.254.169.254/"},
    "below a shared name": {"service_url": "https://evil.trafficmanager.net/"},
    "behind a query": {"service_url": "https://localhost/?"},
}


@pytest.mark.parametrize("where", ELSEWHERE)
async def test_a_token_is_not_even_fetched_for_an_address_that_is_not_listed(edge: Stage, where: str) -> None:
    address: Address = replace(edge.address, **ELSEWHERE[where])
    with pytest.raises(Refused):
        await edge.channel(address).send(CARD)
    assert edge.tenant.login.requests == 0
    assert edge.sent("refused") == 1


@pytest.mark.parametrize("conversation", ["", ".", ".."])
async def test_an_id_that_would_lead_elsewhere_is_not_used(edge: Stage, conversation: str) -> None:
    with pytest.raises(NotFound):
        await edge.channel(replace(edge.address, conversation=conversation)).send(CARD)
    assert carried_on(edge) == []


async def test_half_an_emoji_in_a_card_does_not_stop_it(edge: Stage) -> None:
    card: dict[str, Any] = {**CARD.card, "speak": "\ud83d"}
    assert await edge.channel(edge.address).send(replace(CARD, rendered=card))


async def test_nothing_that_people_read_or_that_opens_doors_is_logged(
    edge: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    failing(edge, BAD_GATEWAY, BAD_GATEWAY)
    with pytest.raises(Outage) as raised:
        await edge.channel(edge.address).send(replace(CARD, summary="a secret of mine"))
    told = caplog.text + str(raised.value)
    assert "secret" not in told
    assert "Bearer" not in told
    assert edge.chat.person.id not in told
