"""Tokens and Graph requests. The only importer of msal."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msal

from bot.clouds import CLOUDS
from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, SettingsError, Throttled, TimedOut
from bot.graph.circuit_breaker import Breaker
from bot.graph.clock_skew import Skew
from bot.http_client import NEVER, Answer, HttpClient, retry_after
from bot.metrics import Metrics
from bot.settings import Settings

log = logging.getLogger(__name__)

LOGIN_DEADLINE = 5.0  # seconds
GRAPH_DEADLINE = 8.0
LARGEST_PICTURE = 8 << 20  # bytes
_EARLY = 300.0  # seconds before its end that a token is not used any more
_REFUSAL_REMEMBERED = 10.0  # seconds: a wrong secret does not become right by asking at once
_PASSING = frozenset({"temporarily_unavailable", "server_error"})  # OAuth's words for an outage
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----\n?", re.DOTALL)
_PUBLIC_LOGINS = frozenset(cloud.login_url for cloud in CLOUDS.values())


class BadRequest(Malformed):
    """400: Graph does not take the request; `code` is its own error code, or empty."""

    def __init__(self, system: str, detail: str, code: str = "") -> None:
        super().__init__(system, detail)
        self.code = code


class _Reply:
    """What msal wants of an HTTP answer."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.text = answer.body.decode("utf-8", "replace")
        self.headers = dict(answer.headers)

    def raise_for_status(self) -> None:
        """For msal, which asks for this where it expects nothing but success."""
        if self.status_code >= 400:
            raise Outage("login", f"status {self.status_code}")


