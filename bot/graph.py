"""Tokens and Graph requests. The only importer of msal."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import msal

from bot.clouds import CLOUDS
from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, Throttled
from bot.metrics import Metrics
from bot.outgoing import NEVER, Answer, Outgoing
from bot.settings import Settings

log = logging.getLogger(__name__)

LOGIN_DEADLINE = 5.0  # seconds
GRAPH_DEADLINE = 8.0
LARGEST_PICTURE = 8 << 20  # bytes
_EARLY = 300.0  # seconds before its end that a token is not used any more
_REFUSAL_REMEMBERED = 10.0  # seconds: a wrong secret does not become right by asking at once
_PUBLIC_LOGINS = frozenset(cloud.login_url for cloud in CLOUDS.values())


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

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._loop = asyncio.get_running_loop()

    def get(self, url: str, params: Any = None, headers: Mapping[str, str] | None = None, **_: Any) -> _Reply:
        """One GET."""
        joiner = "&" if "?" in url else "?"
        return self._ask("GET", f"{url}{joiner}{urlencode(params)}" if params else url, dict(headers or {}), None)

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
        asked = self._outgoing.request(
            method, url, system="login", deadline=LOGIN_DEADLINE, headers=headers, body=body, retry=NEVER
        )
        return _Reply(asyncio.run_coroutine_threadsafe(asked, self._loop).result(LOGIN_DEADLINE + 1))


@dataclass(frozen=True)
class _Token:
    text: str
    good_until: float  # time.monotonic()


class _NoCache(msal.TokenCache):  # type: ignore[misc] # msal ships no types
    """Keeps nothing: `Tokens` is the one cache, so that a token which was refused is really asked for anew."""

    def add(self, event: Mapping[str, Any], now: float | None = None) -> None:
        """See `msal.TokenCache`."""


class Tokens:
    """App-only tokens of one registration; each is asked for once and used until shortly before it ends."""

    def __init__(self, acquire: Callable[[str], dict[str, Any]]) -> None:
        self._acquire = acquire  # blocking: runs in a thread
        self._tokens: dict[str, _Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._refused: dict[str, tuple[float, str]] = {}

    async def token(self, scope: str) -> str:
        """A bearer token for a scope. Raises `Refused` if the login service says no, `Outage` if it does not answer."""
        known = self._tokens.get(scope)
        if known is not None and time.monotonic() < known.good_until:
            return known.text
        async with self._locks.setdefault(scope, asyncio.Lock()):
            known = self._tokens.get(scope)
            if known is not None and time.monotonic() < known.good_until:
                return known.text
            return await self._fresh(scope)

    def forget(self, scope: str) -> None:
        """Do not use the present token again: the other side has refused it."""
        self._tokens.pop(scope, None)

    async def _fresh(self, scope: str) -> str:
        until, why = self._refused.get(scope, (0.0, ""))
        if time.monotonic() < until:
            raise Refused("login", why)
        try:
            async with asyncio.timeout(2 * LOGIN_DEADLINE + 2):
                result = await asyncio.to_thread(self._acquire, scope)
        except OutsideError:
            raise
        except TimeoutError:
            raise Outage("login", "no answer in time") from None
        except Exception as error:  # msal raises ValueError, RuntimeError and others for answers it does not expect
            raise Outage("login", type(error).__name__) from None
        text = result.get("access_token")
        if not isinstance(text, str) or not text:
            why = _code(result)
            self._refused[scope] = (time.monotonic() + _REFUSAL_REMEMBERED, why)
            log.error("sign-in refused: %s", why)
            raise Refused("login", why)
        lasts = float(result.get("expires_in", 3600))
        self._tokens[scope] = _Token(text, time.monotonic() + max(lasts - _EARLY, lasts / 2))
        return text


def _code(result: Mapping[str, Any]) -> str:
    """The error's name and number; its description may tell more than a log should hold."""
    numbers = result.get("error_codes")
    number = f" AADSTS{numbers[0]}" if isinstance(numbers, list) and numbers else ""
    return f"{result.get('error', 'no token')}{number}"


def bot_tokens(settings: Settings, outgoing: Outgoing) -> Tokens:
    """Tokens of the bot's own registration. To be called in the event loop that will use them."""
    if settings.app_type == "UserAssignedMSI":
        return Tokens(_managed(settings.app_id, outgoing))
    credential: Any = str(settings.app_password)
    if settings.app_certificate is not None:
        credential = certificate_credential(settings.app_certificate.read_text(encoding="ascii"))
    return Tokens(_confidential(settings, settings.app_id, settings.app_tenant_id, credential, outgoing))


def graph_tokens(settings: Settings, outgoing: Outgoing) -> Tokens:
    """Tokens for Graph: of its own application, or of the bot's."""
    if not settings.graph_client_id:
        return bot_tokens(settings, outgoing)
    tenant, secret = settings.effective_graph_tenant_id, str(settings.graph_client_secret)
    return Tokens(_confidential(settings, settings.graph_client_id, tenant, secret, outgoing))


def certificate_credential(pem: str) -> dict[str, str]:
    """msal's credential from a PEM with a private key and a certificate; raises ValueError if either is missing."""
    from cryptography import x509  # noqa: PLC0415 - needed by few installations
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    certificate = x509.load_pem_x509_certificate(pem.encode())
    start = pem.index("-----BEGIN CERTIFICATE-----")
    key = pem[:start] + pem[pem.index("-----END CERTIFICATE-----", start) + len("-----END CERTIFICATE-----") :]
    if "PRIVATE KEY-----" not in key:
        raise ValueError("no private key in the file")
    return {
        "private_key": key.strip() + "\n",
        "thumbprint": certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - the name of a certificate, not a proof
        "public_certificate": pem[start:],
    }


