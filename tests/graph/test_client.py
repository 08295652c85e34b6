"""Signing in and asking Graph: once for many, anew when refused, never in a storm, and never telling the secret."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.serialization import pkcs12

from bot.app import new_metrics
from bot.errors import NotFound, Outage, OutsideError, Refused, SettingsError, Throttled, TimedOut
from bot.graph.client import BadRequest, Graph
from bot.graph.tokens import Tokens, bot_tokens, graph_tokens
from bot.http_client import HttpClient, plain_code
from bot.settings import Settings, read
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from sandbox.web import listen
from tests.scripted import desk


@dataclass(frozen=True)
class Office:
    """A tenant and what the bot signs in with."""

    tenant: Tenant
    settings: Settings
    http: HttpClient

    @property
    def scope(self) -> str:
        return f"{self.tenant.graph.url}/.default"


@asynccontextmanager
async def office(**changes: str) -> AsyncIterator[Office]:
    async with Tenant.open() as tenant:
        settings = read({**tenant.environment(), **changes})
        http = HttpClient.from_settings(settings)
        try:
            yield Office(tenant, settings, http)
        finally:
            await http.close()


@asynccontextmanager
async def broken_login(answer: web.Response | None) -> AsyncIterator[tuple[Office, list[str]]]:
    """A login service that gives one answer to everything, or none; and what it was asked."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        if answer is None:
            await asyncio.sleep(60)
        assert answer is not None
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async with office() as one:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner, port = await listen(app, one.tenant.authority.server)
        settings = read({**one.tenant.environment(), "PHOTOSYNC_LOGIN_URL": f"https://localhost:{port}"})
        try:
            yield Office(one.tenant, settings, one.http), asked
        finally:
            await runner.cleanup()


async def test_two_hundred_callers_sign_in_once() -> None:
    async with office() as one:
        tokens = bot_tokens(one.settings, one.http)
        assert len(set(await asyncio.gather(*(tokens.token(one.scope) for _ in range(200))))) == 1
        assert one.tenant.login.requests == 1


async def test_two_hundred_callers_share_one_failure() -> None:
    async with broken_login(web.Response(status=500)) as (one, asked):
        tokens = bot_tokens(one.settings, one.http)
        found = await asyncio.gather(*(tokens.token(one.scope) for _ in range(200)), return_exceptions=True)
        assert {type(error) for error in found} == {Outage}
        assert len(asked) == 1


async def test_a_caller_that_gives_up_does_not_take_the_token_from_the_others() -> None:
    async with office() as one:
        tokens = bot_tokens(one.settings, one.http)
        one.tenant.world.faults.login_delay = 0.2
        hasty, patient = (asyncio.create_task(tokens.token(one.scope)) for _ in range(2))
        await asyncio.sleep(0.05)
        hasty.cancel()
        assert await patient
        assert one.tenant.login.requests == 1


async def test_a_forgotten_token_is_really_asked_for_anew() -> None:
    async with office() as one:
        tokens = bot_tokens(one.settings, one.http)
        first = await tokens.token(one.scope)
        tokens.forget(one.scope, first)
        await tokens.token(one.scope)
        assert one.tenant.login.requests == 2
        # What somebody else has replaced already is not thrown away.
        tokens.forget(one.scope, "an older one")
        await tokens.token(one.scope)
        assert one.tenant.login.requests == 2


async def test_each_resource_has_a_token_of_its_own() -> None:
    async with office() as one:
        tokens = bot_tokens(one.settings, one.http)
        assert graph_tokens(one.settings, one.http) is None  # the bot's are used
        found = await asyncio.gather(tokens.token(one.scope), tokens.token(one.settings.channel_scope))
        assert len(set(found)) == 2
        assert one.tenant.login.requests == 2


async def test_a_token_that_ends_soon_is_not_used_any_longer() -> None:
    lives, asked = 0.2, 0

    def acquire(_: str) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"access_token": f"token {asked}", "expires_in": lives}

    tokens = Tokens(acquire)
    assert await tokens.token("s") == await tokens.token("s") == "token 1"
    await asyncio.sleep(lives)
    assert await tokens.token("s") == "token 2"


async def test_a_separate_application_reads_graph() -> None:
    async with office() as one:
        one.tenant.login.applications["99999999-9999-4999-8999-999999999999"] = "of its own"
        own = {"PHOTOSYNC_GRAPH_CLIENT_ID": "99999999-9999-4999-8999-999999999999", "PHOTOSYNC_GRAPH_CLIENT_SECRET": "of its own"}  # fmt: skip
        settings = read({**one.tenant.environment(), **own})
        graphs = graph_tokens(settings, one.http)
        assert graphs is not None
        token = await graphs.token(one.scope)
        claims = one.tenant.login.check(f"Bearer {token}", one.tenant.graph.url)
        assert claims is not None
        assert claims["appid"] == own["PHOTOSYNC_GRAPH_CLIENT_ID"]


