"""When it comes: twice, late, at once, in another order, by another clock."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from sandbox.channel import Delivered
from sandbox.faults import Fault
from tests.acceptance.ground import DONE, Environment, Row
from tests.chatting import step

STALE = 'photosync_refused_total{reason="stale"}'


async def _while_it_runs(g: Environment) -> list[int]:
    made = g.activity(text="my photo is wrong")
    g.world.faults.photo_seconds = 0.5
    answers = await asyncio.gather(*(g.chat.deliver(made) for _ in range(3)))
    g.world.faults.photo_seconds = 0.01
    assert len(g.cards()) == 1
    return [one.status for one in answers]


async def _after_it_ran(g: Environment) -> Delivered:
    made = g.activity(text="my photo is wrong")
    await g.chat.deliver(made)
    answer = await g.chat.deliver(made)
    assert len(g.cards()) == 1
    return answer


async def _twice_the_ticket(g: Environment) -> list[int]:
    await g.chat.say("my photo is wrong")
    await g.chat.press("ticket")
    made = g.activity(text=None, value={**g.data("send_ticket"), "comment": "once"}, replyToId=g.chat.shown().id)
    answers = [await g.chat.deliver(made) for _ in range(2)]
    mine = [one for one in g.scene.tenant.helpdesk.tickets if one.body["person"]["id"] == g.chat.person.id]
    assert len(mine) == 1
    return [one.status for one in answers]


async def _double_click(g: Environment) -> list[int]:
    await g.chat.say("my photo is wrong")
    data = g.data("next")
    answers = await asyncio.gather(g.chat.press(dict(data)), g.chat.press(dict(data)))
    assert len(g.cards()) == 1
    return list(answers)


async def _double_execute(g: Environment) -> list[int]:
    await g.chat.say("my photo is wrong")
    data = g.data("next")
    answers = await asyncio.gather(g.chat.invoke(dict(data)), g.chat.invoke(dict(data)))
    return [status for status, _ in answers]


async def _old_card(g: Environment) -> int:
    await g.chat.say("my photo is wrong")
    old = g.data("next")
    for _ in range(3):
        await g.chat.press("next")
    return await g.chat.press(old)


async def _finished_case(g: Environment) -> int:
    await g.chat.say("my photo is wrong")
    old = g.data("next")
    await g.chat.press("stop")
    await g.chat.say("look at my photos")
    return await g.chat.press(old)


async def _year_old(g: Environment) -> Delivered:
    return await g.send(text=None, value={"action": "next", "case": "0BADCAFE", "step": "resync.gone", "rev": 12})


async def _same_id_other_body(g: Environment) -> Delivered:
    first = g.activity(text="my photo is wrong")
    await g.chat.deliver(first)
    return await g.chat.deliver({**first, "text": "stop"})


async def _two_at_once(g: Environment) -> list[int]:
    await g.chat.say("hello")
    answers = await asyncio.gather(g.chat.say("svenska"), g.chat.say("my photo is wrong"))
    assert (await g.scene.bot.store.load(g.chat.person.id))[0].locale == "sv"
    return list(answers)


async def _burst(g: Environment) -> list[int]:
    answers = await asyncio.gather(*(g.chat.say("menu") for _ in range(6)))
    assert len(g.cards()) == 6
    return list(answers)


async def _slow(g: Environment) -> Delivered:
    g.world.faults.graph_always = Fault(kind="hang")
    begun = time.monotonic()
    answer = await g.send(text="my photo is wrong")
    assert time.monotonic() - begun < 10
    for _ in range(100):
        if g.cards():
            break
        await asyncio.sleep(0.1)
    g.world.faults.graph_always = None
    return answer


async def _installed(g: Environment, *order: str) -> list[int]:
    answers = await g.chat.install(order)
    assert len(g.cards()) == 1
    return answers


async def _installed_again(g: Environment) -> list[int]:
    await g.chat.install()
    return await _installed(g, "conversationUpdate", "installationUpdate")


async def _later_clock(g: Environment) -> Delivered:
    return await g.send(timestamp="1999-01-01T00:00:00.000Z", localTimestamp="2999-01-01T00:00:00.000+14:00")


async def _wrong_rev(g: Environment, rev: Any) -> int:
    await g.chat.say("my photo is wrong")
    status = await g.chat.press({**g.data("next"), "rev": rev})
    assert step(g.chat) == "look.differ"
    return status


ROWS = [
    Row("C1", "the same activity three times while it runs", _while_it_runs, sees="look.differ"),
    Row("C1", "a ticket sent twice", _twice_the_ticket, sees="desk.ticket_sent", metric='photosync_tickets_total{result="sent"}'),
    Row("C2", "the same activity after it ran", _after_it_ran, sees="look.differ"),
    Row("C3", "a double click", _double_click, sees="resync.private_window"),
    Row("C3", "a double Action.Execute", _double_execute, sees="resync.private_window"),
    Row("C4", "a button three steps old", _old_card, sees="resync.sign_in: belongs to an earlier card", metric=STALE),
    Row("C4", "a button of a finished case", _finished_case, sees="look.differ: belongs to an earlier card", metric=STALE),
    Row("C4", "a button of a year ago, from somebody new", _year_old, sees="desk.menu: belongs to an earlier card", metric=STALE),
    Row("C4", "a rev of the future", lambda g: _wrong_rev(g, 99), sees="look.differ: earlier card", metric=STALE),
    Row("C4", "a rev that is text", lambda g: _wrong_rev(g, "1"), sees="look.differ: earlier card", metric=STALE),
    Row("C4", "a rev that is true", lambda g: _wrong_rev(g, True), sees="look.differ: earlier card", metric=STALE),
    Row("C5", "the same id with another body", _same_id_other_body, sees="look.differ"),
    Row("C6", "two messages at once", _two_at_once, sees="look.differ"),
    Row("C6", "six messages at once", _burst, sees="desk.menu"),
    Row("C7", "a look that takes longer than Teams waits", _slow, (202, *DONE), sees="look.unknown: took too long", alone=True),
    Row("C9", "installed", lambda g: _installed(g, "installationUpdate", "conversationUpdate"), sees="look.differ"),
    Row("C9", "installed, the other way round", lambda g: _installed(g, "conversationUpdate", "installationUpdate"), sees="look.differ"),
    Row("C9", "installed once more", _installed_again, sees="look.differ"),
    Row("C10", "timestamps of another century", _later_clock, sees="desk.menu"),
]  # fmt: skip
