"""The login service: tokens for applications, and for administrators who sign in by device code.

It refuses what Entra ID refuses, with its error numbers.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import math
import secrets
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

from sandbox.admin.directory import DELAY, Directory
from sandbox.admin.people import AZURE_CLI, CODE_LIFETIME, GRAPH_TOOLS, Admin, DeviceCodes
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
        Refusal(400, "unauthorized_client", 7000229, "The client application {} is missing service principal."),
        Refusal(400, "invalid_request", 70021, "No matching federated identity record found for presented assertion."),
        Refusal(400, "authorization_pending", 70016, "The user has not yet completed authorization."),
        Refusal(400, "authorization_declined", 70019, "The user declined the authorization request."),
        Refusal(400, "expired_token", 70020, "The device code has expired."),
        Refusal(400, "bad_verification_code", 70018, "Invalid verification code."),
        Refusal(400, "invalid_grant", 50020, "The user account does not exist in the tenant."),
        Refusal(400, "invalid_grant", 53003, "Access has been blocked by Conditional Access policies."),
        Refusal(
            400, "invalid_grant", 65002, "Consent between first party application and resource must be configured."
        ),
        Refusal(400, "invalid_grant", 70000, "The provided refresh token is not valid."),
        Refusal(400, "interaction_required", 90094, "Admin consent is required for the permissions requested."),
    )
}
_CODE = "authorization_code"
_NEEDED = ("grant_type", "client_id", "scope")
_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_ANY_TENANT = "organizations"
EXCHANGE = "api://AzureADTokenExchange"


@functools.lru_cache(maxsize=64)
def _verified(token: str, key: SigningKey, resource: str, issuer: str) -> dict[str, Any]:
    """The claims of a token; raises `jwt.PyJWTError`. A token comes with each request, and to verify it is dear."""
    return jwt.decode(
        token,
        key.public,
        algorithms=["RS256"],
        audience=resource,
        issuer=issuer,
        options={"require": ["exp", "nbf", "aud", "iss", "appid"]},
    )


class Login:
    """Issues app-only tokens for one tenant."""

    def __init__(self, world: World, tenant: str, applications: Mapping[str, str]) -> None:
        self.world = world
        self.tenant = tenant
        self.applications = dict(applications)  # client id -> secret
        self.certificates: dict[str, x509.Certificate] = {}  # client id -> certificate, where one is registered
        self.audiences: dict[str, tuple[str, ...]] = {}  # resource -> roles in its tokens
        self.key = SigningKey()
        self.directory: Directory | None = None  # of a tenant in which applications are made
        self.graph_url = ""
        self.admins: dict[str, Admin] = {}  # by object id
        self.codes = DeviceCodes()
        self.federated: dict[str, list[dict[str, str]]] = {}  # client id -> issuer and subject, outside the directory
        self.issuers: dict[str, SigningKey] = {}  # of tokens that federated credentials trust
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
        app.router.add_post("/{tenant}/oauth2/v2.0/devicecode", self._device_code)
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
            claims = _verified(token, self.key, resource, f"{self.url}/{self.tenant}/v2.0")
        except jwt.PyJWTError:
            return None
        return claims if claims["exp"] > time.time() else None

    def issue(self, client: str, resource: str, lifetime: float = LIFETIME) -> str:
        """A token of an application for a resource."""
        now = time.time()
        return self.key.sign({
            "aud": resource, "iss": f"{self.url}/{self.tenant}/v2.0", "iat": int(now), "nbf": int(now),
            "exp": int(now + lifetime), "appid": client, "azp": client, "tid": self.tenant, "idtyp": "app",
            "uti": secrets.token_urlsafe(16), "roles": list(self._roles(client, resource)),
        })  # fmt: skip

    def issue_exchange(self, identity: str) -> str:
        """A managed identity's token that an application may present which trusts it."""
        now = time.time()
        return self.key.sign({
            "aud": EXCHANGE, "iss": f"{self.url}/{self.tenant}/v2.0", "iat": int(now), "nbf": int(now),
            "exp": int(now + LIFETIME), "sub": identity, "oid": identity, "tid": self.tenant,
        })  # fmt: skip

    def issue_delegated(self, admin: Admin, client: str, resource: str, scopes: tuple[str, ...]) -> str:
        """A token of a person who uses an application."""
        now = time.time()
        return self.key.sign({
            "aud": resource, "iss": f"{self.url}/{self.tenant}/v2.0", "iat": int(now), "nbf": int(now),
            "exp": int(now + LIFETIME), "appid": client, "azp": client, "tid": self.tenant, "idtyp": "user",
            "oid": admin.id, "upn": admin.upn, "scp": " ".join(scopes),
        })  # fmt: skip

    def _roles(self, client: str, resource: str) -> tuple[str, ...]:
        if self.directory is None or self.directory.application_of(client) is None:
            return self.audiences[resource]
        return self.directory.roles(client) if resource == self.graph_url else ()

    def register(self, client: str, certificate_pem: bytes) -> str:
        """Register a certificate in place of the secret; returns its thumbprint."""
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        self.certificates[client] = certificate
        self.applications[client] = ""
        return certificate.fingerprint(hashes.SHA256()).hex()

    async def _discovery(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        await asyncio.sleep(self.world.faults.login_delay)
        if tenant not in (self.tenant, _ANY_TENANT):
            return _refused(90002, "")
        base = f"{self.url}/{tenant}"
        document = {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{self.people.url or self.url}/{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
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
        if asked.get("grant_type") in (_DEVICE_CODE, "refresh_token"):
            return self._delegated(request.match_info["tenant"], asked)
        problem = self._problem(request.match_info["tenant"], asked)
        if problem is not None:
            return _refused(*problem)
        if asked["grant_type"] == _CODE:
            number, answer = self.people.redeem(asked)
            return _refused(number, "") if number else web.json_response(answer)
        token = self.issue(asked["client_id"], asked["scope"].removesuffix("/.default"))
        document = {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}
        return changed(self.world.faults, request.path, web.json_response(document))

    async def _device_code(self, request: web.Request) -> web.StreamResponse:
        """A code to type on another device."""
        asked = dict(parse_qsl(await request.text()))
        client, scopes = asked.get("client_id", ""), tuple(asked.get("scope", "").split())
        if request.match_info["tenant"] not in (self.tenant, _ANY_TENANT):
            return _refused(90002, "")
        if client not in (AZURE_CLI, GRAPH_TOOLS):
            return _refused(700016, client)
        named = [one for one in scopes if one.startswith("https://") and not one.endswith("/.default")]
        if client == AZURE_CLI and named:
            return _refused(65002, "")
        device, user = self.codes.begin(client, scopes, self.world.now())
        page = f"{self.url}/devicelogin"
        return web.json_response({
            "device_code": device, "user_code": user, "verification_uri": page, "expires_in": int(CODE_LIFETIME),
            "interval": 5, "message": f"To sign in, open {page} and enter the code {user}.",
        })  # fmt: skip

    def _delegated(self, tenant: str, asked: Mapping[str, str]) -> web.Response:
        """Tokens of a person: after the code was typed, or for another resource later."""
        scopes = tuple(asked.get("scope", "").split())
        if asked["grant_type"] == "refresh_token":
            held = self.codes.refreshable.get(asked.get("refresh_token", ""))
            if held is None or held[1] != asked.get("client_id"):
                return _refused(70000, "")
            admin, client = held
        else:
            flow = self.codes.flows.get(asked.get("device_code", ""))
            if flow is None or flow.client != asked.get("client_id"):
                return _refused(70018, "")
            if flow.refusal or self.world.now() > flow.ends:
                return _refused(flow.refusal or 70020, "")
            if flow.admin is None:
                return _refused(70016, "")
            admin, client, scopes = flow.admin, flow.client, flow.scopes
        if admin.tenant or (tenant not in (self.tenant, _ANY_TENANT)):
            return _refused(50020 if tenant == self.tenant else 90002, "")
        wanted = next((one for one in scopes if one.startswith("https://")), "")
        resource = next((one for one in self.audiences if wanted.startswith(f"{one}/")), "")
        if not resource:
            return _refused(500011, wanted)
        if resource == self.graph_url:
            granted = self.codes.granted(client, scopes)
        elif client == AZURE_CLI:
            granted = ("user_impersonation",)
        else:
            return _refused(65002, "")
        return web.json_response({
            "token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "scope": " ".join(granted),
            "access_token": self.issue_delegated(admin, client, resource, granted),
            "refresh_token": self.codes.refresh_token(admin, client),
        })  # fmt: skip

    def _problem(self, tenant: str, asked: Mapping[str, str]) -> tuple[int, str] | None:
        """The number of the refusal, and what it names; None for a request that gets its token."""
        if tenant != self.tenant:
            return 90002, ""
        missing = next((name for name in _NEEDED if not asked.get(name)), "")
        if missing:
            return 900144, missing
        if asked["grant_type"] not in ("client_credentials", _CODE):
            return 70003, asked["grant_type"]
        stranger = self._stranger(asked["client_id"])
        if stranger:
            return stranger, asked["client_id"]
        unproven = self._unproven(asked["client_id"], asked)
        if unproven or asked["grant_type"] == _CODE:
            return (unproven, "") if unproven else None
        if not asked["scope"].endswith("/.default"):
            return 1002012, asked["scope"]
        resource = asked["scope"].removesuffix("/.default")
        return None if resource in self.audiences else (500011, resource)

    def _stranger(self, client: str) -> int:
        """The number of the refusal of an application that is not known; 0 for one that is."""
        if client in self.applications:
            return 0
        made = self.directory.application_of(client) if self.directory else None
        if self.directory is None or made is None or not self.directory.known(made):
            return 700016
        principal = self.directory.principal_of(client)
        return 0 if principal is not None and self.directory.known(principal) else 7000229

    def _unproven(self, client: str, asked: Mapping[str, str]) -> int:
        """The number of the refusal, or 0 for an application that proves to be itself."""
        if self.world.faults.login_refuses:
            return 7000215
        if "client_secret" in asked:
            return 0 if self._is_secret(client, asked["client_secret"]) else 7000215
        if "client_assertion" not in asked:
            return 7000216
        if asked.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            return 50027
        base = f"{self.url}/{self.tenant}"
        audiences = (f"{base}/oauth2/v2.0/token", f"{base}/v2.0")
        assertion = asked["client_assertion"]
        federated = self._federated(client, assertion)
        if federated is not None:
            return federated
        faults = [fault_of(assertion, client, one, audiences) for one in self._certificates(client)]
        return min(faults, default=700027)

    def _is_secret(self, client: str, secret: str) -> bool:
        if self.directory is not None and client in self.directory.secrets:
            return self.directory.secrets[client].get(secret, math.inf) <= self.world.now()
        return secret == self.applications.get(client, "") != ""

    def _certificates(self, client: str) -> list[x509.Certificate]:
        """Those that are known by now."""
        found = [self.certificates[client]] if client in self.certificates else []
        made = self.directory.application_of(client) if self.directory else None
        known = (key for key in (made["keyCredentials"] if made else ()) if self.world.now() >= key["made"] + DELAY)
        return [*found, *(x509.load_der_x509_certificate(base64.b64decode(key["key"])) for key in known)]

    def _federated(self, client: str, assertion: str) -> int | None:
        """Of a token that another issuer made for this application: 0, or the number; None for any other assertion."""
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            return None
        issuer = str(claims.get("iss"))
        issuers = {**self.issuers, f"{self.url}/{self.tenant}/v2.0": self.key}
        if issuer not in issuers:
            return None
        try:
            jwt.decode(assertion, issuers[issuer].public, algorithms=["RS256"], audience=EXCHANGE)
        except jwt.ExpiredSignatureError:
            return 700024
        except jwt.PyJWTError:
            return 50027
        made = self.directory.application_of(client) if self.directory else None
        held = (
            self.directory.federated.get(made["id"], []) if self.directory and made else self.federated.get(client, [])
        )
        pair = (issuer, claims.get("sub"))
        return 0 if any((one["issuer"], one["subject"]) == pair for one in held) else 70021


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
