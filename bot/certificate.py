"""A private key and its certificate from a PEM or PFX file, as Key Vault, openssl and authorities write them.

Such a file may hold the chain too, in any order: the certificate that counts is the one of the private key. Presenting
another one, such as the root's, would be refused by the login service at every sign-in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----\n?", re.DOTALL)


_SEQUENCE = b"\x30"  # begins every PFX file, as all of ASN.1


class NotUsable(ValueError):
    """What is wrong with the file."""


@dataclass(frozen=True)
class Certificate:
    """Both as PEM; `begins` and `ends` are UTC."""

    private_key: str = field(repr=False)
    public: str
    begins: datetime
    ends: datetime


def read(content: bytes, password: str = "") -> Certificate:
    """The key and its certificate; of several for one key the one that ends last. Raises `NotUsable`.

    `password` is that of the key, "" for none; one that nothing asks for does no harm.
    """
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - needed by few installations
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415

    pem = b"-----BEGIN " in content
    key, certificates = (_from_pem if pem else _from_pfx)(content, password.encode() or None)
    if not isinstance(key, RSAPrivateKey):
        raise NotUsable("its key is not RSA, which Entra ID asks for")
    if not certificates:
        raise NotUsable("there is no certificate in it")
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


def _from_pem(content: bytes, password: bytes | None) -> tuple[Any, list[Any]]:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    keys = _PRIVATE_KEY.findall(content)
    if not keys:
        raise NotUsable("there is no private key in it")
    if len(keys) > 1:
        raise NotUsable("there is more than one private key in it")
    encrypted = b"ENCRYPTED" in keys[0]
    if encrypted and password is None:
        raise NotUsable("its private key has a password, which is not given")
    try:
        key = load_pem_private_key(keys[0], password if encrypted else None)
    except Exception:  # of several kinds, in the library's own words
        why = "its private key cannot be read" + (": wrong password, or damaged" if encrypted else "")
        raise NotUsable(why) from None
    try:
        return key, x509.load_pem_x509_certificates(content)
    except ValueError:
        return key, []


def _from_pfx(content: bytes, password: bytes | None) -> tuple[Any, list[Any]]:
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates  # noqa: PLC0415

    if not content.startswith(_SEQUENCE):
        raise NotUsable("there is no private key in it: it is neither PEM nor PFX")
    for attempt in dict.fromkeys((password, None, b"")):  # a PFX without password is encrypted by an empty one, or not
        try:
            key, own, others = load_key_and_certificates(content, attempt)
        except Exception:  # noqa: S112 - of several kinds; which file needs which password only shows by trying
            continue
        if key is None:
            raise NotUsable("there is no private key in it")
        return key, [one for one in (own, *others) if one is not None]
    given = "not given" if password is None else "wrong"
    raise NotUsable(f"there is no private key in it that can be read: its password is {given}, or it is damaged")
