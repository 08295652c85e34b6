"""What people do in a chat, one turn after the other, and what the bot has to answer to each."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson

from benchmarks.turns.connector import Connector, Wrong
from benchmarks.turns.people import CHANNEL, FIRST_REV, STEPS, Member
from benchmarks.turns.wire import Client
from sandbox.signing import SigningKey
from sandbox.tenant import Tenant


@dataclass(frozen=True)
class Stage:
    """Where the chats take place."""

    tenant: Tenant
    connector: Connector
    bundle: Path  # the public certificate authorities and the tenant's own: what a bot trusts has its real length
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))  # so that no activity's id comes twice

    def envelope(self, one: Member) -> dict[str, Any]:
        """What every activity of a person carries."""
        return {
            "channelId": CHANNEL,
            "serviceUrl": self.connector.url,
            "timestamp": "2026-01-01T00:00:00.000Z",
            "from": {"id": f"29:{one.id}", "name": one.name, "aadObjectId": one.id},
            "recipient": {"id": f"28:{self.tenant.app}", "name": "Photosync"},
            "conversation": {
                "conversationType": "personal",
                "tenantId": self.tenant.id,
                "id": one.conversation,
            },
            "channelData": {"tenant": {"id": self.tenant.id}},
            "locale": "en-US",
            "entities": [{"type": "clientInfo", "locale": "en-US", "country": "US", "platform": "Windows"}],
        }

    def head(self, *, key: SigningKey | None = None) -> bytes:
        """What begins every request of one chat: a signed token of its own, good for longer than the run; with a
        `key` that nobody published it is good for nothing.
        """
        channel = self.tenant.channel
        published = {"kid": channel.keys[-1].kid}  # the forged token claims to be signed with this one
        token = channel.token(serviceurl=self.connector.url, key=key, head=published)
        return (
            "POST /api/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: "
        ).encode()


LOOKS = 10  # of one person before somebody else comes


def request(head: bytes, activity: Mapping[str, Any]) -> bytes:
    """A whole request."""
    body = orjson.dumps(activity)
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)


class Unavailable(ConnectionError):
    """The bot listens and cannot work yet."""


class Chat(Protocol):
    """Somebody who writes, waits for the right answer, and writes again."""

    async def turn(self, client: Client) -> None:
        """One turn. Raises `Wrong` and OSError."""


class Talking:
    """What the chats share: an activity out, the answer to it in."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._head = stage.head()
        self._answer: asyncio.Future[None] | None = None

    async def _exchange(self, client: Client, activity: Mapping[str, Any]) -> None:
        """Until both are there: the answer in the chat, and the status of the request."""
        self._answer = asyncio.get_running_loop().create_future()
        status = await client.ask(request(self._head, activity))
        if status == 503:
            raise Unavailable(status)
        if not 200 <= status < 300:
            raise Wrong(f"the bot answered with status {status}")
        await self._answer

    def failed(self, wrong: Wrong) -> None:
        """See `Listener`."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(wrong)

    def _answered(self) -> None:
        if self._answer is None or self._answer.done():
            raise Wrong("a second answer to one activity")
        self._answer.set_result(None)


class Echo(Talking):
    """Writes a line and is told the same line."""

    def __init__(self, stage: Stage, one: Member) -> None:
        super().__init__(stage)
        self._envelope = stage.envelope(one)
        self._conversation = one.conversation
        self._text = ""
        stage.connector.listeners[one.conversation] = self

    async def turn(self, client: Client) -> None:
        """See `Chat`."""
        number = next(self._stage.numbers)
        self._text = f"line {number} of {self._conversation}"
        fields = {"type": "message", "id": f"{self._conversation}-{number}", "textFormat": "plain", "text": self._text}
        await self._exchange(client, {**self._envelope, **fields})

    def replied(self, method: str, activity_id: str, message: dict[str, Any]) -> None:
        """See `Listener`."""
        if method != "POST" or message.get("text") != f"you said: {self._text}":
            raise Wrong(f"{method} {message.get('text')!r} is not the echo of {self._text!r}")
        self._answered()


class People:
    """Those whose cases are stored in one database, each with the rev of the case: taken in turn, and handed back."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._waiting = deque((number, FIRST_REV) for number in numbers)

    def take(self) -> tuple[Member, int]:
        """Who waited longest."""
        number, rev = self._waiting.popleft()
        return Member(number), rev

    def hand_back(self, one: Member, rev: int) -> None:
        """For later."""
        self._waiting.append((one.number, rev))


