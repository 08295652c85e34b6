"""`POST /api/tickets/{system}`: a helpdesk system says that something has changed.

The call is verified as that system signs, and then only brings forward when states are read: nothing in it is believed.
Which tickets it is about is taken from it as a hint; where it names none that is known, all are read, at most once in
half a minute.

Sources: Jira signs with `X-Hub-Signature: sha256=...` (developer.atlassian.com, webhooks), Zammad with
`X-Hub-Signature: sha1=...` (admin-docs.zammad.org), Zendesk with `X-Zendesk-Webhook-Signature` over time and body
(developer.zendesk.com), `webhook` after Standard Webhooks. The others sign nothing; they can send a header:
`Authorization: Bearer` with PHOTOSYNC_TICKET_WAKE_SECRET.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import standardwebhooks

from bot.settings import Settings
from bot.store import JobKind
from bot.store.interface import Store

_OLDEST = 300.0  # seconds of a signature that carries a time
_ALL_INTERVAL = 30.0  # seconds
_MOST = 2_000  # open tickets that are looked through

Headers = Mapping[str, str]
_Verify = Callable[[str, Headers, bytes], bool]


def _bearer(secret: str, headers: Headers, body: bytes) -> bool:
    del body
    return hmac.compare_digest(headers.get("Authorization", "").encode(errors="replace"), f"Bearer {secret}".encode())


def _hub(name: str) -> _Verify:
    def verify(secret: str, headers: Headers, body: bytes) -> bool:
        made = f"{name}=" + hmac.new(secret.encode(), body, name).hexdigest()
        return hmac.compare_digest(headers.get("X-Hub-Signature", "").encode(errors="replace"), made.encode())

    return verify


def _zendesk(secret: str, headers: Headers, body: bytes) -> bool:
    at = headers.get("X-Zendesk-Webhook-Signature-Timestamp", "")
    try:
        age = time.time() - datetime.fromisoformat(at).timestamp()
    except (ValueError, OverflowError):
        return False
    made = base64.b64encode(hmac.new(secret.encode(), at.encode() + body, hashlib.sha256).digest())
    return abs(age) < _OLDEST and hmac.compare_digest(
        headers.get("X-Zendesk-Webhook-Signature", "").encode(errors="replace"), made
    )


def _standard(secret: str, headers: Headers, body: bytes) -> bool:
    try:
        standardwebhooks.Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (standardwebhooks.WebhookVerificationError, ValueError, TypeError):
        return False
    return True


_VERIFIERS: Final[Mapping[str, _Verify]] = {
    "jira": _hub("sha256"),
    "zammad": _hub("sha1"),
    "zendesk": _zendesk,
    "webhook": _standard,
}


class WakeUpCalls:
    """Takes such calls for the system that the settings name."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._system = settings.ticket_system
        self._secret = settings.ticket_wake_secret.reveal()
        self._store = store
        self._all_at = float("-inf")

    def verified(self, system: str, headers: Headers, body: bytes) -> bool:
        """Whether it is a call of our system, signed as that signs. Header names are case-insensitive."""
        if system != self._system or not self._secret:
            return False
        return _VERIFIERS.get(system, _bearer)(self._secret, headers, body)

    async def wake(self, body: bytes) -> None:
        """Bring forward the reading of the tickets that it names. Raises `StoreUnavailable`."""
        text = body.decode("utf-8", "replace")
        open_ = await self._store.due_payloads(JobKind.TICKET_STATE, float(2**40), _MOST)
        names = {key: (f"photosync-{key}", str(job.get("ref")), str(job.get("number"))) for key, job in open_}
        words = frozenset(text.replace('"', " ").replace(",", " ").replace(":", " ").replace("}", " ").split())
        keys = [key for key, (name, *ids) in names.items() if name in text or any(one in words for one in ids)]
        all_ = not keys and time.monotonic() - self._all_at > _ALL_INTERVAL
        keys = list(names) if all_ else keys
        if keys:
            await self._store.wake(JobKind.TICKET_STATE, keys)
        if all_:
            self._all_at = time.monotonic()  # not before: a call that failed comes again
