"""Who may see the helpdesk's page: from a first request to a session.

    browser                     here                                            login service
    GET /helpdesk           ->  no session: state, nonce, verifier are kept
                                under (cookie of this browser, state)
                            <-  302, the cookie
    GET authorize           ------------------------------------------------->  signs in
    GET /helpdesk/signed-in <-------------------------------------------------  302 with code and state
                            ->  what was kept is taken out, once; the code is
                                redeemed, the id token checked              <->  POST token
                            <-  302, a new cookie: the session

What is kept is found by both the cookie and the state. So a state that somebody else began, or made up, or that was
used before, finds nothing, and the code that came with it is never redeemed. Cookies are random; the database holds
digests.

A POST carries a mark made of the session's cookie by a keyed hash: no other page can know the cookie or make the mark,
and nothing has to be kept for it. Where the browser says which page a POST comes from, that has to be ours too.

Whoever lacks the role gets a session all the same, for a short time and good for nothing: the answer stays 403, and the
browser does not go round and round between us and a login service that lets the person in.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from aiohttp import web

from bot.errors import Refused
from bot.graph.people_sign_in import PeopleSignIn
from bot.store.interface import Store

ROLE = "Photosync.Helpdesk"
SIGNED_IN = "/helpdesk/signed-in"
_HOME = "/helpdesk"
SESSION_SECONDS = 8 * 3600.0
_WITHOUT_ROLE_SECONDS = 900.0
FLOW_SECONDS = 600.0
SIGN_INS_A_MINUTE = 60  # begun, and as many ended
_SESSION, _BROWSER = "__Host-photosync", "__Host-photosync-browser"
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")
_STATE = re.compile(r"[A-Za-z0-9_-]{8,200}")


class TooMany(Exception):
    """More sign-ins in a minute than a helpdesk has."""


class NotOurs(Exception):
    """A POST that our own page did not make."""


@dataclass(frozen=True)
class Agent:
    """Who looks at a page. `mark` stands in each form of theirs."""

    id: str = field(repr=False)
    name: str = field(repr=False)
    allowed: bool
    mark: str = field(repr=False)


class Sessions:
    """Sign-ins, sessions and their cookies. `url` is the address that browsers know us by."""

    def __init__(self, url: str, people: PeopleSignIn, store: Store) -> None:
        self._url = url
        self._people = people
        self._store = store
        self.begun, self.ended = RateLimit(SIGN_INS_A_MINUTE), RateLimit(SIGN_INS_A_MINUTE)

    async def agent(self, request: web.Request) -> Agent | None:
        """Who it is by the session's cookie; None without a session. Raises `StoreUnavailable`."""
        cookie = _cookie(request, _SESSION)
        found = await self._store.session(_digest("session", cookie), "session") if cookie else None
        if found is None:
            return None
        document = found.document
        return Agent(found.person, str(document.get("name", "")), document.get("role") is True, _mark(cookie))

    async def begin(self, request: web.Request, *, choose: bool = False) -> web.Response:
        """Send the browser to the login service; it comes back to the page it asked for.

        Raises `TooMany`, `OutsideError`, `StoreUnavailable`.
        """
        if not self.begun.take():
            raise TooMany
        address, flow = await self._people.begin(f"{self._url}{SIGNED_IN}", choose=choose)
        browser = _cookie(request, _BROWSER) or secrets.token_urlsafe(32)
        back = request.path_qs if request.method == "GET" and not choose else _HOME
        document = {"flow": flow, "back": back}
        await self._store.open_session(_digest("flow", browser, flow["state"]), "flow", "", document, FLOW_SECONDS)
        response = web.Response(status=302, headers={"Location": address})
        _set(response, _BROWSER, browser, FLOW_SECONDS)
        return response

    async def finish(self, request: web.Request) -> tuple[Agent, web.Response]:
        """The browser is back: who it is, and the answer that leads on, with the session's cookie.

        Raises `Refused` for what is not a sign-in that this browser began, `TooMany`, `OutsideError`,
        `StoreUnavailable`.
        """
        browser, state = _cookie(request, _BROWSER), request.query.get("state", "")
        if not browser or not _STATE.fullmatch(state):
            raise Refused("login", "a sign-in that this browser did not begin")
        if not self.ended.take():
            raise TooMany
        kept = await self._store.take_session(_digest("flow", browser, state), "flow")
        if kept is None:
            raise Refused("login", "a sign-in that this browser did not begin, or that has ended")
        person = await self._people.finish(kept.document["flow"], request.query)
        allowed, cookie = ROLE in person.roles, secrets.token_urlsafe(32)
        seconds = SESSION_SECONDS if allowed else _WITHOUT_ROLE_SECONDS
        document = {"name": person.name, "role": allowed}
        await self.end(request)
        await self._store.open_session(_digest("session", cookie), "session", person.id, document, seconds)
        response = web.Response(status=302, headers={"Location": kept.document["back"]})
        _set(response, _SESSION, cookie, seconds)
        return Agent(person.id, person.name, allowed, _mark(cookie)), response

    async def end(self, request: web.Request) -> None:
        """End the session on the server. Raises `StoreUnavailable`."""
        if cookie := _cookie(request, _SESSION):
            await self._store.take_session(_digest("session", cookie), "session")

    def require_own(self, request: web.Request, form: Mapping[str, object]) -> None:
        """Raises `NotOurs` for a POST that the page of this session did not make."""
        origin, site = request.headers.get("Origin", self._url), request.headers.get("Sec-Fetch-Site", "same-origin")
        mark, cookie = form.get("mark"), _cookie(request, _SESSION)
        given = mark if isinstance(mark, str) and mark.isascii() else ""
        if origin != self._url or site != "same-origin" or not hmac.compare_digest(given, _mark(cookie)):
            raise NotOurs


def drop(response: web.Response) -> None:
    """Take the session's cookie from the browser."""
    _set(response, _SESSION, "", 0)


class RateLimit:
    """So many of something in a minute, and as many at once."""

    def __init__(self, a_minute: int) -> None:
        self._most = float(a_minute)
        self._left, self._at = self._most, time.monotonic()

    def take(self) -> bool:
        """Whether there is one left."""
        now = time.monotonic()
        self._left, self._at = min(self._most, self._left + (now - self._at) * self._most / 60), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _cookie(request: web.Request, name: str) -> str:
    """Its value if it can be one of ours, else ""."""
    value = request.cookies.get(name, "")
    return value if _COOKIE.fullmatch(value) else ""


def _set(response: web.Response, name: str, value: str, seconds: float) -> None:
    response.set_cookie(name, value, max_age=int(seconds), path="/", secure=True, httponly=True, samesite="Lax")


def _digest(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=32).hexdigest()


def _mark(cookie: str) -> str:
    return blake2b(key=cookie.encode(), digest_size=32, person=b"photosync form").hexdigest()
