"""One site shows it wrong: the address a person pastes, and what that site's own list of people says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.graph.sites import parse_address
from sandbox.team_sites import TeamSite, picture
from tests.chatting import RunningBot, scene, step

NOW = datetime.now(UTC)

PLACES = [
    ("https://contoso.sharepoint.com/sites/Intranet/SitePages/Home.aspx", ("contoso.sharepoint.com", "/sites/Intranet")),
    ("https://contoso.sharepoint.com/teams/HR", ("contoso.sharepoint.com", "/teams/HR")),
    ("https://contoso.sharepoint.com/:u:/r/sites/Intranet/a.aspx?csf=1", ("contoso.sharepoint.com", "/sites/Intranet")),
    ("https://contoso.sharepoint.com/:w:/s/Intranet/Eabc?e=1", ("contoso.sharepoint.com", "/sites/Intranet")),
    ("https://contoso.sharepoint.com/SitePages/Home.aspx", ("contoso.sharepoint.com", "")),
    ("https://CONTOSO.sharepoint.com/sites/%C3%96l", ("contoso.sharepoint.com", "/sites/Öl")),
    ("https://contoso.sharepoint.com/sites", ("contoso.sharepoint.com", "")),
]  # fmt: skip


@pytest.mark.parametrize(("address", "found"), PLACES)
def test_the_site_of_a_page_is_found(address: str, found: tuple[str, str]) -> None:
    assert parse_address(address) == found


async def pasted(stage: RunningBot, site: TeamSite | None, name: str = "intranet") -> str:
    """What somebody whose photos match reads after sending the address of a page."""
    if site is not None:
        stage.tenant.world.team_sites.append(site)
    chat = stage.chat("match", "en-US")
    await chat.say(f"it is old here: https://fabrikam.sharepoint.example/sites/{name}/SitePages/Home.aspx")
    assert step(chat) == "look.match"
    return json.dumps(chat.card())


def upn(stage: RunningBot) -> str:
    return stage.chat("match").person.upn


@pytest.mark.parametrize(
    ("synced", "told"),
    [(NOW, "uses SharePoint's current copy"), (NOW - timedelta(days=900), "still points to an older copy"), (None, "older copy")],
    ids=["synced since", "synced before the copy was made", "no picture at all"],
)  # fmt: skip
async def test_a_site_that_knows_the_person_is_told(synced: datetime | None, told: str) -> None:
    async with scene() as stage:
        others = {f"other.{number}@fabrikam.example": "" for number in range(5)}
        mine = {upn(stage): picture("x", synced) if synced else ""}
        assert told in await pasted(stage, TeamSite("intranet", "The Intranet", people={**others, **mine}))


async def test_a_site_that_does_not_know_the_person_is_told() -> None:
    async with scene() as stage:
        told = await pasted(stage, TeamSite("intranet", "The Intranet", people={"else@fabrikam.example": ""}))
        assert "the site The Intranet. You've never opened it" in told


async def test_a_site_that_may_not_be_read_is_told_as_that() -> None:
    async with scene() as stage:
        told = await pasted(stage, TeamSite("intranet", "The Intranet", granted=False))
        assert "I'm not allowed to look at the site intranet" in told


async def test_a_site_that_is_not_there_is_told_as_that() -> None:
    async with scene() as stage:
        assert "I couldn't check the site nowhere" in await pasted(stage, None, "nowhere")


async def test_the_address_itself_is_never_fetched() -> None:
    async with scene() as stage:
        before = len(stage.tenant.graph.requests)
        await pasted(stage, TeamSite("intranet", "The Intranet"))
        asked = stage.tenant.graph.requests[before:]
        assert any("/sites/fabrikam.sharepoint.example:/sites/intranet" in one for one in asked)
