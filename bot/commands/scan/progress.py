"""How far a scan is: a bar with the time that is left on a terminal, else a line now and then; on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINES = 10  # of a whole run, where there is no terminal


class ScanProgress:
    """To be used as a context manager."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("reading the directory", total=None)
        self._done = self._total = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def counted(self, people: int) -> None:
        """So many people are in the directory, as far as it is read."""
        self._bar.update(self._task, completed=people)

    def begin(self, total: int, done: int) -> None:
        """All are known; so many of them were checked in an earlier run."""
        self._total, self._done = total, done
        self._bar.reset(self._task, total=total, completed=done, description="checking")
        if not self._console.is_terminal:
            self._console.print(f"{total - done} of {total} people to check")

    def more(self) -> None:
        """One more was checked."""
        self._done += 1
        self._bar.update(self._task, completed=self._done, description="checking")
        if not self._console.is_terminal and self._done * _LINES % self._total < _LINES:
            self._console.print(f"{self._done} of {self._total}")

    def waiting(self, seconds: float) -> None:
        """No request is sent for so long."""
        self._bar.update(self._task, description=f"waiting {seconds:.0f} s")
        if not self._console.is_terminal and seconds >= 30:
            self._console.print(f"waiting {seconds:.0f} s, as Microsoft Graph throttles or does not answer")
