"""Who may speak to the bot: every way a token can be wrong, and what happens to keys over time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from bot.app import new_metrics
from bot.http_client import HttpClient
from bot.teams import TeamsEndpoint
from bot.teams.authentication import Keys
from bot.teams.refusal import Refusal
from sandbox.channel import ISSUER, SCOPE
from sandbox.signing import SigningKey
from sandbox.tenant import Tenant
from sandbox.web import listen
from tests.teams_edge import Stage, nothing, stage


@pytest_asyncio.fixture
async def edge() -> AsyncIterator[Stage]:
    async with stage() as here:
        yield here


def in_(seconds: float) -> int:
    return int(time.time() + seconds)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(head: bytes, here: Stage, secret: bytes | None) -> str:
    """A token with any header, signed with a shared secret or not at all."""
    body = jwt.decode(here.tenant.channel.token(), options={"verify_signature": False})
    signed = f"{b64(head)}.{b64(json.dumps(body).encode())}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret else b""
    return f"{signed}.{b64(mac)}"


def head(here: Stage, **fields: Any) -> bytes:
    return json.dumps({"kid": here.tenant.channel.keys[-1].kid, "typ": "JWT", **fields}).encode()


def public_pem(here: Stage) -> bytes:
    published = here.tenant.channel.keys[-1].public
    return published.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


WRONG_TOKENS: dict[str, tuple[Callable[[Stage], str], str]] = {
    "three dots and no token": (lambda _: "...", "bad_token"),
    "garbage": (lambda _: "garbage", "bad_token"),
    "not ASCII": (lambda _: "ü.ü.ü", "no_token"),
    "a header a thousand levels deep": (lambda here: by_hand(b"[" * 4000, here, None), "bad_token"),
    "alg none": (lambda here: by_hand(head(here, alg="none"), here, None), "algorithm"),
    "HS256 with the published key as the secret": (
        lambda here: by_hand(head(here, alg="HS256"), here, public_pem(here)),
        "algorithm",
    ),
    "RS256 that is no RSA signature": (lambda here: by_hand(head(here, alg="RS256"), here, b"secret"), "signature"),
    "no kid": (lambda here: by_hand(b'{"alg": "RS256"}', here, b"secret"), "unknown_key"),
    "a number as kid": (lambda here: by_hand(head(here, alg="RS256", kid=5), here, b"secret"), "bad_token"),
    "a key nobody published": (lambda here: here.tenant.channel.token(key=SigningKey()), "unknown_key"),
    "another key under a published id": (
        lambda here: here.tenant.channel.token(key=SigningKey(), head={"kid": here.tenant.channel.keys[-1].kid}),
        "signature",
    ),
    "a letter of the signature changed": (lambda here: _changed(here.tenant.channel.token()), "signature"),
    "expired": (lambda here: here.tenant.channel.token(exp=in_(-310)), "expired"),
    "not valid for another six minutes": (lambda here: here.tenant.channel.token(nbf=in_(360)), "not_yet_valid"),
    "no exp": (lambda here: here.tenant.channel.token(omit=["exp"]), "missing_claim"),
    "exp is null": (lambda here: here.tenant.channel.token(exp=None), "missing_claim"),
    "exp is text": (lambda here: here.tenant.channel.token(exp="tomorrow"), "bad_token"),
    "another issuer": (lambda here: here.tenant.channel.token(iss="https://sts.windows.net/x/"), "issuer"),
    "the issuer with a slash more": (lambda here: here.tenant.channel.token(iss=ISSUER + "/"), "issuer"),
    "no issuer": (lambda here: here.tenant.channel.token(omit=["iss"]), "missing_claim"),
    "for another bot": (lambda here: here.tenant.channel.token(aud="another"), "audience"),
    "for this bot and another": (lambda here: here.tenant.channel.token(aud=[here.tenant.app, "another"]), "audience"),
    "for this bot in a list": (lambda here: here.tenant.channel.token(aud=[here.tenant.app]), "audience"),
    "no audience": (lambda here: here.tenant.channel.token(omit=["aud"]), "missing_claim"),
    "no serviceurl claim": (lambda here: here.tenant.channel.token(omit=["serviceurl"]), "service_url"),
    "another serviceurl": (lambda here: here.tenant.channel.token(serviceurl="https://evil.example/"), "service_url"),
    "serviceurl is a list": (
        lambda here: here.tenant.channel.token(serviceurl=[here.tenant.channel.service_url]),
        "service_url",
    ),
    "our own app's directory token": (lambda here: here.tenant.login.issue(here.tenant.app, SCOPE), "unknown_key"),
}


def _changed(token: str) -> str:
    start, _, signature = token.rpartition(".")
    return f"{start}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize("way", WRONG_TOKENS)
async def test_a_wrong_token_gets_an_empty_401_and_no_turn(edge: Stage, way: str) -> None:
    token, reason = WRONG_TOKENS[way]
    given = await edge.deliver(token(edge))
    assert (given.status, given.body) == (401, b"")
    assert edge.turns == []
    assert edge.refused(reason) == 1


HEADERS = {
    "none": {},
    "no scheme": {"Authorization": "abc"},
    "another scheme": {"Authorization": "Basic dXNlcjpwYXNz"},
    "no token": {"Authorization": "Bearer "},
    "only the scheme": {"Authorization": "Bearer"},
}


@pytest.mark.parametrize("way", HEADERS)
async def test_without_a_bearer_token_nobody_gets_in(edge: Stage, way: str) -> None:
    given = await edge.tenant.channel.post(b"{}", token="", headers=HEADERS[way])
    assert (given.status, given.body) == (401, b"")
    assert edge.refused("no_token") == 1


async def test_a_good_token_with_text_behind_it_is_no_token(edge: Stage) -> None:
    assert (await edge.deliver(edge.tenant.channel.token() + " more")).status == 401


WRONG_ACTIVITIES: dict[str, tuple[dict[str, Any], str]] = {
    "no serviceUrl": ({"serviceUrl": None}, "no_service_url"),
    "an empty serviceUrl": ({"serviceUrl": ""}, "no_service_url"),
    "serviceUrl is a number": ({"serviceUrl": 5}, "no_service_url"),
    "another serviceUrl than the token's": ({"serviceUrl": "https://evil.example/teams/"}, "service_url"),
    "no channelId": ({"channelId": None}, "channel"),
    "the emulator's channel": ({"channelId": "emulator"}, "channel"),
    "web chat": ({"channelId": "webchat"}, "channel"),
    "channelId is a list": ({"channelId": ["msteams"]}, "channel"),
}


@pytest.mark.parametrize("way", WRONG_ACTIVITIES)
async def test_a_good_token_speaks_for_its_own_activities_only(edge: Stage, way: str) -> None:
    changes, reason = WRONG_ACTIVITIES[way]
    token = edge.tenant.channel.token()
    assert (await edge.deliver(token)).status == 200  # the token is known from now on, and checked all the same
    given = await edge.deliver(token, **changes)
    assert (given.status, given.body) == (401, b"")
    assert len(edge.turns) == 1
    assert edge.refused(reason) == 1


async def test_a_key_speaks_for_the_channels_it_is_endorsed_for() -> None:
    def for_web_chat_only(tenant: Tenant) -> None:
        tenant.channel.endorsements = ["webchat"]

    async with stage(prepare=for_web_chat_only) as here:
        assert (await here.deliver()).status == 401
        assert here.refused("not_endorsed") == 1


GOOD_TOKENS: dict[str, Callable[[Stage], str]] = {
    "as the channel makes them": lambda here: here.tenant.channel.token(),
    "expired four minutes ago: clocks differ": lambda here: here.tenant.channel.token(exp=in_(-240)),
    "valid in four minutes: clocks differ": lambda here: here.tenant.channel.token(nbf=in_(240)),
    "without nbf": lambda here: here.tenant.channel.token(omit=["nbf"]),
    "with a far end": lambda here: here.tenant.channel.token(exp=10**300),
    "serviceurl without its last slash": lambda here: here.tenant.channel.token(
        serviceurl=here.tenant.channel.service_url.rstrip("/")
    ),
}


@pytest.mark.parametrize("way", GOOD_TOKENS)
async def test_a_good_token_gets_in(edge: Stage, way: str) -> None:
    token = GOOD_TOKENS[way](edge)
    assert [(await edge.deliver(token)).status for _ in range(2)] == [200, 200]
    assert len(edge.turns) == 2


async def test_a_rotated_key_is_learnt_within_the_first_message_signed_with_it(edge: Stage) -> None:
    edge.tenant.channel.rotate()
    assert (await edge.deliver()).status == 200


async def test_what_an_old_key_signed_is_worth_nothing_once_it_is_gone(edge: Stage) -> None:
    old = edge.tenant.channel.token()
    assert (await edge.deliver(old)).status == 200
    edge.tenant.channel.rotate()
    assert (await edge.deliver()).status == 200
    assert (await edge.deliver(old)).status == 401


async def test_forged_key_ids_cause_one_fetch_a_minute_at_most(edge: Stage) -> None:
    before = edge.tenant.channel.key_requests
    forged = edge.tenant.channel.token(key=SigningKey())
    assert {(await edge.deliver(forged)).status for _ in range(20)} == {401}
    assert edge.tenant.channel.key_requests == before + 1


async def test_while_the_key_service_is_down_the_known_keys_serve(edge: Stage) -> None:
    edge.tenant.world.faults.keys_down = True
    assert (await edge.deliver(edge.tenant.channel.token(key=SigningKey()))).status == 401
    assert (await edge.deliver()).status == 200


async def test_started_without_the_key_service_the_bot_asks_to_wait_and_recovers_by_itself() -> None:
    def down(tenant: Tenant) -> None:
        tenant.world.faults.keys_down = True

    async with stage(ready=False, prepare=down) as here:
        assert (await here.deliver()).status == 503
        assert not here.edge.ready
        here.tenant.world.faults.keys_down = False
        await here.until_ready()
        assert (await here.deliver()).status == 200


async def test_a_bot_without_an_app_id_is_not_built(edge: Stage) -> None:
    http = HttpClient.from_settings(edge.settings)
    with pytest.raises(ValueError, match="app id"):
        TeamsEndpoint(replace(edge.settings, app_id=""), http, edge.connector, new_metrics(), nothing, edge.inbox)
    await http.close()


async def test_a_flood_of_refusals_fills_no_log_and_tells_no_token(
    edge: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    token = edge.tenant.channel.token(exp=in_(-1000))
    for _ in range(50):
        await edge.deliver(token, text="a secret of mine")
    told = [record.getMessage() for record in caplog.records if record.name.startswith("bot")]
    assert edge.refused("expired") == 50
    assert 0 < len(told) < 50
    assert not any(token[-40:] in line or "secret" in line for line in told)


# The keys by themselves, over time


class KeyService:
    """Publishes what it is told to."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.key = SigningKey()
        self.metadata: Any = None
        self.document: Any = {"keys": [self.key.jwk(endorsements=["msteams"])]}
        self.url = ""
        self.asked = 0

    async def start(self) -> web.AppRunner:
        site = web.Application()
        site.router.add_get("/metadata", self._metadata)
        site.router.add_get("/keys", self._keys)
        runner, port = await listen(site, self.tenant.authority.server)
        self.url = f"https://localhost:{port}"
        self.metadata = {"jwks_uri": f"{self.url}/keys"}
        return runner

    async def _metadata(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response(self.metadata)

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response(self.document)


@pytest_asyncio.fixture
async def service(edge: Stage) -> AsyncIterator[KeyService]:
    service = KeyService(edge.tenant)
    runner = await service.start()
    yield service
    await runner.cleanup()


@pytest_asyncio.fixture
async def http(edge: Stage) -> AsyncIterator[HttpClient]:
    http = HttpClient.from_settings(edge.settings)
    yield http
    await http.close()


async def test_a_minute_later_an_unknown_key_is_asked_for_again(service: KeyService, http: HttpClient) -> None:
    now = 1000.0
    keys = Keys(f"{service.url}/metadata", http, clock=lambda: now)
    assert await keys.fetch()
    for later in (0.0, 30.0, 61.0):
        now = 1000.0 + later
        assert await keys.get("unknown") is None
    assert service.asked == 3


BAD_KEYS: dict[str, Any] = {
    "no keys": {"keys": []},
    "keys is a number": {"keys": 5},
    "a list": [],
    "a key is text": {"keys": ["key"]},
    "an elliptic key": {"keys": [{"kty": "EC", "kid": "a", "crv": "P-256", "x": "AA", "y": "AA", "endorsements": []}]},
    "a shared secret": {"keys": [{"kty": "oct", "kid": "a", "k": "AAAA", "endorsements": ["msteams"]}]},
    "a broken number": {"keys": [{"kty": "RSA", "kid": "a", "n": "!!", "e": "AQAB", "endorsements": ["msteams"]}]},
    "a short key": {
        "keys": [{"kty": "RSA", "kid": "a", "n": b64(b"\xff" * 64), "e": "AQAB", "endorsements": ["msteams"]}]
    },
    "no endorsements": {"keys": [SigningKey().jwk()]},
    "for encryption": {"keys": [{**SigningKey().jwk(endorsements=["msteams"]), "use": "enc"}]},
}


@pytest.mark.parametrize("way", BAD_KEYS)
async def test_an_unusable_key_document_leaves_the_present_keys(
    service: KeyService, http: HttpClient, way: str
) -> None:
    keys = Keys(f"{service.url}/metadata", http)
    assert await keys.fetch()
    service.document = BAD_KEYS[way]
    assert not await keys.fetch()
    assert await keys.get(service.key.kid) is not None


@pytest.mark.parametrize("address", ["http://localhost/keys", "file:///etc/passwd", 5, None])
async def test_keys_come_over_https_only(service: KeyService, http: HttpClient, address: Any) -> None:
    service.metadata = {"jwks_uri": address}
    keys = Keys(f"{service.url}/metadata", http)
    assert not await keys.fetch()
    with pytest.raises(Refusal, match="no_keys"):
        await keys.get(service.key.kid)


async def test_requests_that_need_the_same_fetch_share_it(service: KeyService, http: HttpClient) -> None:
    keys = Keys(f"{service.url}/metadata", http)
    fetches = {keys.fetch() for _ in range(10)}
    assert [await fetch for fetch in fetches] == [True]
    assert service.asked == 1
