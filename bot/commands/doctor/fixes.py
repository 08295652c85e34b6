"""What to do about an error of another system: one sentence that names the setting or permission."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bot.errors import NotFound, OutsideError, Refused, Throttled
from bot.graph.client import BadRequest
from bot.graph.users import PersonUnknown
from bot.sign_in import Registration, refusal_fix

_FAILING = re.compile(r"\b5\d\d\b")  # a status
ADDRESSES: Mapping[str, str] = {
    "login": "PHOTOSYNC_LOGIN_URL",
    "graph": "PHOTOSYNC_GRAPH_URL",
    "sharepoint": "PHOTOSYNC_DOWNLOAD_HOSTS",
    "teams": "PHOTOSYNC_CHANNEL_KEYS_URL",
    "tickets": "PHOTOSYNC_TICKET_URL",
    "connector": "PHOTOSYNC_SERVICE_HOSTS",
}
"""The setting that says where each system is."""


def sign_in(error: OutsideError, by: Registration, resource: str) -> str:
    """For a token that was not given; `resource` is the setting that says what it was for."""
    if isinstance(error, Refused) or (not by.proof and not isinstance(error, Throttled)):
        return refusal_fix(error, by, resource)
    return fix(error)


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
