"""Where SharePoint's copy is looked for, and what its absence, our grant's absence and nonsense are taken for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from dialogs.model import Reason, Verdict
from sandbox.web import graph_error
from tests.portraits import portrait
from tests.scripted import ADA, DRIVE, FOLDER, HOST, LIBRARY, SITE, desk, file, item, jpeg, tenant

PHOTO, COPY = jpeg(portrait("ada"), 360), jpeg(portrait("ada"), 200)
OLD = jpeg(portrait("ada", variant=2), 200)
BY_NAME = "ada_oneil_contoso_com"
PHOTO_PATH = "/users/ada-1/photos/360x360/$value"


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


@dataclass(frozen=True)
class Names:
    """An account, the last part of its personal site's address, and whose file of what name there is."""

    upn: str
    site: str
    file: str
    verdict: Verdict
    others: tuple[str, ...] = ()  # accounts that the directory knows too


NAMES = [
    ("by object id", Names("ada.oneil@contoso.com", "", "ada-1", Verdict.MATCH)),
    ("a plain name", Names("ada.oneil@contoso.com", "", "ada_oneil_contoso_com", Verdict.MATCH)),
    ("a hyphen", Names("anna-lee@contoso.com", "", "anna-lee_contoso_com", Verdict.MATCH)),
    ("an apostrophe", Names("ada.o'neil@contoso.com", "", "ada_o'neil_contoso_com", Verdict.MATCH)),
    ("a plus", Names("ada+test@contoso.com", "", "ada+test_contoso_com", Verdict.MATCH)),
    ("a hyphen in the domain", Names("ada@con-toso.com", "", "ada_con-toso_com", Verdict.MATCH)),
    ("an ampersand, a hash", Names("a&b#c@contoso.com", "", "a&b#c_contoso_com", Verdict.MATCH)),
    ("SharePoint's spelling", Names("anna-lee@contoso.com", "anna_lee_contoso_com", "anna_lee_contoso_com", Verdict.MATCH)),
    ("a renamed account", Names("ada.smith@contoso.com", "ada_oneil_contoso_com", "ada_oneil_contoso_com", Verdict.MATCH)),
    ("a number at SharePoint's spelling", Names("ada.oneil@contoso.com", "ada_oneil_contoso_com1", "ada_oneil_contoso_com1", Verdict.MATCH)),
    # Somebody else's
    ("another sign", Names("anna-lee@contoso.com", "", "anna_lee_contoso_com", Verdict.MISSING)),
    ("another sign, a site of its own", Names("anna-lee@contoso.com", "anna-lee_contoso_com", "anna_lee_contoso_com", Verdict.MISSING)),
    ("no sign", Names("anna.lee@contoso.com", "", "annalee_contoso_com", Verdict.MISSING)),
    ("a dot in the other's name", Names("anna_lee@contoso.com", "", "anna_lee_contoso_com", Verdict.MISSING, ("anna.lee@contoso.com",))),
    ("a line in the other's name", Names("anna.lee@contoso.com", "", "anna_lee_contoso_com", Verdict.MISSING, ("anna_lee@contoso.com",))),
    ("another domain", Names("anna@lee.contoso.com", "", "anna_lee_contoso_com", Verdict.MISSING, ("anna.lee@contoso.com",))),
    ("the name was taken", Names("anna-lee@contoso.com", "anna-lee_contoso_com2", "anna-lee_contoso_com", Verdict.MISSING)),
    ("another, but the site is hers", Names("anna.lee@contoso.com", "anna_lee_contoso_com", "anna_lee_contoso_com", Verdict.MATCH, ("anna_lee@contoso.com",))),
    ("too many spellings to look up", Names("a.b.c.d@sub.contoso.co.uk", "", "a_b_c_d_sub_contoso_co_uk", Verdict.MISSING)),
]  # fmt: skip


@pytest.mark.parametrize("names", [row[1] for row in NAMES], ids=[row[0] for row in NAMES])
async def test_a_file_counts_only_where_its_name_is_the_persons_alone(names: Names) -> None:
    site = f"https://{HOST}/personal/{names.site}/" if names.site else f"https://{HOST}/"
    answers = tenant(PHOTO) | {"/users/ada-1": {**ADA, "userPrincipalName": names.upn, "mySite": site}}
    answers |= {file(names.file): item("2025-01-01T00:00:00Z"), file(names.file) + ":/content": COPY}
    answers |= {f"/users/{other}": {"id": "another"} for other in names.others}
    found = await look(answers)
    missing = names.verdict is Verdict.MISSING and not names.site
    assert (found.verdict, found.reason) == (names.verdict, Reason.NO_SITE if missing else "")
    assert (found.sharepoint is not None) == (names.verdict is Verdict.MATCH)


