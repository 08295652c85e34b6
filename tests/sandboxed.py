"""The sandbox by itself, with nothing of the bot: a plain HTTP client that trusts its authority."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.channel import SCOPE, Chat
from sandbox.tenant import Tenant
from sandbox.web import listen
from sandbox.world import PEOPLE

IDS = {one.story: one.id for one in PEOPLE}
CARD = "application/vnd.microsoft.card.adaptive"


@dataclass(frozen=True)
class Reply:
    """One answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Graph's and the connector's error code."""
        return str(self.json()["error"]["code"])


@dataclass
class SandboxClient:
    """The tenant, a client, and a bot that writes down what reaches it."""

    tenant: Tenant
    http: aiohttp.ClientSession
    activities: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    async def ask(self, method: str, url: str, **more: Any) -> Reply:
        async with self.http.request(method, url, allow_redirects=False, **more) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def graph(self, path: str, *, method: str = "GET", **more: Any) -> Reply:
        """A request to Graph with a good token."""
        token = self.tenant.login.issue(self.tenant.app, self.tenant.graph.url)
        more.setdefault("headers", {"Authorization": f"Bearer {token}"})
        return await self.ask(method, f"{self.tenant.graph.url}/v1.0{path}", **more)

    async def batch(self, *urls: str) -> dict[str, Any]:
        """The answers to GET requests, by their place."""
        asked = [{"id": str(place), "method": "GET", "url": url} for place, url in enumerate(urls)]
        reply = await self.graph("/$batch", method="POST", json={"requests": asked})
        assert reply.status == 200
        return {one["id"]: one for one in reply.json()["responses"]}

    async def connector(self, method: str, path: str, activity: Any = None, *, token: str | None = None) -> Reply:
        """A request of the bot to the connector, below `v3/conversations`."""
        signed = self.tenant.login.issue(self.tenant.app, SCOPE) if token is None else token
        headers = {"Authorization": f"Bearer {signed}"} if signed else {}
        url = f"{self.tenant.channel.service_url}v3/conversations{path}"
        return await self.ask(method, url, json=activity, headers=headers)

    def chat(self, story: str = "old") -> Chat:
        return self.tenant.channel.chat(IDS[story])


def card(**changes: Any) -> dict[str, Any]:
    """A message with a small card; `changes` are the card's fields, and None takes one away."""
    usual = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "Hello"}]}
    content = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    return {"type": "message", "attachments": [{"contentType": CARD, "content": content}]}


@asynccontextmanager
async def outside() -> AsyncIterator[SandboxClient]:
    """All of it, started."""
    async with Tenant.open() as tenant:
        connection = aiohttp.TCPConnector(ssl=tenant.authority.client, limit=0)
        async with aiohttp.ClientSession(connector=connection) as http:
            here = SandboxClient(tenant, http)
            runner, port = await listen(_bot(here), None)
            tenant.channel.bot_url = f"http://127.0.0.1:{port}"
            try:
                yield here
            finally:
                await runner.cleanup()


def _bot(here: SandboxClient) -> web.Application:
    async def messages(request: web.Request) -> web.Response:
        here.activities.append(await request.json())
        here.tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if here.activities[-1]["type"] == "invoke":
            return web.json_response({"statusCode": 200, "type": "application/vnd.microsoft.activity.message"})
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/api/messages", messages)
    return app