def refusal(status: int, error: str, *numbers: int) -> web.Response:
    document = {"error": error, "error_description": "AADSTS0: of canary-secret", "error_codes": list(numbers)}
    return web.json_response(document, status=status)


# what the login service answers | what that is | its detail
LOGINS: list[tuple[str, web.Response | None, type[OutsideError], str]] = [
    ("no such tenant", refusal(400, "invalid_tenant", 90002), Refused, "invalid_tenant AADSTS90002"),
    ("a web page", web.Response(text="<html>Sign in", content_type="text/html"), Outage, "not JSON (status 200)"),
    ("a list", web.json_response([]), Outage, "not a JSON object (status 200)"),
    ("something else", web.json_response({"hello": 1}), Outage, "a useless answer"),
    ("too many requests", web.Response(status=429, headers={"Retry-After": "7"}), Throttled, "status 429"),
    ("an outage", web.Response(status=503), Outage, "status 503"),
    ("nothing", None, TimedOut, "no answer within 5 s"),
]


@pytest.mark.parametrize(("answer", "kind", "detail"), [row[1:] for row in LOGINS], ids=[row[0] for row in LOGINS])
async def test_a_login_service_that_gives_no_token_is_told_for_what_it_is(
    answer: web.Response | None, kind: type[OutsideError], detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with broken_login(answer) as (one, _):
        with pytest.raises(kind) as raised, caplog.at_level(logging.DEBUG, "bot"):
            await bot_tokens(one.settings, one.http).token(one.scope)
        assert type(raised.value) is kind
        assert raised.value.system == "login"
        assert raised.value.detail.startswith(detail)
        assert "canary" not in caplog.text


# what the token endpoint says | what that is
TOKENS: list[tuple[dict[str, Any], type[OutsideError]]] = [
    ({"error": "invalid_client", "error_codes": [7000222]}, Refused),
    ({"error": "unauthorized_client", "error_codes": [700016]}, Refused),
    ({"error": "temporarily_unavailable"}, Outage),
    ({"error": {"a": "b"}, "error_codes": "x"}, Refused),
    ({"access_token": 5}, Refused),
    ({"access_token": "two\r\nlines"}, Refused),
    ({}, Refused),
]


@pytest.mark.parametrize(("result", "kind"), TOKENS, ids=[str(row[0])[:50] for row in TOKENS])
async def test_whatever_the_token_endpoint_says_is_a_token_or_an_error_of_ours(
    result: dict[str, Any], kind: type[OutsideError]
) -> None:
    with pytest.raises(kind) as raised:
        await Tokens(lambda _: result).token("s")
    assert type(raised.value) is kind


LIFETIMES = [3600, "3600", 0, -5, True, None, "soon", [], {}, 1e999, 2**70, 10**400, float("nan"), "9" * 400]


@pytest.mark.parametrize("lifetime", LIFETIMES, ids=lambda one: str(one)[:20])
async def test_a_token_is_used_however_odd_its_lifetime(lifetime: Any) -> None:
    tokens = Tokens(lambda _: {"access_token": "t", "expires_in": lifetime})
    assert await tokens.token("s") == "t"
    async with office() as one:
        one.tenant.world.faults.change = lambda _, document: {**document, "expires_in": lifetime} if "access_token" in document else document  # fmt: skip
        found = bot_tokens(one.settings, one.http)
        assert one.tenant.login.check(f"Bearer {await found.token(one.scope)}", one.tenant.graph.url)
        assert await found.token(one.scope) == await found.token(one.scope)
        assert one.tenant.login.requests == 1


CANARY = "eyJcanary.canary.canary"
TOKEN = json.dumps({"token_type": "Bearer", "expires_in": 3600, "access_token": CANARY}).encode()
# what the token endpoint answers
LEAKS = [
    TOKEN, TOKEN[:-1], TOKEN[:-20], TOKEN + b"x", b"[" + TOKEN + b"]", b'"' + CANARY.encode() + b'"', b"\xff" + TOKEN,
    TOKEN.replace(b"3600", b'"x"'), TOKEN.replace(b"canary.", b"canary\\n."), TOKEN.replace(b'"Bearer"', CANARY.join('""').encode()),
    json.dumps({"error": CANARY * 5, "error_description": CANARY, "access_token": [CANARY]}).encode(), CANARY.encode(),
]  # fmt: skip


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize("body", LEAKS, ids=range(len(LEAKS)))
async def test_no_log_holds_a_token_whatever_the_login_service_answers(
    body: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "msal", "urllib3", "aiohttp", "asyncio", "bot"):
        caplog.set_level(logging.DEBUG, name)
    async with office() as one:
        one.tenant.world.faults.plan("login", [Fault(status, body=body)])
        tokens = bot_tokens(one.settings, one.http)
        with suppress(OutsideError):
            assert await tokens.token(one.scope) == CANARY
        assert CANARY not in repr(vars(tokens))
        assert one.tenant.secret not in caplog.text
    assert "canary" not in caplog.text
    assert CANARY not in "".join(logging.Formatter().format(record) for record in caplog.records)


ODD_ERRORS = [{"code": "ServiceUnavailable"}, [], 5, None, True, "", "two\nlines", "\u00e9", "x" * 5_000]


@pytest.mark.parametrize("error", ODD_ERRORS, ids=lambda one: str(one)[:20])
@pytest.mark.parametrize("status", [200, 400])
async def test_after_any_error_of_the_login_service_the_next_good_answer_is_used(error: Any, status: int) -> None:
    async with office() as one:
        body = json.dumps({"error": error, "suberror": error, "error_codes": error}).encode()
        one.tenant.world.faults.plan("login", [Fault(status, body=body)] * 2)
        tokens = bot_tokens(one.settings, one.http)
        for _ in range(2):
            with pytest.raises(OutsideError):
                await tokens.token(one.scope)
            tokens.forget(one.scope)
        assert one.tenant.login.check(f"Bearer {await tokens.token(one.scope)}", one.tenant.graph.url)


async def test_a_managed_identitys_token_is_in_no_log_either(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "msal")

    async def identity(request: web.Request) -> web.Response:
        answers = {"cut": TOKEN[:-4], "odd": TOKEN.replace(b"expires_in", b"lasts"), "good": TOKEN}
        return web.Response(body=answers[request.query["resource"]], content_type="application/json")

    app = web.Application()
    app.router.add_get("/msi/token", identity)
    runner, port = await listen(app, None)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "known-only-here")
    async with office(MicrosoftAppPassword="", MicrosoftAppType="UserAssignedMSI") as one:
        tokens = bot_tokens(one.settings, one.http)
        for resource in ("odd", "good"):
            assert await tokens.token(resource) == CANARY
        with pytest.raises(Outage):
            await tokens.token("cut")
    await runner.cleanup()
    assert "canary" not in caplog.text


