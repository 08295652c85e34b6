"""What a turn does not do once the bot is at work: counted, since each of these costs more than the turn."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bot.store.sqlite import SqliteStore
from sandbox.channel import Chat
from tests.chatting import RunningBot, scene, step

PEOPLE, ROUNDS = 16, 6
_COUNTED = Counter[str]()  # an audit hook cannot be taken away again: it counts for whoever looks
_LISTENING = [False]


def _heard(event: str, _: tuple[Any, ...]) -> None:
    if _LISTENING[0] and event in ("socket.connect", "_thread.start_new_thread"):
        _COUNTED[event] += 1


async def test_a_turn_calls_no_login_opens_no_connection_and_hops_to_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sys.addaudithook(_heard)
    async with scene() as here:
        chats = await _walking(here)
        await _pressed(chats, "next")
        asked = here.tenant.login.requests, here.tenant.channel.key_requests
        hops = _calls(monkeypatch, asyncio.get_running_loop(), "run_in_executor")
        commits = _calls(monkeypatch, SqliteStore, "_hand_over")
        _COUNTED.clear()
        _LISTENING[0] = True
        for number in range(ROUNDS):
            await _pressed(chats, "next" if number % 2 == 0 else "back")
        _LISTENING[0] = False
        assert (here.tenant.login.requests, here.tenant.channel.key_requests) == asked
        assert dict(_COUNTED) == {}
        assert hops == []
        # The thread that owns the file is woken for a commit, which holds what several turns bring.
        assert 0 < len(commits) <= PEOPLE * ROUNDS / 2
        assert {step(chat) for chat in chats} == {"resync.office"}


async def test_a_turn_leaves_no_garbage_for_the_collector() -> None:
    """What refers to itself holds a turn's card and context until the collector has looked at everything."""
    async with scene() as here:
        chats = await _walking(here)
        await _pressed(chats, "next")
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.disable()
        try:
            await _pressed(chats, "next")
            await _pressed(chats, "back")
            gc.collect()
            ours = [type(one).__name__ for one in gc.garbage if type(one).__module__.startswith(("bot", "dialogs"))]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert Counter(ours) == {}


async def _walking(here: RunningBot) -> list[Chat]:
    people = here.tenant.world.crowd(PEOPLE)
    chats = [here.tenant.channel.chat(one.id) for one in people]
    await asyncio.gather(*(chat.say("my photo is wrong") for chat in chats))
    await _pressed(chats, "next")
    assert {step(chat) for chat in chats} == {"resync.private_window"}
    return chats


async def _pressed(chats: list[Chat], button: str) -> None:
    assert set(await asyncio.gather(*(chat.press(button) for chat in chats))) == {200}


def _calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[object]:
    """Every call from now on, which is carried out as before."""
    calls: list[object] = []
    there: Callable[..., Any] = getattr(owner, name)

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return there(*arguments, **named)

    monkeypatch.setattr(owner, name, counted)
    return calls
