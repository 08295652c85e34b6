"""A private key and its certificate from a PEM file, as Key Vault, openssl and certificate authorities write them.

Such a file may hold the chain too, in any order: the certificate that counts is the one of the private key. Presenting
another one, such as the root's, would be refused by the login service at every sign-in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----\n?", re.DOTALL)


class NotUsable(ValueError):
    """What is wrong with the file."""


@dataclass(frozen=True)
class Certificate:
    """Both as PEM; `begins` and `ends` are UTC."""

    private_key: str = field(repr=False)
    public: str
    begins: datetime
    ends: datetime


def read(pem: bytes) -> Certificate:
    """The key and its certificate; of several for one key the one that ends last. Raises `NotUsable`."""
    from cryptography import x509  # noqa: PLC0415 - needed by few installations
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415

    keys = _PRIVATE_KEY.findall(pem)
    if not keys:
        raise NotUsable("there is no private key in it")
    if len(keys) > 1:
        raise NotUsable("there is more than one private key in it")
    try:
        key = form.load_pem_private_key(keys[0], None)
    except TypeError:
        raise NotUsable("its private key has a password") from None
    except Exception:  # of several kinds, in the library's own words
        raise NotUsable("its private key cannot be read") from None
    if not isinstance(key, RSAPrivateKey):
        raise NotUsable("its key is not RSA, which Entra ID asks for")
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise NotUsable("there is no certificate in it") from None
    own = [one for one in certificates if one.public_key() == key.public_key()]
    if not own:
        raise NotUsable("none of its certificates is the private key's")
    newest = max(own, key=lambda one: one.not_valid_after_utc)
    return Certificate(
        key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode("ascii"),
        newest.public_bytes(form.Encoding.PEM).decode("ascii"),
        newest.not_valid_before_utc.astimezone(UTC),
        newest.not_valid_after_utc.astimezone(UTC),
    )
