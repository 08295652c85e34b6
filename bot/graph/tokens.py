"""Bearer tokens of our applications, by whatever proves who we are: `proofs`."""

from __future__ import annotations

import asyncio
import copy
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msal

from bot.errors import Outage, OutsideError, Refused, Throttled, TimedOut
from bot.graph.bridge import PUBLIC_LOGINS, TIMEOUT, TOKEN, Bridge, NoCache, lifetime_of, refusal_code
from bot.graph.proofs import (
    CertificateProof,
    IdentityProof,
    Proof,
    SecretProof,
    TokenFileProof,
    VaultProof,
    managed,
)
from bot.http_client import HttpClient, plain_code
from bot.setting_values import SYSTEM_IDENTITY
from bot.settings import Settings

log = logging.getLogger(__name__)

_EARLY = 300.0  # seconds before its end that a token is not used any more
_REFUSAL_CACHED = 10.0  # seconds: a wrong secret does not become right by an immediate retry
_FAILURE_SHARED = 1.0  # seconds
_TRANSIENT = frozenset({"temporarily_unavailable", "server_error"})  # OAuth's words for an outage


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    usable_until: float  # time.monotonic()


class Tokens:
    """App-only tokens of one registration, each cached until shortly before it expires."""

    def __init__(self, acquire: Callable[[str], Mapping[str, Any]], proof: Proof | None = None) -> None:
        """`proof` is what `acquire` presents, None for a managed identity."""
        self.proof = proof
        self._acquire = acquire  # blocking: runs in a thread
        self._cached: dict[str, _Token] = {}
        self._pending: dict[str, asyncio.Task[str]] = {}
        self._failed: dict[str, tuple[float, OutsideError]] = {}

    def cached(self, scope: str) -> str:
        known = self._cached.get(scope)
        return known.text if known is not None and time.monotonic() < known.usable_until else ""

    async def token(self, scope: str) -> str:
        """A bearer token for a scope; callers at the same time share one request, and its failure.

        Raises `Refused` if the login service says no to us, `Throttled`, `TimedOut` or `Outage` if it gives none now.
        """
        if known := self.cached(scope):
            return known
        until, error = self._failed.get(scope, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise copy.copy(error)
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
        self._failed.pop(scope, None)
        if isinstance(error, OutsideError):
            kept = copy.copy(error)
            log.error("no token: %s", kept)
            self._failed[scope] = (time.monotonic() + _seconds_cached(kept), kept)

    async def _fetch(self, scope: str) -> str:
        try:
            async with asyncio.timeout(2 * TIMEOUT + 2):
                result = await asyncio.to_thread(self._acquire, scope)
        except OutsideError:
            raise
        except TimeoutError:
            raise TimedOut("login", "no answer in time") from None
        except Exception as error:  # msal raises ValueError, RuntimeError and others for answers it does not expect
            raise Outage("login", f"a useless answer ({type(error).__name__})") from None
        text = result.get("access_token")
        if not isinstance(text, str) or not TOKEN.fullmatch(text):
            transient = plain_code(result.get("error")) in _TRANSIENT
            raise Outage("login", refusal_code(result)) if transient else Refused("login", refusal_code(result))
        lifetime = lifetime_of(result)
        self._cached[scope] = _Token(text, time.monotonic() + max(lifetime - _EARLY, lifetime / 2))
        return text


def _seconds_cached(error: OutsideError) -> float:
    """Seconds for which the same request would fail in the same way."""
    if isinstance(error, Throttled):
        return min(error.retry_after or _REFUSAL_CACHED, 60.0)
    return _REFUSAL_CACHED if isinstance(error, Refused) else 0.0


def bot_tokens(settings: Settings, http: HttpClient) -> Tokens:
    """Tokens of the bot's own registration. To be called in the event loop that will use them.

    Raises `SettingsError` if its certificate cannot be used.
    """
    if settings.app_type == "UserAssignedMSI":
        return Tokens(managed(settings.app_id, http))
    proof = _bots_proof(settings, http)
    return Tokens(_confidential(settings, settings.app_id, settings.app_tenant_id, proof, http), proof)


def graph_tokens(settings: Settings, http: HttpClient) -> Tokens | None:
    """Tokens for Graph of a managed identity or of an application of its own; None where the bot's own registration
    reads Graph. Raises as `bot_tokens` does.
    """
    if settings.graph_identity:
        return Tokens(managed(settings.graph_identity, http))
    if not settings.graph_client_id:
        return None
    proof, tenant = _graphs_proof(settings), settings.effective_graph_tenant_id
    return Tokens(_confidential(settings, settings.graph_client_id, tenant, proof, http), proof)


def _bots_proof(settings: Settings, http: HttpClient) -> Proof:
    """What is named in the settings goes before what the platform offers."""
    password = settings.app_certificate_password
    if settings.app_certificate is not None:
        return CertificateProof("MicrosoftAppCertificate", settings.app_certificate, password)
    if settings.vault_certificate:
        return VaultProof(settings.vault_certificate, password, managed(_identity(settings), http), http)
    if settings.app_password:
        return SecretProof(settings.app_password)
    if settings.assertion_identity:
        return IdentityProof(managed(settings.assertion_identity, http))
    assert settings.federated_token_file is not None  # the settings are checked
    return TokenFileProof("AZURE_FEDERATED_TOKEN_FILE", settings.federated_token_file)


def _graphs_proof(settings: Settings) -> Proof:
    """Of the separate application for Graph."""
    if settings.graph_client_certificate is None:
        return SecretProof(settings.graph_client_secret)
    file, password = settings.graph_client_certificate, settings.graph_client_certificate_password
    return CertificateProof("PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE", file, password)


def _identity(settings: Settings) -> str:
    """The managed identity that reads Key Vault."""
    return settings.vault_identity or settings.assertion_identity or SYSTEM_IDENTITY


def _confidential(
    settings: Settings, client: str, tenant: str, proof: Proof, http: HttpClient
) -> Callable[[str], Mapping[str, Any]]:
    bridge = Bridge(http)
    application = _maker(settings, client, tenant, proof, bridge)
    return lambda scope: bridge.token(application().acquire_token_for_client(scopes=[scope]) or {})


def _maker(
    settings: Settings, client: str, tenant: str, proof: Proof, bridge: Bridge, **more: Any
) -> Callable[[], Any]:
    """The application with its present proof, made in the first thread that asks: that sends a request to the login
    service. A proof that has changed makes another one. Threads that waited for one that failed fail with it, or each
    of them would wait as long again."""
    lock = threading.Lock()
    made: list[tuple[Any, Any]] = []
    failed: tuple[float, OutsideError] = (0.0, Outage("login", ""))  # until when (time.monotonic()), and how

    def application() -> Any:
        nonlocal failed
        credential = proof.present()
        with lock:
            if made and made[0][0] == credential:
                return made[0][1]
            if time.monotonic() < failed[0]:
                raise copy.copy(failed[1])
            try:
                one = msal.ConfidentialClientApplication(
                    client,
                    authority=f"{settings.login_url}/{tenant}",
                    client_credential=credential,
                    http_client=bridge,
                    token_cache=NoCache(),
                    # msal would look any other address up in the public cloud, which does not know it.
                    instance_discovery=None if settings.login_url in PUBLIC_LOGINS else False,
                    **more,
                )
            except OutsideError as error:
                failed = time.monotonic() + _FAILURE_SHARED, copy.copy(error)
                raise
            made[:] = [(credential, one)]
            return one

    return application


class SignInBridge(Bridge):
    """For a person's sign-in: of the answer only the id token is passed on. No token for anything else is kept."""

    def _hold(self, document: Mapping[str, Any]) -> dict[str, Any]:
        return {"id_token": document.get("id_token"), "token_type": "Bearer"}


def sign_in_application(settings: Settings, http: HttpClient) -> Callable[[], Any] | None:
    """What makes the msal application that people sign in with: the bot's own registration, or Graph's where the bot is
    a managed identity, which nobody can sign in to; None where there is neither. To be called in the event loop; the
    maker is called in a thread. Raises as `bot_tokens` does.
    """
    bridge, more = SignInBridge(http), {"exclude_scopes": ["offline_access"]}
    if settings.app_type != "UserAssignedMSI":
        proof = _bots_proof(settings, http)
        return _maker(settings, settings.app_id, settings.app_tenant_id, proof, bridge, **more)
    if not settings.graph_client_id:
        return None
    tenant = settings.effective_graph_tenant_id
    return _maker(settings, settings.graph_client_id, tenant, _graphs_proof(settings), bridge, **more)
