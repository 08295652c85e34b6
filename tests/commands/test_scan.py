"""`photosync scan`: everybody in one report, whatever interrupts it or fails meanwhile."""

from __future__ import annotations

import asyncio
import csv
import re
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import astuple, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import app
from bot.commands.scan.backoff import Backoff, Waits
from bot.commands.scan.directory import everyone
from bot.commands.scan.report import COLUMNS, NotUsable, Report, Row, harmless
from bot.commands.scan.scan import scan
from bot.settings import read
from bot.store.connect import open_store
from sandbox.faults import Fault, Throttle
from sandbox.tenant import Tenant
from sandbox.world import PEOPLE, Person
from tests.sandboxed import IDS
from tests.scan_run import OLD, compare, leave_half_a_line, reach, start, without_times
from tests.texts import texts

SHORT = Waits(first=0.02, longest=0.1, longest_asked=0.2, most=4)
FEW = tuple(one for one in PEOPLE if one.story in ("old", "match", "no-photo", "silhouette"))


@asynccontextmanager
async def tenant(*people: Person) -> AsyncIterator[Tenant]:
    async with Tenant.open() as one:
        one.world.people = people or FEW
        yield one


async def scanned(there: Tenant, out: Path, *, resume: bool = False) -> int:
    return await scan(read(there.environment()), out, resume=resume, waits=SHORT)


def rows(out: Path) -> dict[str, dict[str, str]]:
    with out.open(encoding="utf-8", newline="") as file:
        return {one["id"]: one for one in csv.DictReader(file)}


async def when(happens: Callable[[], bool], act: Callable[[], None]) -> None:
    while not happens():  # noqa: ASYNC110 - nothing there tells by itself
        await asyncio.sleep(0.001)
    act()


@pytest.mark.long
async def test_killed_and_resumed_under_throttling_the_report_is_the_same(tmp_path: Path) -> None:
    whole, cut = await compare(people=120, kills=3, throttle=Throttle(300, 5), folder=tmp_path, seed=4)
    assert (whole.status, cut.status) == (0, 0)
    assert len(cut.ends) == 3
    assert "at 121" not in cut.ends[0]
    assert whole.refused > 0
    assert len(whole.lines) == 121
    assert cut.lines == whole.lines


