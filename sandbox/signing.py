"""Keys and signed tokens, as the login service and the channel make them, and forged ones for hostile tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import secrets
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_POOL = 8
_found: list[rsa.RSAPrivateKey] = []
_turn = itertools.count()


class SigningKey:
    """One RSA key with the id under which it is published."""

    def __init__(self) -> None:
        self.kid = secrets.token_urlsafe(12)
        # Finding one takes a tenth of a second: tenants that last a moment take those of the process in turn.
        if len(_found) < _POOL:
            _found.append(rsa.generate_private_key(65537, 2048))
        self._key = _found[next(_turn) % _POOL]
        self.public = self._key.public_key()
        self.pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def jwk(self, **more: Any) -> dict[str, Any]:
        """As published."""
        numbers = self.public.public_numbers()
        return {"kty": "RSA", "use": "sig", "kid": self.kid, "n": _b64(numbers.n), "e": _b64(numbers.e), **more}

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        """An RS256 token."""
        # The key itself: reading it from PEM checks it anew, which takes fifty times as long as the signature.
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.kid, **headers})

    def forge(self, claims: dict[str, Any], algorithm: str, **headers: Any) -> str:
        """A token that claims another algorithm: `none` is unsigned, `HS256` takes the public key for a secret."""
        head = {"alg": algorithm, "typ": "JWT", "kid": self.kid, **headers}
        signed = f"{_part(head)}.{_part(claims)}"
        if algorithm == "none":
            return f"{signed}."
        secret = self.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"{signed}.{_text(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _part(content: dict[str, Any]) -> str:
    return _text(json.dumps(content).encode())


def _b64(number: int) -> str:
    return _text(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