def _confidential(
    settings: Settings, client: str, tenant: str, credential: Any, outgoing: Outgoing
) -> Callable[[str], dict[str, Any]]:
    bridge = _Bridge(outgoing)
    made: list[Any] = []  # the one application, made in the first thread: it asks the login service who it is

    def acquire(scope: str) -> dict[str, Any]:
        if not made:
            made.append(
                msal.ConfidentialClientApplication(
                    client,
                    authority=f"{settings.login_url}/{tenant}",
                    client_credential=credential,
                    http_client=bridge,
                    token_cache=_NoCache(),
                    # Any other address is not known to the public cloud, which msal would ask about it.
                    instance_discovery=None if settings.login_url in _PUBLIC_LOGINS else False,
                )
            )
        result: dict[str, Any] = made[0].acquire_token_for_client(scopes=[scope]) or {}
        return result

    return acquire


def _managed(client: str, outgoing: Outgoing) -> Callable[[str], dict[str, Any]]:
    identity = msal.ManagedIdentityClient(
        msal.UserAssignedManagedIdentity(client_id=client), http_client=_Bridge(outgoing), token_cache=_NoCache()
    )

    def acquire(scope: str) -> dict[str, Any]:
        result: dict[str, Any] = identity.acquire_token_for_client(resource=scope.removesuffix("/.default")) or {}
        return result

    return acquire


class Graph:
    """Requests to Microsoft Graph v1.0, with deadline, retries and typed errors."""

    def __init__(self, settings: Settings, outgoing: Outgoing, tokens: Tokens, metrics: Metrics) -> None:
        self._settings = settings
        self._outgoing = outgoing
        self._tokens = tokens
        self._metrics = metrics
        self._base = f"{settings.graph_url}/v1.0"
        parts = urlsplit(settings.graph_url)
        self._scope = f"{parts.scheme}://{parts.netloc}/.default"

    async def json(self, path: str, *, permission: str = "") -> dict[str, Any]:
        """The object at a path such as `/users/...`; `permission` is what to name when it is refused."""
        return (await self._get(path, permission, 1 << 20)).json()

    async def pages(self, path: str, *, permission: str = "", most: int = 20) -> list[dict[str, Any]]:
        """All items of a collection, following its pages as long as they stay on Graph."""
        found: list[dict[str, Any]] = []
        for _ in range(most):
            page = await self.json(path, permission=permission)
            found += [item for item in page.get("value", ()) if isinstance(item, dict)]
            following = page.get("@odata.nextLink")
            if not isinstance(following, str):
                return found
            if not following.startswith(self._base + "/"):
                raise Malformed("graph", "the next page is elsewhere")
            path = following.removeprefix(self._base)
        return found

    async def picture(self, path: str, *, permission: str = "") -> bytes:
        """The bytes at a path; a redirect is followed once, without our token, to a listed host."""
        answer = await self._get(path, permission, LARGEST_PICTURE)
        if answer.status == 302:
            return await self.download(answer.headers.get("Location", ""))
        return answer.body

    async def download(self, url: str) -> bytes:
        """A pre-authorised address. It must not see our token, and must be where Microsoft keeps files."""
        if not any(host.matches(url) for host in self._settings.download_hosts):
            raise Malformed("sharepoint", "the download is on a host that is not listed")
        answer = await self._outgoing.request(
            "GET", url, system="sharepoint", deadline=GRAPH_DEADLINE, limit=LARGEST_PICTURE
        )
        if answer.status != 200:
            raise _error("sharepoint", answer, "")
        return answer.body

    async def _get(self, path: str, permission: str, limit: int) -> Answer:
        answer = await self._once(path, limit)
        if answer.status == 401:
            self._tokens.forget(self._scope)
            answer = await self._once(path, limit)
        if answer.status not in (200, 302):
            raise _error("graph", answer, permission)
        return answer

    async def _once(self, path: str, limit: int) -> Answer:
        headers = {"Authorization": f"Bearer {await self._tokens.token(self._scope)}"}
        try:
            answer = await self._outgoing.request(
                "GET", self._base + path, system="graph", deadline=GRAPH_DEADLINE, headers=headers, limit=limit
            )
        except OutsideError as error:
            self._metrics.graph_requests.labels(type(error).__name__.lower()).inc()
            raise
        self._metrics.graph_requests.labels(str(answer.status)).inc()
        return answer


def _error(system: str, answer: Answer, permission: str) -> OutsideError:
    code = error_code(answer.body)
    detail = f"status {answer.status} {code}".strip()
    if answer.status in (401, 403):
        return Refused(system, detail, permission)
    if answer.status == 429:
        return Throttled(system, detail, answer.retry_after)
    if answer.status in (400, 404, 410):
        return NotFound(system, detail, code)
    if answer.status == 503 and answer.retry_after is not None:
        return Throttled(system, detail, answer.retry_after)
    if answer.status >= 500:
        return Outage(system, detail)
    return Malformed(system, detail)


def error_code(body: bytes) -> str:
    """The code of Graph's error document, if it is one; short and plain enough to log."""
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return code if isinstance(code, str) and code.isascii() and len(code) <= 80 and code.isprintable() else ""