async def test_a_refusal_is_not_asked_for_again_at_once_but_an_outage_is() -> None:
    asked: list[str] = []

    def acquire(scope: str) -> dict[str, Any]:
        asked.append(scope)
        if scope == "out":
            raise Outage("login", "status 500")
        return {"error": "invalid_client"}

    tokens = Tokens(acquire)
    for scope in ("no", "no", "no", "out", "out"):
        with pytest.raises(OutsideError):
            await tokens.token(scope)
    assert asked == ["no", "out", "out"]


GOOD = {
    "MicrosoftAppId": "11111111-1111-4111-8111-111111111111",
    "MicrosoftAppPassword": "s",
    "MicrosoftAppTenantId": "22222222-2222-4222-8222-222222222222",
}


@cache
def issued() -> trustme.LeafCert:
    """One for all tests that need not have their own."""
    return trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("bot.example", key_type=trustme.KeyType.RSA)


def pem(*, order: int = 1, key: bool = True, certificate: bool = True, chain: bool = False) -> bytes:
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    made = authority.issue_cert("bot.example", key_type=trustme.KeyType.RSA)
    parts = [made.private_key_pem.bytes()] * key + [made.cert_chain_pems[0].bytes()] * certificate
    return b"".join([*parts[::order], *([authority.cert_pem.bytes()] if chain else [])])


@pytest.mark.parametrize(
    "make",
    [pem, lambda: pem(order=-1), lambda: pem(chain=True), lambda: b"Bag Attributes\n" + pem()],
    ids=["key first", "key last", "with its chain", "with attributes"],
)
async def test_a_certificate_is_read_in_any_order(make: Callable[[], bytes], tmp_path: Path) -> None:
    file, made = tmp_path / "bot.pem", make()
    file.write_bytes(made)
    async with office(MicrosoftAppPassword="", MicrosoftAppCertificate=str(file)) as one:
        one.tenant.login.register(one.tenant.app, made)
        assert await bot_tokens(one.settings, one.http).token(one.scope)


