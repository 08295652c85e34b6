"""Where SharePoint's copy is looked for, and what its absence, our grant's absence and nonsense are taken for."""

from __future__ import annotations

from typing import Any

import pytest

from dialogs.model import Verdict
from sandbox.portraits import portrait
from tests.scripted import ADA, DRIVE, FOLDER, HOST, LIBRARY, SITE, desk, file, item, jpeg, tenant

PHOTO, COPY = jpeg(portrait("ada"), 360), jpeg(portrait("ada"), 200)
OLD = jpeg(portrait("ada", variant=2), 200)
BY_NAME = "ada_oneil_contoso_com"


async def look(answers: dict[str, Any], **changes: str) -> Any:
    async with desk(answers, **changes) as one:
        return await one.diagnosis.look("ada-1")


async def test_the_newer_of_two_copies_counts_whatever_their_times_look_like() -> None:
    for by_id, by_name, verdict in (
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00.5Z", Verdict.MATCH),
        ("2025-01-01T00:00:00Z", "2025-01-01T02:00:00+03:00", Verdict.DIFFER),
        ("2025-01-01T00:00:00Z", "last week", Verdict.DIFFER),
    ):
        answers = tenant(PHOTO, OLD)
        answers[file("ada-1")] = item(by_id)
        answers |= {file(BY_NAME): item(by_name), file(BY_NAME) + ":/content": COPY}
        assert (await look(answers)).verdict is verdict, by_name


async def test_every_folder_of_the_library_is_looked_into() -> None:
    answers = tenant(PHOTO)
    answers[f"{DRIVE}/root/children"] = {"value": [
        {"name": "Forms", "folder": {}}, {"name": "list.aspx", "file": {}}, {"name": FOLDER, "folder": {}},
    ]}  # fmt: skip
    answers |= {file("ada-1"): item("2025-01-01T00:00:00Z"), file("ada-1") + ":/content": COPY}
    assert (await look(answers)).verdict is Verdict.MATCH


async def test_a_folder_that_got_another_name_is_found_again() -> None:
    async with desk(tenant(PHOTO, COPY)) as one:
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH
        moved = one.script.answers
        for path in (file("ada-1"), file("ada-1") + ":/content"):
            moved[path.replace(FOLDER, "Profile Pictures 50% off")] = moved.pop(path)
        moved[f"{DRIVE}/root/children"] = {"value": [{"name": "Profile Pictures 50% off", "folder": {}}]}
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH


async def test_a_library_that_was_made_anew_is_found_again() -> None:
    async with desk(tenant(PHOTO, COPY)) as one:
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH
        anew = {path.replace("b!photos", "b!again"): one.script.answers.pop(path) for path in list(one.script.answers) if path.startswith(DRIVE)}  # fmt: skip
        one.script.answers |= anew | {f"{SITE}/drives": {"value": [{**LIBRARY, "id": "b!again"}]}}
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH


async def test_someone_without_a_copy_costs_no_new_search_for_the_library() -> None:
    async with desk(tenant(PHOTO)) as one:
        for _ in range(3):
            assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MISSING
        assert one.script.count(f"{SITE}/drives") == 1


HOSTS = [
    ("contoso.sharepoint.com", HOST),
    ("CONTOSO.sharepoint.com", HOST),
    ("contoso.sharepoint.us", "contoso-my.sharepoint.us"),
]


@pytest.mark.parametrize(("root", "host"), HOSTS)
async def test_without_a_personal_site_the_host_comes_from_the_root_site(root: str, host: str) -> None:
    answers = tenant(PHOTO, COPY) | {
        "/users/ada-1": {**ADA, "mySite": None},
        "/sites/root": {"webUrl": f"https://{root}/"},
    }
    answers[f"/sites/{host}"] = answers[f"/sites/{HOST}"]
    assert (await look(answers)).verdict is Verdict.MATCH


async def test_the_setting_comes_before_the_root_site() -> None:
    answers = tenant(PHOTO, COPY) | {"/users/ada-1": {**ADA, "mySite": None}, "/sites/root": (403, "accessDenied")}
    assert (await look(answers, PHOTOSYNC_MY_SITE_HOST=HOST)).verdict is Verdict.MATCH


STEPS = [f"/sites/{HOST}", f"{SITE}/drives", f"{DRIVE}/root/children", file("ada-1"), file(BY_NAME), file("ada-1") + ":/content"]  # fmt: skip

# what a step answers | the reason, which is never "no copy"
ANSWERS: list[tuple[Any, str]] = [
    ((403, "accessDenied"), "permission"),
    ((400, "invalidRequest"), "outage"),
    ((500, "generalException"), "outage"),
    ((418, "teapot"), "outage"),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("answer", "reason"), ANSWERS, ids=[str(row[0][0]) for row in ANSWERS])
async def test_a_failing_step_is_never_taken_for_a_missing_copy(step: str, answer: Any, reason: str) -> None:
    found = await look(tenant(PHOTO, COPY) | {step: answer})
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, reason)
    assert found.microsoft365 is not None
    assert ("Sites.Selected" in found.permission) == (reason == "permission")


GONE = [f"/sites/{HOST}", f"{SITE}/drives", f"{DRIVE}/root/children"]


@pytest.mark.parametrize("step", GONE)
async def test_where_the_way_ends_early_the_library_is_what_is_missing(step: str) -> None:
    found = await look(tenant(PHOTO, COPY) | {step: (404, "itemNotFound")})
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "library")


async def test_a_next_page_elsewhere_is_not_followed() -> None:
    asked = tenant(PHOTO, COPY)
    async with desk(asked) as one:
        one.script.answers[f"{SITE}/drives"] = {"value": [], "@odata.nextLink": "http://127.0.0.1:9/v1.0/drives"}
        assert (await one.diagnosis.look("ada-1")).reason == "outage"
        one.script.answers[f"{SITE}/drives"] = {"value": [], "@odata.nextLink": f"{one.script.url}/v1.0{SITE}/drives"}
        assert (await one.diagnosis.look("ada-1")).reason == "outage"
        assert one.script.count(f"{SITE}/drives") < 30
