"""Whether the login service lets the bot in shows in `/readyz`, and asking for that costs nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from bot.background import Background
from bot.errors import Outage, OutsideError, Refused, Throttled, TimedOut
from bot.sign_in import Application, Registration, SignIn
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from tests.chatting import RunningBot, scene

BOT = Registration("MicrosoftAppId", "MicrosoftAppPassword", "MicrosoftAppTenantId")
EXPIRED = Refused("login", "invalid_client AADSTS7000222")
NEW_SECRET = "Make a new client secret for the application and put it into MicrosoftAppPassword: the present one has expired."  # fmt: skip


class Login:
    """Gives a token, or what is set."""

    def __init__(self, error: OutsideError | None = None) -> None:
        self.error = error
        self.asked = 0

    def cached(self, _: str) -> str:
        return ""

    async def token(self, _: str) -> str:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return "a token"

    def forget(self, _scope: str, _token: str = "") -> None:
        raise AssertionError


@asynccontextmanager
async def watching(logins: Sequence[Login], interval: float = 0.01) -> AsyncIterator[SignIn]:
    one = SignIn([Application(login, "scope", BOT, "PHOTOSYNC_GRAPH_URL") for login in logins], interval=interval)
    background = Background(lambda _name, _alive: None)
    background.start("sign_in", one.watch)
    try:
        yield one
    finally:
        await background.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - looked at as a prober would
            await asyncio.sleep(0.002)


async def test_a_secret_that_expires_is_told_once_with_what_to_do_until_there_is_a_new_one(caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    login = Login()
    async with watching([login, login]) as one:
        assert not one.ready  # before it was tried
        await until(lambda: one.ready)
        login.error = EXPIRED
        await until(lambda: not one.ready)
        asked = login.asked
        await until(lambda: login.asked > asked + 4)
        assert one.fixes == (NEW_SECRET,)
        assert caplog.text.count(NEW_SECRET) == 1
        login.error = None
        await until(lambda: one.ready)
        assert one.fixes == ()


async def test_one_of_two_applications_that_is_refused_is_enough() -> None:
    async with watching([Login(), Login(EXPIRED)]) as one:
        await until(lambda: one.fixes == (NEW_SECRET,))
        assert not one.ready


@pytest.mark.parametrize("error", [Outage("login", "status 503"), TimedOut("login", "no answer"), Throttled("login", "status 429", 60.0)], ids=lambda error: type(error).__name__)  # fmt: skip
async def test_a_login_service_that_does_not_answer_is_no_reason_to_be_taken_out_of_service(error: OutsideError) -> None:  # fmt: skip
    async with watching([Login(error)]) as one:
        await until(lambda: one.ready)


async def readyz(stage: RunningBot) -> tuple[int, dict[str, object]]:
    """The answer once the sign-in was tried."""
    async with asyncio.timeout(20):
        while True:
            status, body = await stage.get("/readyz")
            parts = json.loads(body)
            if parts["channel_keys"] and (parts["sign_in"] or parts.get("sign_in_fixes")):
                return status, parts
            await asyncio.sleep(0.02)


async def test_an_expired_secret_is_503_with_the_fix_of_doctor_and_a_flood_of_probes_asks_nobody() -> None:
    refusal = json.dumps({"error": "invalid_client", "error_codes": [7000222]}).encode()

    def expire(tenant: Tenant) -> None:
        tenant.world.faults.plan("login", [Fault(401, body=refusal)] * 2)

    async with scene(expire) as stage:
        status, parts = await readyz(stage)
        assert (status, parts["sign_in"], parts["sign_in_fixes"]) == (503, False, [NEW_SECRET])
        asked = stage.tenant.login.requests
        assert {(await stage.get("/readyz"))[0] for _ in range(50)} == {503}
        assert stage.tenant.login.requests == asked
        assert (await stage.get("/healthz"))[0] == 200


async def test_an_outage_of_the_login_service_is_not_503() -> None:
    async with scene(lambda tenant: tenant.world.faults.plan("login", [Fault(503)] * 4)) as stage:
        status, parts = await readyz(stage)
        assert (status, parts["sign_in"]) == (200, True)
