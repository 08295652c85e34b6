"""The report: a CSV file with one row a person and never a picture, written so that a run may end at any moment.

While a scan runs, rows are appended as they become known. When everybody is in it, the file is put into the order of
the object ids, so that it is the same however often the run was interrupted.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Self

from bot.commands.terminal import without_controls
from bot.diagnosis.diagnosis import DiagnosisResult
from bot.errors import PhotosyncError
from dialogs.model import Fact, Reason, Verdict

_FORMULA = ("=", "+", "-", "@")  # what makes a spreadsheet run a value
_OWN = (Reason.GUEST, Reason.NO_MAILBOX, Reason.MAILBOX_ELSEWHERE)  # causes that are the person's own, and final


class NotUsable(PhotosyncError):
    """The file cannot be written, or is no report; the text is for the person at the terminal."""


@dataclass(frozen=True)
class Row:
    """One person; every value as it stands in the file."""

    id: str
    upn: str
    verdict: str
    reason: str
    facts: str
    similarity: str
    copy_modified: str
    looked_at: str

    @classmethod
    def of(cls, person: str, upn: str, look: DiagnosisResult, at: datetime) -> Self:
        """What one check found; `at` is when, in UTC."""
        copy = look.sharepoint.modified if look.sharepoint is not None else None
        similarity = "" if look.similarity is None else f"{look.similarity:.4f}"
        values = (person, upn, look.verdict, look.reason, " ".join(look.facts), similarity, _time(copy), _time(at))
        return cls(*map(harmless, values))

    @property
    def final(self) -> bool:
        """Whether the verdict is known, or never can be; if not, another check may find it."""
        return self.verdict != Verdict.UNKNOWN or self.reason in _OWN

    @property
    def cause(self) -> str:
        """The reason; people who need no copy have a cause of their own."""
        return self.reason or (Fact.DIRECT.value if Fact.DIRECT in self.facts.split() else "")


AFFECTED = (Verdict.DIFFER, Verdict.MISSING)
COLUMNS = tuple(one.name for one in fields(Row))


def harmless(value: str) -> str:
    """The value on one line, and so that no spreadsheet takes it for a formula."""
    line = without_controls(value)
    return f"'{line}" if line.startswith(_FORMULA) else line


def counted(rows: Iterable[Row]) -> list[tuple[tuple[str, str], int]]:
    """((verdict, cause), people): the verdicts in their order, causes by name."""
    order = list(Verdict)
    counts = Counter((one.verdict, one.cause) for one in rows)
    return sorted(counts.items(), key=lambda one: (order.index(Verdict(one[0][0])), one))


class Report:
    """A file that is open for appending. Its methods raise OSError where the disk does."""

    def __init__(self, path: Path, rows: dict[str, Row], end: int) -> None:
        self.path = path
        self.rows = rows  # by id, as it stands in the file
        self._file = path.open("r+", encoding="utf-8", newline="")
        self._file.truncate(end)
        self._file.seek(end)
        if not end:
            self._append(COLUMNS)

    @classmethod
    def begin(cls, path: Path) -> Self:
        """A new one. Raises `NotUsable`."""
        try:
            path.touch(0o600, exist_ok=False)  # it names people: who shall read it is the owner's choice
        except FileExistsError:
            raise NotUsable(f"{path} exists already: --resume goes on with it, --out names another file") from None
        except OSError as error:
            raise NotUsable(f"cannot write {path}: {error.strerror}") from None
        return cls(path, {}, 0)

    @classmethod
    def resume(cls, path: Path) -> Self:
        """One that is there, without a last line that was not written to its end; else a new one.

        Raises `NotUsable`.
        """
        try:
            whole, end, half = path.read_bytes().rpartition(b"\n")
            rows = _rows(whole + (end or half))
            return cls(path, {one.id: one for one in rows}, len(whole + end))
        except FileNotFoundError:
            return cls.begin(path)
        except OSError as error:
            raise NotUsable(f"cannot go on with {path}: {error.strerror}") from None
        except (ValueError, csv.Error):
            raise NotUsable(f"{path} is not a report of photosync scan") from None

    def knows(self, person: str) -> bool:
        """Whether a person's row is final."""
        row = self.rows.get(harmless(person))
        return row is not None and row.final

    def write(self, row: Row) -> None:
        """Add a person, or replace the earlier row."""
        self.rows[row.id] = row
        self._append(astuple(row))

    def finish(self, people: Iterable[str]) -> int:
        """One row for each of these people, in their order; returns how many others were in it, and are no more."""
        wanted = {key: self.rows[key] for key in map(harmless, people) if key in self.rows}
        gone, self.rows = len(self.rows) - len(wanted), wanted
        beside = self.path.with_name(f"{self.path.name}.new")
        beside.touch(0o600)
        shutil.copymode(self.path, beside)
        beside.write_text("".join(map(_line, [COLUMNS, *map(astuple, wanted.values())])), encoding="utf-8", newline="")
        self.close()
        beside.replace(self.path)
        return gone

    def close(self) -> None:
        """Everything written is in the file already."""
        self._file.close()

    def _append(self, values: Iterable[str]) -> None:
        self._file.write(_line(values))
        self._file.flush()


def _line(values: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(values)
    return out.getvalue()


def _rows(content: bytes) -> list[Row]:
    """Raises ValueError or csv.Error for anything but whole lines of a report, or the beginning of its first."""
    if _line(COLUMNS).encode().startswith(content):
        return []
    lines = list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
    if tuple(lines[0]) != COLUMNS:
        raise ValueError("other columns")
    rows = [Row(*line) for line in lines[1:] if len(line) == len(COLUMNS)]
    if len(rows) < len(lines[1:]) or any(one.verdict not in set(Verdict) for one in rows):
        raise ValueError("a line that is no row")
    return rows


def _time(when: datetime | None) -> str:
    return "" if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"
