"""A Key Vault with one secret: a certificate with its key, as the vault gives it to whoever may read secrets."""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

from sandbox.login import Login
from sandbox.web import HOST, graph_error, listen

NO_BASE64 = b"a PFX that is no base64"
"""Content that is handed out as it is, though the type says what it should be."""


class Vault:
    """`content` is PEM or PFX; `readers` are client ids that may read it."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.content = b""
        self.readers: set[str] = set()
        self.requests = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self, tls: Any) -> None:
        """Listen; tokens for the vault can be had from then on."""
        app = web.Application()
        app.router.add_get("/secrets/photosync", self._secret)
        self._runner, port = await listen(app, tls)
        self.url = f"https://{HOST}:{port}"
        self.login.audiences[self.url] = ()

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _secret(self, request: web.Request) -> web.Response:
        self.requests += 1
        claims = self.login.check(request.headers.get("Authorization", ""), self.url)
        if claims is None:
            return graph_error(401, "Unauthorized", {"WWW-Authenticate": "Bearer"})
        if "api-version" not in request.query:
            return graph_error(400, "BadParameter")
        if claims["appid"] not in self.readers:
            return graph_error(403, "Forbidden")
        pem = self.content.startswith(b"-----")
        value = self.content.decode() if pem or self.content == NO_BASE64 else base64.b64encode(self.content).decode()
        kind = "application/x-pem-file" if pem else "application/x-pkcs12"
        return web.json_response({"value": value, "contentType": kind, "id": f"{self.url}/secrets/photosync/1"})
