"""msal's way through the event loop's one session, and what it answers, read with care."""

from __future__ import annotations

import asyncio
import json
import math
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msal

from bot.clouds import CLOUDS
from bot.errors import Malformed, Outage, OutsideError, Refused, Throttled
from bot.http_client import NEVER, HttpClient, Response, plain_code

TIMEOUT = 5.0  # seconds, of one request to the login service
TOKEN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")  # what a header can carry
PUBLIC_LOGINS = frozenset(cloud.login_url for cloud in CLOUDS.values())
_LIFETIME_UNKNOWN = 60.0  # seconds that a token is used which does not say how long it is good
_LONGEST_LIFETIME = 86_400.0


class _Reply:
    """An HTTP answer in the shape that msal reads."""

    def __init__(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status_code = status
        self.text = json.dumps(document)
        self.headers = dict(headers)

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise Outage("login", f"status {self.status_code}")


class Bridge:
    """msal's HTTP client: called from a thread, it sends through the event loop's one session.

    msal logs answers that it does not understand, whole. So none reaches it that is not a JSON object, and it never
    sees a token: `token` gives it back for the stand-in that msal is given, and a request with the stand-in of a
    refresh token is sent with the token.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._loop = asyncio.get_running_loop()
        self._held: dict[str, str] = {}

    def get(self, url: str, params: Any = None, headers: Mapping[str, str] | None = None, **_: Any) -> _Reply:
        joiner = "&" if "?" in url else "?"
        return self._request("GET", f"{url}{joiner}{urlencode(params)}" if params else url, dict(headers or {}), None)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> _Reply:
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        if isinstance(data, str):
            body = data.encode()
        else:
            body = urlencode({name: self._held.get(str(value), value) for name, value in (data or {}).items()}).encode()
        return self._request("POST", f"{url}?{urlencode(params)}" if params else url, sent, body)

    def close(self) -> None:
        """See `requests.Session`; the session is the application's."""

    def token(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """msal's result with the token itself in it."""
        held = self._held.pop(str(result.get("access_token")), None)
        return {**result, "access_token": held} if held is not None else result

    def _request(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> _Reply:
        request = self._http.request(
            method, url, system="login", timeout=TIMEOUT, headers=headers, body=body, retry=NEVER
        )
        answer = asyncio.run_coroutine_threadsafe(request, self._loop).result(TIMEOUT + 1)
        if answer.status == 429 or answer.status >= 500:
            raise _unavailable(answer)
        try:
            document = answer.json()
        except Malformed as error:
            raise Outage("login", error.detail) from None
        if method == "GET" and answer.status == 400:  # no such tenant, no such identity: msal would raise ValueError
            raise Refused("login", refusal_code(document))
        if method == "POST" and "access_token" not in document and "error" in document:
            document = {**document, "error": _named(document["error"])}
        if "access_token" not in document:
            return _Reply(answer.status, document, answer.headers)
        return _Reply(answer.status, self._hold(document), answer.headers)

    def _hold(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """What msal needs of a token's answer, with a stand-in for the token."""
        text = document["access_token"]
        if not isinstance(text, str) or not TOKEN.fullmatch(text):
            raise Outage("login", "a token that no request can carry")
        seconds = int(lifetime_of(document))
        resource = document.get("resource")
        refresh = document.get("refresh_token")
        return {
            **({"refresh_token": self._stand_in(refresh)} if isinstance(refresh, str) else {}),
            "access_token": self._stand_in(text),
            "token_type": "Bearer",
            "expires_in": seconds,
            "expires_on": str(int(time.time()) + seconds),
            "resource": resource if isinstance(resource, str) else "",
        }

    def _stand_in(self, token: str) -> str:
        name = f"held-{secrets.token_hex(8)}"
        self._held[name] = token
        return name


class NoCache(msal.TokenCache):  # type: ignore[misc]  # msal has no types
    """Keeps no token: `Tokens` does, and a request after `forget` must reach the login service."""

    def add(self, event: Any, now: Any = None) -> None:
        """See `msal.TokenCache`."""


def _named(error: object) -> str:
    """An error as msal may keep it: it sends the names of those that it met in a header, with every later request."""
    name = plain_code(error)
    if not name:
        raise Outage("login", "an error without a name")
    return name


def _unavailable(answer: Response) -> OutsideError:
    detail = f"status {answer.status} {answer.error_code}".strip()
    wait = answer.retry_after
    throttled = answer.status == 429 or (answer.status == 503 and wait is not None)
    return Throttled("login", detail, wait) if throttled else Outage("login", detail)


def lifetime_of(document: Mapping[str, Any]) -> float:
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


def refusal_code(result: Mapping[str, Any]) -> str:
    """The error's name and number; its description may hold more than a log should."""
    name, numbers = result.get("error"), result.get("error_codes")
    number = f" AADSTS{numbers[0]}" if isinstance(numbers, list) and numbers and isinstance(numbers[0], int) else ""
    return f"{plain_code(name) or 'no token'}{number}"
