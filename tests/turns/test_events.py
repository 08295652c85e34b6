"""What people write, read where it becomes an event."""

from __future__ import annotations

import pytest

from bot.turns.events import address_in

TEXTS = [
    ("it is still old on https://contoso.sharepoint.com/sites/x, look", "https://contoso.sharepoint.com/sites/x,"),
    ("https://evil.example/sharepoint.com", ""),
    ("http://contoso.sharepoint.com/sites/x", ""),
    ("https://sharepoint.com.evil.example/sites/x", ""),
    ("https://[::1/sites", ""),
    ("my photo is wrong", ""),
]


@pytest.mark.parametrize(("text", "link"), TEXTS)
def test_only_a_sharepoint_address_counts(text: str, link: str) -> None:
    assert address_in(text) == link
