"""A look, whatever the two sides answer: a verdict only on two pictures, else the reason, and never an exception."""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.diagnosis.diagnosis import DiagnosisResult
from dialogs.model import Reason, Verdict
from sandbox.portraits import silhouette
from tests.portraits import near, portrait
from tests.scripted import ADA, HOST, desk, file, item, jpeg, tenant
from tests.texts import texts

PHOTO, COPY = jpeg(portrait("ada"), 360), jpeg(portrait("ada"), 200)
PHOTOS = ("/users/ada-1/photos/360x360/$value", "/users/ada-1/photo/$value")
ONE_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
HALF = PHOTO[: len(PHOTO) // 2]


async def look(answers: dict[str, Any]) -> DiagnosisResult:
    async with desk(answers) as one:
        return await one.diagnosis.look("ada-1")


def without_photo(code: str, status: int = 404) -> dict[str, Any]:
    return tenant(PHOTO, COPY) | dict.fromkeys(PHOTOS, (status, code))


# what the two sides hold | the verdict | the reason | which pictures can be shown
TABLE = [
    ("the same", tenant(PHOTO, COPY), "match", "", "both"),
    ("another", tenant(PHOTO, jpeg(portrait("ben"), 200)), "differ", "", "both"),
    ("no copy", tenant(PHOTO), "missing", "", "ours"),
    ("a silhouette as the copy", tenant(PHOTO, jpeg(silhouette(200))), "missing", "", "ours"),
    ("a silhouette as the photo", tenant(jpeg(silhouette(360)), COPY), "no_photo", "", "theirs"),
    ("a silhouette twice", tenant(jpeg(silhouette(360)), jpeg(silhouette(200))), "no_photo", "", ""),
    ("a broken copy", tenant(PHOTO, HALF), "unknown", "picture", "ours"),
    ("one pixel as the photo", tenant(ONE_PIXEL, COPY), "no_photo", "", "theirs"),
    ("one pixel as the copy", tenant(PHOTO, jpeg(portrait("ada"), 1)), "missing", "", "ours"),
    ("a blank page as the copy", tenant(PHOTO, jpeg(Image.new("RGB", (300, 300), "white"))), "missing", "", "ours"),
    ("a blank page as the photo", tenant(jpeg(Image.new("RGB", (360, 360), "#203040")), COPY), "no_photo", "", "theirs"),
    ("a broken photo", tenant(HALF, COPY), "unknown", "picture", ""),
    ("no photo, a broken copy", without_photo("ImageNotFound") | {file("ada-1") + ":/content": HALF}, "no_photo", "", ""),
    ("no photo, no grant", without_photo("ImageNotFound") | {f"/sites/{HOST}": (403, "accessDenied")}, "no_photo", "", ""),
    ("the token lacks a permission", without_photo("ErrorInsufficientPermissionsInAccessToken", 403), "unknown", "permission", ""),
    ("nobody of that name", tenant(PHOTO) | {"/users/ada-1": (404, "Request_ResourceNotFound")}, "unknown", "person", ""),
    ("an address that is no Graph", tenant(PHOTO) | {"/users/ada-1": (404, "")}, "unknown", "outage", ""),
    ("a person without an id", tenant(PHOTO) | {"/users/ada-1": {}}, "unknown", "outage", ""),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "verdict", "reason", "shown"), [r[1:] for r in TABLE], ids=[r[0] for r in TABLE])
async def test_what_the_two_sides_hold_decides(answers: dict[str, Any], verdict: str, reason: str, shown: str) -> None:
    found = await look(answers)
    assert (found.verdict, found.reason) == (verdict, reason)
    pictures = found.microsoft365 is not None, found.sharepoint is not None
    assert pictures == (shown in ("ours", "both"), shown in ("theirs", "both"))
    assert (found.similarity is None) == (shown != "both")


# the code of a 404 or 400 for the photo | the verdict | the reason
NO_PHOTO = [
    *((404, code, "no_photo", "") for code in ("", "ImageNotFound", "GetUserPhoto", "ErrorItemNotFound", "itemNotFound")),
    *((404, code, "no_photo", "") for code in ("ErrorEntityNotFound", "ErrorNonExistentMailbox", "PhotoNotFound")),
    *((404, code, "no_photo", "") for code in ("Request_ResourceNotFound", "imagenotfound", "ErrorImageNotFound")),
    (400, "ImageNotFound", "no_photo", ""),
    *((404, code, "unknown", "no_mailbox") for code in ("ResourceNotFound", "ErrorInvalidUser", "MailboxNotFound")),
    (400, "AuthenticationError", "unknown", "no_mailbox"),
    *((404, f"MailboxNot{what}", "unknown", "mailbox_elsewhere") for what in ("HostedInExchangeOnline", "EnabledForRESTAPI", "SupportedForRESTAPI")),
    (400, "MailboxNotEnabledForRESTAPI", "unknown", "mailbox_elsewhere"),
    # What says nothing of a photo is no "no".
    *((404, code, "unknown", "outage") for code in ("UnknownError", "ServiceNotFound")),
    (400, "", "unknown", "outage"),
    (400, "BadRequest", "unknown", "outage"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "verdict", "reason"), NO_PHOTO)
