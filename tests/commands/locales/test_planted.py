"""Slips of the kind that people make, planted into files that ship: `make planted` does it over all languages."""

from __future__ import annotations

import pytest

from tools import planted


@pytest.fixture(scope="module")
def field() -> planted.Field:
    return planted.Field(("de", "ja", "ru"))


def test_the_check_finds_nearly_every_slip(field: planted.Field) -> None:
    found = planted.plant(field, 100, seed=1)
    missed = [one for one in found if not one.found]
    assert {one.kind for one in found} == {*planted.FAULTS, planted.PLURAL}
    assert len(missed) <= (1 - planted.ENOUGH) * len(found), missed


def test_every_explanation_explains_something(field: planted.Field) -> None:
    assert [one for tag in field.tags for one in field.needless(tag)] == []
