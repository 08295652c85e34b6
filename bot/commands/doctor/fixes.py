"""What to do about an error of another system: one sentence that names the setting or permission."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    "connector": "PHOTOSYNC_SERVICE_HOSTS",
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
    proof = (
        "PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE" if settings.graph_client_certificate else "PHOTOSYNC_GRAPH_CLIENT_SECRET"
    )
    return Registration("PHOTOSYNC_GRAPH_CLIENT_ID", proof, tenant)


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


# By OpenSSL's own words. Since Python 3.13 authorities have to keep to RFC 5280, which those of older proxies do not.
_CERTIFICATE = {
    "not marked critical": "Ask who runs the TLS proxy for an authority with critical Basic Constraints (RFC 5280), "
    "or run with Python 3.12: to name it in SSL_CERT_FILE again does not help.",
    "Missing Authority Key Identifier": "Ask who runs the TLS proxy for certificates with an Authority Key Identifier "
    "(RFC 5280), or run with Python 3.12.",
    "CA cert does not include key usage extension": "Ask who runs the TLS proxy for an authority with the key usage "
    "extension (RFC 5280), or run with Python 3.12.",
    "has expired": "Renew that certificate, or name its present authority in SSL_CERT_FILE: the one there has expired.",
    "not yet valid": "Set this machine's clock by NTP: the certificate is not valid yet.",
    "mismatch": "Correct the address, or the certificate: it is for another name.",
}
_CERTIFICATE_ELSE = "Name the PEM file of the authority that signed it, or of your TLS proxy, in SSL_CERT_FILE."


def certificate_fix(words: Iterable[str]) -> str:
    """For a certificate that is not trusted."""
    text = " ".join(words)
    return next((sentence for part, sentence in _CERTIFICATE.items() if part in text), _CERTIFICATE_ELSE)


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
        return certificate_fix([error.detail])
    if isinstance(error, NotFound | BadRequest):
        return f"Correct {address} or PHOTOSYNC_CLOUD: what answers there does not know this request."
    return f"See that this machine reaches the address of {address} (proxy, firewall), and that it is right."