@pytest.mark.parametrize(
    "make",
    [lambda: pem(key=False), lambda: pem(certificate=False), lambda: b"", lambda: b"\xff\xfe no text"],
    ids=["no key", "no certificate", "empty", "no text"],
)
async def test_a_certificate_that_cannot_be_used_is_refused_at_the_start_by_its_name(
    make: Callable[[], bytes], tmp_path: Path
) -> None:
    file = tmp_path / "bot.pem"
    file.write_bytes(pem())
    async with office(MicrosoftAppPassword="", MicrosoftAppCertificate=str(file)) as one:
        file.write_bytes(make())  # after the settings were read, which would have refused it
        with pytest.raises(SettingsError, match="MicrosoftAppCertificate"):
            bot_tokens(one.settings, one.http)


PASSWORD = "canary pässword"


def own_key() -> Any:
    return form.load_pem_private_key(issued().private_key_pem.bytes(), None)


def encrypted_pem(format_: form.PrivateFormat, password: str = PASSWORD) -> bytes:
    key = own_key().private_bytes(form.Encoding.PEM, format_, form.BestAvailableEncryption(password.encode()))
    return bytes(key) + issued().cert_chain_pems[0].bytes()


def pfx(password: str = "", *, key: bool = True, own: bool = True) -> bytes:
    """As Windows and Key Vault export it: leaf and root."""
    leaf = x509.load_pem_x509_certificate(issued().cert_chain_pems[0].bytes())
    root = x509.load_pem_x509_certificate(trustme.CA().cert_pem.bytes())
    how = form.BestAvailableEncryption(password.encode()) if password else form.NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"bot", own_key() if key else None, leaf if own else None, [root], how)


FILES: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("PKCS 8", lambda: encrypted_pem(form.PrivateFormat.PKCS8), PASSWORD, ""),
    ("openssl's own", lambda: encrypted_pem(form.PrivateFormat.TraditionalOpenSSL), PASSWORD, ""),
    ("a password that nothing asks for", lambda: issued().private_key_pem.bytes() + issued().cert_chain_pems[0].bytes(), PASSWORD, ""),
    ("PFX", lambda: pfx(PASSWORD), PASSWORD, ""),
    ("PFX without password", pfx, "", ""),
    ("PFX, a password that nothing asks for", pfx, PASSWORD, ""),
    ("no password", lambda: encrypted_pem(form.PrivateFormat.PKCS8), "", "has a password, which is not given"),
    ("a wrong password", lambda: encrypted_pem(form.PrivateFormat.TraditionalOpenSSL), "canary", "wrong password"),
    ("PFX, no password", lambda: pfx(PASSWORD), "", "password is not given"),
    ("PFX, a wrong password", lambda: pfx(PASSWORD), "canary", "password is wrong"),
    ("PFX, cut", lambda: pfx(PASSWORD)[:-9], PASSWORD, "damaged"),
    ("PFX without key", lambda: pfx(PASSWORD, key=False), PASSWORD, "no private key"),
    ("PFX without the key's certificate", lambda: pfx(PASSWORD, own=False), PASSWORD, "none of its certificates"),
    ("a certificate in DER", lambda: x509.load_pem_x509_certificate(issued().cert_chain_pems[0].bytes()).public_bytes(form.Encoding.DER), "", "no private key"),
]  # fmt: skip
APPLICATIONS = [
    ("MicrosoftAppCertificate", {"MicrosoftAppPassword": ""}),
    ("PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE", {"PHOTOSYNC_GRAPH_CLIENT_ID": "99999999-9999-4999-8999-999999999999"}),
]


