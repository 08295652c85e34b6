"""What a row of the matrix stands on: a real bot in the sandbox, and a person nobody else uses."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.channel import Channel, Chat, Delivered
from sandbox.faults import Fault
from sandbox.world import Person, World
from tests.chatting import RunningBot, step

_numbers = itertools.count(1)
DONE = (200, 201, 202)


@dataclass
class Environment:
    """One row's own person in a shared tenant."""

    scene: RunningBot
    chat: Chat
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.scene.tenant.world

    @property
    def channel(self) -> Channel:
        return self.scene.tenant.channel

    def activity(self, **changes: Any) -> dict[str, Any]:
        """A typed message; `changes` are its fields, None takes one away."""
        made = {**self.channel.activity(self.chat), "type": "message", "text": "hello", **changes}
        return {name: value for name, value in made.items() if value is not None}

    async def send(self, token: str | None = None, **changes: Any) -> Delivered:
        """Such a message, delivered."""
        return await self.chat.deliver(self.activity(**changes), token)

    def fail(self, where: str, *faults: Fault) -> None:
        """The next requests of a system fail."""
        self.world.faults.plan(where, faults)

    def data(self, action: str) -> dict[str, Any]:
        """What the button of the newest card carries."""
        for one in self.chat.card()["actions"]:
            if one.get("data", {}).get("action") == action:
                return dict(one["data"])
        raise LookupError(action)

    def other(self, story: str = "old", name: str = "") -> Environment:
        """Somebody else in the same tenant."""
        return Environment(self.scene, newcomer(self.scene, story, name))

    def cards(self) -> list[dict[str, Any]]:
        """Every card the person was shown, as it is now."""
        return [dict(one.card) for one in self.chat.messages if not one.mine and one.card is not None]


Act = Callable[[Environment], Awaitable[Delivered | int | list[int]]]


@dataclass(frozen=True)
class Row:
    """One row. `sees` is the step of the newest card, with `: text` a part of it, "" for nothing at all."""

    ref: str  # of the matrix
    what: str
    act: Act
    status: tuple[int, ...] = DONE
    sees: str = ""
    metric: str = ""  # a line of /metrics that grows by one
    store: str = ""  # "none": nothing is known of the person; "step": the case stands where the card says
    story: str = "old"
    name: str = ""  # how the person is called
    alone: bool = False  # the row changes what others stand on
    settings: dict[str, str] = field(default_factory=dict)


def newcomer(scene: RunningBot, story: str, name: str = "") -> Chat:
    """The chat of a new person with a story."""
    number = next(_numbers)
    person = Person(f"0c000000-0000-4000-8000-{number:012}", name or f"Person {number}", f"person.{number}@fabrikam.example", story, "", "en-US", "Windows")  # fmt: skip
    scene.tenant.world.people += (person,)
    return scene.tenant.channel.chat(person.id)


def statuses(answer: Delivered | int | list[int]) -> list[int]:
    if isinstance(answer, list):
        return answer
    return [answer.status if isinstance(answer, Delivered) else answer]


def seen(ground: Environment) -> str:
    """The newest card as text, after its step."""
    if not ground.cards():
        return ""
    card = ground.chat.card()
    submits = [one for one in card.get("actions", []) if one["type"] == "Action.Submit"]
    where = step(ground.chat) if submits else "no button"
    return f"{where}: {json.dumps(card['body'], ensure_ascii=False)}"
