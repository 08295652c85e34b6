"""The login service: discovery and tokens for applications, refusing what Entra ID refuses, with its error numbers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sandbox.assertions import fault_of
from sandbox.people_sign_in import PeopleSignIn
from sandbox.signing import SigningKey
from sandbox.web import HOST, act_out, changed, listen
from sandbox.world import World

LIFETIME = 3600  # seconds


@dataclass(frozen=True)
class Refusal:
    """What Entra ID answers: an OAuth error with its AADSTS number."""

    status: int
    error: str
    number: int
    message: str


_REFUSALS = {
    one.number: one
    for one in (
        Refusal(400, "invalid_request", 90002, "Tenant not found. Check to make sure you have the correct tenant ID."),
        Refusal(400, "invalid_request", 900144, "The request body must contain the following parameter: '{}'."),
        Refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '{}'."),
        Refusal(400, "unauthorized_client", 700016, "Application with identifier '{}' was not found in the directory."),
        Refusal(401, "invalid_client", 7000216, "'client_assertion' or 'client_secret' is required."),
        Refusal(401, "invalid_client", 7000215, "Invalid client secret provided."),
        Refusal(401, "invalid_client", 700027, "The signature of the client assertion could not be validated."),
        Refusal(401, "invalid_client", 700024, "Client assertion is not within its valid time range."),
        Refusal(401, "invalid_client", 700023, "Client assertion audience claim does not match the token endpoint."),
        Refusal(401, "invalid_client", 50027, "JWT token is invalid or malformed."),
        Refusal(401, "invalid_client", 1000502, "The provided certificate is not within its specified validity."),
        Refusal(
            400, "invalid_scope", 1002012, "The provided value for scope {} is not valid: it must end in /.default."
        ),
        Refusal(400, "invalid_grant", 54005, "OAuth2 Authorization code was already redeemed."),
        Refusal(400, "invalid_grant", 9002313, "Invalid request. The provided grant is invalid or malformed."),
        Refusal(400, "invalid_grant", 70008, "The provided authorization code has expired."),
        Refusal(400, "invalid_grant", 50148, "The code_verifier does not match the code_challenge."),
        Refusal(400, "invalid_resource", 500011, "The resource principal named {} was not found in the tenant."),
    )
}
_CODE = "authorization_code"
_NEEDED = ("grant_type", "client_id", "scope")


class Login:
    """Issues app-only tokens for one tenant."""

    def __init__(self, world: World, tenant: str, applications: Mapping[str, str]) -> None:
        self.world = world
        self.tenant = tenant
        self.applications = dict(applications)  # client id -> secret
        self.certificates: dict[str, x509.Certificate] = {}  # client id -> certificate, where one is registered
        self.audiences: dict[str, tuple[str, ...]] = {}  # resource -> roles in its tokens
        self.key = SigningKey()
        self.people = PeopleSignIn(self)
        self.requests = 0  # for tokens, refused ones included
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self, tls: Any) -> None:
        """Listen."""
        app = web.Application(middlewares=[self.world.trace.of("Sign-in")])
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
                token,
                self.key.public,
                algorithms=["RS256"],
                audience=resource,
                issuer=f"{self.url}/{self.tenant}/v2.0",
                options={"require": ["exp", "nbf", "aud", "iss", "appid"]},
            )
        except jwt.PyJWTError:
            return None
        return claims

    def issue(self, client: str, resource: str, lifetime: float = LIFETIME) -> str:
        """A token of an application for a resource."""
        now = time.time()
        return self.key.sign({
            "aud": resource, "iss": f"{self.url}/{self.tenant}/v2.0", "iat": int(now), "nbf": int(now),
            "exp": int(now + lifetime), "appid": client, "azp": client, "tid": self.tenant, "idtyp": "app",
            "roles": list(self.audiences[resource]),
        })  # fmt: skip

    def register(self, client: str, certificate_pem: bytes) -> str:
        """Register a certificate in place of the secret; returns its thumbprint."""
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        self.certificates[client] = certificate
        self.applications[client] = ""
        return certificate.fingerprint(hashes.SHA256()).hex()

    async def _discovery(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        if tenant != self.tenant:
            return _refused(90002, "")
        base = f"{self.url}/{tenant}"
        document = {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{self.people.url or self.url}/{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }  # fmt: skip
        return changed(self.world.faults, request.path, web.json_response(document))

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.jwk()]})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        fault = self.world.faults.next("login", request.path)
        if fault is not None:
            return await act_out(fault, request)
        if self.world.faults.login_delay:
            await asyncio.sleep(self.world.faults.login_delay)
        asked: dict[str, str] = {}
        if request.content_type == "application/x-www-form-urlencoded":
            asked = dict(parse_qsl(await request.text()))
        problem = self._problem(request.match_info["tenant"], asked)
        if problem is not None:
            return _refused(*problem)
        if asked["grant_type"] == _CODE:
            number, answer = self.people.redeem(asked)
            return _refused(number, "") if number else web.json_response(answer)
        token = self.issue(asked["client_id"], asked["scope"].removesuffix("/.default"))
        document = {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}
        return changed(self.world.faults, request.path, web.json_response(document))

    def _problem(self, tenant: str, asked: Mapping[str, str]) -> tuple[int, str] | None:
        """The number of the refusal, and what it names; None for a request that gets its token."""
        if tenant != self.tenant:
            return 90002, ""
        missing = next((name for name in _NEEDED if not asked.get(name)), "")
        if missing:
            return 900144, missing
        if asked["grant_type"] not in ("client_credentials", _CODE):
            return 70003, asked["grant_type"]
        if asked["client_id"] not in self.applications:
            return 700016, asked["client_id"]
        unproven = self._unproven(asked["client_id"], asked)
        if unproven or asked["grant_type"] == _CODE:
            return (unproven, "") if unproven else None
        if not asked["scope"].endswith("/.default"):
            return 1002012, asked["scope"]
        resource = asked["scope"].removesuffix("/.default")
        return None if resource in self.audiences else (500011, resource)

    def _unproven(self, client: str, asked: Mapping[str, str]) -> int:
        """The number of the refusal, or 0 for an application that proves to be itself."""
        if self.world.faults.login_refuses:
            return 7000215
        if "client_secret" in asked:
            return 0 if asked["client_secret"] == self.applications[client] != "" else 7000215
        if "client_assertion" not in asked:
            return 7000216
        if asked.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            return 50027
        certificate = self.certificates.get(client)
        if certificate is None:
            return 700027
        base = f"{self.url}/{self.tenant}"
        audiences = (f"{base}/oauth2/v2.0/token", f"{base}/v2.0")
        return fault_of(asked["client_assertion"], client, certificate, audiences)


def _refused(number: int, named: str) -> web.Response:
    refusal = _REFUSALS[number]
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    lines = (
        f"AADSTS{number}: {refusal.message.format(named)}",
        f"Trace ID: {trace}",
        f"Correlation ID: {correlation}",
        f"Timestamp: {stamp}",
    )
    document = {
        "error": refusal.error,
        "error_description": " ".join(lines),
        "error_codes": [number],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return web.json_response(document, status=refusal.status)
