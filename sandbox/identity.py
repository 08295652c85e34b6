"""The managed identity endpoint of a hosted machine, in App Service's shape: plain http on the machine itself."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any

from aiohttp import web

from sandbox.login import LIFETIME, Login
from sandbox.web import listen

_VERSION = "2019-08-01"


class Identity:
    """Gives tokens to whoever knows `header`: code on the machine, which finds both in its environment."""

    def __init__(self, login: Login, client: str) -> None:
        self.login = login
        self.client = client
        self.header = secrets.token_hex(16)
        self.requests = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self, _: Any) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_get("/msi/token", self._token)
        self._runner, port = await listen(app, None)
        self.url = f"http://127.0.0.1:{port}/msi/token"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def environment(self) -> dict[str, str]:
        """What the machine's environment holds, and the settings of a bot that uses it in place of a secret."""
        return {
            "IDENTITY_ENDPOINT": self.url,
            "IDENTITY_HEADER": self.header,
            "MicrosoftAppType": "UserAssignedMSI",
            "MicrosoftAppPassword": "",
        }

    async def _token(self, request: web.Request) -> web.Response:
        self.requests += 1
        resource = request.query.get("resource", "")
        if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", ""), self.header):
            return _refused(401, "The identity header is missing or wrong.")
        if request.query.get("api-version") != _VERSION:
            return _refused(400, "The api-version is not supported.")
        if request.query.get("client_id") != self.client:
            return _refused(400, "No managed identity found for the client id.")
        if resource not in self.login.audiences:
            return _refused(400, "AADSTS500011: the resource was not found in the tenant.")
        return web.json_response({
            "access_token": self.login.issue(self.client, resource), "client_id": self.client,
            "expires_on": str(int(time.time()) + LIFETIME), "resource": resource, "token_type": "Bearer",
        })  # fmt: skip


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
