"""The pretend tenant's sign-in of people refuses what Entra ID refuses."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import pytest_asyncio

from sandbox.people_sign_in import ACCOUNTS, HELPDESK_ROLE
from tests.sandboxed import Reply, SandboxClient, outside

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = "http://127.0.0.1:1"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[SandboxClient]:
    async with outside() as one:
        one.tenant.page(PAGE)
        yield one


async def authorize(here: SandboxClient, account: int = 0, **changes: str) -> Reply:
    asked = {"client_id": here.tenant.app, "redirect_uri": f"{PAGE}/helpdesk/signed-in", "response_type": "code", "scope": "openid profile", "state": "s", "nonce": "n", "code_challenge": CHALLENGE, "code_challenge_method": "S256", **changes}  # fmt: skip
    address = f"{here.tenant.login.people.url}/{here.tenant.id}/oauth2/v2.0/authorize/as/{ACCOUNTS[account].id}"
    return await here.ask("GET", f"{address}?{urlencode(asked)}")


async def redeem(here: SandboxClient, code: str, /, **changes: str) -> Reply:
    form = {"grant_type": "authorization_code", "client_id": here.tenant.app, "client_secret": here.tenant.secret, "scope": "openid", "redirect_uri": f"{PAGE}/helpdesk/signed-in", "code_verifier": VERIFIER, "code": code, **changes}  # fmt: skip
    return await here.ask("POST", f"{here.tenant.login.url}/{here.tenant.id}/oauth2/v2.0/token", data=form)


async def code(here: SandboxClient, account: int = 0) -> str:
    reply = await authorize(here, account)
    assert reply.status == 302
    return parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]


@pytest.mark.parametrize(("account", "roles"), [(0, [HELPDESK_ROLE]), (1, None)])
async def test_an_id_token_says_who_it_is_and_which_roles_were_assigned(
    here: SandboxClient, account: int, roles: Any
) -> None:
    reply = await redeem(here, await code(here, account))
    claims = jwt.decode(reply.json()["id_token"], here.tenant.login.key.public, ["RS256"], audience=here.tenant.app)
    assert (claims["oid"], claims.get("roles"), claims["nonce"]) == (ACCOUNTS[account].id, roles, "n")


PAGE_REFUSED = [
    ("an address that is not registered", {"redirect_uri": "https://evil.example/"}, "AADSTS50011"),
    ("an unknown application", {"client_id": "nobody"}, "AADSTS700016"),
    ("a token in the address", {"response_type": "id_token"}, "AADSTS900144"),
    ("a plain challenge", {"code_challenge_method": "plain"}, "AADSTS501491"),
]


@pytest.mark.parametrize(("changes", "number"), [row[1:] for row in PAGE_REFUSED], ids=[row[0] for row in PAGE_REFUSED])
async def test_the_page_sends_nobody_anywhere_for(here: SandboxClient, changes: dict[str, str], number: str) -> None:
    reply = await authorize(here, **changes)
    assert (reply.status, reply.body.decode().partition(":")[0]) == (400, number)


CODE_REFUSED = [
    ("another verifier", {"code_verifier": "w" * 43}, 50148),
    ("another address", {"redirect_uri": "https://evil.example/"}, 9002313),
    ("a wrong secret", {"client_secret": "guess"}, 7000215),
    ("a made-up code", {"code": "1.made"}, 9002313),
]


@pytest.mark.parametrize(("changes", "number"), [row[1:] for row in CODE_REFUSED], ids=[row[0] for row in CODE_REFUSED])
async def test_a_code_is_not_redeemed_with(here: SandboxClient, changes: dict[str, str], number: int) -> None:
    reply = await redeem(here, await code(here), **changes)
    assert reply.json()["error_codes"] == [number]


async def test_a_code_is_good_once(here: SandboxClient) -> None:
    one = await code(here)
    assert (await redeem(here, one)).status == 200
    assert (await redeem(here, one)).json()["error_codes"] == [54005]