class Walk(Talking):
    """Goes through the steps of a walk and back, pressing the buttons of the card the bot showed last; then somebody
    else goes, so that no case grows longer than people's do."""

    def __init__(self, stage: Stage, people: People) -> None:
        super().__init__(stage)
        self._people = people
        self._member, self._rev = people.take()
        self._begin()

    def _begin(self) -> None:
        self._envelope = self._stage.envelope(self._member)
        self._stage.connector.listeners[self._member.conversation] = self
        self._data = {"action": "next", "case": self._member.case, "step": STEPS[0], "rev": self._rev}
        there = [(step, "next") for step in STEPS[1:-1]] + [(STEPS[-1], "back")]
        back = [(step, "back") for step in STEPS[-2:0:-1]] + [(STEPS[0], "next")]
        self._ahead = deque(there + back)  # the step to arrive at, and the button to press there

    async def turn(self, client: Client) -> None:
        """See `Chat`."""
        if not self._ahead:
            del self._stage.connector.listeners[self._member.conversation]
            self._people.hand_back(self._member, self._rev)
            self._member, self._rev = self._people.take()
            self._begin()
        fields = {
            "type": "message",
            "id": f"{self._member.conversation}-{self._rev}",
            "value": self._data,
            "replyToId": self._member.card,
        }
        await self._exchange(client, {**self._envelope, **fields})

    def replied(self, method: str, activity_id: str, message: dict[str, Any]) -> None:
        """See `Listener`: the same card, updated, at the next step."""
        step, button = self._ahead.popleft()
        if (method, activity_id) != ("PUT", self._member.card):
            raise Wrong(f"{method} of {activity_id} is not an update of {self._member.card}")
        data = button_of(message, button)
        self._rev += 1
        if (data["case"], data["step"], data["rev"]) != (self._member.case, step, self._rev):
            raise Wrong(f"{data} is not step {step}, rev {self._rev} of case {self._member.case}")
        self._data = data
        self._answered()


class Looking(Talking):
    """Has the two photos looked at, again and again: the first time by writing, then by the card's button."""

    def __init__(self, stage: Stage, people: People) -> None:
        super().__init__(stage)
        self._people = people
        self._begin()

    def _begin(self) -> None:
        self._member, self._rev = self._people.take()
        self._envelope = self._stage.envelope(self._member)
        self._stage.connector.listeners[self._member.conversation] = self
        self._card, self._looks = "", 0
        self._data: dict[str, Any] = {}

    async def turn(self, client: Client) -> None:
        """See `Chat`."""
        if self._looks == LOOKS:
            del self._stage.connector.listeners[self._member.conversation]
            self._people.hand_back(self._member, self._rev)
            self._begin()
        self._looks += 1
        said: dict[str, Any] = {"text": "my photo is wrong"}
        if self._card:
            said = {"value": self._data, "replyToId": self._card}
        number = f"{self._member.conversation}-{next(self._stage.numbers)}"
        await self._exchange(client, {**self._envelope, "type": "message", "id": number, **said})

    def replied(self, method: str, activity_id: str, message: dict[str, Any]) -> None:
        """See `Listener`: both photos, which differ, in a new card; then in its place that they still do."""
        if (method, activity_id) != (("PUT", self._card) if self._card else ("POST", activity_id)):
            raise Wrong(f"{method} of {activity_id} where {self._card or 'a new card'} was to come")
        again = bool(message["attachments"]) and _still_differs(message)
        data = button_of(message, "next" if again else "check")
        photos = {url for url in images(message["attachments"][0]["content"]) if url.startswith("data:image/jpeg")}
        if not again and (data["step"] != "look.differ" or len(photos) != 2):
            raise Wrong(f"{data} with {len(photos)} photos is not what was to be found")
        self._card, self._data = activity_id, data
        self._answered()


def _still_differs(message: dict[str, Any]) -> bool:
    """Whether it is the card after a further look that found nothing new; it shows no photos."""
    actions = message["attachments"][0]["content"]["actions"]
    return any(one.get("data", {}).get("step") == "resync.waiting" for one in actions)


def images(part: Any) -> Iterator[str]:
    """The addresses of all pictures of a card."""
    if isinstance(part, dict):
        if part.get("type") == "Image":
            yield part["url"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from images(one)


def button_of(message: dict[str, Any], action: str) -> dict[str, Any]:
    """The data of one button of a message's card. Raises `Wrong` if there is no such button."""
    card = message["attachments"][0]["content"]
    for one in card["actions"]:
        if one["type"] == "Action.Submit" and one["data"]["action"] == action and card["body"]:
            data: dict[str, Any] = one["data"]
            return data
    raise Wrong(f"the card has no button {action}: {card['actions']}")
