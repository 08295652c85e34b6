"""Teams as the bot sees it: signed activities to the bot, and the connector's REST interface for its answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.admin.azure import Azure
from sandbox.chat import Chat, Delivered
from sandbox.connector import SCOPE, Connector
from sandbox.login import Login
from sandbox.signing import SigningKey
from sandbox.transcript import CARD, Shown, Transcript
from sandbox.web import HOST, listen
from sandbox.world import Person, World

__all__ = ["CARD", "ISSUER", "SCOPE", "Channel", "Chat", "Delivered", "Shown", "fresh_id"]

ISSUER = "https://api.botframework.com"
_EAST = timezone(timedelta(hours=2))  # of everybody's clock
_DEADLINE = aiohttp.ClientTimeout(total=15)  # Teams gives a bot this long
HELPDESK = "19:helpdesk@thread.tacv2"
_GROUPS = {"groupChat": "19:{}@thread.v2", "channel": "19:{}@thread.tacv2;messageid=1700000000000"}


class Channel:
    """Signs what it sends and refuses what Teams refuses."""

    def __init__(self, world: World, login: Login, app: str, tenant: str) -> None:
        self.world = world
        self.app = app
        self.tenant = tenant
        self.bot_account = f"28:{app}"
        self.bot_url = ""
        self.url = ""
        self.keys = [SigningKey()]
        self.endorsements = ["msteams"]
        self.key_requests = 0
        self.connector = Connector(world, login, app, tenant, self._find, self._begin, self.registered)
        self.bots: Azure | None = None  # where a bot has to be registered; without it it is
        self._chats: dict[str, Chat] = {}  # 1:1, by person
        self._groups: dict[str, Chat] = {}  # by conversation
        self.retries = 0  # activities delivered again
        self._again: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    def registered(self) -> bool:
        """Whether there is a bot with the Teams channel; with it goes whose it is."""
        if self.bots is None:
            return True
        found = self.bots.teams_bot()
        if found is not None:
            self.app = self.connector.app = found["properties"]["msaAppId"]
            self.bot_account = f"28:{self.app}"
        return found is not None

    async def start(self, tls: Any) -> None:
        """Listen."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_get("/v1/.well-known/openidconfiguration", self._metadata)
        app.router.add_get("/v1/.well-known/keys", self._published)
        app.router.add_routes(self.connector.routes("/teams"))
        self._runner, port = await listen(app, tls)
        self.url = f"https://{HOST}:{port}"
        self._session = aiohttp.ClientSession(timeout=_DEADLINE)

    async def stop(self) -> None:
        """Stop listening."""
        for task in self._again:
            task.cancel()
        await asyncio.gather(*self._again, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def service_url(self) -> str:
        """Where the bot's answers go."""
        return f"{self.url}/teams/"

    @property
    def requests(self) -> list[tuple[str, str]]:
        """(method, path) of every request to the connector."""
        return self.connector.requests

    @property
    def sizes(self) -> list[int]:
        """Bytes of every message with a card."""
        return self.connector.fitness.sizes

    @property
    def problems(self) -> list[str]:
        """What Teams would have shown badly."""
        return self.connector.fitness.problems

    def chat(self, person_id: str, locale: str | None = None, platform: str | None = None) -> Chat:
        """The person's chat, begun if need be."""
        if person_id not in self._chats:
            person = self._person(person_id)
            self._chats[person_id] = Chat(self, person, f"a:chat-{person.id}")
        chat = self._chats[person_id]
        chat.locale, chat.platform = locale or chat.locale, platform or chat.platform
        return chat

    def group(self, person_id: str, kind: str = "groupChat") -> Chat:
        """The person's place in front of others: a `groupChat` or a team's `channel`."""
        conversation = _GROUPS[kind].format(person_id)
        if conversation not in self._groups:
            self._groups[conversation] = Chat(self, self._person(person_id), conversation, kind)
        return self._groups[conversation]

    def helpdesk(self, person_id: str, *, member: bool = True) -> Chat:
        """The channel of the helpdesk's team as one of its people sees it; with `member` off, as somebody else."""
        chat = Chat(self, self._person(person_id), HELPDESK, "channel")
        self.connector.teams.setdefault(HELPDESK, set()).update({person_id} if member else ())
        chat.messages = self._groups.setdefault(HELPDESK, chat).messages
        return chat

    def activity(self, chat: Chat) -> dict[str, Any]:
        """What every activity of a chat carries."""
        person, region = chat.person, chat.locale.rpartition("-")[2]
        conversation: dict[str, Any] = {"conversationType": chat.kind, "tenantId": self.tenant, "id": chat.conversation}
        data: dict[str, Any] = {"tenant": {"id": self.tenant}}
        if chat.kind != "personal":
            conversation["isGroup"] = True
        if chat.kind == "channel":
            thread = chat.conversation.partition(";")[0]
            data |= {"team": {"id": thread}, "channel": {"id": thread}}
        client = {"type": "clientInfo", "locale": chat.locale, "platform": chat.platform, "timezone": chat.timezone}
        now = datetime.now(UTC)
        return {
            "id": self.connector.fresh(),
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "localTimestamp": now.astimezone(_EAST).isoformat(timespec="milliseconds"),
            "localTimezone": chat.timezone,
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": f"29:{person.id}", "name": person.name, "aadObjectId": person.id},
            "recipient": {"id": self.bot_account, "name": "Photosync"},
            "conversation": conversation,
            "channelData": data,
            "locale": chat.locale,
            "entities": [{**client, "country": region} if region != chat.locale else client],
        }

    def token(
        self,
        *,
        key: SigningKey | None = None,
        omit: Sequence[str] = (),
        head: dict[str, Any] | None = None,
        alg: str = "RS256",
        **claims: Any,
    ) -> str:
        """A token as the channel signs it, or with other claims for hostile tests.

        `head` are fields of the header such as `kid`; with `alg` `none` or `HS256` the token is forged.
        """
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": self.app, "nbf": now - 10, "exp": now + 3600, "serviceurl": self.service_url}
        made = {name: value for name, value in {**usual, **claims}.items() if name not in omit}
        signer = key or self.keys[-1]
        return signer.sign(made, **(head or {})) if alg == "RS256" else signer.forge(made, alg, **(head or {}))

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one is no longer published."""
        self.keys = [SigningKey()]

    async def post(self, body: bytes, token: str | None = None, headers: dict[str, str] | None = None) -> Delivered:
        """One request to the bot's endpoint; an empty `token` sends none."""
        assert self._session is not None
        if not self.registered():
            raise LookupError("no bot with the Teams channel is registered")
        signed = self.token() if token is None else token
        sent = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {signed}"} if signed else {}),
            **(headers or {}),
        }
        async with self._session.post(f"{self.bot_url}/api/messages", data=body, headers=sent) as answer:
            return Delivered(answer.status, await answer.read())

    async def deliver(self, body: bytes, token: str | None, headers: dict[str, str] | None) -> Delivered:
        """One activity. As Teams does, deliver it again later where there was no answer, or one of 500 and above."""
        try:
            answer = await self.post(body, token, headers)
        except (aiohttp.ClientError, TimeoutError):
            self._deliver_later(body, headers)
            raise
        if answer.status >= 500 and answer.status != 501:
            self._deliver_later(body, headers)
        return answer

    def _deliver_later(self, body: bytes, headers: dict[str, str] | None) -> None:
        async def again() -> None:
            for _ in range(2):
                await asyncio.sleep(self.world.faults.retry_after)
                self.retries += 1
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    if (await self.post(body, None, headers)).status < 500:
                        return

        task = asyncio.create_task(again())
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    def _person(self, person_id: str) -> Person:
        person = self.world.person(person_id)
        if person is None:
            raise LookupError(f"nobody has the id {person_id}")
        return person

    def _find(self, conversation: str) -> Transcript | None:
        private = next((chat for chat in self._chats.values() if chat.conversation == conversation), None)
        # What goes into a thread of the helpdesk's channel is in the channel.
        return private or self._groups.get(HELPDESK if conversation.startswith(f"{HELPDESK};") else conversation)

    def _begin(self, member: str) -> Transcript | None:
        person = self.world.person(member.removeprefix("29:"))
        return None if person is None else self.chat(person.id)

    async def _metadata(self, _: web.Request) -> web.StreamResponse:
        self.key_requests += 1
        await asyncio.sleep(self.world.faults.keys_delay)
        if self.world.faults.keys_down:
            return web.Response(status=503)
        return web.json_response({
            "issuer": ISSUER, "jwks_uri": f"{self.url}/v1/.well-known/keys",
            "authorization_endpoint": "https://invalid.botframework.com",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        })  # fmt: skip

    async def _published(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"keys": [key.jwk(endorsements=self.endorsements) for key in self.keys]})


def fresh_id() -> str:
    """An id like Entra's."""
    return str(uuid.uuid4())
