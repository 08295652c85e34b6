"""Client assertions: tokens that an application signs with the key of its registered certificate."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

# What is wrong with a token that its library refuses: the more special first.
_NUMBERS: tuple[tuple[type[Exception], int], ...] = (
    (jwt.ExpiredSignatureError, 700024),
    (jwt.ImmatureSignatureError, 700024),
    (jwt.InvalidAudienceError, 700023),
    (jwt.InvalidSignatureError, 700027),
    (jwt.PyJWTError, 50027),
)


def fault_of(assertion: str, client: str, certificate: x509.Certificate, audiences: Iterable[str]) -> int:
    """The AADSTS number of what is wrong with an assertion; 0 for a good one."""
    if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
        return 1000502
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        head = jwt.get_unverified_header(assertion)
        if not _names(head, certificate):
            return 700027
        claims: dict[str, Any] = jwt.decode(
            assertion,
            key,
            algorithms=["RS256", "PS256"],
            audience=list(audiences),
            options={"require": ["exp", "iss", "sub", "aud", "jti"]},
        )
    except jwt.PyJWTError as error:
        return next(number for kind, number in _NUMBERS if isinstance(error, kind))
    return 0 if claims["iss"] == claims["sub"] == client else 50027


def _names(head: dict[str, Any], certificate: x509.Certificate) -> bool:
    """Whether the header carries the certificate's thumbprint, in the new or the old form."""
    thumbprints = {
        "x5t#S256": certificate.fingerprint(hashes.SHA256()),
        "x5t": certificate.fingerprint(hashes.SHA1()),  # noqa: S303 - an identifier, as Entra ID has it
    }
    told = {name: str(head[name]) for name in thumbprints if name in head}
    return bool(told) and all(_decoded(value) == thumbprints[name] for name, value in told.items())


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "==")
    except (ValueError, binascii.Error):
        return b""
