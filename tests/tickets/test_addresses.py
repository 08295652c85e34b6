"""Addresses of tickets as systems give them: what people are led to; and calls that are repeated after an outage."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import StoreUnavailable
from bot.tickets.rest import safe_url
from bot.tickets.wake import WakeUpCalls
from tests.tickets.ground import settings_of

GOOD = ["https://desk.example/t/1", "https://desk.example:8443/#ticket/zoom/1?a=b&c=%20", "https://[2001:db8::1]/t"]
BAD = [
    "https://", "https:///t", "https://[::1", "https://a b/", "https://desk.example/\r\nX: y", "https://user:pw@evil.example/",
    "https://user@evil.example/", "https://desk.example/\u202egnp", "https://desk.example/\"><script>", "https://\ud800",
    "https://d\u0435sk.example/", "https://desk.example:0/", "https://desk.example:99999/", "http://desk.example/", "javascript:alert(1)", 7, None,
    "https://desk.example/" + "x" * 2_000,
]  # fmt: skip


@pytest.mark.parametrize("address", GOOD)
def test_an_address_of_a_ticket_is_shown_as_it_is(address: str) -> None:
    assert safe_url(address) == address


@pytest.mark.parametrize("address", BAD, ids=lambda one: ascii(one)[:30])
def test_an_address_that_leads_elsewhere_than_it_seems_is_not_shown(address: Any) -> None:
    assert safe_url(address) == ""


class _Store:
    """Fails once."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.fails = True

    async def due_payloads(self, *_: object) -> list[tuple[str, dict[str, str]]]:
        return [("C1", {"ref": "1"}), ("C2", {"ref": "2"})]

    async def wake(self, _: object, keys: list[str]) -> None:
        if self.fails:
            self.fails = False
            raise StoreUnavailable("away")
        self.woken += keys


async def test_a_call_that_names_nothing_is_done_when_it_comes_again_after_an_outage() -> None:
    store = _Store()
    calls = WakeUpCalls(settings_of({}), store)
    with pytest.raises(StoreUnavailable):
        await calls.wake(b"{}")
    await calls.wake(b"{}")
    assert store.woken == ["C1", "C2"]
    await calls.wake(b"{}")
    assert store.woken == ["C1", "C2"]  # not again at once