async def test_a_clear_no_is_told_from_an_outage(status: int, code: str, verdict: str, reason: str) -> None:
    found = await look(without_photo(code, status))
    assert (found.verdict, found.reason) == (verdict, reason)


async def test_a_look_is_one_photo_request() -> None:
    async with desk(tenant(PHOTO, COPY)) as one:
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.MATCH
        assert [path for path in one.script.asked if "/photo" in path] == ["/users/ada-1/photos/360x360/$value"]


NEARLY = near("ada", strength=0.63)  # too alike to decide
SMALL = file("ada-1").replace("_LThumb", "_MThumb")

FURTHER = [
    ("the largest photo is the copy's", portrait("ada"), "match"),
    ("the largest photo is another one", portrait("ben"), "differ"),
    ("it tells no more", NEARLY, "unsure"),
]


@pytest.mark.parametrize(("largest", "verdict"), [row[1:] for row in FURTHER], ids=[row[0] for row in FURTHER])
async def test_before_the_person_is_asked_the_largest_photo_is_compared(largest: Image.Image, verdict: str) -> None:
    answers = tenant(jpeg(NEARLY, 360), COPY) | {PHOTOS[1]: jpeg(largest, 648)}
    answers |= {SMALL: item("2025-03-01T10:00:00Z"), SMALL + ":/content": jpeg(portrait("ben"), 72)}
    async with desk(answers) as one:
        assert (await one.diagnosis.look("ada-1")).verdict == verdict
        assert [path for path in one.script.asked if "/photo" in path] == list(PHOTOS)


async def test_where_the_largest_photo_cannot_be_had_the_person_is_asked() -> None:
    assert (await look(tenant(jpeg(NEARLY, 360), COPY) | {PHOTOS[1]: (403, "ErrorAccessDenied")})).verdict == "unsure"
    assert (await look(tenant(jpeg(NEARLY, 360), COPY) | {PHOTOS[1]: b"broken"})).verdict == "unsure"


async def test_two_files_that_were_compared_before_are_found_the_same_again() -> None:
    async with desk(tenant(PHOTO, COPY)) as one:
        first, again = [await one.diagnosis.look("ada-1") for _ in range(2)]
        assert (
            (again.verdict, again.similarity) == (first.verdict, first.similarity) == (Verdict.MATCH, first.similarity)
        )
        one.script.answers[file("ada-1") + ":/content"] = jpeg(portrait("ben"), 200)
        assert (await one.diagnosis.look("ada-1")).verdict is Verdict.DIFFER


async def test_a_photo_held_in_entra_id_comes_in_its_own_size() -> None:
    odd = portrait("ada").resize((500, 333))
    answers = tenant(PHOTO, jpeg(odd, 0)) | {
        "/users/ada-1/photos/360x360/$value": (404, "ErrorItemNotFound"),
        "/users/ada-1/photo/$value": jpeg(odd),
    }
    found = await look(answers)
    assert found.verdict is Verdict.MATCH
    assert found.sharepoint is not None
    assert (found.sharepoint.width, found.sharepoint.height) == (500, 333)


async def test_when_the_personal_site_may_not_be_read_the_rest_is() -> None:
    def person(request: Any) -> Any:
        return (400, "BadRequest") if "mySite" in request.query["$select"] else {**ADA, "mySite": None}

    answers = tenant(PHOTO, COPY) | {"/users/ada-1": person, "/sites/root": {"siteCollection": {"hostname": HOST}}}
    assert (await look(answers)).verdict is Verdict.MATCH


async def test_while_sharepoint_hangs_the_photo_is_not_lost() -> None:
    async with desk(tenant(PHOTO, COPY)) as one:
        one.script.held = "/sites/"
        found = await one.diagnosis.look("ada-1")
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "timeout")
    assert found.microsoft365 is not None


async def test_a_missing_grant_is_told_to_the_admin_in_one_line_without_the_person(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "bot"):
        await look(tenant(PHOTO) | {f"/sites/{HOST}": (403, "accessDenied")})
    (line,) = [record.getMessage() for record in caplog.records]
    assert "Sites.Selected" in line
    assert "ada" not in line


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "value", "mySite", "webUrl", "name", "folder", "error", "code", "eTag", "width",
                         "lastModifiedDateTime", "@odata.nextLink", "@microsoft.graph.downloadUrl", "siteCollection"]),
        inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
PATHS = st.sampled_from([*tenant(PHOTO, COPY), "/sites/root"])


@settings(max_examples=30)
@given(st.dictionaries(PATHS, JSON | st.binary(max_size=40), min_size=1, max_size=3))
def test_whatever_graph_answers_a_look_ends_with_a_verdict(nonsense: dict[str, Any]) -> None:
    found = asyncio.run(look(tenant(PHOTO, COPY) | nonsense))
    assert isinstance(found.verdict, Verdict)
    assert (found.verdict is Verdict.UNKNOWN) == (found.reason in set(Reason))
    assert (found.similarity is None) == (found.verdict not in (Verdict.MATCH, Verdict.DIFFER, Verdict.UNSURE))