@pytest.mark.parametrize("people", ["yes", "no"])
async def test_a_scan_is_kept_for_the_page_with_names_only_where_pages_may_name_people(
    tmp_path: Path, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with tenant() as there:
        pages = {"PHOTOSYNC_PAGE_URL": "https://photosync.example", "PHOTOSYNC_PAGE_PEOPLE": people}
        settings = read({**there.environment(), **pages})
        assert await scan(settings, tmp_path / "before.csv", resume=False, waits=SHORT) == 0
        assert "the helpdesk's page does not show this scan: " in capsys.readouterr().err
        store = await open_store(settings.database_url.reveal())
        assert await scan(settings, tmp_path / "report.csv", resume=False, waits=SHORT) == 0
        kept, affected = await store.last_scan(), await store.affected()
        await store.close()
    assert kept is not None
    assert kept.counts == (("match", "", 1), ("differ", "", 1), ("missing", "", 1), ("no_photo", "", 1))
    assert [one.account for one in affected] == (["ada.oneil@fabrikam.example", "noor.devries@fabrikam.example"] if people == "yes" else [])  # fmt: skip


async def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    async with tenant() as there:
        there.world.crowd(100)
        process = await start(there, out)
        assert await reach(process, out, 4)
        process.send_signal(signal.SIGINT)
        _, told = await process.communicate()
    assert process.returncode == 130
    assert f"people are in {out}; --resume goes on" in told.decode().splitlines()[-1]
    assert b"Traceback" not in told


VERDICTS = [
    ("old", {}, "differ", "", ""), ("missing", {}, "missing", "", ""), ("no-photo", {}, "no_photo", "", ""),
    ("one-pixel", {}, "no_photo", "", ""), ("match", {}, "match", "", ""), ("close", {}, "unsure", "", ""),
    ("silhouette", {}, "missing", "", "placeholder"), ("by-name", {}, "differ", "", ""),
    ("entra-only", {}, "match", "", "direct"), ("forbidden", {}, "unknown", "permission", ""),
    ("old-sv", {"user_type": "Guest"}, "unknown", "guest", ""), ("old-ru", {"enabled": False}, "differ", "disabled", ""),
    ("old-lv", {"sharepoint": False}, "differ", "no_sharepoint", ""), ("rtl-name", {"has_site": False}, "differ", "", ""),
    ("old-zh", {"enabled": False, "purpose": "room"}, "differ", "shared_mailbox", ""),
]  # fmt: skip


@pytest.mark.long
async def test_everybody_has_a_row_with_verdict_cause_and_facts_and_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_story = {one.story: one for one in PEOPLE}
    people = [replace(by_story[story], **changes) for story, changes, *_ in VERDICTS]
    out = tmp_path / "report.csv"
    async with tenant(*people) as there:
        assert await scanned(there, out) == 1  # one has no verdict: Graph refuses that photo
    found = rows(out)
    told = [(found[one.id]["verdict"], found[one.id]["reason"], found[one.id]["facts"]) for one in people]
    assert told == [(verdict, reason, facts) for *_, verdict, reason, facts in VERDICTS]
    assert list(found) == sorted(one.id for one in people)
    assert {tuple(one) for one in found.values()} == {COLUMNS}
    assert found[IDS["match"]]["upn"] == "wang.xiaoming@fabrikam.example"
    assert float(found[IDS["match"]]["similarity"]) > 0.8
    assert [bool(found[IDS[story]]["copy_modified"]) for story in ("match", "old", "missing")] == [True, True, False]
    printed = capsys.readouterr().out
    assert "15 people; SharePoint shows 8 of them wrong or not at all" in printed
    assert "5 of these can mend it with the bot" in printed
    assert "1 have no verdict" in printed
    assert "also found: direct 1, placeholder 1" in printed
    assert re.search(r"match +. direct +. +1 ", printed)  # a line of its own
    assert "people may change their own photo" in printed


BATCH, PHOTO = "/$batch", f"/users/{IDS['old']}/photo"

# what fails for a while: where, and what | nobody is reported as unknown for it
PASSING = [
    ("the directory's first page", "graph", [Fault(503, path="/v1.0/users")] * 3),
    ("the directory throttles", "graph", [Fault(429, retry_after="60", path="/v1.0/users")] * 2),
    ("a batch throttles", "graph", [Fault(429, retry_after="60", path=BATCH)] * 2),
    ("a part of a batch throttles", "graph", [Fault(429, retry_after="60", path=f"/users/{IDS['match']}")]),
    ("a batch is refused as it is", "graph", [Fault(400, path=BATCH)]),
    ("a photo throttles", "graph", [Fault(429, retry_after="60", path=PHOTO)] * 3),
    ("a photo fails", "graph", [Fault(500, path=PHOTO)] * 3),
    ("a connection breaks", "graph", [Fault(kind="drop", path=PHOTO)] * 6),
    ("a download fails", "files", [Fault(500)] * 4),
    ("what SharePoint has of somebody without a photo", "graph", [Fault(500, path=IDS["no-photo"] + "_LThumb")]),
    ("the smaller sizes ask for patience", "graph", [Fault(429, retry_after="60", path=f"{IDS['match']}_{letter}Thumb") for letter in "MS"]),
]  # fmt: skip


def behind_a_verdict(there: Tenant) -> None:
    """What a failure could hide: an orphan, and a copy whose smaller sizes are still old."""
    held = {story: there.world.holdings(IDS[story]) for story in ("no-photo", "match", "old")}
    there.world.begin_old(IDS["no-photo"], held["no-photo"])
    copy, old = held["match"].copies[IDS["match"]], held["old"].copies[IDS["old"]]
    for letter in ("M", "S"):
        copy.files[letter], copy.apart[letter] = old.files[letter], copy.modified - timedelta(days=90)


async def test_what_passes_leaves_no_trace(tmp_path: Path) -> None:
    async with tenant() as there:
        behind_a_verdict(there)
        before = tmp_path / "before.csv"
        assert await scanned(there, before) == 0
        assert [rows(before)[IDS[one]]["facts"] for one in ("no-photo", "match")] == ["orphan", "partial"]
        for number, (what, where, faults) in enumerate(PASSING):
            there.world.faults.plan(where, faults)
            assert await scanned(there, tmp_path / f"{number}.csv") == 0, what
            assert not getattr(there.world.faults, where), what
            assert without_times(tmp_path / f"{number}.csv") == without_times(before), what


async def test_while_graph_asks_for_patience_nobody_else_is_begun(tmp_path: Path) -> None:
    async with tenant() as there:
        there.world.crowd(20)
        there.world.faults.plan("graph", [Fault(429, retry_after="60", path="/photo")] * 8)
        assert await scanned(there, tmp_path / "report.csv") == 0
        asked = "\n".join(there.graph.requests)
    first_lot = asked.split("BATCHED /v1.0/users/")[20]  # all that came before the next people were asked about
    assert first_lot.count("/photos/360x360/$value\n") == 8


async def test_who_always_fails_is_unknown_in_the_end_and_nobody_else(tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    async with tenant() as there:
        there.world.faults.plan("graph", [Fault(500, path=PHOTO)] * 50)
        assert await scanned(there, out) == 1
        assert {key: one["reason"] for key, one in rows(out).items() if one["verdict"] == "unknown"} == {
            IDS["old"]: "outage"
        }
        there.world.faults.graph.clear()
        assert await scanned(there, out, resume=True) == 0
    assert rows(out)[IDS["old"]]["verdict"] == "differ"


async def test_a_grant_given_after_the_run_is_enough_to_resume(tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    async with tenant() as there:
        there.world.faults.site_grant = False
        assert await scanned(there, out) == 1
        there.world.faults.site_grant = True
        asked = len(there.graph.requests)
        assert await scanned(there, out, resume=True) == 0
        assert not [one for one in there.graph.requests[asked:] if IDS["no-photo"] in one]  # that one was told already
    assert [one["verdict"] for one in rows(out).values()] == ["differ", "no_photo", "match", "missing"]


async def test_when_graph_stays_away_the_scan_stops_and_can_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.csv"
    async with tenant() as there:
        there.world.crowd(30)
        faults = there.world.faults
        down = when(lambda: out.exists() and len(out.read_bytes().splitlines()) > 5, lambda: setattr(faults, "graph_always", Fault(500)))  # fmt: skip
        status, _ = await asyncio.gather(scanned(there, out), down)
        assert status == 1
        some = len(without_times(out)) - 1
        assert 5 <= some < 34
        assert f"{some} people are in {out}, --resume goes on later" in capsys.readouterr().err
        faults.graph_always = None
        assert await scanned(there, out, resume=True) == 0
    assert len(rows(out)) == 34
    assert {one["verdict"] for key, one in rows(out).items() if key.startswith("0c")} == {"differ"}


@pytest.mark.parametrize("meanwhile", [False, True], ids=["before the run", "during the run"])
async def test_a_refused_sign_in_is_one_line_and_no_rows_of_unknown(
    meanwhile: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.csv"
    async with tenant() as there:
        faults = there.world.faults
        faults.plan("graph", [Fault(401, path="/photo")])  # the token is not taken any more
        refused = when(lambda: not meanwhile or bool(there.graph.requests), lambda: setattr(faults, "login_refuses", True))  # fmt: skip
        _, status = await asyncio.gather(refused, scanned(there, out))
    assert status == 1
    assert "unknown" not in {one["verdict"] for one in rows(out).values()}
    told = capsys.readouterr().err.splitlines()[-1]
    assert ("the login service refuses us now" if meanwhile else "AADSTS7000215") in told


async def test_a_missing_permission_for_the_directory_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with tenant() as there:
        there.grant("Sites.Selected")
        assert await scanned(there, tmp_path / "report.csv") == 1
    assert "to grant: User.Read.All" in capsys.readouterr().err


async def test_who_left_is_taken_out_and_who_came_is_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.csv"
    async with tenant() as there:
        assert await scanned(there, out) == 0
        new = replace(OLD, id="0b000000-0000-4000-8000-000000000001", upn="new@fabrikam.example")
        there.world.people = (new, *FEW[1:])
        assert await scanned(there, out, resume=True) == 0
        assert list(rows(out)) == sorted(one.id for one in there.world.people)
    assert "1 of an earlier run are not in the directory any more" in capsys.readouterr().out


GRANTS = [
    ("the site's grant", lambda there: setattr(there.world.faults, "site_grant", False), "Sites.Selected"),
    ("the permission for sites", lambda there: there.grant("User.Read.All"), "Sites.Selected"),
    ("the library", lambda there: setattr(there.world.faults, "library", "none"), "picture library was not found"),
]


@pytest.mark.parametrize(("missing", "words"), [row[1:] for row in GRANTS], ids=[row[0] for row in GRANTS])
async def test_a_scan_that_can_give_no_verdict_stops_early_and_says_why(
    missing: Callable[[Tenant], None], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.csv"
    async with tenant() as there:
        there.world.crowd(300)
        missing(there)
        assert await scanned(there, out) == 1
        first = len(rows(out))
        assert await scanned(there, out, resume=True) == 1
        assert len(rows(out)) <= 2 * first
    assert first < 60
    said = capsys.readouterr().err
    assert words in said
    assert "--resume" in said


async def test_some_people_whom_graph_refuses_do_not_stop_a_scan(tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    async with tenant() as there:
        crowd = there.world.crowd(60)
        there.world.faults.forbidden = {one.id for one in crowd[::5]}
        assert await scanned(there, out) == 1
        assert len(rows(out)) == len(there.world.people)


async def test_a_large_directory_is_read_page_by_page_and_through_throttling() -> None:
    counted: list[int] = []
    async with tenant() as there:
        crowd = there.world.crowd(2_100)
        there.world.faults.plan("graph", [Fault(429, retry_after="0", path="/v1.0/users", after=1)] * 3)
        async with app.outside(read(there.environment())) as outside:
            found = await everyone(outside.graph, Backoff(lambda _: None, SHORT), counted.append)
    assert found == {one.id: one.upn for one in sorted((*FEW, *crowd), key=lambda one: one.id)}
    assert list(found) == sorted(found)
    assert counted == [999, 1_998, 2_104]


async def test_a_report_that_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.csv"
    out.write_text("mine")
    async with tenant() as there:
        assert await scanned(there, out) == 2
        assert there.graph.requests == []
    assert out.read_text() == "mine"
    assert "--resume goes on with it" in capsys.readouterr().err


HEAD = ",".join(COLUMNS)
FOREIGN = [
    ("a note", b"mine"),
    ("other columns", b"name,phone\r\nada,1\r\n"),
    ("a row that is too short", f"{HEAD}\r\na,b\r\n".encode()),
    ("a verdict nobody knows", f"{HEAD}\r\na,b,good,,,,,\r\n".encode()),
    ("a quote that is not closed", f'{HEAD}\r\n"a,b,match,,,,,\r\n'.encode()),
    ("no text", b"\xff\xfe\x00\n"),
]


@pytest.mark.parametrize("content", [row[1] for row in FOREIGN], ids=[row[0] for row in FOREIGN])
def test_what_is_no_report_is_refused_and_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    out.write_bytes(content)
    with pytest.raises(NotUsable, match="is not a report of photosync scan"):
        Report.resume(out)
    assert out.read_bytes() == content


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_is_not_there_is_told(resume: bool, tmp_path: Path) -> None:
    with pytest.raises(NotUsable, match=r"cannot write .*: No such file or directory"):
        (Report.resume if resume else Report.begin)(tmp_path / "none" / "report.csv")


def test_only_its_owner_may_read_a_new_report_and_a_choice_to_share_it_is_kept(tmp_path: Path) -> None:
    report = Report.begin(tmp_path / "report.csv")
    assert report.path.stat().st_mode & 0o777 == 0o600
    report.path.chmod(0o640)
    report.finish([])
    assert report.path.stat().st_mode & 0o777 == 0o640


def row(person: str, **values: str) -> Row:
    return replace(Row(person, "ada@fabrikam.example", "match", "", "", "0.9000", "", ""), **values)


@pytest.mark.parametrize("cut", [0, 5, len(HEAD), len(HEAD) + 1])
def test_a_report_that_ends_within_its_first_line_begins_anew(cut: int, tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    out.write_bytes(f"{HEAD}\r\n".encode()[:cut])
    report = Report.resume(out)
    report.write(row("a"))
    report.close()
    assert out.read_bytes().startswith(f"{HEAD}\r\na,".encode())


def test_a_half_written_last_line_is_dropped(tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    report = Report.begin(out)
    report.write(row("a"))
    whole = out.read_bytes()
    report.close()
    leave_half_a_line(out)
    resumed = Report.resume(out)
    assert (list(resumed.rows), resumed.knows("a"), resumed.knows("b")) == (["a"], True, False)
    resumed.close()
    assert out.read_bytes() == whole


@pytest.mark.parametrize(
    "value", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "\t=1", "\r=1", "\n=1"]
)
def test_no_value_is_a_formula_or_breaks_its_line(value: str) -> None:
    assert harmless(value)[0] in "' "
    assert "\n" not in harmless(value)
    assert "\r" not in harmless(value)


async def test_a_name_that_is_a_formula_is_harmless_in_the_report(tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    async with tenant(replace(OLD, upn="=cmd|'/c calc'!a1@fabrikam.example")) as there:
        assert await scanned(there, out) == 0
    assert rows(out)[OLD.id]["upn"] == "'=cmd|'/c calc'!a1@fabrikam.example"


TEXT = texts(max_size=12).map(harmless)


@settings(max_examples=40)
@given(st.lists(st.builds(Row, TEXT, TEXT, st.just("unknown"), *[TEXT] * 5), max_size=5))
def test_whatever_people_are_called_a_report_is_read_as_it_was_written(written: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Report.begin(Path(folder) / "report.csv")
        for one in written:
            report.write(one)
        report.close()
        again = Report.resume(report.path)
        again.close()
    assert {key: astuple(one) for key, one in again.rows.items()} == {one.id: astuple(one) for one in written}