async def test_while_the_directory_cannot_be_asked_an_ambiguous_file_is_not_shown() -> None:
    answers = tenant(PHOTO) | {"/users/ada-1": {**ADA, "mySite": None}, "/users/ada_oneil@contoso.com": (500, "x")}
    answers |= {file(BY_NAME): item("2025-01-01T00:00:00Z"), file(BY_NAME) + ":/content": COPY}
    found = await look(answers, PHOTOSYNC_MY_SITE_HOST=HOST)
    assert (found.verdict, found.reason, found.sharepoint) == (Verdict.UNKNOWN, "outage", None)


@pytest.mark.parametrize(("sizes", "verdict"), [("M", Verdict.MATCH), ("S", Verdict.MATCH), ("MS", Verdict.MATCH), ("", Verdict.MISSING)])  # fmt: skip
async def test_the_largest_size_that_is_there_counts(sizes: str, verdict: Verdict) -> None:
    answers = tenant(PHOTO)
    for letter in sizes:
        path = file("ada-1").replace("_LThumb", f"_{letter}Thumb")
        picture = {"M": jpeg(portrait("ada"), 72), "S": OLD if "M" in sizes else jpeg(portrait("ada"), 48)}[letter]
        answers |= {path: item("2025-01-01T00:00:00Z"), path + ":/content": picture}
    assert (await look(answers)).verdict is verdict


async def test_the_person_the_photo_and_the_copy_are_asked_for_together() -> None:
    """The directory answers only when the other requests are there: one after the other they would never be."""
    there = {"photo": asyncio.Event(), "copy": asyncio.Event()}

    def arrived(which: str, answer: Any) -> Any:
        def answered(_: Any) -> Any:
            there[which].set()
            return answer

        return answered

    async def person(_: Any) -> Any:
        await asyncio.gather(*(one.wait() for one in there.values()))
        return ADA

    async with desk(tenant(PHOTO, COPY)) as one:
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH  # now the library is known
        one.diagnosis.forget("ada-1")
        one.script.answers |= {
            "/users/ada-1": person,
            PHOTO_PATH: arrived("photo", PHOTO),
            file("ada-1"): arrived("copy", item("2025-03-01T10:00:00Z")),
        }
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH


async def test_many_first_looks_at_once_find_the_library_once() -> None:
    async with desk(tenant(PHOTO, COPY)) as one:
        found = await asyncio.gather(*(one.diagnosis.look("ada-1") for _ in range(8)))
        assert {look.verdict for look in found} == {Verdict.MATCH}
        assert one.script.count(f"{SITE}/drives") == 1


async def test_a_remembered_copy_that_is_gone_is_missing() -> None:
    async with desk(tenant(PHOTO, COPY)) as one:
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH
        del one.script.answers[file("ada-1")]
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MISSING


async def test_a_remembered_name_that_another_account_got_is_not_shown() -> None:
    answers = tenant(PHOTO) | {file(BY_NAME): item("2025-01-01T00:00:00Z"), file(BY_NAME) + ":/content": COPY}
    async with desk(answers) as one:
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH
        one.script.answers["/users/ada_oneil@contoso.com"] = {"id": "another"}
        assert (await one.diagnosis.look("ada-1")).sharepoint is None
        one.script.answers["/users/ada_oneil@contoso.com"] = (403, "Authorization_RequestDenied")
        found = await one.diagnosis.look("ada-1")
        assert (found.reason, found.sharepoint) == ("permission", None)


# what one file's part of a batch answers at first | the verdict, the reason and the wait that was asked for
PARTS: list[tuple[str, str, str, float | None]] = [
    ("0.1", "match", "", None),
    ("60", "unknown", "throttled", 60.0),
]


@pytest.mark.parametrize(("wait", "verdict", "reason", "asked"), PARTS)
async def test_a_throttled_part_of_a_batch_is_asked_again_when_it_may_be(
    wait: str, verdict: str, reason: str, asked: float | None
) -> None:
    refused = 1 if verdict == "match" else 99

    def throttled(_: Any) -> Any:
        nonlocal refused
        refused -= 1
        return graph_error(429, "TooManyRequests", {"Retry-After": wait}) if refused >= 0 else item("2025-03-01T10:00:00Z")  # fmt: skip

    async with desk(tenant(PHOTO, COPY)) as one:
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH
        one.script.answers[file("ada-1")] = throttled
        found = await one.diagnosis.look("ada-1")
    assert (found.verdict, found.reason, found.retry_after) == (verdict, reason, asked)
    assert found.microsoft365 is not None
