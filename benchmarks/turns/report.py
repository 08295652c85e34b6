"""The figures, as tables to read and as JSON to keep."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.turns.comparison import AT_ONCE, Compared, medians
from benchmarks.turns.run import Results
from benchmarks.turns.subjects import BARE, BOT, STOCK, SUBJECTS

_CONSOLE = Console(width=150)


def show(results: Results) -> None:
    """Print everything."""
    if results.compared.measured:
        _CONSOLE.print(_turns(results.compared))
        _CONSOLE.print(_processes(results.compared))
    for name, value in ratios(results.compared).items():
        _CONSOLE.print(f"{name}: {value:.2f}", highlight=False)
    for name, why in results.missing.items():
        _CONSOLE.print(f"{name} was not measured: {why}", highlight=False, markup=False)


def figures(results: Results) -> dict[str, Any]:
    """The same for a file."""
    compared = results.compared
    turns = {
        name: {str(at_once): medians(measured) for at_once, measured in levels.items()}
        for name, levels in compared.measured.items()
    }
    processes = {name: {"start_s": compared.started[name], "rss_mb": compared.rss[name]} for name in compared.started}
    return {**ratios(compared), "turns": turns, "processes": processes, "missing": results.missing}


def ratios(compared: Compared) -> dict[str, float]:
    """What the project is judged by, at 16 chats."""
    found: dict[str, float] = {}
    if BOT not in compared.measured:
        return found
    if BARE in compared.measured:
        found["full_turn_ratio_to_bare_16"] = compared.ratio(BARE, BOT, 16)
    if STOCK in compared.measured:
        found["throughput_over_stock_16"] = compared.ratio(BOT, STOCK, 16)
    found["full_turn_cpu_ms"] = compared.median(BOT, 16, lambda one: one.cpu)
    return found


def _turns(compared: Compared) -> Table:
    table = Table(title="Turns: medians of the rounds")
    for name in ("bot", "chats", "turns/s", "times slower than bare", "p50 ms", "p99 ms", "CPU ms", "driver's CPU ms"):
        table.add_column(name, justify="left" if name == "bot" else "right")
    for name, levels in compared.measured.items():
        for at_once in AT_ONCE:
            one = medians(levels[at_once])
            slower = f"{compared.ratio(BARE, name, at_once):.1f}" if BARE in compared.measured else ""
            table.add_row(
                SUBJECTS[name].title if at_once == AT_ONCE[0] else "",
                str(at_once),
                f"{one['turns_per_second']:,.0f}",
                slower,
                f"{one['p50']:.2f}",
                f"{one['p99']:.2f}",
                f"{one['cpu']:.3f}",
                f"{one['driver_cpu']:.3f}",
            )
        table.add_section()
    return table


def _processes(compared: Compared) -> Table:
    table = Table(title="Processes")
    for name in ("bot", "start to first right answer, s", "RSS at the end, MB"):
        table.add_column(name, justify="left" if name == "bot" else "right")
    for name, seconds in compared.started.items():
        table.add_row(SUBJECTS[name].title, f"{seconds:.2f}", f"{compared.rss[name]:.0f}")
    return table
