"""What to do about an error of another system: one sentence that names the setting or permission."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import NotFound, OutsideError, Refused, Throttled
from bot.graph.client import BadRequest
from bot.graph.users import PersonUnknown
from bot.settings import Settings

_FAILING = re.compile(r"\b5\d\d\b")  # a status
_NUMBER = re.compile(r"AADSTS(\d+)")
ADDRESSES: Mapping[str, str] = {
    "login": "PHOTOSYNC_LOGIN_URL",
    "graph": "PHOTOSYNC_GRAPH_URL",
    "sharepoint": "PHOTOSYNC_DOWNLOAD_HOSTS",
    "teams": "PHOTOSYNC_CHANNEL_KEYS_URL",
    "tickets": "PHOTOSYNC_TICKET_URL",
}
"""The setting that says where each system is."""


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
    proof = "MicrosoftAppCertificate" if settings.app_certificate else "MicrosoftAppPassword"
    return Registration("MicrosoftAppId", proof, "MicrosoftAppTenantId")


def graphs(settings: Settings) -> Registration:
    """Of the application that reads Graph: its own, or the bot's."""
    if not settings.graph_client_id:
        return bots(settings)
    tenant = "PHOTOSYNC_GRAPH_TENANT_ID" if settings.graph_tenant_id else "MicrosoftAppTenantId"
    return Registration("PHOTOSYNC_GRAPH_CLIENT_ID", "PHOTOSYNC_GRAPH_CLIENT_SECRET", tenant)


# By the number of Entra ID's refusal.
_SIGN_IN = {
    90002: "Correct {tenant}: the login service knows no such tenant.",
    900023: "Correct {tenant}: the login service knows no such tenant.",
    700016: "Correct {client} or {tenant}: this tenant has no application of that id.",
    7000215: "Put a client secret of the application (its value, not its id) into {proof}.",
    7000222: "Make a new client secret for the application and put it into {proof}: the present one has expired.",
    700027: "Register the certificate of {proof} with the application: it is not known there.",
    1000502: "Renew the certificate of {proof}: it is not valid today.",
    700024: "Set this machine's clock by NTP: the login service finds the proof of {proof} out of its time.",
    500011: "Correct {resource} or PHOTOSYNC_CLOUD: the tenant knows no such resource.",
}
_SIGN_IN_ELSE = "Correct {client}, {proof} and {tenant}, and see the application's sign-in log in Entra ID."


def sign_in(error: OutsideError, by: Registration, resource: str) -> str:
    """For a token that was not given; `resource` is the setting that says what it was for."""
    if not by.proof and not isinstance(error, Throttled):
        return f"Assign the managed identity that {by.client} names to this machine, which has to be one of Azure's."
    if not isinstance(error, Refused):
        return fix(error)
    number = _NUMBER.search(error.detail)
    sentence = _SIGN_IN.get(int(number[1]), _SIGN_IN_ELSE) if number else _SIGN_IN_ELSE
    return sentence.format(client=by.client, proof=by.proof, tenant=by.tenant, resource=resource)


def fix(error: OutsideError) -> str:
    """For any other request."""
    address = ADDRESSES[error.system]
    if isinstance(error, PersonUnknown):
        return "Name somebody of this tenant with --user, by user principal name or object id."
    if isinstance(error, Refused) and error.permission:
        return f"Grant {error.permission} with admin consent, and run this again when tokens carry it."
    if isinstance(error, Throttled):
        return "Run this again in some minutes: the service throttles us."
    if _FAILING.search(error.detail):
        return f"Run this again in some minutes: the system at {address} fails."
    if "CertificateError" in error.detail:
        return f"Name the authority that signed the certificate of {address} in SSL_CERT_FILE, as a PEM file."
    if isinstance(error, NotFound | BadRequest):
        return f"Correct {address} or PHOTOSYNC_CLOUD: what answers there does not know this request."
    return f"See that this machine reaches the address of {address} (proxy, firewall), and that it is right."
