"""Azure Resource Manager, as far as a bot needs it: subscriptions, resource groups, the bot service and its channels."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.admin.people import Admin
from sandbox.login import Login
from sandbox.web import HOST, act_out, listen
from sandbox.world import World

_BOTS = "Microsoft.BotService"
_GROUP = r"/subscriptions/(?P<subscription>[^/]+)/resource[gG]roups/(?P<group>[^/]+)"
_BOT = _GROUP + rf"/providers/{_BOTS}/botServices/(?P<bot>[^/]+)"
_APP_TYPES = ("SingleTenant", "UserAssignedMSI")  # MultiTenant ended in July 2025


class Azure:
    """Serves https://management.azure.com's part of it. Resources are kept by their path, in small letters."""

    def __init__(self, world: World, login: Login, tenant: str) -> None:
        self.world = world
        self.login = login
        self.tenant = tenant
        self.url = ""
        self.subscriptions: dict[str, str] = {}  # id -> name
        self.registered: set[str] = set()  # subscriptions in which the bot service is
        self.resources: dict[str, dict[str, Any]] = {}
        self.taken: set[str] = set()  # names of bots of others; they are unique in all of Azure
        self.requests: list[str] = []
        self._runner: web.AppRunner | None = None

    async def start(self, tls: Any) -> None:
        """Listen."""
        app = web.Application(middlewares=[self.world.trace.of("Azure")])
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner, port = await listen(app, tls)
        self.url = f"https://{HOST}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def bots(self) -> list[dict[str, Any]]:
        """Every bot."""
        return [one for path, one in self.resources.items() if re.fullmatch(_BOT, path, re.IGNORECASE)]

    def teams_bot(self) -> dict[str, Any] | None:
        """The bot that Teams reaches, if there is one."""
        return next(
            (one for path, one in self.resources.items() if f"{path}/channels/msteamschannel" in self.resources), None
        )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.requests.append(f"{request.method} {path}")
        fault = self.world.faults.next("azure", path)
        if fault is not None and not fault.lost:
            return await act_out(fault, request)
        answer = await self._view(request, path)
        return answer if fault is None else await act_out(fault, request)

    async def _view(self, request: web.Request, path: str) -> web.Response:
        claims = self.login.check(request.headers.get("Authorization", ""), self.url)
        admin = self.login.admins.get(str(claims.get("oid"))) if claims else None
        if claims is None or admin is None:
            return _error(401, "AuthenticationFailed", "Authentication failed.")
        if "api-version" not in request.query:
            return _error(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        body = await _json(request)
        for method, pattern, view in self._paths():
            match = re.fullmatch(pattern, path, re.IGNORECASE)
            if match is not None and method == request.method:
                subscription = match.groupdict().get("subscription")
                if subscription is not None and subscription not in admin.subscriptions:
                    return _denied(admin, path)
                return view(match, body, admin)
        return _error(404, "NotFound", "The requested resource does not exist.")

    def _paths(self) -> tuple[tuple[str, str, Callable[[re.Match[str], Mapping[str, Any], Admin], web.Response]], ...]:
        provider = rf"/subscriptions/(?P<subscription>[^/]+)/providers/{_BOTS}"
        return (
            ("GET", "/subscriptions", self._listed),
            ("GET", provider, self._provider),
            ("POST", provider + "/register", self._register),
            ("GET", provider + "/botServices", self._all_bots),
            ("POST", rf"/providers/{_BOTS}/checkNameAvailability", self._available),
            ("GET", _GROUP, self._get),
            ("PUT", _GROUP, self._put_group),
            ("GET", _GROUP + "/resources", self._within),
            ("DELETE", _GROUP, self._delete),
            ("GET", _BOT, self._get),
            ("PUT", _BOT, self._put_bot),
            ("DELETE", _BOT, self._delete),
            ("GET", _BOT + r"/channels/MsTeamsChannel", self._get),
            ("PUT", _BOT + r"/channels/MsTeamsChannel", self._put_channel),
        )

    def _listed(self, _: re.Match[str], __: Mapping[str, Any], admin: Admin) -> web.Response:
        value = [
            {"subscriptionId": one, "displayName": name, "state": "Enabled", "tenantId": self.tenant}
            for one, name in self.subscriptions.items()
            if one in admin.subscriptions
        ]
        return web.json_response({"value": value})

    def _provider(self, match: re.Match[str], _: Mapping[str, Any], __: Admin) -> web.Response:
        state = "Registered" if match["subscription"] in self.registered else "NotRegistered"
        return web.json_response({"namespace": _BOTS, "registrationState": state})

    def _register(self, match: re.Match[str], _: Mapping[str, Any], __: Admin) -> web.Response:
        self.registered.add(match["subscription"])
        return web.json_response({"namespace": _BOTS, "registrationState": "Registering"})

    def _all_bots(self, match: re.Match[str], _: Mapping[str, Any], __: Admin) -> web.Response:
        start = f"/subscriptions/{match['subscription']}/".lower()
        return web.json_response({"value": [one for one in self.bots() if one["id"].lower().startswith(start)]})

    def _available(self, _: re.Match[str], body: Mapping[str, Any], __: Admin) -> web.Response:
        name = str(body.get("name", ""))
        mine = {one["name"] for one in self.bots()}
        if not re.fullmatch(r"[A-Za-z0-9_-]{4,42}", name):
            return web.json_response({"valid": False, "message": "The bot name is not valid."})
        free = name not in self.taken | mine
        return web.json_response({"valid": free, "message": "" if free else "Id is already in use."})

    def _get(self, match: re.Match[str], _: Mapping[str, Any], __: Admin) -> web.Response:
        found = self.resources.get(match[0].lower())
        return web.json_response(found) if found else _error(404, "ResourceNotFound", f"{match[0]} was not found.")

    def _put_group(self, match: re.Match[str], body: Mapping[str, Any], _: Admin) -> web.Response:
        if not body.get("location"):
            return _error(400, "LocationRequired", "The location property is required for this definition.")
        return self._put(match[0], body, match["group"])

    def _within(self, match: re.Match[str], _: Mapping[str, Any], __: Admin) -> web.Response:
        start = match[0].lower().removesuffix("/resources") + "/providers/"
        return web.json_response({"value": [one for path, one in self.resources.items() if path.startswith(start)]})

    def _put_bot(self, match: re.Match[str], body: Mapping[str, Any], _: Admin) -> web.Response:
        if match["subscription"] not in self.registered:
            return _error(409, "MissingSubscriptionRegistration", f"The subscription is not registered for {_BOTS}.")
        if match[0].lower().split("/providers/")[0] not in self.resources:
            return _error(404, "ResourceGroupNotFound", "The resource group could not be found.")
        problem = _bot_problem(body) or self._clash(match[0].lower(), match["bot"], body["properties"]["msaAppId"])
        if problem:
            return _error(400, "InvalidBotData", f"Bot is not valid. Errors: {problem}.. ")
        return self._put(match[0], body, match["bot"])

    def _clash(self, path: str, name: str, app: str) -> str:
        """What of a bot is another's."""
        same = self.resources.get(path)
        if same is None and name in self.taken | {one["name"] for one in self.bots()}:
            return "Id: Id is already in use"
        if any(one["properties"]["msaAppId"] == app for one in self.bots() if one is not same):
            return "MsaAppId: MsaAppId is already in use"
        if same is not None and same["properties"]["msaAppId"] != app:
            return "MsaAppId: cannot be changed"
        return ""

    def _put_channel(self, match: re.Match[str], body: Mapping[str, Any], _: Admin) -> web.Response:
        if match[0].lower().rpartition("/channels/")[0] not in self.resources:
            return _error(404, "ResourceNotFound", "The bot was not found.")
        properties = body.get("properties", {})
        if properties.get("channelName") != "MsTeamsChannel" or not properties.get("properties", {}).get("isEnabled"):
            return _error(400, "InvalidChannelData", "The channel is not valid.")
        return self._put(match[0], body, f"{match['bot']}/MsTeamsChannel")

    def _put(self, path: str, body: Mapping[str, Any], name: str) -> web.Response:
        new = path.lower() not in self.resources
        self.resources[path.lower()] = {**body, "id": path, "name": name}
        return web.json_response(self.resources[path.lower()], status=201 if new else 200)

    def _delete(self, match: re.Match[str], _: Mapping[str, Any], __: Admin) -> web.Response:
        path = match[0].lower()
        if path not in self.resources:
            return web.Response(status=204)
        for other in [one for one in self.resources if one == path or one.startswith(f"{path}/")]:
            del self.resources[other]
        return web.Response(status=200)


def _bot_problem(body: Mapping[str, Any]) -> str:
    """What is wrong with a bot by itself."""
    properties = body.get("properties", {})
    lacking = [name for name in ("displayName", "endpoint", "msaAppId", "msaAppType") if not properties.get(name)]
    if lacking or properties["msaAppType"] not in _APP_TYPES or not properties.get("msaAppTenantId"):
        return f"{', '.join(lacking) or 'MsaAppType'}: is not valid"
    if body.get("location") != "global" or not body.get("sku", {}).get("name"):
        return "location, sku: are not valid"
    return "" if str(properties["endpoint"]).startswith("https://") else "Endpoint: must be https"


async def _json(request: web.Request) -> Mapping[str, Any]:
    try:
        found = json.loads(await request.read())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


def _denied(admin: Admin, path: str) -> web.Response:
    text = f"The client '{admin.upn}' with object id '{admin.id}' does not have authorization over scope '{path}'."
    return _error(403, "AuthorizationFailed", text)
