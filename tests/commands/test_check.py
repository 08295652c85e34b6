"""`photosync check`: everything a look found, in words and as JSON, and pictures only where they are asked for."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.commands.check.report import Request, document, duration, lines
from bot.commands.check.report import check as run
from bot.diagnosis.diagnosis import DiagnosisResult
from bot.photos.decode import measured
from bot.photos.picture import Picture
from bot.settings import read
from bot.tickets import labels
from dialogs.model import Fact, Reason, SiteFinding, Verdict
from sandbox.tenant import Tenant
from sandbox.world import PEOPLE
from tests.command import command
from tests.portraits import portrait
from tests.scripted import jpeg

ROOT = Path(__file__).resolve().parents[2]
IDS = {person.story: person.id for person in PEOPLE}
UPNS = {person.story: person.upn for person in PEOPLE}


async def check(tenant: Tenant, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return await asyncio.to_thread(subprocess.run, command("check", *arguments), env=environ, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip


def other(story: str, **changes: Any) -> Any:
    """The person of a story is somebody else than usual, or something fails."""

    def set_up(tenant: Tenant) -> None:
        tenant.world.people = tuple(replace(one, **changes) if one.story == story else one for one in PEOPLE)

    return set_up


def nothing(_: Tenant) -> None:
    """As it is."""


@dataclass(frozen=True)
class Row:
    """Whom we look at and what is to be told."""

    name: str
    story: str
    status: int
    verdict: str
    words: str  # among the lines for people
    shown: str = ""  # which pictures are described
    reason: str = ""
    facts: tuple[str, ...] = ()
    set_up: Any = nothing


ROWS = (
    Row("the same photo", "match", 0, "match", "SharePoint has the current photo", "both"),
    Row("an old copy", "old", 1, "differ", "a different photo than Microsoft 365", "both"),
    Row("an old copy, filed by name", "by-name", 1, "differ", "a different photo", "both"),
    Row("no copy", "missing", 1, "missing", "no copy of the photo", "ours"),
    Row("no photo", "no-photo", 1, "no_photo", "there is no photo in Microsoft 365"),
    Row("no photo, told as a pixel", "one-pixel", 1, "no_photo", "there is no photo in Microsoft 365"),
    Row("too close to call", "close", 2, "unsure", "compare them by eye", "both"),
    Row("a silhouette as the copy", "silhouette", 1, "missing", "a gray silhouette", "ours", facts=("placeholder",)),
    Row("a photo in Entra ID only", "entra-only", 0, "match", "only older ones use the copy", "ours", facts=("direct",)),
    Row("a photo that Graph refuses", "forbidden", 2, "unknown", "to grant       User.Read.All", "", "permission"),
    Row("a guest", "old", 2, "unknown", "own organization", "", "guest", (), other("old", user_type="Guest")),
    Row("a disabled account", "missing", 1, "missing", "is disabled", "ours", "disabled", (), other("missing", enabled=False)),
    Row("no SharePoint plan", "old", 1, "differ", "no SharePoint plan", "both", "no_sharepoint", (), other("old", sharepoint=False)),
    Row("a room", "missing", 1, "missing", "nobody signs in with it", "ours", "shared_mailbox", (), other("missing", enabled=False, purpose="room")),
    Row("somebody whose site was never made", "missing", 1, "missing", "first visit to SharePoint makes it", "ours", "no_site", (), other("missing", has_site=False)),
    Row("no photo where nobody may change theirs", "no-photo", 1, "no_photo", "an administrator has to", "", "policy", (), lambda tenant: tenant.world.photo_settings.update(allowedRoles=["role"])),
    Row("photos from on premises", "no-photo", 1, "no_photo", "has to be changed there", "", "on_premises", (), lambda tenant: tenant.world.photo_settings.update(source="onPremises")),
    Row("a removed photo", "old", 1, "no_photo", "Microsoft 365 none", "theirs", "", ("orphan",), lambda tenant: tenant.world.remove_photo(IDS["old"])),
    Row("a site without a grant", "old", 2, "unknown", "to grant       Sites.Selected", "ours", "permission", (), lambda tenant: setattr(tenant.world.faults, "site_grant", False)),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_everything_found_is_told_in_words_and_as_json(row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    async with Tenant.open() as tenant:
        row.set_up(tenant)
        settings = read(tenant.environment())
        statuses = [await run(settings, Request(UPNS[row.story], as_json=as_json)) for as_json in (False, True)]
    said, _, told = capsys.readouterr().out.partition("{")
    assert statuses == [row.status] * 2
    assert row.words in said
    found = json.loads("{" + told)
    assert (found["verdict"], found["reason"], found["facts"]) == (row.verdict, row.reason, list(row.facts))
    assert bool(found["because"]) == bool(row.reason)
    described = found["microsoft365"] is not None, found["sharepoint"] is not None
    assert described == (row.shown in ("ours", "both"), row.shown in ("theirs", "both"))
    assert (found["similarity"] is None) == (row.shown != "both")
    assert found["saved"] == {}


async def test_sizes_formats_and_dates_are_those_of_the_files() -> None:
    async with Tenant.open() as tenant:
        found = json.loads((await check(tenant, IDS["old"], "--json")).stdout)
        odd = json.loads((await check(tenant, IDS["entra-only"], "--json")).stdout)
        copy = tenant.world.holdings(IDS["old"]).copies[IDS["old"]]
    ours, theirs = found["microsoft365"], found["sharepoint"]
    assert (ours["width"], ours["original_width"], ours["format"]) == (360, 648, "JPEG")
    assert (theirs["width"], theirs["height"], theirs["bytes"]) == (300, 300, len(copy.files["L"]))
    assert datetime.fromisoformat(theirs["changed"]) == copy.modified.replace(microsecond=0)
    assert (odd["microsoft365"]["width"], odd["microsoft365"]["height"]) == (500, 333)


PNG = io.BytesIO()
portrait("ada").resize((96, 96)).save(PNG, "PNG")
PHOTO = Picture(jpeg(portrait("ada"), 360), "", datetime(2026, 3, 3, 10, 0, tzinfo=UTC), 648, 648)
COPY = Picture(PNG.getvalue(), "", datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
OLDER = DiagnosisResult(Verdict.DIFFER, "", 0.25, PHOTO, COPY, facts=(Fact.OLDER, Fact.PARTIAL), older_by=176_400.0)
LINES = [
    ("by how much the copy is older", OLDER, "fact           older: SharePoint's copy is older than the photo, by 2 days\n"),
    ("each fact", OLDER, "fact           partial: only some sizes of SharePoint's copy are current\n"),
    ("both sizes of the photo", OLDER, "Microsoft 365  360x360 px, the original 648x648 px, JPEG, "),
    ("when it was changed", OLDER, ", changed 2026-03-03 10:00 UTC\n"),
    ("a PNG for what it is", OLDER, "SharePoint     96x96 px, PNG, "),
    ("a reason with its name", DiagnosisResult(Verdict.MISSING, Reason.DISABLED, microsoft365=PHOTO), "reason         disabled: the account is disabled"),
    ("a site", replace(OLDER, site="Team", site_finding=SiteFinding.OLD), "site           Team: old: it points to an older copy\n"),
    ("a site's name without what a terminal would obey", replace(OLDER, site="\x1b[2JTeam\n", site_finding="old"), "site            [2JTeam : old"),
    ("an absence as such", DiagnosisResult(Verdict.MISSING, microsoft365=PHOTO), "SharePoint     none\n"),
    ("what is not known as such", DiagnosisResult(Verdict.UNKNOWN, Reason.OUTAGE), "SharePoint     not known\n"),
]  # fmt: skip


@pytest.mark.parametrize(("look", "line"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_the_lines_tell(look: DiagnosisResult, line: str) -> None:
    assert line in lines(document("ada@contoso.com", look, {}, None))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(600, "10 minutes"), (3599, "59 minutes"), (3600, "1 hour"), (86399, "23 hours"), (172800, "2 days")],
)
def test_a_duration_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_every_verdict_reason_fact_and_finding_has_its_english() -> None:
    assert set(labels.VERDICTS) == set(Verdict)
    assert set(labels.REASONS) == set(Reason)
    assert set(labels.FACTS) == set(Fact)
    assert set(labels.FINDINGS) == set(SiteFinding)


def below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def test_pictures_are_written_only_on_request_as_fetched_and_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "evidence"
    async with Tenant.open() as tenant:
        await check(tenant, IDS["old"])
        assert below(tmp_path) == []
        done = await check(tenant, IDS["old"], "--save-pictures", str(folder))
        copy = tenant.world.holdings(IDS["old"]).copies[IDS["old"]].files["L"]
    files = {path.name: path for path in below(folder)}
    assert set(files) == {"microsoft365.jpg", "sharepoint.jpg"}
    assert files["sharepoint.jpg"].read_bytes() == copy
    assert measured(files["microsoft365.jpg"].read_bytes()) == ((360, 360), "JPEG")
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(f"saved          {path}\n" in done.stdout for path in files.values())


async def test_what_was_saved_stands_in_the_json_and_only_what_there_is(tmp_path: Path) -> None:
    async with Tenant.open() as tenant:
        done = await check(tenant, IDS["missing"], "--json", "--save-pictures", str(tmp_path))
    assert json.loads(done.stdout)["saved"] == {"microsoft365": str(tmp_path / "microsoft365.jpg")}
    assert [path.name for path in below(tmp_path)] == ["microsoft365.jpg"]


def with_a_picture(folder: Path) -> Path:
    (folder / "sharepoint.png").write_bytes(b"somebody else's")
    return folder


def with_a_link(folder: Path) -> Path:
    (folder / "microsoft365.jpg").symlink_to(folder / "elsewhere")
    return folder


def a_file(folder: Path) -> Path:
    (folder / "file").write_bytes(b"")
    return folder / "file"


REFUSED = [
    ("a folder with somebody's picture", with_a_picture, "has a sharepoint.png already"),
    ("a folder with a link of that name", with_a_link, "has a microsoft365.jpg already"),
    ("a file", a_file, "is not a folder"),
    ("below a file", lambda folder: a_file(folder) / "below", "is not a folder"),
]


@pytest.mark.parametrize(("prepare", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_pictures_are_not_written_there_and_nobody_is_looked_at(tmp_path: Path, prepare: Any, words: str) -> None:
    folder = prepare(tmp_path)
    before = below(tmp_path)
    async with Tenant.open() as tenant:
        done = await check(tenant, IDS["old"], "--save-pictures", str(folder))
        assert tenant.graph.requests == []
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert below(tmp_path) == before


SITES = [
    ("one that may not be read", "https://fabrikam.sharepoint.example/SitePages/Home.aspx", ("User.Read.All", "Sites.Selected"), "forbidden", "fabrikam.sharepoint.example"),
    ("one that is not there", "https://fabrikam.sharepoint.example/sites/no-such/Lists", ("User.Read.All", "Sites.Read.All"), "failed", "no-such"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "roles", "finding", "name"), [row[1:] for row in SITES], ids=[r[0] for r in SITES])
async def test_a_site_is_looked_at_too(address: str, roles: tuple[str, ...], finding: str, name: str) -> None:
    async with Tenant.open() as tenant:
        tenant.grant(*roles)
        done = await check(tenant, IDS["old"], "--json", "--site", address)
    found = json.loads(done.stdout)
    assert (found["verdict"], found["site"]) == ("differ", {"name": name, "finding": finding})


@pytest.mark.parametrize("address", ["http://fabrikam.sharepoint.com/sites/a", "https://example.com/", "sites/a"])
async def test_what_is_no_site_is_one_line(address: str) -> None:
    async with Tenant.open() as tenant:
        done = await check(tenant, IDS["old"], "--site", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "photosync: --site must be the https address of a SharePoint site\n"
