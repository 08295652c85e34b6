"""Activities nobody would write (`make fuzz`): recorded ones mutated, and random JSON, each signed as the channel's own.

`--activities N` (default 20,000). Nothing may end in a 5xx, an unhandled exception or growing memory; exit 1 if it does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import resource
import string
import sys
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import Progress

from sandbox.channel import Chat
from tests.chatting import RunningBot, scene

ALLOWED = {200, 201, 202, 400, 401, 403, 413, 415, 501}
_AT_ONCE = 20
_WARM = 2_000  # activities after which memory is first looked at
_GROWTH = 1.25  # of memory after that, at the most
_NASTY = (
    None, True, False, 0, -1, 1.5, 1e308, 2**63, "", " ", "\u0000", "\u202e", "../../x", "a" * 3_000, "🙂" * 50, "\ud83d",
    [], {}, [[]], {"a": {"a": {}}}, "<at>x</at>", "{name}", "%s%n", "' OR 1=1 --", "https://evil.example/", ["x"] * 30,
)  # fmt: skip
_ACTIONS = ("fix", "add", "check", "next", "back", "same", "different", "ticket", "send_ticket", "language", "set_language", "rate", "stop", "menu", "forget", "forget_confirmed", "question", "answer", "nonsense", "", None, 5)  # fmt: skip
_TEXTS = ("my photo is wrong", "next", "stop", "svenska", "help", "ticket", "delete my data", "https://fabrikam.sharepoint.example/sites/x", "")  # fmt: skip


class Watch(logging.Handler):
    """Remembers what the bot could not handle."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if line.startswith(("request failed", "turn failed", "the failure card could not be sent")) or record.exc_info:
            self.lines.append(line)


@dataclass
class Found:
    """What a run saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)  # KiB, at the most so far


class Mutations:
    """Activities from recorded ones."""

    def __init__(self, chats: list[Chat], seed: int) -> None:
        self._chats = chats
        self._dice = random.Random(seed)

    def body(self) -> bytes:
        """One request's body."""
        dice = self._dice
        if dice.random() < 0.08:
            return json.dumps(self._random(4)).encode()
        activity = self._recorded(dice.choice(self._chats))
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
            self._mutate(activity)
        raw = json.dumps(activity, allow_nan=True).encode()
        if dice.random() < 0.05:
            place = dice.randrange(len(raw))
            raw = raw[:place] + bytes([dice.randrange(256)]) + raw[place + 1 :]
        return raw

    def _recorded(self, chat: Chat) -> dict[str, Any]:
        dice, activity = self._dice, chat.channel.activity(chat)
        kind = dice.random()
        if kind < 0.35:
            return {**activity, "type": "message", "text": dice.choice(_TEXTS)}
        if kind < 0.85:
            value = {"action": dice.choice(_ACTIONS), "case": "X", "step": "look.differ", "rev": dice.randrange(9), "locale": dice.choice(_TEXTS), "score": "up", "comment": "c"}  # fmt: skip
            if kind < 0.6:
                return {**activity, "type": "message", "value": self._real(chat) or value}
            invoke = {"action": {"type": "Action.Execute", "verb": "v", "data": value}, "trigger": "manual"}
            return {**activity, "type": "invoke", "name": "adaptiveCard/action", "value": invoke}
        other = dice.choice(("installationUpdate", "conversationUpdate", "messageReaction", "event", "typing", "messageUpdate"))  # fmt: skip
        return {**activity, "type": other, "action": dice.choice(("add", "remove", "x")), "membersAdded": [{"id": "28:x"}]}  # fmt: skip

    def _real(self, chat: Chat) -> dict[str, Any] | None:
        cards = [one.card for one in chat.messages if one.card is not None]
        data = [one["data"] for one in (cards[-1].get("actions", ()) if cards else ()) if "data" in one]
        return dict(self._dice.choice(data)) if data else None

    def _mutate(self, part: Any) -> None:
        """One change somewhere in it."""
        dice = self._dice
        while True:
            places = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not places:
                return
            place = dice.choice(places)
            inner = part[place]
            if isinstance(inner, dict | list) and inner and dice.random() < 0.6:
                part = inner
                continue
            how = dice.random()
            if how < 0.25 and isinstance(part, dict):
                del part[place]
            elif how < 0.35 and isinstance(part, dict):
                part["".join(dice.choices(string.ascii_letters, k=5))] = self._random(2)
            else:
                part[place] = deepcopy(dice.choice(_NASTY))
            return

    def _random(self, depth: int) -> Any:
        dice = self._dice
        kind = dice.randrange(6 if depth else 3)
        if kind < 3:
            return deepcopy(dice.choice(_NASTY))
        if kind == 3:
            return [self._random(depth - 1) for _ in range(dice.randrange(4))]
        names = ("type", "id", "from", "text", "value", "action", "data", "x")
        return {dice.choice(names): self._random(depth - 1) for _ in range(dice.randrange(5))}


async def fuzz(activities: int, seed: int = 1, *, progress: bool = False) -> Found:
    """Send that many."""
    found, watch = Found(), Watch()
    logger = logging.getLogger()
    logger.addHandler(watch)
    try:
        async with scene(PHOTOSYNC_FOLLOW_UPS="1h", PHOTOSYNC_MESSAGES_PER_SECOND="0") as stage:
            await _send(stage, activities, Mutations(_chats(stage), seed), found, Progress(disable=not progress))
    finally:
        logger.removeHandler(watch)
    found.wrong += watch.lines
    return found


def _chats(stage: RunningBot) -> list[Chat]:
    return [stage.tenant.channel.chat(one.id) for one in stage.tenant.world.crowd(60)]


async def _send(stage: RunningBot, activities: int, mutations: Mutations, found: Found, progress: Progress) -> None:
    channel = stage.tenant.channel

    async def one() -> None:
        body = mutations.body()
        status = (await channel.post(body)).status
        found.statuses[status] += 1
        if status not in ALLOWED:
            found.wrong.append(f"{status} to {body[:400]!r}")

    with progress:
        for start in progress.track(range(0, activities, _AT_ONCE)):
            await asyncio.gather(*(one() for _ in range(min(_AT_ONCE, activities - start))))
            for chat in channel._chats.values():  # what the sandbox remembers is not the bot's memory
                del chat.messages[:-2]
            stage.tenant.graph.requests.clear()
            channel.requests.clear()
            if start >= min(_WARM, activities // 2) and start % 1_000 < _AT_ONCE:
                found.memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    if found.memory and found.memory[-1] > found.memory[0] * _GROWTH:
        found.wrong.append(f"memory grew from {found.memory[0]} to {found.memory[-1]} KiB")


def main() -> int:
    """Exit 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activities", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    found = asyncio.run(fuzz(chosen.activities, chosen.seed, progress=True))
    console = Console(width=160)
    told = ", ".join(f"{status}: {count:,}" for status, count in sorted(found.statuses.items()))
    memory = f"{found.memory[0] // 1024} to {found.memory[-1] // 1024} MiB" if found.memory else "not measured"
    console.print(f"{chosen.activities:,} activities; answers {told}; memory {memory}; {len(found.wrong)} wrong")
    for line in found.wrong[:20]:
        console.print(line, markup=False)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
