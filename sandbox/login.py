"""The login service: discovery and tokens for applications, refusing what Entra ID refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sandbox.signing import SigningKey
from sandbox.web import HOST, listen
from sandbox.world import World

LIFETIME = 3600  # seconds


class Login:
    """Issues app-only tokens for one tenant."""

    def __init__(self, world: World, tenant: str, applications: Mapping[str, str]) -> None:
        self.world = world
        self.tenant = tenant
        self.applications = dict(applications)  # client id -> secret
        self.certificates: dict[str, x509.Certificate] = {}  # client id -> certificate, where one is registered
        self.audiences: dict[str, tuple[str, ...]] = {}  # resource -> roles in its tokens
        self.key = SigningKey()
        self.requests = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self, tls: Any) -> None:
        """Listen."""
        app = web.Application()
        for path in ("/{tenant}/v2.0/.well-known/openid-configuration", "/{tenant}/.well-known/openid-configuration"):
            app.router.add_get(path, self._discovery)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._keys)
        self._runner, port = await listen(app, tls)
        self.url = f"https://{HOST}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def check(self, header: str, resource: str) -> dict[str, Any] | None:
        """What a resource server makes of a bearer token: its claims, or None if it is not good there."""
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer":
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self.key.public, algorithms=["RS256"], audience=resource, options={"require": ["exp", "aud"]}
            )
        except jwt.PyJWTError:
            return None
        return claims

    async def _discovery(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        if tenant != self.tenant:
            return _refused(400, "invalid_tenant", 90002)
        base = f"{self.url}/{tenant}"
        return web.json_response({
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })  # fmt: skip

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.jwk()]})

    async def _token(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self.world.faults.login_delay:
            await asyncio.sleep(self.world.faults.login_delay)
        form = await request.post()
        asked = {name: str(value) for name, value in form.items()}
        if request.match_info["tenant"] != self.tenant:
            return _refused(400, "invalid_request", 90002)
        if asked.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", 70003)
        client = asked.get("client_id", "")
        if client not in self.applications:
            return _refused(400, "unauthorized_client", 700016)
        if self.world.faults.login_refuses or not self._proves(client, asked):
            return _refused(401, "invalid_client", 7000215)
        scope = asked.get("scope", "").split(" ")[0]
        resource = scope.removesuffix("/.default")
        if not scope.endswith("/.default") or resource not in self.audiences:
            return _refused(400, "invalid_scope", 70011)
        return web.json_response(
            {"token_type": "Bearer", "expires_in": LIFETIME, "access_token": self.issue(client, resource)}
        )

    def issue(self, client: str, resource: str, lifetime: float = LIFETIME) -> str:
        """A token of an application for a resource."""
        now = time.time()
        return self.key.sign({
            "aud": resource, "iss": f"{self.url}/{self.tenant}/v2.0", "iat": int(now), "nbf": int(now),
            "exp": int(now + lifetime), "appid": client, "azp": client, "tid": self.tenant,
            "roles": list(self.audiences[resource]),
        })  # fmt: skip

    def _proves(self, client: str, asked: Mapping[str, str]) -> bool:
        if "client_secret" in asked:
            return bool(self.applications[client]) and asked["client_secret"] == self.applications[client]
        certificate = self.certificates.get(client)
        if certificate is None or asked.get("client_assertion_type", "").rpartition(":")[2] != "jwt-bearer":
            return False
        try:
            claims = jwt.decode(
                asked.get("client_assertion", ""),
                certificate.public_key(),  # type: ignore[arg-type]
                algorithms=["RS256", "PS256"],
                options={"verify_aud": False, "require": ["exp"]},
            )
        except jwt.PyJWTError:
            return False
        return bool(claims.get("iss") == client and claims.get("aud", "").startswith(self.url))

    def register(self, client: str, certificate_pem: bytes) -> str:
        """Register a certificate in place of the secret; returns its thumbprint."""
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        self.certificates[client] = certificate
        self.applications[client] = ""
        return certificate.fingerprint(hashes.SHA256()).hex()


def _refused(status: int, error: str, number: int) -> web.Response:
    body = {"error": error, "error_description": f"AADSTS{number}: refused.", "error_codes": [number]}
    return web.json_response(body, status=status)