class _Bridge:
    """msal's HTTP client: it calls from a thread, the request runs in the event loop's one session."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._loop = asyncio.get_running_loop()

    def get(self, url: str, params: Any = None, headers: Mapping[str, str] | None = None, **_: Any) -> _Reply:
        """One GET."""
        joiner = "&" if "?" in url else "?"
        reply = self._ask("GET", f"{url}{joiner}{urlencode(params)}" if params else url, dict(headers or {}), None)
        if reply.status_code == 400:  # no such tenant, no such managed identity: msal would only say "ValueError"
            raise Refused("login", _code(_document(reply.text)))
        return reply

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> _Reply:
        """One POST of a form."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        body = data.encode() if isinstance(data, str) else urlencode(data or {}).encode()
        return self._ask("POST", f"{url}?{urlencode(params)}" if params else url, sent, body)

    def close(self) -> None:
        """The session is not ours to close."""

    def _ask(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> _Reply:
        asked = self._http.request(
            method, url, system="login", deadline=LOGIN_DEADLINE, headers=headers, body=body, retry=NEVER
        )
        answer = asyncio.run_coroutine_threadsafe(asked, self._loop).result(LOGIN_DEADLINE + 1)
        if answer.status == 429 or answer.status >= 500:
            raise _error("login", answer, "")
        return _Reply(answer)


class _Nothing(msal.TokenCache):  # type: ignore[misc]  # msal has no types
    """Keeps no token: `Tokens` does, and must get another one when it asks for one."""

    def add(self, event: Any, now: Any = None) -> None:
        """See `msal.TokenCache`."""


@dataclass(frozen=True)
class _Token:
    text: str
    good_until: float  # time.monotonic()


class Tokens:
    """App-only tokens of one registration; each is asked for once and used until shortly before it ends."""

    def __init__(self, acquire: Callable[[str], Mapping[str, Any]]) -> None:
        self._acquire = acquire  # blocking: runs in a thread
        self._tokens: dict[str, _Token] = {}
        self._flights: dict[str, asyncio.Task[str]] = {}
        self._failed: dict[str, tuple[float, OutsideError]] = {}

    async def token(self, scope: str) -> str:
        """A bearer token for a scope; callers at the same time share one request, and its failure.

        Raises `Refused` if the login service says no to us, `Throttled`, `TimedOut` or `Outage` if it gives none now.
        """
        known = self._tokens.get(scope)
        if known is not None and time.monotonic() < known.good_until:
            return known.text
        until, error = self._failed.get(scope, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise error
        flight = self._flights.get(scope)
        if flight is None:
            flight = self._flights[scope] = asyncio.create_task(self._fresh(scope))
            flight.add_done_callback(lambda done: self._landed(scope, done))
        # One caller that gives up does not take the token from the others.
        return await asyncio.shield(flight)

    def forget(self, scope: str, token: str = "") -> None:
        """Do not use the present token again, if it is still `token`: the other side has refused it."""
        known = self._tokens.get(scope)
        if known is not None and token in ("", known.text):
            del self._tokens[scope]

    def _landed(self, scope: str, flight: asyncio.Task[str]) -> None:
        del self._flights[scope]
        error = None if flight.cancelled() else flight.exception()
        if isinstance(error, OutsideError):
            log.error("no token: %s", error)
            self._failed[scope] = (time.monotonic() + _remembered(error), error)

    async def _fresh(self, scope: str) -> str:
        try:
            async with asyncio.timeout(2 * LOGIN_DEADLINE + 2):
                result = await asyncio.to_thread(self._acquire, scope)
        except OutsideError:
            raise
        except TimeoutError:
            raise TimedOut("login", "no answer in time") from None
        except Exception as error:  # msal raises ValueError, RuntimeError and others for answers it does not expect
            raise Outage("login", f"an answer of no use ({type(error).__name__})") from None
        text, lasts = result.get("access_token"), result.get("expires_in", 3600)
        if not isinstance(text, str) or not text or not isinstance(lasts, int | float):
            passing = _short(result.get("error")) in _PASSING
            raise Outage("login", _code(result)) if passing else Refused("login", _code(result))
        self._tokens[scope] = _Token(text, time.monotonic() + max(lasts - _EARLY, lasts / 2))
        return text


def _remembered(error: OutsideError) -> float:
    """Seconds for which asking again makes no sense."""
    if isinstance(error, Throttled):
        return min(error.retry_after or _REFUSAL_REMEMBERED, 60.0)
    return _REFUSAL_REMEMBERED if isinstance(error, Refused) else 0.0


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _code(result: Mapping[str, Any]) -> str:
    """The error's name and number; its description may tell more than a log should hold."""
    name, numbers = result.get("error"), result.get("error_codes")
    number = f" AADSTS{numbers[0]}" if isinstance(numbers, list) and numbers and isinstance(numbers[0], int) else ""
    return f"{_short(name) or 'no token'}{number}"


def bot_tokens(settings: Settings, http: HttpClient) -> Tokens:
    """Tokens of the bot's own registration. To be called in the event loop that will use them.

    Raises `SettingsError` if its certificate cannot be used.
    """
    if settings.app_type == "UserAssignedMSI":
        return Tokens(_managed(settings.app_id, http))
    credential: Any = settings.app_password.reveal()
    if settings.app_certificate is not None:
        credential = certificate_credential(settings.app_certificate)
    return Tokens(_confidential(settings, settings.app_id, settings.app_tenant_id, credential, http))


def graph_tokens(settings: Settings, http: HttpClient, bots: Tokens | None = None) -> Tokens:
    """Tokens for Graph: of its own application, or else of the bot's, which are `bots` where there are some already."""
    if not settings.graph_client_id:
        return bots or bot_tokens(settings, http)
    tenant, secret = settings.effective_graph_tenant_id, settings.graph_client_secret.reveal()
    return Tokens(_confidential(settings, settings.graph_client_id, tenant, secret, http))


def graph_scope(settings: Settings) -> str:
    """What a token for Graph is asked for."""
    parts = urlsplit(settings.graph_url)
    return f"{parts.scheme}://{parts.netloc}/.default"


def certificate_credential(file: Path) -> dict[str, str]:
    """msal's credential from a PEM file with a private key and a certificate, in any order. Raises `SettingsError`."""
    from cryptography import x509  # noqa: PLC0415 - needed by few installations
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415

    try:
        pem = file.read_bytes()
        key = form.load_pem_private_key(b"".join(_PRIVATE_KEY.findall(pem)), None)
        certificate = x509.load_pem_x509_certificates(pem)[0]
    except (OSError, ValueError, TypeError):  # TypeError: the key has a password
        problem = "MicrosoftAppCertificate must be a PEM file with a private key without password and its certificate"
        raise SettingsError((problem,)) from None
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return {
        "private_key": private.decode("ascii"),
        "public_certificate": certificate.public_bytes(form.Encoding.PEM).decode("ascii"),
    }


def _confidential(
    settings: Settings, client: str, tenant: str, credential: Any, http: HttpClient
) -> Callable[[str], Mapping[str, Any]]:
    bridge, alone = _Bridge(http), threading.Lock()
    made: list[Any] = []  # the one application, made in the first thread: it asks the login service who it is

    def application() -> Any:
        with alone:
            if not made:
                made.append(
                    msal.ConfidentialClientApplication(
                        client,
                        authority=f"{settings.login_url}/{tenant}",
                        client_credential=credential,
                        http_client=bridge,
                        token_cache=_Nothing(),
                        # Any other address is not known to the public cloud, which msal would ask about it.
                        instance_discovery=None if settings.login_url in _PUBLIC_LOGINS else False,
                    )
                )
            return made[0]

    return lambda scope: application().acquire_token_for_client(scopes=[scope]) or {}


def _managed(client: str, http: HttpClient) -> Callable[[str], Mapping[str, Any]]:
    identity = msal.ManagedIdentityClient(
        msal.UserAssignedManagedIdentity(client_id=client), http_client=_Bridge(http), token_cache=_Nothing()
    )
    return lambda scope: identity.acquire_token_for_client(resource=scope.removesuffix("/.default")) or {}


class Graph:
    """Requests to Microsoft Graph v1.0, with deadline, retries and typed errors."""

    def __init__(self, settings: Settings, http: HttpClient, tokens: Tokens, metrics: Metrics) -> None:
        self._settings = settings
        self._http = http
        self._tokens = tokens
        self._metrics = metrics
        self._base = f"{settings.graph_url}/v1.0"
        self._breaker = Breaker("graph")
        self._skew = Skew()
        self._scope = graph_scope(settings)

    async def json(self, path: str, *, permission: str = "") -> dict[str, Any]:
        """The object at a path such as `/users/...`; `permission` is what to name when it is refused."""
        return (await self._get(path, permission, 1 << 20)).json()

    async def pages(self, path: str, *, permission: str = "", most: int = 20) -> list[dict[str, Any]]:
        """All items of a collection of at most `most` pages, each of which has to be on Graph."""
        found: list[dict[str, Any]] = []
        for _ in range(most):
            items, path = await self.page(path, permission=permission)
            found += items
            if not path:
                return found
        raise Malformed("graph", "pages without end")

    async def page(self, path: str, *, permission: str = "") -> tuple[list[dict[str, Any]], str]:
        """One page of a collection, and the path of the next one or ""."""
        page = await self.json(path, permission=permission)
        items, following = page.get("value"), page.get("@odata.nextLink")
        if not isinstance(items, list):
            raise Malformed("graph", "a page without items")
        found = [item for item in items if isinstance(item, dict)]
        if not isinstance(following, str):
            return found, ""
        if not following.startswith(self._base + "/"):
            raise Malformed("graph", "the next page is elsewhere")
        return found, following.removeprefix(self._base)

    async def batch(self, paths: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
        """Status and object of each of up to 20 paths, in their order, by one request; {} for what is no object.

        Raises `Throttled` where one of them was, beside the errors of every request.
        """
        asked = [{"id": str(place), "method": "GET", "url": path} for place, path in enumerate(paths)]
        body = json.dumps({"requests": asked}).encode()
        answers = (await self._get("/$batch", "", 1 << 20, body)).json().get("responses")
        if not isinstance(answers, list):
            raise Malformed("graph", "a batch without answers")
        by_id = {one.get("id"): one for one in answers if isinstance(one, dict)}
        if by_id.keys() != {one["id"] for one in asked}:
            raise Malformed("graph", "a batch with other answers than were asked for")
        return [_part(by_id[one["id"]]) for one in asked]

    async def picture(self, path: str, *, permission: str = "") -> tuple[bytes, datetime | None]:
        """The bytes at a path, and when they were changed if that is told.

        A redirect is followed once, without our token, to a listed host.
        """
        answer = await self._get(path, permission, LARGEST_PICTURE)
        if answer.status == 302:
            return await self.download(answer.headers.get("Location", "")), None
        return answer.body, answer.last_modified

    async def download(self, url: str) -> bytes:
        """A pre-authorised address. It must not see our token, and must be where Microsoft keeps files."""
        if not any(host.matches(url) for host in self._settings.download_hosts):
            raise Malformed("sharepoint", "the download is on a host that is not listed")
        answer = await self._http.request(
            "GET", url, system="sharepoint", deadline=GRAPH_DEADLINE, limit=LARGEST_PICTURE
        )
        if answer.status != 200:
            raise _error("sharepoint", answer, "")
        return answer.body

    async def _get(self, path: str, permission: str, limit: int, body: bytes | None = None) -> Answer:
        token = await self._tokens.token(self._scope)
        answer = await self._once(path, token, limit, body)
        if answer.status == 401:
            self._tokens.forget(self._scope, token)
            answer = await self._once(path, await self._tokens.token(self._scope), limit, body)
        if answer.status not in (200, 302):
            raise _error("graph", answer, permission)
        return answer

    async def _once(self, path: str, token: str, limit: int, body: bytes | None) -> Answer:
        """A GET; with a body, which only asks, a POST of JSON: it may be repeated like one."""
        headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/json"} if body else {})
        self._breaker.ask()
        try:
            answer = await self._http.request(
                "POST" if body else "GET",
                self._base + path,
                system="graph",
                deadline=GRAPH_DEADLINE,
                headers=headers,
                body=body,
                limit=limit,
            )
        except OutsideError as error:
            self._metrics.graph_requests.labels(type(error).__name__.lower()).inc()
            self._breaker.failed(error)
            raise
        self._metrics.graph_requests.labels(str(answer.status)).inc()
        self._skew.saw(answer.headers.get("Date"))
        if answer.status == 429 or answer.status >= 500:
            self._breaker.failed(_error("graph", answer, ""))
        else:
            self._breaker.worked()
        return answer


def _part(one: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    status, body = one.get("status"), one.get("body")
    if not isinstance(status, int):
        raise Malformed("graph", "a batched answer without a status")
    if status == 429:
        headers = one.get("headers")
        asked = headers.get("Retry-After") if isinstance(headers, dict) else None
        raise Throttled("graph", "status 429 in a batch", retry_after(str(asked or "")))
    return status, body if isinstance(body, dict) else {}


def _error(system: str, answer: Answer, permission: str) -> OutsideError:
    code = error_code(answer.body)
    detail = f"status {answer.status} {code}".strip()
    if answer.status in (401, 403):
        return Refused(system, detail, permission if answer.status == 403 else "")
    if answer.status == 429 or (answer.status == 503 and answer.retry_after is not None):
        return Throttled(system, detail, answer.retry_after)
    if answer.status in (404, 410):
        return NotFound(system, detail, code)
    if answer.status == 400:
        return BadRequest(system, detail, code)
    return Outage(system, detail) if answer.status >= 500 else Malformed(system, detail)


def error_code(body: bytes) -> str:
    """The code of Graph's error document, if it is one; short and plain enough to log."""
    try:
        return _short(json.loads(body)["error"]["code"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _short(code: object) -> str:
    return code if isinstance(code, str) and code.isascii() and len(code) <= 80 and code.isprintable() else ""
