"""Teams as the bot sees it: signed activities to the bot, and the connector's REST interface for its answers.

`Chat` is one person's 1:1 chat, as tests, the page and the terminal drive it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.faults import Fault
from sandbox.login import Login
from sandbox.signing import SigningKey
from sandbox.web import HOST, act_out, graph_error, json_body, listen
from sandbox.world import Person, World

CARD = "application/vnd.microsoft.card.adaptive"
ISSUER = "https://api.botframework.com"
SCOPE = "https://api.botframework.com"
LARGEST_CARD = 28 * 1024  # bytes: safe everywhere
LARGEST_MESSAGE = 100 * 1024  # UTF-16 bytes: Teams refuses more
_MOST_ACTIONS = 6
_DEADLINE = aiohttp.ClientTimeout(total=15)  # Teams gives a bot this long


@dataclass
class Shown:
    """One message of a chat; an update takes its place."""

    id: str
    activity: dict[str, Any]
    versions: int = 0  # how many times it was updated
    mine: bool = False  # the person's own

    @property
    def card(self) -> dict[str, Any] | None:
        """Its Adaptive Card, if it has one."""
        cards = [one["content"] for one in self.activity.get("attachments", ()) if one.get("contentType") == CARD]
        return cards[0] if cards else None


@dataclass(frozen=True)
class Delivered:
    """What the bot answered to an activity."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Chat:
    """One person's chat with the bot."""

    def __init__(self, channel: Channel, person: Person, conversation: str, locale: str, platform: str) -> None:
        self.channel = channel
        self.person = person
        self.conversation = conversation
        self.locale = locale
        self.platform = platform
        self.messages: list[Shown] = []
        self.typing = 0  # how often the bot showed that it is at work
        self._listeners: list[asyncio.Queue[dict[str, Any]]] = []

    async def say(self, text: str, **changes: Any) -> int:
        """Write something; returns the status of the bot's answer. `changes` override fields of the activity."""
        activity = {**self.channel.activity(self), "type": "message", "text": text, "textFormat": "plain", **changes}
        self._mine(activity)
        return (await self.deliver(activity)).status

    async def press(
        self, action: str | dict[str, Any], inputs: dict[str, Any] | None = None, card: str | None = None
    ) -> int:
        """Press a button of the newest card, or of the message `card`; a dict is sent as it is."""
        shown = self._shown(card)
        data = action if isinstance(action, dict) else _data(shown, action)
        value = {**data, **(inputs or {})}
        activity = {**self.channel.activity(self), "type": "message", "value": value, "replyToId": shown.id}
        return (await self.deliver(activity)).status

    async def invoke(self, data: dict[str, Any], card: str | None = None) -> tuple[int, Any]:
        """Press an Action.Execute; returns the status and the answer."""
        activity = {
            **self.channel.activity(self),
            "type": "invoke",
            "name": "adaptiveCard/action",
            "value": {"action": {"type": "Action.Execute", "verb": "press", "data": data}, "trigger": "manual"},
            "replyToId": self._shown(card).id,
        }
        answer = await self.deliver(activity)
        return answer.status, answer.json() if answer.body else None

    async def install(self, order: Sequence[str] = ("installationUpdate", "conversationUpdate")) -> list[int]:
        """Install the bot: two activities almost together, neither with a locale."""
        made: dict[str, dict[str, Any]] = {
            "installationUpdate": {"action": "add"},
            "conversationUpdate": {"membersAdded": [{"id": self.channel.bot_account}]},
        }
        answers = []
        for kind in order:
            activity = {**self.channel.activity(self), "type": kind, **made[kind]}
            activity.pop("locale", None)
            activity.pop("entities", None)
            answers.append((await self.deliver(activity)).status)
        return answers

    async def uninstall(self) -> int:
        """Remove the bot."""
        return (
            await self.deliver({**self.channel.activity(self), "type": "installationUpdate", "action": "remove"})
        ).status

    async def deliver(
        self, activity: dict[str, Any], token: str | None = None, headers: dict[str, str] | None = None
    ) -> Delivered:
        """Send an activity as it is."""
        return await self.channel.post(json.dumps(activity).encode(), token, headers)

    def card(self) -> dict[str, Any]:
        """The newest card of the bot."""
        found = self._shown(None).card
        assert found is not None
        return found

    async def subscribe(self) -> AsyncIterator[dict[str, Any]]:
        """What happens from now on: message, update, typing, mine."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue)

    def tell(self, kind: str, shown: Shown | None) -> None:
        """Let listeners know."""
        event = {"type": kind, "id": shown.id if shown else "", "activity": shown.activity if shown else {}}
        for queue in self._listeners:
            queue.put_nowait(event)

    def _mine(self, activity: dict[str, Any]) -> None:
        shown = Shown(str(activity["id"]), activity, mine=True)
        self.messages.append(shown)
        self.tell("mine", shown)

    def _shown(self, card: str | None) -> Shown:
        found = [one for one in self.messages if one.card is not None and card in (None, one.id)]
        if not found:
            raise LookupError("the bot has shown no such card")
        return found[-1]


def _data(shown: Shown, action: str) -> dict[str, Any]:
    assert shown.card is not None
    name, _, score = action.partition(" ")
    for one in shown.card.get("actions", ()):
        data = one.get("data", {})
        if data.get("action") == name and data.get("score", "") == score:
            return dict(data)
    raise LookupError(f"the card has no button {action!r}")


class Channel:
    """Signs what it sends and refuses what Teams refuses."""

    def __init__(self, world: World, login: Login, app: str, tenant: str) -> None:
        self.world = world
        self.login = login
        self.app = app
        self.tenant = tenant
        self.bot_account = f"28:{app}"
        self.bot_url = ""
        self.url = ""
        self.keys = [SigningKey()]
        self.endorsements = ["msteams"]
        self.key_requests = 0
        self.requests: list[tuple[str, str]] = []  # (method, path) of the connector
        self.sizes: list[int] = []  # bytes of every card
        self.problems: list[str] = []  # what Teams would have shown badly
        self._chats: dict[str, Chat] = {}
        self._ids = itertools.count(int(time.time() * 1000))
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self, tls: Any) -> None:
        """Listen."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_get("/v1/.well-known/openidconfiguration", self._metadata)
        app.router.add_get("/v1/.well-known/keys", self._published)
        app.router.add_post("/teams/v3/conversations/{conversation}/activities", self._create)
        app.router.add_post("/teams/v3/conversations/{conversation}/activities/{activity}", self._create)
        app.router.add_put("/teams/v3/conversations/{conversation}/activities/{activity}", self._update)
        self._runner, port = await listen(app, tls)
        self.url = f"https://{HOST}:{port}"
        self._session = aiohttp.ClientSession(timeout=_DEADLINE)

    async def stop(self) -> None:
        """Stop listening."""
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def service_url(self) -> str:
        """Where the bot's answers go."""
        return f"{self.url}/teams/"

    def chat(self, person_id: str, locale: str | None = None, platform: str | None = None) -> Chat:
        """The person's chat, begun if need be."""
        if person_id not in self._chats:
            person = self.world.person(person_id)
            if person is None:
                raise LookupError(f"nobody has the id {person_id}")
            self._chats[person_id] = Chat(self, person, f"a:chat-{person.id}", person.locale, person.platform)
        chat = self._chats[person_id]
        chat.locale, chat.platform = locale or chat.locale, platform or chat.platform
        return chat

    def begin_anew(self, person_id: str) -> Chat:
        """An empty chat in the place of the person's last one."""
        self._chats.pop(person_id, None)
        return self.chat(person_id)

    def activity(self, chat: Chat) -> dict[str, Any]:
        """What every activity of a chat carries."""
        person = chat.person
        return {
            "id": str(next(self._ids)),
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": f"29:{person.id}", "name": person.name, "aadObjectId": person.id},
            "recipient": {"id": self.bot_account, "name": "Photosync"},
            "conversation": {"conversationType": "personal", "tenantId": self.tenant, "id": chat.conversation},
            "channelData": {"tenant": {"id": self.tenant}},
            "locale": chat.locale,
            "entities": [{"type": "clientInfo", "locale": chat.locale, "country": chat.locale[-2:], "platform": chat.platform}],
        }  # fmt: skip

    def token(
        self,
        *,
        key: SigningKey | None = None,
        omit: Sequence[str] = (),
        head: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A token as the channel signs it, or with other claims for hostile tests."""
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": self.app, "nbf": now - 10, "exp": now + 3600, "serviceurl": self.service_url}
        made = {name: value for name, value in {**usual, **claims}.items() if name not in omit}
        return (key or self.keys[-1]).sign(made, **(head or {}))

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one is no longer published."""
        self.keys = [SigningKey()]

    async def post(self, body: bytes, token: str | None = None, headers: dict[str, str] | None = None) -> Delivered:
        """One request to the bot's endpoint; an empty `token` sends none."""
        assert self._session is not None
        signed = self.token() if token is None else token
        sent = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {signed}"} if signed else {}),
            **(headers or {}),
        }
        async with self._session.post(f"{self.bot_url}/api/messages", data=body, headers=sent) as answer:
            return Delivered(answer.status, await answer.read())

    # The connector

    async def _metadata(self, _: web.Request) -> web.StreamResponse:
        self.key_requests += 1
        if self.world.faults.keys_down:
            return web.Response(status=503)
        return web.json_response({"issuer": ISSUER, "jwks_uri": f"{self.url}/v1/.well-known/keys", "id_token_signing_alg_values_supported": ["RS256"]})  # fmt: skip

    async def _published(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"keys": [key.jwk(endorsements=self.endorsements) for key in self.keys]})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        fault = self.world.faults.next("connector")
        refusal = await self._refusal(request, fault)
        if refusal is not None:
            return refusal
        chat = self._chat_of(request)
        activity = await json_body(request)
        if chat is None:
            return graph_error(404, "ConversationNotFound")
        problem = self._unfit(activity)
        if problem is not None:
            return problem
        if activity["type"] == "typing":
            chat.typing += 1
            chat.tell("typing", None)
            return web.json_response({"id": str(next(self._ids))}, status=201)
        number = str(next(self._ids))
        shown = Shown(number, activity)
        chat.messages.append(shown)
        chat.tell("message", shown)
        if fault is not None:
            return await act_out(fault, request)
        # A text beside a card becomes two messages, and neither can be updated.
        split = bool(activity.get("text")) and bool(activity.get("attachments"))
        return web.json_response({} if split else {"id": number}, status=201)

    async def _update(self, request: web.Request) -> web.StreamResponse:
        fault = self.world.faults.next("connector")
        refusal = await self._refusal(request, fault)
        if refusal is not None:
            return refusal
        chat = self._chat_of(request)
        wanted = request.match_info["activity"]
        shown = next((one for one in chat.messages if one.id == wanted and not one.mine), None) if chat else None
        if chat is None or shown is None:
            return graph_error(404, "ActivityNotFoundInConversation")
        activity = await json_body(request)
        problem = self._unfit(activity)
        if problem is not None:
            return problem
        shown.activity = activity
        shown.versions += 1
        chat.tell("update", shown)
        if fault is not None:
            return await act_out(fault, request)
        return web.json_response({"id": wanted})

    async def _refusal(self, request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
        self.requests.append((request.method, request.path))
        if fault is not None and not fault.lost:
            return await act_out(fault, request)
        if self.login.check(request.headers.get("Authorization", ""), SCOPE) is None:
            return graph_error(401, "Unauthorized")
        return None

    def _chat_of(self, request: web.Request) -> Chat | None:
        wanted = request.match_info["conversation"]
        return next((chat for chat in self._chats.values() if chat.conversation == wanted), None)

    def _unfit(self, activity: Any) -> web.Response | None:
        """What Teams answers to a message it does not take."""
        if not isinstance(activity, dict) or activity.get("type") not in ("message", "typing"):
            return graph_error(400, "BadSyntax")
        if len(json.dumps(activity, ensure_ascii=False).encode("utf-16-le")) > LARGEST_MESSAGE:
            return graph_error(413, "MessageSizeTooBig")
        for attachment in activity.get("attachments", ()):
            card = attachment.get("content")
            if attachment.get("contentType") != CARD:
                continue
            if not isinstance(card, dict) or card.get("type") != "AdaptiveCard" or str(card.get("version")) > "1.5":
                return graph_error(400, "BadSyntax")
            size = len(json.dumps(activity, ensure_ascii=False).encode())
            self.sizes.append(size)
            if size > LARGEST_CARD:
                self.problems.append(f"a message of {size} bytes")
            if len(card.get("actions", ())) > _MOST_ACTIONS:
                self.problems.append(f"{len(card['actions'])} actions")
        return None


def fresh_id() -> str:
    """An id like Entra's."""
    return str(uuid.uuid4())
