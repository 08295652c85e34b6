"""The managed identity endpoint of a hosted machine, in App Service's shape: plain http on the machine itself."""

from __future__ import annotations

import hmac
import secrets
import time
import uuid
from typing import Any

from aiohttp import web

from sandbox.login import EXCHANGE, LIFETIME, Login
from sandbox.web import listen

_VERSION = "2019-08-01"


class Identity:
    """Gives tokens to whoever knows `header`: code on the machine, which finds both in its environment.

    `client` is a user-assigned identity; a request that names none gets tokens of `system`, the machine's own.
    """

    def __init__(self, login: Login, client: str) -> None:
        self.login = login
        self.client = client
        self.system = str(uuid.uuid4())
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

    def machine(self) -> dict[str, str]:
        """What the machine's environment holds."""
        return {"IDENTITY_ENDPOINT": self.url, "IDENTITY_HEADER": self.header}

    def environment(self) -> dict[str, str]:
        """What the machine's environment holds, and the settings of a bot that uses it in place of a secret."""
        return {
            **self.machine(),
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
        client = request.query.get("client_id", self.system)
        if client not in (self.client, self.system):
            return _refused(400, "No managed identity found for the client id.")
        if resource == EXCHANGE:
            return web.json_response({
                "access_token": self.login.issue_exchange(client), "client_id": client, "resource": resource,
                "expires_on": str(int(time.time()) + LIFETIME), "token_type": "Bearer",
            })  # fmt: skip
        if resource not in self.login.audiences:
            return _refused(400, "AADSTS500011: the resource was not found in the tenant.")
        return web.json_response({
            "access_token": self.login.issue(client, resource), "client_id": client,
            "expires_on": str(int(time.time()) + LIFETIME), "resource": resource, "token_type": "Bearer",
        })  # fmt: skip


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
