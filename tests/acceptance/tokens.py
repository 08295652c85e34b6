"""Who may speak: every way a token can be wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

from sandbox.channel import ISSUER, SCOPE, Delivered
from sandbox.signing import SigningKey
from tests.acceptance.ground import Act, Environment, Row


def _in(seconds: float) -> int:
    return int(time.time() + seconds)


def _with(token: Callable[[Environment], str]) -> Act:
    return lambda g: g.send(token(g))


def _claims(**claims: Any) -> Act:
    return lambda g: g.send(g.channel.token(**claims))


def _timed(**seconds: float) -> Act:
    """A token whose times are so far from now."""
    return lambda g: g.send(g.channel.token(**{name: _in(far) for name, far in seconds.items()}))


def _header(value: str | None) -> Act:
    async def act(g: Environment) -> Delivered:
        body = json.dumps(g.activity()).encode()
        return await g.channel.post(body, "", {"Authorization": value} if value is not None else {})

    return act


def _spoilt(token: str) -> str:
    start, _, end = token.rpartition(".")
    return f"{start}.{'B' if end[0] == 'A' else 'A'}{end[1:]}"


def _swapped(g: Environment) -> str:
    """The claims of one token under the signature of another."""
    head, _, signature = g.channel.token().split(".")
    claims = base64.urlsafe_b64encode(json.dumps({"iss": ISSUER, "aud": g.channel.app, "exp": _in(900)}).encode())
    return f"{head}.{claims.rstrip(b'=').decode()}.{signature}"


async def _rotated(g: Environment) -> Delivered:
    await g.send()
    g.channel.rotate()
    return await g.send()


async def _rotated_twice(g: Environment) -> Delivered:
    await _rotated(g)
    g.channel.rotate()
    before = g.channel.key_requests
    answer = await g.send()
    assert g.channel.key_requests == before  # one fetch a minute is all that strangers can cause
    return answer


async def _keys_down(g: Environment) -> Delivered:
    await g.send()
    g.world.faults.keys_down = True
    return await g.send()


async def _keys_slow(g: Environment) -> Delivered:
    await g.send()
    g.world.faults.keys_delay = 20.0
    begun = time.monotonic()
    answer = await g.send(g.channel.token(key=SigningKey()))
    assert time.monotonic() - begun < 4
    return answer


async def _flood(g: Environment) -> Delivered:
    await g.send()
    before = g.channel.key_requests
    forged = await asyncio.gather(*(g.send(g.channel.token(key=SigningKey())) for _ in range(20)))
    assert {one.status for one in forged} == {401}
    assert g.channel.key_requests <= before + 1
    return await g.send(id=g.channel.connector.fresh())


async def _replayed_for_another_activity(g: Environment) -> Delivered:
    token = g.channel.token()
    await g.send(token)
    return await g.send(token, serviceUrl="https://smba.trafficmanager.net/elsewhere/")


def refused(ref: str, what: str, act: Act, reason: str, status: int = 401, **more: Any) -> Row:
    return Row(ref, what, act, (status,), "", f'photosync_refused_total{{reason="{reason}"}}', "none", **more)


def good(ref: str, what: str, act: Act, **more: Any) -> Row:
    return Row(ref, what, act, sees="desk.menu", store="step", **more)


ROWS = [
    refused("A1", "no Authorization header", _header(None), "no_token"),
    refused("A1", "Basic", _header("Basic dXNlcjpwYXNz"), "no_token"),
    refused("A1", "Bearer without a token", _header("Bearer "), "no_token"),
    refused("A1", "a token that is no token", _header("Bearer garbage"), "bad_token"),
    refused("A1", "a token of 7,800 letters", _header("Bearer " + "a." * 3_900), "bad_token"),
    refused("A2", "another issuer", _claims(iss="https://sts.windows.net/x/"), "issuer"),
    refused("A2", "the issuer in capitals", _claims(iss=ISSUER.upper()), "issuer"),
    refused("A2", "for another bot", _claims(aud="another"), "audience"),
    refused("A2", "for this bot and another", _with(lambda g: g.channel.token(aud=[g.channel.app, "x"])), "audience"),
    refused("A2", "alg none", _claims(alg="none"), "algorithm"),
    refused("A2", "HS256 with the public key", _claims(alg="HS256"), "algorithm"),
    refused("A2", "another key under a published id", _with(lambda g: g.channel.token(key=SigningKey(), head={"kid": g.channel.keys[-1].kid})), "signature"),
    refused("A2", "a letter of the signature changed", _with(lambda g: _spoilt(g.channel.token())), "signature"),
    refused("A2", "other claims under a good signature", _with(_swapped), "signature"),
    refused("A3", "expired six minutes ago", _timed(exp=-370), "expired"),
    refused("A3", "valid only in six minutes", _timed(nbf=370, exp=4000), "not_yet_valid"),
    good("A3", "expired four minutes ago: clocks differ", _timed(exp=-240)),
    good("A3", "valid in four minutes: clocks differ", _timed(nbf=240)),
    refused("A4", "no exp", _claims(omit=["exp"]), "missing_claim"),
    refused("A4", "exp is text", _claims(exp="never"), "bad_token"),
    refused("A5", "no serviceurl claim", _claims(omit=["serviceurl"]), "service_url"),
    refused("A5", "another serviceurl claim", _claims(serviceurl="https://evil.example/"), "service_url"),
    refused("A5", "an activity without serviceUrl", lambda g: g.send(serviceUrl=None), "no_service_url"),
    Row("A5", "a used token for another serviceUrl", _replayed_for_another_activity, (401,), "desk.menu", 'photosync_refused_total{reason="service_url"}'),
    refused("A6", "channel webchat", lambda g: g.send(channelId="webchat"), "channel"),
    refused("A6", "no channel", lambda g: g.send(channelId=None), "channel"),
    refused("A6", "channel in capitals", lambda g: g.send(channelId="MSTEAMS"), "channel"),
    refused("A7", "a key nobody published", _with(lambda g: g.channel.token(key=SigningKey())), "unknown_key", alone=True),
    good("A7", "the first message after a key rotation", _rotated, alone=True),
    Row("A7", "a second rotation within the minute", _rotated_twice, (401,), "desk.menu", 'photosync_refused_total{reason="unknown_key"}', alone=True),
    good("A8", "the key service is down, the keys known", _keys_down, alone=True),
    Row("A8", "an unknown key while the key service hangs", _keys_slow, (401,), "desk.menu", 'photosync_refused_total{reason="unknown_key"}', alone=True),
    good("A9", "a good message amid forged ones", _flood, alone=True),
    refused("A11", "our own app's directory token", _with(lambda g: g.scene.tenant.login.issue(g.channel.app, SCOPE)), "unknown_key", alone=True),
]  # fmt: skip
