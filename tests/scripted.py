"""A Graph that answers what a test wrote down, path by path: for answers that the sandbox's own never gives."""

from __future__ import annotations

import asyncio
import base64
import inspect
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web
from PIL import Image

from bot.app import new_metrics
from bot.diagnosis.diagnosis import Diagnosis
from bot.graph.client import Graph
from bot.graph.tokens import Tokens
from bot.http_client import HttpClient
from bot.metrics import Metrics
from bot.settings import read
from sandbox.web import graph_error, listen

HOST = "contoso-my.sharepoint.com"
SITE = f"/sites/{HOST},1,2"
DRIVE = "/drives/b!photos"
FOLDER = "Profilbilder"
ADA = {"id": "ada-1", "userPrincipalName": "ada.oneil@contoso.com", "mySite": f"https://{HOST}/personal/ada"}
LIBRARY = {"id": "b!photos", "webUrl": f"https://{HOST}/User%20Photos", "system": {}}


@dataclass
class Script:
    """`answers` by path without `/v1.0` and query: a document, bytes, or a status with a code."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""
    held: str = ""  # paths that begin so get no answer

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/v1.0/$batch":
            return await self._batch(request)
        return await self._one(request, unquote(request.url.raw_path).removeprefix("/v1.0"))

    async def _batch(self, request: web.Request) -> web.Response:
        answers = []
        for one in (await request.json())["requests"]:
            path, _, query = one["url"].partition("?")
            answer = await self._one(SimpleNamespace(query=dict(parse_qsl(query))), unquote(path))
            body = answer.body if isinstance(answer.body, bytes) else b""
            there = json.loads(body) if answer.content_type == "application/json" else base64.b64encode(body).decode()
            answers.append({"id": one["id"], "status": answer.status, "headers": dict(answer.headers), "body": there})
        return web.json_response({"responses": answers[::-1]})

    async def _one(self, request: Any, path: str) -> web.Response:
        self.asked.append(path)
        if self.held and path.startswith(self.held):
            await asyncio.sleep(60)
        found = self.answers.get(path, (404, "itemNotFound"))
        if callable(found):
            found = found(request)
            if inspect.isawaitable(found):
                found = await found
        if isinstance(found, web.Response):
            return found
        if isinstance(found, tuple):
            return graph_error(*found)
        if isinstance(found, bytes):
            return web.Response(body=found, content_type="image/jpeg")
        return web.json_response(found)

    def count(self, path: str) -> int:
        return self.asked.count(path)


@dataclass(frozen=True)
class Desk:
    """The bot's side of it."""

    script: Script
    graph: Graph
    diagnosis: Diagnosis
    metrics: Metrics


@asynccontextmanager
async def desk(answers: Mapping[str, Any], **changes: str) -> AsyncIterator[Desk]:
    script = Script(dict(answers))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    runner, port = await listen(app, None)
    script.url = f"http://127.0.0.1:{port}"
    environ = {"PHOTOSYNC_GRAPH_URL": script.url, "MicrosoftAppId": "b0000000-0000-4000-8000-000000000000", "MicrosoftAppPassword": "p", "MicrosoftAppTenantId": "c0000000-0000-4000-8000-000000000000"}  # fmt: skip
    settings = read({**environ, **changes})
    http, metrics = HttpClient.from_settings(settings), new_metrics()
    try:
        graph = Graph(settings, http, Tokens(lambda _: {"access_token": "t", "expires_in": 3600}), metrics)
        yield Desk(script, graph, Diagnosis(graph, settings, metrics), metrics)
    finally:
        await http.close()
        await runner.cleanup()


def jpeg(picture: Image.Image, side: int = 0, **how: Any) -> bytes:
    """A file of it, maybe resized to a square."""
    out = io.BytesIO()
    small = picture.resize((side, side), Image.Resampling.LANCZOS) if side else picture
    small.convert("RGB").save(out, "JPEG", **({"quality": 85} | how))
    return out.getvalue()


def file(account: str, folder: str = FOLDER) -> str:
    """The path of a thumbnail."""
    return f"{DRIVE}/root:/{folder}/{account}_LThumb.jpg"


def item(modified: str) -> dict[str, Any]:
    """A thumbnail's description, without a pre-authorised address."""
    return {"id": "1", "eTag": f'"{modified}"', "lastModifiedDateTime": modified, "file": {}}


def tenant(photo: bytes, copy: bytes | None = None) -> dict[str, Any]:
    """Answers for Ada, whose photo and copy these are."""
    answers: dict[str, Any] = {
        "/users/ada-1": ADA,
        "/users/ada-1/photos/360x360/$value": photo,
        "/users/ada-1/photo/$value": photo,
        f"/sites/{HOST}": {"id": f"{HOST},1,2"},
        f"{SITE}/drives": {"value": [{"id": "other", "webUrl": f"https://{HOST}/Documents"}, LIBRARY]},
        f"{DRIVE}/root/children": {"value": [{"id": "f", "name": FOLDER, "folder": {}}]},
    }
    if copy is not None:
        answers[file("ada-1")] = item("2025-03-01T10:00:00Z")
        answers[file("ada-1") + ":/content"] = copy
    return answers
