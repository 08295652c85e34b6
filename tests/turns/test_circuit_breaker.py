"""Sparing others and ourselves: rates that Teams takes, a system that fails, a clock that is wrong, too many turns."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import time
import tracemalloc

import pytest

from bot.conversation import Channel, Incoming, Message
from bot.errors import Outage, StoreUnavailable, Throttled
from bot.graph.client import CircuitBreaker, ClockSkew
from bot.teams.connector import CONVERSATION_RATES, Rate, Rates
from sandbox.faults import Fault
from tests.chatting import scene
from tests.teams_edge import stage


class Clock:
    """A clock that goes when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


# messages already sent, seconds apart | how long the next one waits
WAITS = [
    (0, 0.0, 0.0),
    (6, 0.0, 0.0),
    (7, 0.0, 1.0),  # seven in a second
    (8, 0.15, 2.0 - 7 * 0.15),  # eight in two seconds
    (60, 0.4, 30.0 - 59 * 0.4),  # sixty in thirty
    (1_800, 1.9, 3_600.0 - 1_799 * 1.9),  # eighteen hundred in an hour
]


@pytest.mark.parametrize(("sent", "apart", "wait"), WAITS)
def test_a_conversation_is_given_no_more_than_teams_takes(sent: int, apart: float, wait: float) -> None:
    rate = Rate(CONVERSATION_RATES)
    for number in range(sent):
        rate.count(number * apart)
    assert rate.wait(max(0, sent - 1) * apart) == pytest.approx(max(0.0, wait), abs=1e-6)


async def test_a_tenant_is_given_so_many_a_second_and_what_waits_too_long_is_refused() -> None:
    clock = Clock()
    rates = Rates(30, clock)
    for number in range(30):
        assert await rates.take(f"chat-{number}", deadline=clock.now)
    assert not await rates.take("another", deadline=clock.now + 0.5)
    clock.now += 1.01
    assert await rates.take("another", deadline=clock.now)


@pytest.mark.parametrize("chats", [1, 4_000])
async def test_what_was_sent_an_hour_ago_takes_no_memory(chats: int) -> None:
    clock = Clock()
    rates = Rates(0, clock)
    tracemalloc.start()
    try:
        for number in range(4_000):
            clock.now += 3_601.0
            assert await rates.take(f"chat-{number % chats}", deadline=clock.now)
        assert tracemalloc.get_traced_memory()[0] < 20_000
    finally:
        tracemalloc.stop()


async def test_messages_beyond_the_rate_wait_and_arrive_in_order() -> None:
    sent: list[int] = []
    begun = time.monotonic()
    async with stage() as here:
        channel = here.channel(here.address)
        for number in range(9):
            await channel.send(
                Message({"type": "AdaptiveCard", "version": "1.5", "body": [], "speak": str(number)}, "s")
            )
            sent.append(number)
        shown = [int(one.card["speak"]) for one in here.chat.messages if one.card is not None]
    assert shown == list(range(9))
    assert time.monotonic() - begun >= 1.9  # the ninth is the first that has to wait for two windows


def test_failures_in_a_row_open_the_circuit_and_then_one_request_finds_out() -> None:
    clock = Clock()
    breaker = CircuitBreaker("graph", clock)
    for _ in range(10):
        breaker.allow()
        breaker.failed(Outage("graph", "status 500"))
    with pytest.raises(Outage, match="circuit open"):
        breaker.allow()
    clock.now += 31
    breaker.allow()  # one finds out
    with pytest.raises(Outage, match="circuit open"):
        breaker.allow()  # for all
    breaker.succeeded()
    breaker.allow()
    breaker.allow()


def test_failures_between_successes_leave_the_circuit_closed() -> None:
    breaker = CircuitBreaker("graph", Clock())
    for number in range(50):
        breaker.allow()
        if number % 9:
            breaker.failed(Outage("graph", "status 500"))
        else:
            breaker.succeeded()


def test_a_system_that_names_a_time_keeps_the_circuit_open_for_that_long() -> None:
    clock = Clock()
    breaker = CircuitBreaker("graph", clock)
    for _ in range(10):
        breaker.failed(Throttled("graph", "status 429", 90.0))
    clock.now += 89
    with pytest.raises(Outage):
        breaker.allow()
    clock.now += 2
    breaker.allow()


@pytest.mark.parametrize(("seconds", "told"), [(0, False), (200, False), (600, True), (-600, True)])
def test_a_wrong_clock_is_logged_once_an_hour(seconds: float, told: bool, caplog: pytest.LogCaptureFixture) -> None:
    skew = ClockSkew()
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            skew.observe(email.utils.formatdate(time.time() - seconds, usegmt=True))
        for odd in (
            "not a date",
            "",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Mon, 99",
            "\ud800",
        ):
            skew.observe(odd)
        skew.observe(None)
    assert [("clock" in one.message) for one in caplog.records] == [True] * told
    assert skew.seconds == pytest.approx(seconds, abs=5)


async def test_beyond_so_many_turns_the_channel_is_told_to_come_again() -> None:
    async with scene(PHOTOSYNC_TURNS_AT_ONCE="3") as here:
        here.tenant.world.faults.graph_always = Fault(kind="hang")
        people = here.tenant.world.crowd(4)
        chats = [here.tenant.channel.chat(one.id) for one in people]
        waiting = [asyncio.create_task(chat.say("my photo is wrong")) for chat in chats[:3]]
        await asyncio.sleep(0.5)
        assert await chats[3].say("my photo is wrong") == 503
        assert await here.metric('photosync_refused_total{reason="busy"}') == 1
        here.tenant.world.faults.graph_always = None
        assert (await here.get("/healthz"))[0] == 200
        assert set(await asyncio.gather(*waiting)) <= {200, 202}
        for _ in range(100):  # a turn that was answered early ends a little later
            status = await chats[3].say("my photo is wrong")
            if status != 503:
                break
            await asyncio.sleep(0.1)
        assert status == 200


async def test_a_turn_that_outlasts_its_answer_ends_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """However it ends, it is answered once, and whoever comes next on the same connection does not wait for it."""
    shown: list[str] = []

    async def slowly(incoming: Incoming, channel: Channel) -> Message | None:
        if incoming.text == "at once":
            return None
        await asyncio.sleep(12)
        if incoming.text == "the database goes":
            raise StoreUnavailable("gone")
        shown.append(await channel.send(Message({"type": "AdaptiveCard", "version": "1.5", "body": []}, "late")))
        return None

    async with stage() as here:
        here.act = slowly
        pressed = {"name": "adaptiveCard/action", "value": {"action": {"data": {"action": "next"}}}, "text": None}
        begun = time.monotonic()
        late = await asyncio.gather(
            here.deliver(), here.deliver(text="the database goes"), here.deliver(type="invoke", **pressed)
        )
        assert [one.status for one in late] == [202, 202, 200]
        assert late[2].json() == {"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": ""}
        assert (await asyncio.gather(*(here.deliver(text="at once") for _ in range(3))))[0].status == 200
        assert time.monotonic() - begun < 12
        for _ in range(50):
            if len(shown) == 2:
                break
            await asyncio.sleep(0.1)
        assert len(shown) == 2
        assert here.refused("store") == 0  # it was answered: its turn is run again from the inbox
        assert len(here.inbox.there) == 3
        assert "the database goes" not in {one.text for one in here.inbox.discarded}
        assert len(here.inbox.discarded) == 2
        assert (await here.deliver(text="at once")).status == 200
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []
