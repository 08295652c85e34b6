"""Signing in without a secret, and with keys that change while the bot runs."""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from bot import app
from bot.commands.doctor.expiry import expiry
from bot.commands.doctor.finding import Installation, State
from bot.commands.doctor.microsoft import roles
from bot.errors import OutsideError, Refused
from bot.graph.client import graph_scope
from bot.graph.proofs import token_claims, token_file_claims, token_file_ends
from bot.graph.tokens import Tokens
from bot.settings import Use, read
from bot.sign_in import bots, refusal_fix
from bot.tickets import connected
from sandbox.desks import DESKS
from sandbox.signing import SigningKey
from sandbox.tenant import Tenant
from sandbox.vault import NO_BASE64, Vault

CLUSTER, SUBJECT = "https://cluster.example/", "system:serviceaccount:photosync:photosync"
EXCHANGE = "api://AzureADTokenExchange"
NO_SECRET = {"MicrosoftAppPassword": ""}


def platform_token(key: SigningKey, **changes: Any) -> str:
    now = int(time.time())
    return key.sign({"iss": CLUSTER, "sub": SUBJECT, "aud": EXCHANGE, "iat": now, "exp": now + 3600, **changes})


def certificate(tenant: Tenant, *, register: bool = True) -> bytes:
    """A key with its certificate, as PEM."""
    made = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("photosync.example", key_type=trustme.KeyType.RSA)
    if register:
        tenant.login.register(tenant.app, made.cert_chain_pems[0].bytes())
    return bytes(made.private_key_pem.bytes() + made.cert_chain_pems[0].bytes())


def replace(file: Path, content: bytes | str) -> None:
    """As a tool does that changes a secret of a running program."""
    new = file.with_suffix(".new")
    new.write_bytes(content.encode() if isinstance(content, str) else content)
    new.replace(file)


async def both(tenant: Tenant, **changes: str) -> dict[str, str]:
    """Whose tokens there are for Graph and for the Bot Connector."""
    settings = read({**tenant.environment(), **NO_SECRET, **changes})
    async with app.outside(settings) as parts:
        graph = await parts.graph_tokens.token(graph_scope(settings))
        connector = await parts.bot_tokens.token(settings.channel_scope)
        found = {
            "graph": tenant.login.check(f"Bearer {graph}", tenant.graph.url),
            "connector": tenant.login.check(f"Bearer {connector}", settings.channel_scope.removesuffix("/.default")),
        }
        return {name: str(claims["appid"]) for name, claims in found.items() if claims}


async def test_the_platforms_token_stands_for_the_application_and_is_read_again_each_time(tmp_path: Path) -> None:
    key, file = SigningKey(), tmp_path / "token"
    async with Tenant.open() as tenant:
        tenant.login.issuers[CLUSTER] = key
        tenant.login.federated[tenant.app] = [{"issuer": CLUSTER, "subject": SUBJECT}]
        file.write_text(platform_token(key))
        settings = {"AZURE_FEDERATED_TOKEN_FILE": str(file)}
        assert await both(tenant, **settings) == {"graph": tenant.app, "connector": tenant.app}
        whole = read({**tenant.environment(), **NO_SECRET, **settings})
        async with app.outside(whole) as parts:
            found = await expiry(Installation.of(parts, ""))
            assert (found.state, found.fix) == (State.OK, "")
            replace(file, platform_token(key, exp=int(time.time()) - 10))
            assert (await expiry(Installation.of(parts, ""))).state is State.FAILED
            with pytest.raises(Refused, match="AADSTS700024"):
                await parts.bot_tokens.token(whole.channel_scope)
            replace(file, platform_token(key, sub="system:serviceaccount:other:other"))
            parts.bot_tokens._failed.clear()
            with pytest.raises(Refused, match="AADSTS70021") as refused:
                await parts.bot_tokens.token(whole.channel_scope)
            assert "federated credential" in refusal_fix(refused.value, bots(whole), "")
            replace(file, platform_token(key))
            parts.bot_tokens._failed.clear()
            assert await parts.bot_tokens.token(whole.channel_scope)


def user_assigned(tenant: Tenant) -> str:
    return tenant.identity.client


def system_assigned(_: Tenant) -> str:
    return "system"


NO_TOKENS = ("", "a.b", "a.é.c", "a." + base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".c", "a.W10.c")


@pytest.mark.parametrize("token", NO_TOKENS, ids=["nothing", "no base64", "no ASCII", "nested", "a list"])
def test_of_a_token_that_cannot_be_read_nothing_is_known(tmp_path: Path, token: str) -> None:
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    assert (token_claims(token), roles(token), token_file_claims(file), token_file_ends(file)) == ({}, None, {}, None)


