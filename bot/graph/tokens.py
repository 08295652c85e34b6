"""Bearer tokens of our applications, by client secret, certificate or managed identity. The only importer of msal."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msal

from bot import certificate
from bot.clouds import CLOUDS
from bot.errors import Malformed, Outage, OutsideError, Refused, SettingsError, Throttled, TimedOut
from bot.http_client import NEVER, Answer, HttpClient, plain_code
from bot.setting_values import Secret
from bot.settings import Settings

log = logging.getLogger(__name__)

_DEADLINE = 5.0  # seconds, of one request to the login service
_LIFETIME_UNKNOWN = 60.0  # seconds that a token is used which does not say how long it is good
_LONGEST_LIFETIME = 86_400.0
_TOKEN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")  # what a header can carry
_EARLY = 300.0  # seconds before its end that a token is not used any more
_REFUSAL_CACHED = 10.0  # seconds: a wrong secret does not become right by an immediate retry
_TRANSIENT = frozenset({"temporarily_unavailable", "server_error"})  # OAuth's words for an outage
_PUBLIC_LOGINS = frozenset(cloud.login_url for cloud in CLOUDS.values())


class _Reply:
    """An HTTP answer in the shape that msal reads."""

    def __init__(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status_code = status
        self.text = json.dumps(document)
        self.headers = dict(headers)

    def raise_for_status(self) -> None:
        """See `requests.Response`."""
        if self.status_code >= 400:
            raise Outage("login", f"status {self.status_code}")


class _Bridge:
    """msal's HTTP client: called from a thread, it sends through the event loop's one session.

    msal logs answers that it does not understand, whole. So none reaches it that is not a JSON object, and it never
    sees a token: `token` gives it back for the stand-in that msal is given.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._loop = asyncio.get_running_loop()
        self._held: dict[str, str] = {}

    def get(self, url: str, params: Any = None, headers: Mapping[str, str] | None = None, **_: Any) -> _Reply:
        """One GET."""
        joiner = "&" if "?" in url else "?"
        return self._request("GET", f"{url}{joiner}{urlencode(params)}" if params else url, dict(headers or {}), None)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> _Reply:
        """One POST of a form."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        body = data.encode() if isinstance(data, str) else urlencode(data or {}).encode()
        return self._request("POST", f"{url}?{urlencode(params)}" if params else url, sent, body)

    def close(self) -> None:
        """See `requests.Session`; the session is the application's."""

    def token(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """msal's result with the token itself in it."""
        held = self._held.pop(str(result.get("access_token")), None)
        return {**result, "access_token": held} if held is not None else result

    def _request(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> _Reply:
        request = self._http.request(
            method, url, system="login", deadline=_DEADLINE, headers=headers, body=body, retry=NEVER
        )
        answer = asyncio.run_coroutine_threadsafe(request, self._loop).result(_DEADLINE + 1)
        if answer.status == 429 or answer.status >= 500:
            raise _unavailable(answer)
        try:
            document = answer.json()
        except Malformed as error:
            raise Outage("login", error.detail) from None
        if method == "GET" and answer.status == 400:  # no such tenant, no such identity: msal would raise ValueError
            raise Refused("login", _code(document))
        if "access_token" not in document:
            return _Reply(answer.status, document, answer.headers)
        return _Reply(answer.status, self._hold(document), answer.headers)

    def _hold(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """What msal needs of a token's answer, with a stand-in for the token."""
        text = document["access_token"]
        if not isinstance(text, str) or not _TOKEN.fullmatch(text):
            raise Outage("login", "a token that no request can carry")
        name, seconds = f"held-{secrets.token_hex(8)}", int(_lifetime(document))
        self._held[name] = text
        resource = document.get("resource")
        return {
            "access_token": name,
            "token_type": "Bearer",
            "expires_in": seconds,
            "expires_on": str(int(time.time()) + seconds),
            "resource": resource if isinstance(resource, str) else "",
        }


class _NoCache(msal.TokenCache):  # type: ignore[misc]  # msal has no types
    """Keeps no token: `Tokens` does, and a request after `forget` must reach the login service."""

    def add(self, event: Any, now: Any = None) -> None:
        """See `msal.TokenCache`."""


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    usable_until: float  # time.monotonic()


class Tokens:
    """App-only tokens of one registration, each cached until shortly before it expires."""

    def __init__(self, acquire: Callable[[str], Mapping[str, Any]]) -> None:
        self._acquire = acquire  # blocking: runs in a thread
        self._cached: dict[str, _Token] = {}
        self._pending: dict[str, asyncio.Task[str]] = {}
        self._failed: dict[str, tuple[float, OutsideError]] = {}

    async def token(self, scope: str) -> str:
        """A bearer token for a scope; callers at the same time share one request, and its failure.

        Raises `Refused` if the login service says no to us, `Throttled`, `TimedOut` or `Outage` if it gives none now.
        """
        known = self._cached.get(scope)
        if known is not None and time.monotonic() < known.usable_until:
            return known.text
        until, error = self._failed.get(scope, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise error
        task = self._pending.get(scope)
        if task is None:
            task = self._pending[scope] = asyncio.create_task(self._fetch(scope))
            task.add_done_callback(lambda done: self._finished(scope, done))
        # A caller that is cancelled does not cancel the request of the others.
        return await asyncio.shield(task)

    def forget(self, scope: str, token: str = "") -> None:
        """Drop the cached token, if it is still `token`: the other side has refused it."""
        known = self._cached.get(scope)
        if known is not None and token in ("", known.text):
            del self._cached[scope]

    def _finished(self, scope: str, task: asyncio.Task[str]) -> None:
        del self._pending[scope]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, OutsideError):
            log.error("no token: %s", error)
            self._failed[scope] = (time.monotonic() + _seconds_cached(error), error)

    async def _fetch(self, scope: str) -> str:
        try:
            async with asyncio.timeout(2 * _DEADLINE + 2):
                result = await asyncio.to_thread(self._acquire, scope)
        except OutsideError:
            raise
        except TimeoutError:
            raise TimedOut("login", "no answer in time") from None
        except Exception as error:  # msal raises ValueError, RuntimeError and others for answers it does not expect
            raise Outage("login", f"a useless answer ({type(error).__name__})") from None
        text = result.get("access_token")
        if not isinstance(text, str) or not _TOKEN.fullmatch(text):
            transient = plain_code(result.get("error")) in _TRANSIENT
            raise Outage("login", _code(result)) if transient else Refused("login", _code(result))
        lifetime = _lifetime(result)
        self._cached[scope] = _Token(text, time.monotonic() + max(lifetime - _EARLY, lifetime / 2))
        return text


def _seconds_cached(error: OutsideError) -> float:
    """Seconds for which the same request would fail in the same way."""
    if isinstance(error, Throttled):
        return min(error.retry_after or _REFUSAL_CACHED, 60.0)
    return _REFUSAL_CACHED if isinstance(error, Refused) else 0.0


def _unavailable(answer: Answer) -> OutsideError:
    detail = f"status {answer.status} {answer.error_code}".strip()
    wait = answer.retry_after
    throttled = answer.status == 429 or (answer.status == 503 and wait is not None)
    return Throttled("login", detail, wait) if throttled else Outage("login", detail)


def _lifetime(document: Mapping[str, Any]) -> float:
    """Seconds that a token is good for: a number, also as text, or a time; a short while where none makes sense."""
    lifetime = _number(document.get("expires_in"))
    if lifetime is None:
        ends = _number(document.get("expires_on"))
        lifetime = None if ends is None else ends - time.time()
    if lifetime is None or lifetime <= 0:
        return _LIFETIME_UNKNOWN
    return min(lifetime, _LONGEST_LIFETIME)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _code(result: Mapping[str, Any]) -> str:
    """The error's name and number; its description may hold more than a log should."""
    name, numbers = result.get("error"), result.get("error_codes")
    number = f" AADSTS{numbers[0]}" if isinstance(numbers, list) and numbers and isinstance(numbers[0], int) else ""
    return f"{plain_code(name) or 'no token'}{number}"


def bot_tokens(settings: Settings, http: HttpClient) -> Tokens:
    """Tokens of the bot's own registration. To be called in the event loop that will use them.

    Raises `SettingsError` if its certificate cannot be used.
    """
    if settings.app_type == "UserAssignedMSI":
        return Tokens(_managed(settings.app_id, http))
    credential: Any = settings.app_password.reveal()
    if settings.app_certificate is not None:
        credential = _credential("MicrosoftAppCertificate", settings.app_certificate, settings.app_certificate_password)
    return Tokens(_confidential(settings, settings.app_id, settings.app_tenant_id, credential, http))


def graph_tokens(settings: Settings, http: HttpClient, bot: Tokens | None = None) -> Tokens:
    """Tokens for Graph: of its own application, or else of the bot's: `bot`, where these exist already.

    Raises as `bot_tokens` does.
    """
    if not settings.graph_client_id:
        return bot or bot_tokens(settings, http)
    credential: Any = settings.graph_client_secret.reveal()
    if settings.graph_client_certificate is not None:
        file, password = settings.graph_client_certificate, settings.graph_client_certificate_password
        credential = _credential("PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE", file, password)
    tenant = settings.effective_graph_tenant_id
    return Tokens(_confidential(settings, settings.graph_client_id, tenant, credential, http))


def _credential(setting: str, file: Path, password: Secret) -> dict[str, str]:
    """msal's credential from the file that a setting names. Raises `SettingsError`."""
    try:
        found = certificate.read(file.read_bytes(), password.reveal())
    except OSError:
        raise SettingsError((f"{setting} names something that cannot be read",)) from None
    except certificate.NotUsable as error:
        raise SettingsError((f"{setting} cannot be used: {error}",)) from None
    return {"private_key": found.private_key, "public_certificate": found.public}


def _confidential(
    settings: Settings, client: str, tenant: str, credential: Any, http: HttpClient
) -> Callable[[str], Mapping[str, Any]]:
    bridge = _Bridge(http)
    application = _maker(settings, client, tenant, credential, bridge)
    return lambda scope: bridge.token(application().acquire_token_for_client(scopes=[scope]) or {})


def _maker(
    settings: Settings, client: str, tenant: str, credential: Any, bridge: _Bridge, **more: Any
) -> Callable[[], Any]:
    """The one application, made in the first thread that asks: that sends a request to the login service."""
    lock = threading.Lock()
    made: list[Any] = []

    def application() -> Any:
        with lock:
            if not made:
                made.append(
                    msal.ConfidentialClientApplication(
                        client,
                        authority=f"{settings.login_url}/{tenant}",
                        client_credential=credential,
                        http_client=bridge,
                        token_cache=_NoCache(),
                        # msal would look any other address up in the public cloud, which does not know it.
                        instance_discovery=None if settings.login_url in _PUBLIC_LOGINS else False,
                        **more,
                    )
                )
            return made[0]

    return application


class SignInBridge(_Bridge):
    """For a person's sign-in: of the answer only the id token is passed on. No token for anything else is kept."""

    def _hold(self, document: Mapping[str, Any]) -> dict[str, Any]:
        return {"id_token": document.get("id_token"), "token_type": "Bearer"}


def sign_in_application(settings: Settings, http: HttpClient) -> Callable[[], Any] | None:
    """What makes the msal application that people sign in with: the bot's own registration, or Graph's where the bot is
    a managed identity, which nobody can sign in to; None where there is neither. To be called in the event loop; the
    maker is called in a thread. Raises as `bot_tokens` does.
    """
    if settings.app_type != "UserAssignedMSI":
        client, tenant = settings.app_id, settings.app_tenant_id
        name, file = "MicrosoftAppCertificate", settings.app_certificate
        password, secret = settings.app_certificate_password, settings.app_password
    elif settings.graph_client_id:
        client, tenant = settings.graph_client_id, settings.effective_graph_tenant_id
        name, file = "PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE", settings.graph_client_certificate
        password, secret = settings.graph_client_certificate_password, settings.graph_client_secret
    else:
        return None
    credential = secret.reveal() if file is None else _credential(name, file, password)
    bridge = SignInBridge(http)
    return _maker(settings, client, tenant, credential, bridge, exclude_scopes=["offline_access"])


def _managed(client: str, http: HttpClient) -> Callable[[str], Mapping[str, Any]]:
    bridge = _Bridge(http)
    identity = msal.ManagedIdentityClient(
        msal.UserAssignedManagedIdentity(client_id=client), http_client=bridge, token_cache=_NoCache()
    )
    return lambda scope: bridge.token(identity.acquire_token_for_client(resource=scope.removesuffix("/.default")) or {})
