"""Whether the login service lets our applications in, and what to do where it does not: for readiness and `doctor`.

Without a token no turn can look at a photo or answer. A refusal does not pass by itself: somebody has to renew a secret
or correct a setting, so a bot that is refused is not ready. A login service that does not answer is another matter: the
tokens at hand are still good, and to take the bot out of service mends nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.background import Beat
from bot.errors import OutsideError, Refused
from bot.http_client import TokenSource
from bot.settings import Settings

log = logging.getLogger(__name__)

INTERVAL = 60.0  # seconds between two tries
_NUMBER = re.compile(r"AADSTS(\d+)")


@dataclass(frozen=True)
class Registration:
    """The names of the settings that an application signs in with."""

    client: str
    proof: str  # "" for a managed identity, which needs none
    tenant: str


def bots(settings: Settings) -> Registration:
    """Of the bot itself."""
    if settings.app_type == "UserAssignedMSI":
        return Registration("MicrosoftAppId", "", "MicrosoftAppTenantId")
    given = {
        "MicrosoftAppCertificate": settings.app_certificate,
        "PHOTOSYNC_VAULT_CERTIFICATE": settings.vault_certificate,
        "MicrosoftAppPassword": settings.app_password,
        "PHOTOSYNC_ASSERTION_IDENTITY": settings.assertion_identity,
        "AZURE_FEDERATED_TOKEN_FILE": settings.federated_token_file,
    }
    proof = next((name for name, value in given.items() if value), "MicrosoftAppPassword")
    return Registration("MicrosoftAppId", proof, "MicrosoftAppTenantId")


def graphs(settings: Settings) -> Registration:
    """Of the application that reads Graph: its own, or the bot's."""
    if settings.graph_identity:
        return Registration("PHOTOSYNC_GRAPH_IDENTITY", "", "MicrosoftAppTenantId")
    if not settings.graph_client_id:
        return bots(settings)
    tenant = "PHOTOSYNC_GRAPH_TENANT_ID" if settings.graph_tenant_id else "MicrosoftAppTenantId"
    proof = (
        "PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE" if settings.graph_client_certificate else "PHOTOSYNC_GRAPH_CLIENT_SECRET"
    )
    return Registration("PHOTOSYNC_GRAPH_CLIENT_ID", proof, tenant)


# By the number of Entra ID's refusal.
_FIXES = {
    90002: "Correct {tenant}: the login service knows no such tenant.",
    900023: "Correct {tenant}: the login service knows no such tenant.",
    700016: "Correct {client} or {tenant}: this tenant has no application of that id.",
    7000215: "Put a client secret of the application (its value, not its id) into {proof}.",
    7000222: "Make a new client secret for the application and put it into {proof}: the present one has expired.",
    700027: "Register the certificate of {proof} with the application: it is not known there.",
    1000502: "Renew the certificate of {proof}: it is not valid today.",
    700024: "Set this machine's clock by NTP: the login service finds the proof of {proof} out of its time.",
    70021: "Give the application of {client} a federated credential that fits the token of {proof}.",
    700211: "Give the application of {client} a federated credential with the issuer of {proof}.",
    700213: "Give the application of {client} a federated credential with the subject of {proof}.",
    500011: "Correct {resource} or PHOTOSYNC_CLOUD: the tenant knows no such resource.",
}
_FIX_ELSE = "Correct {client}, {proof} and {tenant}, and see the application's sign-in log in Entra ID."
_FIX_MANAGED = "Assign the managed identity that {client} names to this machine, which has to be one of Azure's."


def refusal_fix(error: OutsideError, by: Registration, resource: str) -> str:
    """For a token that was refused, or a managed identity that is not there.

    `resource` is the setting that says what the token was for.
    """
    number = _NUMBER.search(error.detail)
    sentence = _FIXES.get(int(number[1]), _FIX_ELSE) if number else _FIX_ELSE
    if not by.proof:
        sentence = _FIX_MANAGED
    return sentence.format(client=by.client, proof=by.proof, tenant=by.tenant, resource=resource)


@dataclass(frozen=True)
class Application:
    """One thing that we sign in for: whose tokens, for which scope, and the setting that says what that is."""

    tokens: TokenSource
    scope: str
    registration: Registration
    resource: str


class SignIn:
    """Tries every application once in `interval` seconds; who asks meanwhile gets what was found."""

    def __init__(
        self,
        applications: Sequence[Application],
        *,
        interval: float = INTERVAL,
        report: Callable[[], None] | None = None,
    ) -> None:
        """`report` is called after each round."""
        self._report = report
        self._applications = applications
        self._interval = interval
        self._tried = False
        self._fixes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it was tried, and nothing was refused."""
        return self._tried and not self._fixes

    @property
    def fixes(self) -> tuple[str, ...]:
        """What to do, a sentence for each refusal; none where nothing was refused."""
        return self._fixes

    async def watch(self, beat: Beat) -> None:
        """Try, for ever. A background task."""
        while True:
            found = await asyncio.gather(*map(self._try, self._applications))
            fixes = tuple(dict.fromkeys(filter(None, found)))
            for fix in fixes:
                if fix not in self._fixes:
                    log.error("the login service refuses us: %s", fix)
            self._tried, self._fixes = True, fixes
            if self._report is not None:
                self._report()
            beat()
            await asyncio.sleep(self._interval)

    async def _try(self, one: Application) -> str:
        """What to do, "" where a token was given or none can be given now."""
        try:
            await one.tokens.token(one.scope)
        except Refused as error:
            return refusal_fix(error, one.registration, one.resource)
        except OutsideError:
            pass  # logged where it happened
        return ""
