"""Who may change a photo: what Graph may answer, and that not knowing is no error."""

from __future__ import annotations

from typing import Any

import pytest

from bot.graph.policies import PhotoPolicy, Policies
from dialogs.model import Verdict
from tests.portraits import portrait
from tests.scripted import desk, jpeg, tenant

SETTINGS = "/beta/admin/people/photoUpdateSettings"
ANSWERS = [
    ({}, PhotoPolicy()),
    ({"source": None, "allowedRoles": None}, PhotoPolicy()),
    ({"source": "cloud", "allowedRoles": {}}, PhotoPolicy()),
    ({"source": "cloud", "allowedRoles": []}, PhotoPolicy()),
    ({"source": "cloud", "allowedRoles": ["62e90394"]}, PhotoPolicy(roles=frozenset({"62e90394"}))),
    ({"source": "onPremises", "allowedRoles": None}, PhotoPolicy(on_premises=True)),
    ((403, "Authorization_RequestDenied"), None),
    ((404, "BadRequest"), None),  # a cloud that does not have it
]


@pytest.mark.parametrize(("answer", "known"), ANSWERS)
async def test_who_may_change_a_photo_is_read_in_every_shape_and_once(answer: Any, known: PhotoPolicy | None) -> None:
    async with desk({SETTINGS: answer}) as one:
        policies = Policies(one.graph)
        assert await policies.photo() == known
        assert await policies.photo() == known
        assert one.script.count(SETTINGS) == 1


FORBIDDEN = {"source": "cloud", "allowedRoles": ["62e90394"]}
WHO = [  # what is wanted, and what Graph tells | whether the look says why it cannot be done
    (True, FORBIDDEN, "policy"),
    (True, {"source": "onPremises"}, "on_premises"),
    (True, {}, ""),
    (True, (403, "Authorization_RequestDenied"), ""),
    (False, FORBIDDEN, ""),  # nobody asked to change it
]


@pytest.mark.parametrize(("change", "settings", "reason"), WHO)
async def test_who_wants_to_change_a_photo_is_told_before_the_steps_that_they_may_not(
    change: bool, settings: Any, reason: str
) -> None:
    photo = jpeg(portrait("ada"), 360)
    async with desk(tenant(photo, photo) | {SETTINGS: settings}) as one:
        found = await one.diagnosis.look("ada-1", change=change)
        assert (found.verdict, found.reason) == (Verdict.MATCH, reason)
        assert one.script.count(SETTINGS) == change
