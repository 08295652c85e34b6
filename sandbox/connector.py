"""The connector's REST interface, which takes the bot's messages and refuses what Teams refuses."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from sandbox.faults import Fault
from sandbox.fitness import Fitness
from sandbox.login import Login
from sandbox.transcript import Shown, Transcript
from sandbox.web import act_out, graph_error, json_body
from sandbox.world import World

SCOPE = "https://api.botframework.com"
RATES = ((7, 1), (8, 2), (60, 30), (1800, 3600))  # messages within seconds, for one conversation
Find = Callable[[str], Transcript | None]
Take = Callable[[Transcript, web.Request, Any], web.Response]


class Connector:
    """`find` gives a conversation by its id, `begin` a person's 1:1 conversation by the id of a member."""

    def __init__(
        self,
        world: World,
        login: Login,
        app: str,
        tenant: str,
        find: Find,
        begin: Find,
        registered: Callable[[], bool],
    ) -> None:
        self.world = world
        self.login = login
        self.app = app
        self.tenant = tenant
        self.fitness = Fitness()
        self.requests: list[tuple[str, str]] = []  # (method, path)
        self.teams: dict[str, set[str]] = {}  # who is on the roster of a channel's team
        self.moment: Callable[[str, web.Request], None] = lambda _, __: None  # told `before` and `after` each request
        self._find = find
        self._begin = begin
        self._registered = registered
        self._ids: Iterator[int] = itertools.count(int(time.time() * 1000))
        self._paces: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RATES[-1][0]))

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """For an application."""
        activities = prefix + "/v3/conversations/{conversation}/activities"
        return [
            web.post(prefix + "/v3/conversations", self._converse),
            web.post(activities, self._to(self._create)),
            web.post(activities + "/{activity}", self._to(self._create)),
            web.put(activities + "/{activity}", self._to(self._update)),
            web.delete(activities + "/{activity}", self._to(self._delete)),
            web.get(prefix + "/v3/conversations/{conversation}/members", self._to(self._members)),
            web.get(prefix + "/v3/conversations/{conversation}/members/{member}", self._to(self._member)),
        ]

    def fresh(self) -> str:
        """A message id nobody has used yet."""
        return str(next(self._ids))

    def _to(self, take: Take) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """What every request about a conversation goes through."""

        async def answer(request: web.Request) -> web.StreamResponse:
            self.moment("before", request)
            await asyncio.sleep(self.world.faults.dice.uniform(*self.world.faults.latency))
            fault, refusal = await self._met(request)
            if refusal is not None:
                return refusal
            there = self._find(request.match_info["conversation"])
            if there is None:
                return graph_error(404, "ConversationNotFound")
            if there.refused:
                return graph_error(403, there.refused)
            if request.method == "POST" and self._too_fast(there.conversation):
                return graph_error(429, "TooManyRequests", {"Retry-After": "1"})
            taken = take(there, request, await json_body(request))
            self.moment("after", request)
            return await act_out(fault, request) if fault is not None and taken.status < 300 else taken

        return answer

    async def _met(self, request: web.Request) -> tuple[Fault | None, web.StreamResponse | None]:
        """The fault that is still to be acted out, after the request took effect, and what refuses the request."""
        self.requests.append((request.method, request.path))
        fault = self.world.faults.next("connector", request.path)
        if fault is not None and not fault.lost:
            return None, await act_out(fault, request)
        claims = self.login.check(request.headers.get("Authorization", ""), SCOPE)
        if claims is None:
            return None, graph_error(401, "Unauthorized", message="Authorization has been denied for this request.")
        if not self._registered():
            return None, graph_error(401, "BotNotRegistered")
        if claims["appid"] != self.app:
            return None, graph_error(403, "Forbidden", message="Another bot's conversation.")
        return fault, None

    def _too_fast(self, conversation: str) -> bool:
        """Whether Teams' rates are exceeded, where they are held to; refused requests do not count."""
        now, sent = time.monotonic(), self._paces[conversation]
        for most, seconds in RATES if self.world.faults.paced else ():
            if len(sent) >= most and now - sent[-most] < seconds:
                return True
        sent.append(now)
        return False

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        """POST /v3/conversations: the person's 1:1 conversation, which may be there already."""
        fault, refusal = await self._met(request)
        if refusal is not None:
            return refusal
        asked = await json_body(request)
        if not isinstance(asked, dict) or asked.get("isGroup"):
            return graph_error(400, "BadSyntax", message="Only a conversation with one person can be begun.")
        members = asked.get("members")
        if not isinstance(members, list) or len(members) != 1 or not isinstance(members[0], dict):
            return graph_error(400, "BadSyntax", message="One member is needed.")
        data = asked.get("channelData")
        inner = data.get("tenant") if isinstance(data, dict) else None
        tenant = asked.get("tenantId") or (inner.get("id") if isinstance(inner, dict) else None)
        if tenant != self.tenant:
            return graph_error(403 if tenant else 400, "Forbidden" if tenant else "BadSyntax", message="tenantId")
        there = self._begin(str(members[0].get("id") or ""))
        if there is None:
            return graph_error(404, "MemberNotFound")
        if there.refused:
            return graph_error(403, there.refused)
        if fault is not None:
            return await act_out(fault, request)
        return web.json_response({"id": there.conversation}, status=201)

    def _create(self, there: Transcript, _: web.Request, activity: Any) -> web.Response:
        refusal = self.fitness.refusal(activity)
        if refusal is not None:
            return refusal
        number = self.fresh()
        if activity["type"] == "typing":
            there.at_work()
        elif str(activity.get("text") or "").strip() and activity.get("attachments"):
            # A text beside a card becomes two messages, and no id is told by which either could be updated.
            bare = {name: value for name, value in activity.items() if name != "attachments"}
            there.add(number, bare)
            there.add(self.fresh(), {**activity, "text": ""})
            return web.Response(status=202)
        else:
            there.add(number, activity)
        return web.json_response({"id": number}, status=201)

    def _update(self, there: Transcript, request: web.Request, activity: Any) -> web.Response:
        shown = self._to_change(there, request)
        if shown is None:
            return _no_such_activity(request)
        refusal = self.fitness.refusal(activity)
        if refusal is not None:
            return refusal
        if activity["type"] != "message":
            return graph_error(400, "BadSyntax", message="Only a message can take a message's place.")
        there.replace(shown, activity)
        return web.json_response({"id": shown.id})

    def _delete(self, there: Transcript, request: web.Request, _: Any) -> web.Response:
        shown = self._to_change(there, request)
        if shown is None:
            return _no_such_activity(request)
        there.remove(shown)
        return web.Response()

    def _members(self, there: Transcript, request: web.Request, _: Any) -> web.Response:
        del there, request
        return web.json_response([])

    def _member(self, there: Transcript, request: web.Request, _: Any) -> web.Response:
        """One of a team's roster; of a conversation that is no team's everybody is on it."""
        member = request.match_info["member"]
        if there.conversation in self.teams and member.removeprefix("29:") not in self.teams[there.conversation]:
            return graph_error(404, "MemberNotFoundInConversation")
        return web.json_response({"id": member, "aadObjectId": member.removeprefix("29:")})

    def _to_change(self, there: Transcript, request: web.Request) -> Shown | None:
        identity = request.match_info["activity"]
        shown = there.found(identity)
        valid = shown is not None and (identity == shown.reply_id or not self.world.faults.send_ids_invalid)
        return shown if valid else None


def _no_such_activity(request: web.Request) -> web.Response:
    """404 for a message that there was or may have been; 400 for what is no id of Teams, as it answers itself."""
    known_form = request.match_info["activity"].removeprefix("1:").isdecimal()
    if known_form and len(request.match_info["activity"]) >= len("1700000000000"):
        return graph_error(404, "ActivityNotFoundInConversation")
    return graph_error(400, "BadArgument", message="Invalid activity ID")
