"""The routes of the pages, and what every answer has: headers, a language, who may see it, a page where it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

from aiohttp import web

from bot.errors import OutsideError, Refused, StoreUnavailable, location
from bot.graph.people_sign_in import PeopleSignIn
from bot.http_server import BODY_TIMEOUT
from bot.languages.catalogs import Languages
from bot.metrics import Metrics
from bot.pages import cases, frame, numbers, operation, papers
from bot.pages.html import Node, tag
from bot.pages.sign_in import Agent, NotOurs, Sessions, TooMany, drop
from bot.pages.words import HELPDESK_KEYS, PRIVACY_KEYS, TERMS_KEYS, PageText, page_text
from bot.settings import Settings
from bot.store.interface import Store
from bot.tickets.ticket import case_number

log = logging.getLogger(__name__)

REFUSALS = ("sign_in", "sign_ins", "role", "form")
"""Reasons of `photosync_refused_total`: what was no sign-in of ours, too many of them, a person without the role, a
POST that our page did not make."""

_ACCESS_DENIED = "access_denied"  # what the login service says of who is not assigned to the application
_LONGEST_ID = 18  # digits of a job's number
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all a browser would not say where a form comes from
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex",
}
_NO_STORE = {**_HEADERS, "Cache-Control": "no-store", "Vary": "Accept-Language"}
_PUBLIC = {**_HEADERS, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
_STYLE = {**_HEADERS, "Cache-Control": "public, max-age=86400"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
View = Callable[[web.Request, PageText, Agent], Awaitable[web.Response]]
Health = Callable[[], Awaitable[dict[str, bool]]]


class Pages:
    """All pages of one process. `languages` gives them as they are now, `health` the parts of `/readyz`.

    To be built in the event loop; raises `SettingsError` for a certificate that cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        people: PeopleSignIn,
        store: Store,
        languages: Callable[[], Languages],
        metrics: Metrics,
        health: Health,
    ) -> None:
        self._settings = settings
        self._store = store
        self._languages = languages
        self._metrics = metrics
        self._health = health
        self.sessions = Sessions(settings.page_url, people, store)
        self.sign_in_possible = people.possible
        for reason in REFUSALS:
            metrics.refused.labels(reason)  # there with 0 from the start
        if not people.possible:
            log.warning(
                "there is no /helpdesk: nobody can sign in to a managed identity, PHOTOSYNC_GRAPH_CLIENT_ID can"
            )

    async def privacy(self, request: web.Request) -> web.Response:
        """GET /privacy."""
        return _paper(papers.privacy(self._page_text(request, PRIVACY_KEYS), self._settings))

    async def terms(self, request: web.Request) -> web.Response:
        """GET /terms."""
        return _paper(papers.terms(self._page_text(request, TERMS_KEYS), self._settings))

    async def style(self, _: web.Request) -> web.Response:
        """The style sheet, for anybody."""
        return web.Response(body=frame.STYLE, content_type="text/css", charset="utf-8", headers=_STYLE)

    def add_helpdesk(self, router: web.UrlDispatcher) -> None:
        """What lies below /helpdesk; the page itself and the papers are added by `bot.app`."""
        router.add_get("/helpdesk/sign-in", self._guarded(self._choose_account))
        router.add_get("/helpdesk/signed-in", self._guarded(self._signed_in))
        router.add_get("/helpdesk/signed-out", self._guarded(self._signed_out))
        router.add_post("/helpdesk/sign-out", self._guarded(self._sign_out))
        router.add_get("/helpdesk/cases", self._view(self._cases))
        router.add_get("/helpdesk/affected", self._view(self._affected))
        router.add_get("/helpdesk/operation", self._view(self._operation))
        router.add_post("/helpdesk/retry", self._view(self._retry))
        router.add_route("*", "/helpdesk/{rest:.*}", self._view(self._not_found))

    @property
    def helpdesk(self) -> Handler:
        return self._view(self._numbers)

    def _page_text(self, request: web.Request, keys: tuple[str, ...] = HELPDESK_KEYS) -> PageText:
        wanted = request.query.get("language", "")[:40]
        return page_text(self._languages(), request.headers.get("Accept-Language", ""), wanted, keys)

    def _guarded(self, handler: Handler) -> Handler:
        """Whatever fails becomes a page that says so, and every answer has the headers."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            response = await self._answered(handler, request)
            response.headers.update(_NO_STORE)
            return response

        return guarded

    async def _answered(self, handler: Handler, request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except TooMany:
            self._count("sign_ins")
            return self._failure(request, 429, "busy", wait=True)
        except NotOurs:
            self._count("form")
            return self._failure(request, 403, "stale")
        except Refused as error:
            self._count("sign_in")
            log.warning("a sign-in to the helpdesk's page was refused: %s", error)
            denied = _ACCESS_DENIED in error.detail
            return self._failure(request, 403 if denied else 400, "refused" if denied else "failed", again=True)
        except (StoreUnavailable, OutsideError) as error:
            log.error("the helpdesk's page cannot be shown: %s", error)
            return self._failure(request, 503, "away", wait=True)
        except (web.HTTPException, TimeoutError) as error:
            return web.Response(status=error.status if isinstance(error, web.HTTPException) else 408)
        except Exception as error:  # no traceback: an exception's text may be a person's
            log.error("request failed: %s at %s", type(error).__name__, location(error))
            return self._failure(request, 500, "away")

    def _view(self, view: View) -> Handler:
        """A page for whoever has the role: others are sent to sign in, or told that they may not."""

        async def seen(request: web.Request) -> web.StreamResponse:
            agent = await self.sessions.agent(request)
            if agent is None:
                return await self.sessions.begin(request)
            read = self._page_text(request)
            if not agent.allowed:
                return self._without_role(read, agent)
            return await view(request, read, agent)

        return self._guarded(seen)

    def _count(self, reason: str) -> None:
        self._metrics.refused.labels(reason).inc()

    def _failure(
        self, request: web.Request, status: int, name: str, *, again: bool = False, wait: bool = False
    ) -> web.Response:
        read = self._page_text(request)
        link = tag("p", tag("a", read("page.button.again"), href=read.href("/helpdesk/sign-in"))) if again else None
        body = (tag("p", read(f"page.{name}.body")), link)
        text = frame.helpdesk(read, read(f"page.{name}.title"), *body, path="")
        return _html(text, status, {"Retry-After": "60"} if wait else None)

    def _without_role(self, read: PageText, agent: Agent) -> web.Response:
        self._count("role")
        other = frame.form("/helpdesk/sign-out", agent, tag("button", read("page.button.other")))
        body = (tag("p", read("page.refused.body")), other)
        text = frame.helpdesk(read, read("page.refused.title"), *body, path="/helpdesk", agent=agent)
        return _html(text, 403)

    async def _choose_account(self, request: web.Request) -> web.Response:
        return await self.sessions.begin(request, choose=True)

    async def _signed_in(self, request: web.Request) -> web.Response:
        """Back from the login service."""
        agent, onward = await self.sessions.finish(request)
        if agent.allowed:
            return onward
        refused = self._without_role(self._page_text(request), agent)
        refused.cookies.update(onward.cookies)
        return refused

    async def _sign_out(self, request: web.Request) -> web.Response:
        self.sessions.require_own(request, await _form(request))
        await self.sessions.end(request)
        response = web.Response(status=303, headers={"Location": "/helpdesk/signed-out"})
        drop(response)
        return response

    async def _signed_out(self, request: web.Request) -> web.Response:
        read = self._page_text(request)
        again = tag("p", tag("a", read("page.button.again"), href=read.href("/helpdesk/sign-in")))
        body = (tag("p", read("page.signed_out.body")), again)
        return _html(frame.helpdesk(read, read("page.signed_out.title"), *body, path=request.path))

    def _page(
        self, request: web.Request, read: PageText, agent: Agent, view: str, title: str, body: Node
    ) -> web.Response:
        return _html(frame.helpdesk(read, title, body, path=request.path, agent=agent, view=view))

    async def _numbers(self, request: web.Request, read: PageText, agent: Agent) -> web.Response:
        asked, by = request.query.get("days", ""), request.query.get("by", "")
        days = int(asked) if asked in map(str, numbers.SPANS) else numbers.SPANS[1]
        until = today()
        found = await self._store.numbers(until - timedelta(days=days - 1), until)
        body = numbers.page(read, found, days, by if by in numbers.PERIODS else numbers.PERIODS[0])
        return self._page(request, read, agent, "numbers", read("page.numbers.title"), body)

    async def _cases(self, request: web.Request, read: PageText, agent: Agent) -> web.Response:
        people, written = self._settings.page_people, request.query.get("number", "")[:80]
        number = case_number(written)
        if number and (stored := await self._store.case(number)):
            entries = await self._store.log(number)
            title = read("page.case.title", case=number)
            return self._page(request, read, agent, "cases", title, cases.page(read, stored, entries, people=people))
        state = request.query.get("state", "")
        state = state if state in cases.STATES else cases.STATES[0]
        before = cases.time_of(request.query.get("before", ""))
        wanted = "" if state == cases.STATES[0] else state
        found = await (self._store.cases_by_state(wanted, before) if before else self._store.cases_by_state(wanted))
        body = cases.listing(read, state, found, people=people, missing=bool(written))
        return self._page(request, read, agent, "cases", read("page.cases.title"), body)

    async def _affected(self, request: web.Request, read: PageText, agent: Agent) -> web.Response:
        scan = await self._store.last_scan()
        named = scan is not None and scan.named and self._settings.page_people
        people = await self._store.affected(request.query.get("after", "")[:256]) if named else ()
        shown = None if scan is None else scan if named else scan.unnamed
        body = operation.affected(read, shown, people)
        return self._page(request, read, agent, "affected", read("page.affected.title"), body)

    async def _operation(self, request: web.Request, read: PageText, agent: Agent) -> web.Response:
        done = {"again": "page.letters.retried", "gone": "page.letters.gone"}.get(request.query.get("done", ""), "")
        body = operation.page(
            read,
            agent,
            health=await self._health(),
            due=await self._store.sampled_due(),
            letters=await self._store.dead_letters(),
            spoken=self._languages(),
            people=self._settings.page_people,
            done=done,
        )
        return self._page(request, read, agent, "operation", read("page.operation.title"), body)

    async def _retry(self, request: web.Request, read: PageText, _: Agent) -> web.Response:
        form = await _form(request)
        self.sessions.require_own(request, form)
        number = form.get("id", "")
        known = number.isascii() and number.isdecimal() and len(number) <= _LONGEST_ID
        found = known and await self._store.retry(int(number))
        if found:
            log.info("job %s is due again: asked for on the helpdesk's page", number)
        where = read.href("/helpdesk/operation", done="again" if found else "gone")
        return web.Response(status=303, headers={"Location": where})

    async def _not_found(self, _: web.Request, read: PageText, agent: Agent) -> web.Response:
        text = frame.helpdesk(read, read("page.not_found.title"), path="", agent=agent)
        return _html(text, 404)


def today() -> date:
    """The day that numbers go up to, UTC."""
    return datetime.now(UTC).date()


async def _form(request: web.Request) -> dict[str, str]:
    """The fields of a form; none where it is no form."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    async with asyncio.timeout(BODY_TIMEOUT):
        try:
            fields = await request.post()
        except (LookupError, UnicodeError):
            return {}
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _html(text: str, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)


def _paper(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=_PUBLIC)