@pytest.mark.parametrize("which", [user_assigned, system_assigned])
async def test_a_managed_identity_stands_for_the_application_or_reads_graph_itself(
    which: Callable[[Tenant], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Tenant.open() as tenant:
        tenant.identity.client = "1d000000-0000-4000-8000-000000000001"
        for name, value in tenant.identity.machine().items():
            monkeypatch.setenv(name, value)
        identity = which(tenant)
        principal = tenant.identity.system if identity == "system" else identity
        issuer = f"{tenant.login.url}/{tenant.id}/v2.0"
        tenant.login.federated[tenant.app] = [{"issuer": issuer, "subject": principal}]
        found = await both(tenant, PHOTOSYNC_ASSERTION_IDENTITY=identity)
        assert found == {"graph": tenant.app, "connector": tenant.app}
        found = await both(tenant, PHOTOSYNC_ASSERTION_IDENTITY=identity, PHOTOSYNC_GRAPH_IDENTITY=identity)
        assert found == {"graph": principal, "connector": tenant.app}


async def test_a_certificate_file_is_replaced_while_the_bot_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "bot.pem"
    async with Tenant.open() as tenant:
        file.write_bytes(certificate(tenant))
        settings = read({**tenant.environment(), **NO_SECRET, "MicrosoftAppCertificate": str(file)})
        async with app.outside(settings) as parts:
            tokens, scope = parts.bot_tokens, settings.channel_scope
            first = await tokens.token(scope)
            replace(file, certificate(tenant))
            tokens.forget(scope)
            assert await tokens.token(scope) != first
            assert tenant.login.requests == 2
            replace(file, b"half a fi")  # the one before goes on
            tokens.forget(scope)
            assert await tokens.token(scope)
            assert "MicrosoftAppCertificate has changed and cannot be used" in caplog.text
            parts._report_ends()
            assert (
                b'photosync_credential_ends_timestamp_seconds{setting="MicrosoftAppCertificate"}'
                in await parts.metrics.text()
            )


async def test_a_certificate_comes_from_key_vault_by_the_managed_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Tenant.open() as tenant:
        for name, value in tenant.identity.machine().items():
            monkeypatch.setenv(name, value)
        vault = Vault(tenant.login)
        await vault.start(tenant.authority.server)
        try:
            vault.content = certificate(tenant)
            settings = {"PHOTOSYNC_VAULT_CERTIFICATE": f"{vault.url}/secrets/photosync"}
            with pytest.raises(OutsideError, match="Key Vault answers 403"):
                await both(tenant, **settings)
            vault.readers.add(tenant.identity.system)
            assert await both(tenant, **settings) == {"graph": tenant.app, "connector": tenant.app}
        finally:
            await vault.stop()


@pytest.mark.parametrize("content", [b"-----BEGIN half a file", b"\x30\x82 no PFX"], ids=["PEM", "PFX"])
async def test_a_certificate_in_key_vault_that_cannot_be_used_leaves_the_present_one(
    content: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.graph.proofs._VAULT_INTERVAL", 0.0)
    async with Tenant.open() as tenant:
        for name, value in tenant.identity.machine().items():
            monkeypatch.setenv(name, value)
        vault = Vault(tenant.login)
        await vault.start(tenant.authority.server)
        vault.readers.add(tenant.identity.system)
        vault.content = certificate(tenant)
        address = f"{vault.url}/secrets/photosync"
        settings = read({**tenant.environment(), **NO_SECRET, "PHOTOSYNC_VAULT_CERTIFICATE": address})
        async with app.outside(settings) as parts:
            tokens, scope = parts.bot_tokens, settings.channel_scope
            assert await tokens.token(scope)
            for damaged in (content, NO_BASE64):
                vault.content = damaged
                tokens.forget(scope)
                assert await tokens.token(scope)
                assert "Key Vault was not read" in caplog.text
                caplog.clear()
        await vault.stop()


async def test_a_refused_sign_in_holds_nothing_of_those_who_met_it() -> None:
    class Body:
        """What a request carries."""

    bodies: list[weakref.ref[Body]] = []

    async def meet(tokens: Tokens, scope: str) -> None:
        body = Body()
        bodies.append(weakref.ref(body))
        with pytest.raises(Refused):
            await tokens.token(scope)

    async with Tenant.open() as tenant:
        settings = read({**tenant.environment(), "MicrosoftAppPassword": "another"})
        async with app.outside(settings) as parts:
            for _ in range(20):
                await meet(parts.bot_tokens, settings.channel_scope)
            await asyncio.sleep(0.1)  # the loop lets go of what it did last
            gc.collect()
            assert tenant.login.requests == 1
            assert not any(one() for one in bodies)


async def test_servicenow_lets_the_bots_application_in_without_a_secret() -> None:
    async with Tenant.open() as tenant:
        desk = DESKS["servicenow"](tenant.world)
        await desk.start(tenant.authority.server)
        try:
            tenant.login.audiences["api://servicenow"] = ()
            desk.trusts = lambda header: tenant.login.check(header, "api://servicenow") is not None
            wanted = {
                **tenant.environment(),
                **desk.environment(),
                "PHOTOSYNC_TICKET_USER": "",
                "PHOTOSYNC_TICKET_SECRET": "",
            }
            settings = read({**wanted, "PHOTOSYNC_TICKET_SCOPE": "api://servicenow/.default"})
            async with app.outside(settings) as parts:
                system = connected(settings, parts.http, parts.bot_tokens)
                assert system is not None
                assert (await system.examine()).well
        finally:
            await desk.stop()


def test_kubernetes_own_variable_is_enough_for_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("x")
    environ = {"MicrosoftAppId": "1f0c2d7e-0000-4000-8000-5b3a9c6d7e8f", "MicrosoftAppTenantId": "2f0c2d7e-0000-4000-8000-5b3a9c6d7e8f"}  # fmt: skip
    assert read({**environ, "AZURE_FEDERATED_TOKEN_FILE": str(file)}, Use.SERVE).federated_token_file == file
    assert os.environ.get("AZURE_FEDERATED_TOKEN_FILE") is None
