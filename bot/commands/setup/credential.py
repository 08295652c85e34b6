"""The application's key and certificate, made on this machine: the key never leaves it."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=365)
_BITS = 2048


def make(name: str) -> bytes:
    """A new key and its self-signed certificate, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock of Microsoft's may be a little behind ours.
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + LIFETIME)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def write_private(path: Path, content: bytes) -> None:
    """A file that only its owner may read, whole or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    part.replace(path)


def registered_form(public_pem: str) -> tuple[str, str]:
    """A certificate as Graph takes it (base64 of DER), and its thumbprint as Graph shows it (`customKeyIdentifier`)."""
    certificate = x509.load_pem_x509_certificate(public_pem.encode())
    der = certificate.public_bytes(serialization.Encoding.DER)
    thumbprint = base64.b64encode(certificate.fingerprint(hashes.SHA1())).decode()  # noqa: S303 - its name in Entra ID
    return base64.b64encode(der).decode(), thumbprint
