"""A bot with its pages beside a pretend tenant, and browsers that show what each answer says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from sandbox.people_sign_in import ACCOUNTS, Account
from sandbox.tenant import Tenant
from sandbox.web import free_port
from tests.chatting import RunningBot, scene

LEAD, OTHER = ACCOUNTS
SESSION, BROWSER = "__Host-photosync", "__Host-photosync-browser"


@dataclass(frozen=True)
class Seen:
    """One answer."""

    status: int
    headers: Any
    text: str = field(repr=False)

    @property
    def mark(self) -> str:
        """What the page's forms carry."""
        return re.findall(r'name="mark" value="(\w+)"', self.text)[0]


@dataclass
class Browser:
    """Somebody's browser: its cookies, and no redirect followed unseen."""

    url: str
    http: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(self, path: str, method: str = "GET", **more: Any) -> Seen:
        headers = {**more.pop("headers", {}), "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}  # fmt: skip
        address = path if path.startswith("http") else self.url + path
        async with self.http.request(method, address, headers=headers, allow_redirects=False, **more) as answer:
            for name, cookie in answer.cookies.items():
                if address.startswith(self.url):
                    self.cookies[name] = cookie.value
            return Seen(answer.status, answer.headers, await answer.text())

    async def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> Seen:
        return await self.ask(path, "POST", data=form, headers=headers or {})

    async def begin(self, path: str = "/helpdesk") -> str:
        """The login service's address that a page leads to."""
        return str((await self.ask(path)).headers["Location"])

    async def back(self, account: Account = LEAD, path: str = "/helpdesk") -> str:
        """The address with which the login service sends the browser back."""
        address, _, query = (await self.begin(path)).partition("?")
        return str((await self.ask(f"{address}/as/{account.id}?{query}")).headers["Location"])

    async def sign_in(self, account: Account = LEAD) -> Seen:
        return await self.ask(await self.back(account))


@dataclass(frozen=True)
class Stage:
    """The bot and the tenant around it."""

    scene: RunningBot
    url: str
    http: aiohttp.ClientSession

    @property
    def tenant(self) -> Tenant:
        return self.scene.tenant

    def browser(self) -> Browser:
        return Browser(self.url, self.http)

    async def lead(self) -> Browser:
        """Of somebody who has the role and is signed in."""
        browser = self.browser()
        assert (await browser.sign_in()).status == 302
        return browser


@asynccontextmanager
async def stage(prepare: Callable[[Tenant], None] | None = None, **changes: str) -> AsyncIterator[Stage]:
    """Both, started."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def prepared(tenant: Tenant) -> None:
        tenant.page(url)
        if prepare is not None:
            prepare(tenant)

    settings = {"PHOTOSYNC_PORT": str(port), "PHOTOSYNC_PAGE_URL": url, **changes}
    async with scene(prepared, **settings) as one, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Stage(one, url, http)
