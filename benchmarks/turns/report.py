"""The figures, as tables to read and as JSON to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.turns.by_hand import BOUND, Looked
from benchmarks.turns.comparison import Compared, Measured, medians, times_slower
from benchmarks.turns.looks import FOLLOWED, LATENCY, Followed
from benchmarks.turns.memory import Held
from benchmarks.turns.run import Results
from benchmarks.turns.subjects import BARE, BOT, STOCK, SUBJECTS

_CONSOLE = Console(width=150)


def show(results: Results) -> None:
    """Print everything."""
    compared = results.compared
    if compared.measured:
        _CONSOLE.print(_turns("Turns", {SUBJECTS[name].title: name for name in compared.measured}, compared.measured))
        _CONSOLE.print(_processes(compared))
    if results.looked:
        title = f"A turn that looks at both photos, Graph taking {1000 * LATENCY:.0f} ms for each request"
        _CONSOLE.print(_turns(title, {"photosync": BOT}, results.looked))
    if results.beside:
        _CONSOLE.print(_beside(results.beside))
    if results.followed:
        _CONSOLE.print(_followed(results.followed))
    if results.grown:
        titles = {f"{name} stored cases": name for name in results.grown}
        _CONSOLE.print(_turns("The same turn with more and more stored cases", titles, results.grown))
    if results.held:
        _CONSOLE.print(_held(results.held))
    for name, value in ratios(compared).items():
        _CONSOLE.print(f"{name}: {value:.2f}", highlight=False)
    for name, why in results.missing.items():
        _CONSOLE.print(f"{name} was not measured: {why}", highlight=False, markup=False)


def figures(results: Results) -> dict[str, Any]:
    """The same for a file."""
    compared = results.compared
    return {
        **ratios(compared),
        "turns": _medians(compared.measured),
        "processes": {
            name: {"start_s": compared.started[name], "rss_mb": compared.rss[name]} for name in compared.started
        },
        "looks": _medians(results.looked),
        "looks_beside": {name: asdict(one) for name, one in {**results.beside, "bound": BOUND}.items()},
        "follow_ups": {name: asdict(one) for name, one in results.followed.items()},
        "growth": _medians(results.grown),
        "memory": [asdict(one) for one in results.held],
        "missing": results.missing,
    }


def _medians(measured: Measured) -> dict[str, Any]:
    return {
        name: {str(at_once): medians(rounds) for at_once, rounds in levels.items()} for name, levels in measured.items()
    }


def ratios(compared: Compared) -> dict[str, float]:
    """What the project is judged by, at 16 chats."""
    found: dict[str, float] = {}
    if BOT not in compared.measured:
        return found
    if BARE in compared.measured:
        found["full_turn_ratio_to_bare_16"] = times_slower(compared.measured, BARE, BOT, 16)
        # Of processor time: it holds too where other work on the machine keeps the relay from using its core.
        relay, turn = (medians(compared.measured[name][16])["cpu"] for name in (BARE, BOT))
        found["full_turn_cpu_ratio_to_bare_16"] = turn / relay
    if STOCK in compared.measured:
        found["throughput_over_stock_16"] = times_slower(compared.measured, BOT, STOCK, 16)
    found["full_turn_cpu_ms"] = medians(compared.measured[BOT][16])["cpu"]
    return found


def _turns(title: str, titles: Mapping[str, str], measured: Measured) -> Table:
    """Medians of the rounds; where the bare relay is among them, each bot beside it."""
    table = Table(title=title)
    beside = BARE in measured
    columns = [
        "bot",
        "chats",
        "turns/s",
        "p50 ms",
        "p99 ms",
        "CPU ms",
        "core used",
        "driver's CPU ms",
        "slower than bare",
    ]
    for name in columns if beside else columns[:-1]:
        table.add_column(name, justify="left" if name == "bot" else "right")
    for shown, name in titles.items():
        for place, (at_once, rounds) in enumerate(measured[name].items()):
            one = medians(rounds)
            row = [
                "" if place else shown,
                str(at_once),
                f"{one['turns_per_second']:,.0f}",
                f"{one['p50']:.2f}",
                f"{one['p99']:.2f}",
                f"{one['cpu']:.3f}",
                f"{one['turns_per_second'] * one['cpu'] / 1000:.0%}",
                f"{one['driver_cpu']:.3f}",
            ]
            table.add_row(*row, *([f"{times_slower(measured, BARE, name, at_once):.1f} times"] if beside else []))
        table.add_section()
    return table


def _beside(looked: Mapping[str, Looked]) -> Table:
    table = Table(
        title=f"Looks alone, Graph taking {1000 * LATENCY:.0f} ms for each request and four for photos at once"
    )
    for name in ("program", "first look, p50 ms", "a further one, p50 ms", "looks/s, 16 at once", "CPU ms, 16 at once"):
        table.add_column(name, justify="left" if name == "program" else "right")
    for name, one in looked.items():
        figures = f"{one.first:.0f}", f"{one.further:.0f}", f"{one.per_second:.0f}", f"{one.cpu:.2f}"
        table.add_row(name, *figures)
    table.add_row(
        "what Graph's limits allow", f"{BOUND.first:.0f}", f"{BOUND.further:.0f}", f"{BOUND.per_second:.0f}", ""
    )
    return table


def _followed(followed: Mapping[str, Followed]) -> Table:
    table = Table(title=f"Follow-ups, {FOLLOWED} due at once, Graph taking {1000 * LATENCY:.0f} ms for each request")
    for name in ("follow-up", "each second", "CPU ms", "driver's CPU ms", "requests to Graph"):
        table.add_column(name, justify="left" if name == "follow-up" else "right")
    for name, one in followed.items():
        table.add_row(name, f"{one.per_second:,.0f}", f"{one.cpu:.2f}", f"{one.driver_cpu:.2f}", f"{one.requests:.1f}")
    return table


def _held(held: Sequence[Held]) -> Table:
    table = Table(title="Memory as turns go by, 64 chats")
    for name in ("turns", "RSS, MB"):
        table.add_column(name, justify="right")
    for one in held:
        table.add_row(f"{one.turns:,}", f"{one.rss:.0f}")
    return table


def _processes(compared: Compared) -> Table:
    table = Table(title="Processes")
    for name in ("bot", "start to first right answer, s", "RSS at the end, MB"):
        table.add_column(name, justify="left" if name == "bot" else "right")
    for name, seconds in compared.started.items():
        table.add_row(SUBJECTS[name].title, f"{seconds:.2f}", f"{compared.rss[name]:.0f}")
    return table
