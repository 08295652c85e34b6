"""The pilot: people by their own ids and by groups, and what Graph may answer."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from bot.graph.groups import Groups, Pilot
from tests.scripted import desk

GROUP, ADA, BEN, CAY = (f"{one}0000000-0000-4000-8000-000000000001" for one in "abcd")
MEMBERS = f"/groups/{GROUP}/transitiveMembers"
ANSWERS = [
    ({"value": [{"id": ADA}, {"id": BEN.upper()}, {"@odata.type": "#microsoft.graph.group"}]}, frozenset((ADA, BEN))),
    ({"value": []}, frozenset[str]()),
    ((404, "Request_ResourceNotFound"), None),
]


@pytest.mark.parametrize(("answer", "members"), ANSWERS)
async def test_the_members_of_a_group_are_read_and_an_id_that_is_none_is_told(answer: Any, members: Any) -> None:
    async with desk({MEMBERS: answer}) as one:
        assert await Groups(one.graph).members(GROUP) == members


async def test_who_belongs_to_a_group_of_the_pilot_sees_drafts_and_stays_while_graph_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[frozenset[str]] = []
    async with desk({MEMBERS: {"value": [{"id": ADA}]}}) as one:
        pilot = Pilot([GROUP, CAY], Groups(one.graph), told.append)
        await pilot.read()
        one.script.answers[MEMBERS] = (403, "Authorization_RequestDenied")
        with caplog.at_level(logging.INFO):
            await pilot.read()
            await pilot.read()
        one.script.answers[MEMBERS] = (404, "Request_ResourceNotFound")
        await pilot.read()
    assert told == [*[frozenset((GROUP, CAY, ADA))] * 3, frozenset((GROUP, CAY))]  # a group that is gone has nobody
    (line,) = [record.getMessage() for record in caplog.records if "PILOT" in record.getMessage()]
    assert "grant GroupMember.Read.All" in line
