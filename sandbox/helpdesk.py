"""A helpdesk system that takes signed tickets: the Standard Webhooks scheme, one ticket for each `webhook-id`, and
comments to it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import standardwebhooks
from aiohttp import web

from sandbox.web import HOST, act_out, json_body, listen
from sandbox.world import World

_NUMBER = (int, float, type(None))
_CHECK = {"at": str, "verdict": str, "similarity": _NUMBER}
_STEP = {"step": str, "at": str, "answer": str}
_FIELDS: dict[str, Any] = {
    "case": str, "opened_at": str, "person": {"id": str, "name": str, "upn": str, "locale": str},
    "verdict": str, "reason": str, "checks": [_CHECK], "steps": [_STEP],
    "comment": str, "summary": str, "transcript": str,
}  # fmt: skip


@dataclass(frozen=True)
class Ticket:
    """One ticket as it arrived."""

    number: str
    webhook_id: str
    body: dict[str, Any]


class Helpdesk:
    """Keeps what arrives; `tries` counts every request."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.tickets: list[Ticket] = []
        self.comments: list[Ticket] = []  # each with the number of the ticket it belongs to
        self.tries = 0
        self.url = ""
        self.moment: Callable[[str, web.Request], None] = lambda _, __: None  # told `before` and `after` each request
        self._runner: web.AppRunner | None = None

    async def start(self, tls: Any) -> None:
        """Listen."""
        app = web.Application(middlewares=[self.world.trace.of("Helpdesk")])
        app.router.add_post("/tickets", self._take)
        self._runner, port = await listen(app, tls)
        self.url = f"{'https' if tls else 'http'}://{HOST}:{port}/tickets"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.tries += 1
        self.moment("before", request)
        fault = self.world.faults.next("tickets", request.path)
        if fault is not None and not fault.lost:
            return await act_out(fault, request)
        if request.content_type != "application/json":
            return web.json_response({"error": "not JSON"}, status=415)
        raw = await request.read()
        try:
            standardwebhooks.Webhook(self.secret).verify(raw, dict(request.headers), json_parse=False)
        except standardwebhooks.WebhookVerificationError:
            return web.json_response({"error": "bad signature"}, status=401)
        document = await json_body(request)
        comment = isinstance(document, dict) and document.get("type") == "comment"
        if not _fits(document, {"type": str, **_FIELDS} if comment else _FIELDS):
            return web.json_response({"error": "wrong fields"}, status=422)
        keep = self._add if comment else self._keep
        ticket = keep(request.headers["webhook-id"], document)
        self.moment("after", request)
        if fault is not None:
            return await act_out(fault, request)
        address = f"{self.url}/{ticket.number}"
        return web.json_response({"id": ticket.number, "url": address}, status=201)

    def _keep(self, webhook_id: str, document: dict[str, Any]) -> Ticket:
        for known in self.tickets:
            if known.webhook_id == webhook_id:
                return known
        ticket = Ticket(f"INC{len(self.tickets) + 1:04}", webhook_id, document)
        self.tickets.append(ticket)
        return ticket

    def _add(self, webhook_id: str, document: dict[str, Any]) -> Ticket:
        for known in self.comments:
            if known.webhook_id == webhook_id:
                return known
        of = next((one.number for one in self.tickets if one.body["case"] == document["case"]), "")
        comment = Ticket(of, webhook_id, document)
        self.comments.append(comment)
        return comment


def _fits(value: Any, shape: Any) -> bool:
    """Whether a value has exactly the fields of a shape, each of its type."""
    if isinstance(shape, dict):
        return (
            isinstance(value, dict)
            and value.keys() == shape.keys()
            and all(_fits(value[name], inner) for name, inner in shape.items())
        )
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(one, shape[0]) for one in value)
    return isinstance(value, shape) and not isinstance(value, bool)
