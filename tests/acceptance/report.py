"""`make acceptance`: the matrix as a table, with what became of each row."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.table import Table

_WIDTH = 180


class Matrix:
    """Collects the rows as they end, also from other processes."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A row that ended, or did not come as far as that."""
        failed = report.failed and report.when != "teardown"
        told = dict(report.user_properties).get("row")
        if report.when == "call" and isinstance(told, list):
            self.rows.append([*map(str, told), "[green]ok[/]"])
        elif failed:
            self.rows.append(["", "", report.nodeid.partition("[")[2].rstrip("]"), "", "", "", "[red]FAILED[/]"])

    def pytest_terminal_summary(self) -> None:
        """The table."""
        table = Table("row", "group", "what goes in", "status", "the person sees", "what is counted", "")
        for row in sorted(self.rows, key=_order):
            table.add_row(*row)
        Console(width=_WIDTH).print(table)


def _order(row: list[str]) -> tuple[str, int]:
    letter, number = row[0][:1], row[0][1:]
    return letter, int(number) if number.isdigit() else 0


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that prints has it."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Matrix(), "matrix")
