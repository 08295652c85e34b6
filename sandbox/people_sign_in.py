"""Where people sign in: the authorisation code flow as Entra ID has it, with a page to choose who one is.

It is served on plain http, for a browser on this machine that does not know the pretend tenant's authority. Codes are
good once; state and nonce are passed through; a PKCE challenge is held to. `change` changes the claims of an id token
before it is signed, as no honest tenant would.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox.web import listen

if TYPE_CHECKING:
    from sandbox.login import Login

HELPDESK_ROLE = "Photosync.Helpdesk"
_CODE_SECONDS = 600.0
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color-scheme:light dark}"
    "a{display:block;padding:.75rem 1rem;margin:.5rem 0;border:1px solid;border-radius:.4rem;text-decoration:none}"
    "small{display:block}"
)


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in, with the app roles that were assigned."""

    id: str
    name: str
    upn: str
    about: str
    roles: tuple[str, ...] = ()


ACCOUNTS = (
    Account(
        "0b000000-0000-4000-8000-000000000001",
        "Hanna Keller",
        "hanna.keller@fabrikam.example",
        "Leads the helpdesk",
        (HELPDESK_ROLE,),
    ),
    Account(
        "0b000000-0000-4000-8000-000000000002",
        "Tom Baker",
        "tom.baker@fabrikam.example",
        "Works elsewhere: without the role",
    ),
)


@dataclass(frozen=True)
class _Code:
    """What a code was given for."""

    client: str
    redirect: str
    challenge: str
    nonce: str
    account: Account
    until: float


class PeopleSignIn:
    """The page, and what redeems codes. `redirects` are the web addresses that the application is registered with."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.accounts: tuple[Account, ...] = ACCOUNTS
        self.redirects: set[str] = set()
        self.change: Callable[[dict[str, Any]], dict[str, Any]] | None = None
        self.url = ""
        self._codes: dict[str, _Code] = {}
        self._used: set[str] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, _: Any) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_get("/{tenant}/oauth2/v2.0/authorize", self._authorize)
        app.router.add_get("/{tenant}/oauth2/v2.0/authorize/as/{account}", self._chosen)
        self._runner, port = await listen(app, None)
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _authorize(self, request: web.Request) -> web.Response:
        problem = self._problem(request)
        if problem:
            return web.Response(status=400, text=problem)
        rows = "".join(
            f'<a href="{html.escape(f"{request.path}/as/{one.id}?{request.query_string}")}">{html.escape(one.name)}'
            f"<small>{html.escape(one.upn)}<br>{html.escape(one.about)}</small></a>"
            for one in self.accounts
        )
        text = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>Pretend sign-in</title><style>{_STYLE}</style><h1>Pick an account</h1>"
            f"<p>The pretend tenant's sign-in: nobody is asked for a password.</p>{rows}</html>"
        )
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _chosen(self, request: web.Request) -> web.Response:
        account = next((one for one in self.accounts if one.id == request.match_info["account"]), None)
        problem = self._problem(request) or ("" if account else "AADSTS50020: no such account here.")
        if problem or account is None:
            return web.Response(status=400, text=problem)
        asked, code = request.query, f"1.{secrets.token_urlsafe(40)}"
        self._codes[code] = _Code(
            asked["client_id"],
            asked["redirect_uri"],
            asked.get("code_challenge", ""),
            asked.get("nonce", ""),
            account,
            time.time() + _CODE_SECONDS,
        )
        answer = {"code": code, "state": asked.get("state", ""), "session_state": secrets.token_hex(8)}
        return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(answer)}"})

    def _problem(self, request: web.Request) -> str:
        """What Entra ID's own page would say: it sends nobody to an address that it does not know."""
        asked = request.query
        if request.match_info["tenant"] != self.login.tenant:
            return "AADSTS90002: Tenant not found."
        if asked.get("client_id") not in self.login.applications:
            return "AADSTS700016: Application was not found in the directory."
        if asked.get("redirect_uri") not in self.redirects:
            return "AADSTS50011: The redirect URI does not match the redirect URIs configured for the application."
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return "AADSTS900144: The request must contain response_type code and the scope openid."
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            return "AADSTS501491: Invalid code challenge method."
        return ""

    def redeem(self, asked: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The number of a refusal, or 0 and the answer with an id token. The application has proven itself."""
        written = asked.get("code", "")
        code = self._codes.pop(written, None)
        if code is None:
            return (54005 if written in self._used else 9002313), {}
        self._used.add(written)
        if code.until < time.time():
            return 70008, {}
        if (code.client, code.redirect) != (asked.get("client_id"), asked.get("redirect_uri")):
            return 9002313, {}
        if code.challenge and code.challenge != _challenge(asked.get("code_verifier", "")):
            return 50148, {}
        now = time.time()
        claims: dict[str, Any] = {
            "ver": "2.0", "iss": f"{self.login.url}/{self.login.tenant}/v2.0", "aud": code.client, "tid": self.login.tenant,
            "iat": int(now), "nbf": int(now), "exp": int(now + 3600), "oid": code.account.id, "sub": code.account.id,
            "name": code.account.name, "preferred_username": code.account.upn, "nonce": code.nonce,
        }  # fmt: skip
        if code.account.roles:
            claims["roles"] = list(code.account.roles)
        if self.change is not None:
            claims = self.change(claims)
        document = {"token_type": "Bearer", "scope": asked.get("scope", ""), "expires_in": 3600}
        return 0, {**document, "access_token": secrets.token_urlsafe(60), "id_token": self.login.key.sign(claims)}


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
