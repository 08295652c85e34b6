"""What the systems with a JSON interface share: signing in, statuses as errors, ids and addresses to be trusted."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from yarl import URL

from bot.errors import Malformed, NotFound, Outage, Refused, Throttled
from bot.http_client import Bearer, HttpClient, Response, Retry

log = logging.getLogger(__name__)

SYSTEM = "tickets"  # in errors
TIMEOUT = 8.0  # seconds for one request, its further attempts included
_LONGEST_ADDRESS = 2_000  # letters
_NO_ADDRESS = ' "<>\\^`{|}'  # signs that an address has only in another spelling
_LONGEST_ID = 200  # letters
_LONGEST_ANSWER = 4 << 20  # bytes
# After anything but these nothing is sent again here: what was created may be there although the answer is lost.
_CREATING = Retry(statuses=frozenset({429}), unknown=frozenset(), unknown_retries=0)
_READING = Retry()
_TAG = re.compile(r"<[^<>]{0,2000}>")
_BREAK = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]{0,200}>", re.IGNORECASE)


def basic(user: str, password: str) -> dict[str, str]:
    """HTTP's Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Rest:
    """One system's interface. Everything raises `OutsideError` of system `tickets`."""

    def __init__(self, http: HttpClient, base: str, headers: Mapping[str, str], bearer: Bearer | None = None) -> None:
        self._http = http
        self._bearer = bearer
        self.base = base
        self._headers = {"Accept": "application/json", **headers}

    async def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        document: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer to a request. `path` is quoted already; `body` is sent as it is, with its type in `headers`."""
        sent = dict(headers or {})
        if document is not None:
            body, sent["Content-Type"] = json.dumps(document, ensure_ascii=False).encode(), "application/json"
        url = URL(self.base + path, encoded=True)
        answer = await self._http.request(
            method,
            url.update_query(query) if query else url,
            system=SYSTEM,
            timeout=TIMEOUT,
            headers={**self._headers, **sent},
            body=body,
            limit=_LONGEST_ANSWER,
            retry=_READING if method == "GET" else _CREATING,
            bearer=self._bearer,
        )
        refuse_failure(answer)
        if not answer.body and method != "GET":
            return {}
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise Malformed(SYSTEM, f"not JSON (status {answer.status})") from None


def refuse_failure(answer: Response) -> None:
    """Raises what a status means, if it is not a success."""
    status = answer.status
    if 200 <= status < 300:
        return
    detail = f"status {status}"
    if status == 404:
        raise NotFound(SYSTEM, detail)
    if status == 429:
        raise Throttled(SYSTEM, detail, _wait(answer))
    if status >= 500:
        raise Outage(SYSTEM, detail)
    if 300 <= status < 400:
        detail += ", a redirect, which is not followed"
    raise Refused(SYSTEM, detail)


def _wait(answer: Response) -> float | None:
    """Seconds that the system asks us to wait: by `Retry-After`, or by when its next window begins."""
    if answer.retry_after is not None:
        return answer.retry_after
    reset = answer.headers.get("X-RateLimit-Reset") or answer.headers.get("RateLimit-Reset") or ""
    if not reset.isdecimal() or len(reset) > 12:
        return None
    seconds = float(reset)
    return max(0.0, min(3600.0, seconds - time.time() if seconds > 1e9 else seconds))


def objects(found: Any) -> list[dict[str, Any]]:
    """A list of objects. Raises `Malformed` for anything else."""
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Malformed(SYSTEM, "not a list of objects")
    return found


def member(found: Any, name: str) -> Any:
    """A member of an object. Raises `Malformed` where there is none."""
    if not isinstance(found, dict) or name not in found:
        raise Malformed(SYSTEM, f"an answer without {name}")
    return found[name]


def identity(found: Any, name: str) -> str:
    """An id or number in an object, as text. Raises `Malformed` for what cannot be one."""
    value = member(found, name)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text or len(text) > _LONGEST_ID or not (text.isascii() and text.isprintable()):
        raise Malformed(SYSTEM, f"a {name} that is none")
    return text


def number(found: Any, name: str) -> str:
    """An id that has to be a whole number, as text. Raises `Malformed` for any other."""
    text = identity(found, name)
    if not text.isdecimal():
        raise Malformed(SYSTEM, f"a {name} that is no number")
    return text


def safe_url(value: object) -> str:
    """An address that may be shown, or "": https, with a host, without a user, in letters that are what they seem."""
    if not isinstance(value, str) or not value.startswith("https://") or len(value) >= _LONGEST_ADDRESS:
        return ""
    if not value.isascii() or not value.isprintable() or any(sign in value for sign in _NO_ADDRESS):
        return ""
    try:
        parts = urlsplit(value)
        there = bool(parts.hostname) and parts.username is None and parts.password is None and parts.port != 0
    except ValueError:
        return ""
    return value if there else ""


def segment(identity_: str) -> str:
    """An id as a part of a path."""
    return quote(identity_, safe="")


def merged(document: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """An installation's own names and values laid over what is sent: deeply, lists joined."""
    found = dict(document)
    for name, value in fields.items():
        there = found.get(name)
        if isinstance(there, dict) and isinstance(value, Mapping):
            found[name] = merged(there, value)
        elif isinstance(there, list) and isinstance(value, list):
            found[name] = [*there, *value]
        else:
            found[name] = value
    return found


def report_dropped(system: str, fields: Mapping[str, Any], made: Mapping[str, Any], unseen: Sequence[str] = ()) -> None:
    """Log which of an installation's own fields a new ticket has not kept: some systems drop them in silence.

    `made`: the ticket in the system's answer; `unseen`: names that are not in it.
    """
    empty = ("", None)
    wanted = {name for name, value in fields.items() if name not in unseen and value not in empty}
    if lost := sorted(name for name in wanted if made.get(name) in empty):
        log.error("%s did not keep %s: see the field's name and who may write it", system, ", ".join(lost))


def plain(markup: object) -> str:
    """The words of some HTML."""
    if not isinstance(markup, str):
        return ""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", markup[:50_000]))).strip()


def as_html(text: str) -> str:
    """Text as HTML that shows just it."""
    return html.escape(text).replace("\n", "<br>\n")


def multipart(name: str, file: str, content: bytes, kind: str = "application/json") -> tuple[bytes, dict[str, str]]:
    """One file as a form: the body, and its header."""
    border = secrets.token_hex(16)
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{file}"'
    head = f"--{border}\r\n{disposition}\r\nContent-Type: {kind}\r\n\r\n"
    body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={border}"}
