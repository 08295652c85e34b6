"""How our applications prove to be themselves to the login service, best first:

- a token of the platform it runs on (`AZURE_FEDERATED_TOKEN_FILE`: Kubernetes, GitHub), or of a managed identity: there
  is nothing that could be stolen or run out;
- a certificate, in a file or in Key Vault;
- a client secret.

All of them may change while the bot runs: a file is read again when it has changed, Key Vault once an hour. What is
presented is asked for before each request for a token, in the thread that makes it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msal

from bot import certificate
from bot.certificate import Certificate
from bot.errors import Malformed, OutsideError, Refused, SettingsError, location
from bot.graph.bridge import Bridge, NoCache, refusal_code
from bot.http_client import IDEMPOTENT, HttpClient
from bot.setting_values import SYSTEM_IDENTITY, Secret

log = logging.getLogger(__name__)

EXCHANGE = "api://AzureADTokenExchange"
_VAULT_API = "?api-version=7.4"
_VAULT_TIMEOUT = 10.0  # seconds
_VAULT_INTERVAL = 3600.0  # seconds between two looks into Key Vault
_PFX = "application/x-pkcs12"
Acquire = Callable[[str], Mapping[str, Any]]  # a token for a scope, in msal's shape; blocking


class Proof(Protocol):
    """`ends`: when it runs out, UTC; None where it does not, or that is not known."""

    @property
    def ends(self) -> datetime | None: ...

    def present(self) -> Any:
        """msal's `client_credential`: equal to the one before as long as nothing has changed. Blocking.

        Raises `OutsideError` where it cannot be had now.
        """


class SecretProof:
    """A client secret."""

    ends = None

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def present(self) -> str:
        return self._secret.reveal()


class CertificateProof:
    """The key and certificate of a file, which may be replaced by a newer one at any time."""

    def __init__(self, setting: str, path: Path, password: Secret) -> None:
        """Raises `SettingsError` for a file that cannot be used."""
        self._setting = setting
        self._path = path
        self._password = password
        self._read = self._state()
        try:
            self._found = self._load()
        except OSError:
            raise SettingsError((f"{setting} names something that cannot be read",)) from None
        except certificate.NotUsable as error:
            raise SettingsError((f"{setting} cannot be used: {error}",)) from None

    @property
    def ends(self) -> datetime:
        return self._found.ends

    def present(self) -> dict[str, str]:
        """See `Proof`. A new file that cannot be used is reported, and the present key goes on."""
        state = self._state()
        if state is not None and state != self._read:
            self._read = state
            try:
                self._found = self._load()
                log.info("%s has changed: its certificate is good until %s", self._setting, self._found.ends.date())
            except OSError as error:
                log.error("%s has changed and cannot be read: %s", self._setting, error.strerror)
            except certificate.NotUsable as error:
                log.error("%s has changed and cannot be used: %s", self._setting, error)
        return _of_certificate(self._found)

    def _load(self) -> Certificate:
        return certificate.read(self._path.read_bytes(), self._password.reveal())

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None  # about to be replaced, perhaps
        return found.st_mtime_ns, found.st_size, found.st_ino


def _of_certificate(found: Certificate) -> dict[str, str]:
    return {"private_key": found.private_key, "public_certificate": found.public}


class TokenFileProof:
    """The platform's token in a file that the platform renews by itself."""

    ends = None

    def __init__(self, setting: str, path: Path) -> None:
        self._setting = setting
        self._path = path
        self._credential = {"client_assertion": self._token}

    def present(self) -> dict[str, Any]:
        return self._credential

    def _token(self) -> str:
        try:
            return self._path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            raise Refused("login", f"{self._setting} names something that cannot be read") from None


class IdentityProof:
    """A managed identity's tokens stand for the application, which trusts it by a federated credential."""

    ends = None

    def __init__(self, identity: Acquire) -> None:
        self._identity = identity
        self._credential = {"client_assertion": self._token}

    def present(self) -> dict[str, Any]:
        return self._credential

    def _token(self) -> str:
        result = self._identity(EXCHANGE)
        token = result.get("access_token")
        if not isinstance(token, str):
            raise Refused("login", refusal_code(result))
        return token


class VaultProof:
    """The certificate of a Key Vault, with its key: what the vault calls the secret of that certificate's name."""

    def __init__(self, url: str, password: Secret, identity: Acquire, http: HttpClient) -> None:
        """`url` is the secret's address, without a version: the newest is used. To be called in the event loop."""
        self._url = url
        self._password = password
        self._identity = identity
        self._http = http
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._found: Certificate | None = None
        self._look_at = 0.0

    @property
    def ends(self) -> datetime | None:
        return self._found.ends if self._found else None

    def present(self) -> dict[str, str]:
        """See `Proof`. While the vault gives none that can be used the present key goes on."""
        with self._lock:
            if self._found is None or time.monotonic() >= self._look_at:
                try:
                    self._found = self._look()
                except Exception as error:  # also what msal raises, and a certificate that is none
                    if self._found is None:
                        raise
                    known = isinstance(error, OutsideError)
                    log.error(
                        "Key Vault was not read: %s", error if known else f"{type(error).__name__} at {location(error)}"
                    )
                self._look_at = time.monotonic() + _VAULT_INTERVAL
            return _of_certificate(self._found)

    def _look(self) -> Certificate:
        parts = urlsplit(self._url)
        # The resource is the cloud's vault.azure.net, not the one vault.
        resource = f"https://{parts.netloc.partition('.')[2] or parts.netloc}"
        result = self._identity(resource)
        token = result.get("access_token")
        if not isinstance(token, str):
            raise Refused("login", refusal_code(result))
        request = self._http.request(
            "GET",
            self._url + _VAULT_API,
            system="login",
            timeout=_VAULT_TIMEOUT,
            headers={"Authorization": f"Bearer {token}"},
            retry=IDEMPOTENT,
        )
        answer = asyncio.run_coroutine_threadsafe(request, self._loop).result(_VAULT_TIMEOUT + 1)
        if answer.status != 200:
            raise Refused("login", f"Key Vault answers {answer.status} {answer.error_code}".rstrip())
        document = answer.json()
        value = str(document.get("value", ""))
        content = base64.b64decode(value) if document.get("contentType") == _PFX else value.encode()
        try:
            return certificate.read(content, self._password.reveal())
        except certificate.NotUsable as error:
            raise Malformed("login", f"what Key Vault holds cannot be used: {error}") from None


def managed(identity: str, http: HttpClient) -> Acquire:
    """Tokens of a managed identity: a client id, or `SYSTEM_IDENTITY`. To be called in the event loop."""
    bridge = Bridge(http)
    which = (
        msal.SystemAssignedManagedIdentity()
        if identity == SYSTEM_IDENTITY
        else msal.UserAssignedManagedIdentity(client_id=identity)
    )
    client = msal.ManagedIdentityClient(which, http_client=bridge, token_cache=NoCache())
    return lambda scope: bridge.token(client.acquire_token_for_client(resource=scope.removesuffix("/.default")) or {})


def token_claims(token: str) -> Mapping[str, Any]:
    """What a token says of itself; {} where that cannot be read. Nobody has verified it here."""
    try:
        claims = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def token_file_claims(path: Path) -> Mapping[str, Any]:
    """Of the platform's token in a file; {} where that cannot be read."""
    try:
        return token_claims(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}


def token_file_ends(path: Path) -> datetime | None:
    """When that token runs out; None where that cannot be read."""
    try:
        return datetime.fromtimestamp(float(token_file_claims(path)["exp"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