@pytest.mark.parametrize(("setting", "more"), APPLICATIONS, ids=["the bot", "Graph's application"])
@pytest.mark.parametrize(("make", "password", "words"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
async def test_a_certificate_with_a_password_or_in_a_pfx_signs_in_or_is_refused_at_the_start(
    setting: str, more: dict[str, str], make: Callable[[], bytes], password: str, words: str, tmp_path: Path
) -> None:
    name = "MicrosoftAppCertificatePassword" if setting.startswith("M") else f"{setting}_PASSWORD"
    file = tmp_path / "own.file"
    file.write_bytes(make())
    changes = {**more, setting: str(file), name: password}
    if words:
        with pytest.raises(SettingsError, match=words) as refused:
            read({**GOOD, **changes})
        assert refused.value.problems[0].startswith(f"{setting} ")
        assert "canary" not in str(refused.value)
        return
    async with office(**changes) as one:
        client = more.get("PHOTOSYNC_GRAPH_CLIENT_ID", one.tenant.app)
        one.tenant.login.register(client, issued().cert_chain_pems[0].bytes())
        tokens = graph_tokens(one.settings, one.http) or bot_tokens(one.settings, one.http)
        claims = one.tenant.login.check(f"Bearer {await tokens.token(one.scope)}", one.tenant.graph.url)
        assert claims is not None
        assert claims["appid"] == client


async def test_a_token_that_graph_refuses_is_replaced_once_for_all_who_had_it() -> None:
    async with office() as one:
        tokens = bot_tokens(one.settings, one.http)
        graph = Graph(one.settings, one.http, tokens, new_metrics())
        await tokens.token(one.scope)
        one.tenant.world.faults.plan("graph", [Fault(401)] * 5)
        await asyncio.gather(*(graph.json("/sites/root") for _ in range(5)))
        assert one.tenant.login.requests == 2


# what Graph answers | what that is | the permission named
ANSWERS: list[tuple[Any, type[OutsideError], str]] = [
    ((400, "BadRequest"), BadRequest, ""),
    ((401, "InvalidAuthenticationToken"), Refused, ""),
    ((403, "accessDenied"), Refused, "Read.It"),
    ((404, "itemNotFound"), NotFound, ""),
    ((410, "resyncRequired"), NotFound, ""),
    ((500, "generalException"), Outage, ""),
]


@pytest.mark.parametrize(("answer", "kind", "permission"), ANSWERS, ids=[row[0][1] for row in ANSWERS])
async def test_what_graph_refuses_is_told_apart(answer: Any, kind: type[OutsideError], permission: str) -> None:
    async with desk({"/thing": answer}) as one:
        with pytest.raises(kind) as raised:
            await one.graph.json("/thing", permission="Read.It")
        assert type(raised.value) is kind
        assert getattr(raised.value, "permission", "") == permission
        assert answer[1] in raised.value.detail


async def test_a_code_that_is_no_plain_word_is_not_logged() -> None:
    async with desk({"/thing": (404, "Ada O'Neil\n" * 30)}) as one:
        with pytest.raises(NotFound) as raised:
            await one.graph.json("/thing")
        assert raised.value.detail == "status 404"


ADDRESSES = [
    "https://evil.example/photo", "http://contoso.sharepoint.com/photo", "https://sharepoint.com.evil.example/photo",
    "https://contoso.sharepoint.com@evil.example/photo", "https://169.254.169.254/metadata", "", "//x", "https://[",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_redirect_to_a_host_that_is_not_listed_is_not_followed(address: str) -> None:
    def redirect(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": address})

    async with desk({"/file:/content": redirect}) as one:
        with pytest.raises(OutsideError, match="not listed"):
            await one.graph.picture("/file:/content")


async def test_a_redirect_is_followed_without_our_token() -> None:
    async with office() as one:
        tokens = bot_tokens(one.settings, one.http)
        graph = Graph(one.settings, one.http, tokens, new_metrics())
        person = next(one for one in one.tenant.world.people if one.story == "match")
        one.tenant.world.holdings(person.id)
        # The sandbox's file server answers 401 to any request that carries a token.
        path = f"/drives/b!User-Photos_Drive/root:/Profilbilder/{person.id}_LThumb.jpg:/content"
        assert (await graph.picture(path))[0].startswith(b"\xff\xd8")


async def test_a_picture_larger_than_eight_mebibytes_is_not_read() -> None:
    async with desk({"/photo": b"\0" * ((8 << 20) + 1)}) as one:
        with pytest.raises(OutsideError, match="larger"):
            await one.graph.picture("/photo")


async def test_every_answer_is_counted_by_its_status() -> None:
    async with desk({"/a": {}, "/b": (404, "")}) as one:
        await one.graph.json("/a")
        with pytest.raises(NotFound):
            await one.graph.json("/b")
        counted = {status: one.metrics.registry.get_sample_value("photosync_graph_requests_total", {"status": status}) for status in ("200", "404")}  # fmt: skip
        assert counted == {"200": 1, "404": 1}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("BotDisabledByAdmin", "BotDisabledByAdmin"),
        ("-2130575338, Microsoft.SharePoint.SPException", "-2130575338, Microsoft.SharePoint.SPException"),
        ("Ada Byron has no mailbox", ""),
        ("x" * 81, ""),
        (17, ""),
        (None, ""),
    ],
)
def test_of_an_errors_code_nothing_reaches_a_log_that_could_be_words(code: object, told: str) -> None:
    assert plain_code(code) == told
