"""The pretend login is no kinder than Entra ID, and the real msal can use it."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import msal
import pytest
import requests
import trustme
from cryptography.hazmat.primitives import hashes

from sandbox.channel import SCOPE
from sandbox.signing import SigningKey
from tests.sandboxed import Reply, SandboxClient, outside

ANOTHER = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
async def here() -> AsyncIterator[SandboxClient]:
    async with outside() as one:
        yield one


async def sign_in(here: SandboxClient, *, tenant: str = "", **changes: str | None) -> Reply:
    """A request for a token as an application with a secret makes it; None takes a field away."""
    usual = {
        "grant_type": "client_credentials",
        "client_id": here.tenant.app,
        "client_secret": here.tenant.secret,
        "scope": f"{here.tenant.graph.url}/.default",
    }
    form = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    url = f"{here.tenant.login.url}/{tenant or here.tenant.id}/oauth2/v2.0/token"
    return await here.ask("POST", url, data=form)


# what is wrong | how it is asked for | status, error and number of the refusal
REFUSED: list[tuple[str, dict[str, Any], int, str, int]] = [
    ("the secret is wrong", {"client_secret": "guess"}, 401, "invalid_client", 7000215),
    ("the secret is empty", {"client_secret": " "}, 401, "invalid_client", 7000215),
    ("neither secret nor assertion", {"client_secret": None}, 401, "invalid_client", 7000216),
    ("an unknown application", {"client_id": ANOTHER}, 400, "unauthorized_client", 700016),
    ("an unknown tenant", {"tenant": ANOTHER}, 400, "invalid_request", 90002),
    ("no grant type", {"grant_type": None}, 400, "invalid_request", 900144),
    ("no client id", {"client_id": None}, 400, "invalid_request", 900144),
    ("no scope", {"scope": None}, 400, "invalid_request", 900144),
    ("a person's password", {"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ("a scope that is no resource's default", {"scope": "User.Read.All"}, 400, "invalid_scope", 1002012),
    ("an unknown resource", {"scope": "https://vault.example/.default"}, 400, "invalid_resource", 500011),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "status", "error", "number"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])  # fmt: skip
async def test_a_wrong_request_is_refused_as_entra_id_does(
    here: SandboxClient, changes: dict[str, Any], status: int, error: str, number: int
) -> None:
    reply = await sign_in(here, **changes)
    told = reply.json()
    assert (reply.status, told["error"], told["error_codes"]) == (status, error, [number])
    assert told["error_description"].startswith(f"AADSTS{number}: ")
    assert {"trace_id", "correlation_id", "timestamp", "error_uri"} <= told.keys()
    assert "access_token" not in told
    assert here.tenant.login.requests == 1


async def test_json_in_place_of_a_form_is_not_understood(here: SandboxClient) -> None:
    url = f"{here.tenant.login.url}/{here.tenant.id}/oauth2/v2.0/token"
    reply = await here.ask("POST", url, json={"grant_type": "client_credentials"})
    assert (reply.status, reply.json()["error_codes"]) == (400, [900144])


@pytest.mark.parametrize("version", ["/v2.0", ""])
async def test_discovery_leads_to_the_keys_that_verify_its_tokens(here: SandboxClient, version: str) -> None:
    base = f"{here.tenant.login.url}/{here.tenant.id}"
    found = (await here.ask("GET", f"{base}{version}/.well-known/openid-configuration")).json()
    assert found["token_endpoint"] == f"{base}/oauth2/v2.0/token"
    token = (await sign_in(here)).json()["access_token"]
    keys = jwt.PyJWKSet.from_dict((await here.ask("GET", found["jwks_uri"])).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=here.tenant.graph.url, issuer=found["issuer"])
    assert (claims["appid"], claims["tid"]) == (here.tenant.app, here.tenant.id)
    assert "User.Read.All" in claims["roles"]


async def test_discovery_of_another_tenant_is_refused(here: SandboxClient) -> None:
    reply = await here.ask("GET", f"{here.tenant.login.url}/{ANOTHER}/v2.0/.well-known/openid-configuration")
    assert (reply.status, reply.json()["error_codes"]) == (400, [90002])


async def test_roles_change_with_the_next_token(here: SandboxClient) -> None:
    here.tenant.grant("ProfilePhoto.Read.All")
    token = (await sign_in(here)).json()["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["roles"] == ["ProfilePhoto.Read.All"]


# the real msal


async def acquire(here: SandboxClient, credential: Any, scope: str, tenant: str = "") -> dict[str, Any]:
    """What the real msal gets, in a thread since it is synchronous."""

    def ask() -> dict[str, Any]:
        with requests.Session() as session:
            session.trust_env = False  # a bundle of the machine's would take the place of ours
            session.verify = str(here.tenant.authority.bundle)
            application = msal.ConfidentialClientApplication(
                here.tenant.app,
                authority=f"{here.tenant.login.url}/{tenant or here.tenant.id}",
                client_credential=credential,
                instance_discovery=False,
                http_client=session,
            )
            found: dict[str, Any] = application.acquire_token_for_client(scopes=[f"{scope}/.default"])
            return found

    return await asyncio.to_thread(ask)


async def test_msal_gets_tokens_with_a_secret_that_graph_and_the_connector_take(here: SandboxClient) -> None:
    graph = await acquire(here, here.tenant.secret, here.tenant.graph.url)
    headers = {"Authorization": f"Bearer {graph['access_token']}"}
    assert (await here.graph("/sites/root", headers=headers)).status == 200
    channel = await acquire(here, here.tenant.secret, SCOPE)
    chat = here.chat()
    path = f"/{chat.conversation}/activities"
    sent = await here.connector("POST", path, {"type": "typing"}, token=channel["access_token"])
    assert (sent.status, chat.typing) == (201, 1)


async def test_msal_tells_a_wrong_secret_apart_from_an_outage(here: SandboxClient) -> None:
    assert (await acquire(here, "guess", SCOPE))["error"] == "invalid_client"


async def test_msal_finds_no_other_tenant(here: SandboxClient) -> None:
    with pytest.raises(ValueError, match="authority"):
        await acquire(here, here.tenant.secret, SCOPE, tenant=ANOTHER)


def certified(**more: Any) -> tuple[bytes, bytes]:
    """Key and certificate of an application, as PEM."""
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    made = authority.issue_cert("bot.example", key_type=trustme.KeyType.RSA, **more)
    return made.private_key_pem.bytes(), made.cert_chain_pems[0].bytes()


@pytest.mark.parametrize("old", [False, True], ids=["SHA-256", "SHA-1"])
async def test_msal_gets_a_token_with_a_certificate(here: SandboxClient, old: bool) -> None:
    key, certificate = certified()
    here.tenant.login.register(here.tenant.app, certificate)
    credential = {"private_key": key.decode(), "public_certificate": certificate.decode()}
    if old:
        found = here.tenant.login.certificates[here.tenant.app]
        credential |= {"thumbprint": found.fingerprint(hashes.SHA1()).hex()}
    assert "access_token" in await acquire(here, credential, SCOPE)


# assertions that nobody should accept


def assertion(here: SandboxClient, key: bytes, *, algorithm: str = "RS256", head: dict[str, Any] | None = None, **changes: Any) -> str:  # fmt: skip
    """A client assertion as msal makes it; None takes a claim away."""
    thumbprint = here.tenant.login.certificates[here.tenant.app].fingerprint(hashes.SHA256())
    usual = {
        "iss": here.tenant.app, "sub": here.tenant.app, "jti": str(uuid.uuid4()), "exp": int(time.time()) + 600,
        "aud": f"{here.tenant.login.url}/{here.tenant.id}/oauth2/v2.0/token",
    }  # fmt: skip
    claims = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"x5t#S256": _text(thumbprint), **(head or {})})


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


ASSERTIONS: list[tuple[str, Callable[[SandboxClient, bytes], str], int]] = [
    ("signed with another key", lambda here, _: assertion(here, SigningKey().pem), 700027),
    ("naming another certificate", lambda here, key: assertion(here, key, head={"x5t#S256": _text(b"1" * 32)}), 700027),
    ("naming no certificate", lambda here, key: assertion(here, key, head={"x5t#S256": None}), 700027),
    ("expired", lambda here, key: assertion(here, key, exp=int(time.time()) - 60), 700024),
    ("not valid yet", lambda here, key: assertion(here, key, nbf=int(time.time()) + 600), 700024),
    ("without an end", lambda here, key: assertion(here, key, exp=None), 50027),
    ("for another service", lambda here, key: assertion(here, key, aud="https://evil.example"), 700023),
    ("of another application", lambda here, key: assertion(here, key, iss=ANOTHER, sub=ANOTHER), 50027),
    ("about another application", lambda here, key: assertion(here, key, sub=ANOTHER), 50027),
    ("without an id", lambda here, key: assertion(here, key, jti=None), 50027),
    ("not a token", lambda _, __: "a.b.c", 50027),
]  # fmt: skip


@pytest.mark.parametrize(("made", "number"), [row[1:] for row in ASSERTIONS], ids=[row[0] for row in ASSERTIONS])
async def test_an_assertion_is_really_verified(
    here: SandboxClient, made: Callable[[SandboxClient, bytes], str], number: int
) -> None:
    key, certificate = certified()
    here.tenant.login.register(here.tenant.app, certificate)
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    fields = {"client_secret": None, "client_assertion_type": kind}
    assert (await sign_in(here, **fields, client_assertion=assertion(here, key))).status == 200
    reply = await sign_in(here, **fields, client_assertion=made(here, key))
    assert (reply.status, reply.json()["error_codes"]) == (401, [number])


async def test_a_certificate_that_ran_out_is_refused(here: SandboxClient) -> None:
    key, certificate = certified(not_after=datetime.now(UTC) - timedelta(days=1))
    here.tenant.login.register(here.tenant.app, certificate)
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    reply = await sign_in(here, client_secret=None, client_assertion_type=kind, client_assertion=assertion(here, key))
    assert (reply.status, reply.json()["error_codes"]) == (401, [1000502])


async def test_where_a_certificate_is_registered_the_secret_is_good_no_more(here: SandboxClient) -> None:
    here.tenant.login.register(here.tenant.app, certified()[1])
    assert (await sign_in(here)).status == 401


# the managed identity of a machine


async def test_msal_gets_a_token_as_a_managed_identity(here: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in here.tenant.identity.environment().items():
        monkeypatch.setenv(name, value)

    def ask() -> dict[str, Any]:
        with requests.Session() as session:
            identity = msal.UserAssignedManagedIdentity(client_id=here.tenant.app)
            client = msal.ManagedIdentityClient(identity, http_client=session)
            found: dict[str, Any] = client.acquire_token_for_client(resource=here.tenant.graph.url)
            return found

    found = await asyncio.to_thread(ask)
    headers = {"Authorization": f"Bearer {found['access_token']}"}
    assert (await here.graph("/sites/root", headers=headers)).status == 200


# what is wrong | the query's changes | the header, None for the right one | status
IDENTITY = [
    ("without the machine's secret", {}, "", 401),
    ("with another secret", {}, "guess", 401),
    ("as another identity", {"client_id": ANOTHER}, None, 400),
    ("for an unknown resource", {"resource": "https://vault.example"}, None, 400),
    ("in an old version", {"api-version": "2017-09-01"}, None, 400),
]


@pytest.mark.parametrize(("changes", "header", "status"), [row[1:] for row in IDENTITY], ids=[row[0] for row in IDENTITY])  # fmt: skip
async def test_the_identity_endpoint_serves_only_its_machine(
    here: SandboxClient, changes: dict[str, str], header: str | None, status: int
) -> None:
    identity = here.tenant.identity
    query = {"api-version": "2019-08-01", "resource": SCOPE, "client_id": here.tenant.app, **changes}
    sent = {"X-IDENTITY-HEADER": identity.header if header is None else header}
    assert (await here.ask("GET", identity.url, params=query, headers=sent)).status == status
