"""The shape of the code: how large its files are, how it hangs together, and how much of it one turn crosses.

`python -m tools.shape [--root DIR] [--json] [--no-run]` prints it, to compare before and after a change. It knows no
module of ours but those that start a bot: moving and renaming changes the figures only.

A module depends on what it imports anywhere in its text; what stands under `if TYPE_CHECKING:` is told apart. A wing is
what lies directly under `bot/`, a package or a file, and `dialogs` as a whole. Floors are the levels of the longest
chain of imports, each cycle counted as one: floor 1 imports nothing of ours.

A turn is run against the pretend tenant, after somebody else's whole walk: what is loaded or remembered once does not
count. What is put off for a moment belongs to it too; what the bot does besides does not: in the event loop, tasks
that have a name of their own are left out, as background tasks and jobs have. Figures of before and after are those of
one version of this tool (`--root`). Of each thread is told: the files in which anything ran; calls; how often a
coroutine or generator went on; switches, the steps from one of our files into another by a call, a return or going on;
and changes, the calls and goings-on in another file than the one before. Comprehensions are part of their function.
Calls differ a little from one version of Python and one run to the next.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import dis
import json
import math
import re
import statistics
import sys
import textwrap
import threading
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

OURS = ("bot", "dialogs")
LOOK = "my photo is wrong in SharePoint"
_UNNAMED = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")  # newer Pythons do not call all of these
_WALK = 7  # presses from the verdict to the end
_MIDDLE = 3  # presses before the one that is measured
_ROUNDS = 3  # people with whom it is done
_MOMENT = 1.5  # seconds: longer than anything is put off, and than a token of the pretend channel is the same

Graph = Mapping[str, set[str]]


# What is written


@dataclass(frozen=True)
class Module:
    """One file of ours: what it imports of ours, at run time and for types only."""

    name: str
    path: Path
    lines: int
    functions: tuple[int, ...]  # the length of each
    imports: set[str]
    types: set[str]

    @property
    def wing(self) -> str:
        """The part of the program it belongs to."""
        top, _, rest = self.name.partition(".")
        return rest.partition(".")[0] or top if top == "bot" else top


def modules(root: Path) -> dict[str, Module]:
    """Every module of ours below a folder, by name."""
    names = {_name(path.relative_to(root)): path for top in OURS for path in sorted((root / top).rglob("*.py"))}
    return {name: _module(name, path, names) for name, path in names.items()}


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(name: str, path: Path, known: Iterable[str]) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: dict[bool, set[str]] = {False: set(), True: set()}
    for wanted, typing in _imported(tree, package, typing=False):
        parts = wanted.split(".")  # the last may be a name within a module
        module = next((one for n in range(len(parts), 0, -1) if (one := ".".join(parts[:n])) in known), name)
        found[typing] |= {module} - {name}
    return Module(name, path, len(text.splitlines()), tuple(lengths), found[False], found[True] - found[False])


def _imported(node: ast.AST, package: str, *, typing: bool) -> Iterator[tuple[str, bool]]:
    """Each name that is imported below a node, and whether for types only."""
    match node:
        case ast.Import(names=names):
            yield from ((one.name, typing) for one in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            yield from ((".".join([*base, *([module] if module else []), one.name]), typing) for one in names)
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), body=body, orelse=other):
            for inner in (*body, *other):
                yield from _imported(inner, package, typing=typing or inner in body)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _imported(child, package, typing=typing)


def wings(known: Mapping[str, Module], imports: Graph) -> dict[str, set[str]]:
    """The same imports between wings."""
    graph: dict[str, set[str]] = {module.wing: set() for module in known.values()}
    for name, wanted in imports.items():
        graph[known[name].wing] |= {known[one].wing for one in wanted} - {known[name].wing}
    return graph


def cycles(graph: Graph) -> list[tuple[str, ...]]:
    """The groups of more than one that all reach each other."""
    return [group for group in sorted(set(_together(graph).values())) if len(group) > 1]


def floors(graph: Graph) -> list[list[str]]:
    """What is on each floor, the lowest first; those of a cycle share one."""
    group = _together(graph)

    @cache
    def level(of: tuple[str, ...]) -> int:
        below = {group[wanted] for one in of for wanted in graph[one]} - {of}
        return 1 + max((level(one) for one in below), default=0)

    levels = {name: level(group[name]) for name in graph}
    return [sorted(name for name in graph if levels[name] == n + 1) for n in range(max(levels.values()))]


def _together(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Everything's strongly connected component: itself and whatever it reaches that reaches it."""
    reached = {name: _reached(graph, name) for name in graph}
    return {name: tuple(sorted({name} | {one for one in reached[name] if name in reached[one]})) for name in graph}


def _reached(graph: Graph, start: str) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def written(root: Path) -> dict[str, Any]:
    """The figures of the text."""
    known = modules(root)
    running = {name: one.imports for name, one in known.items()}
    typed = {name: one.imports | one.types for name, one in known.items()}
    lengths = sorted(length for one in known.values() for length in one.functions)
    longest = max(known.values(), key=lambda one: one.lines)
    between, between_typed = wings(known, running), wings(known, typed)
    return {
        "files": len(known),
        "files_flat_in_bot": sum(one.path.parent == root / "bot" for one in known.values()),
        "lines": sum(one.lines for one in known.values()),
        "file_lines_median": statistics.median(one.lines for one in known.values()),
        "file_lines_max": longest.lines,
        "file_longest": longest.path.relative_to(root).as_posix(),
        "functions": len(lengths),
        "function_lines_p50": _rank(lengths, 0.5),
        "function_lines_p90": _rank(lengths, 0.9),
        "module_cycles": cycles(running),
        "module_cycles_with_types": cycles(typed),
        "module_floors": len(floors(running)),
        "wings": len(between),
        "wing_cycles": cycles(between),
        "wing_cycles_with_types": cycles(between_typed),
        "wing_floors": floors(between),
        "floors_over_one_ground": floors(on_one_ground(root, between)),
    }


def on_one_ground(root: Path, between: Graph) -> dict[str, set[str]]:
    """The wings, with the flat files that use nothing but each other and `dialogs` as one: what all others stand on."""
    flat = {path.stem for path in (root / "bot").glob("*.py")} | {"bot"}
    ground = {name for name in flat & between.keys() if _reached(between, name) <= flat | {"dialogs"}}
    graph: dict[str, set[str]] = {}
    for name, wanted in between.items():
        here = "ground" if name in ground else name
        graph[here] = graph.get(here, set()) | {"ground" if one in ground else one for one in wanted} - {here}
    return graph


def _rank(ordered: list[int], share: float) -> int:
    return ordered[math.ceil(share * len(ordered)) - 1]


# What is run


@dataclass
class Crossed:
    """What one thread ran of ours."""

    files: set[str] = field(default_factory=set)
    calls: int = 0
    resumed: int = 0  # coroutines and generators that went on
    switches: int = 0
    changes: int = 0
    here: str = ""  # the file it was last in
    called: str = ""  # the file of the last call

    def enter(self, file: str, *, fresh: bool, named: bool) -> None:
        """A function is called, or goes on."""
        self.files.add(file)
        self.calls += fresh and named
        self.resumed += named and not fresh
        self.changes += self.called not in ("", file)
        self.called = file
        self.step(file)

    def step(self, file: str) -> None:
        """It goes on in a file."""
        self.switches += self.here not in ("", file)
        self.here = file


class Counter:
    """Follows every thread that begins once this is there, and the present one; counts while `counting`."""

    def __init__(self, root: Path) -> None:
        self.counting = False
        self.threads: dict[str, Crossed] = {}  # by name, without its number
        self._root = root
        self._files: dict[str, str] = {}  # by the names that code has for them
        self._loop = threading.current_thread()
        threading.setprofile(self._event)
        sys.setprofile(self._event)

    def close(self) -> None:
        """Follow nothing more."""
        sys.setprofile(None)
        threading.setprofile(None)

    def _event(self, frame: FrameType, event: str, _: object) -> None:
        if not self.counting or event not in ("call", "return") or not (file := self._file(frame)):
            return
        now = threading.current_thread()
        if now is self._loop and _is_background():
            return
        name = "event loop" if now is self._loop else re.sub(r"[-_\d]+$", "", now.name)
        thread = self.threads.setdefault(name, Crossed())
        if event == "call":
            code = frame.f_code
            thread.enter(file, fresh=frame.f_lasti <= _begins(code), named=code.co_name not in _UNNAMED)
            return
        back = frame.f_back
        while back is not None and not self._file(back):  # through others' functions
            back = back.f_back
        if back is not None:
            thread.step(self._file(back))

    def _file(self, frame: FrameType) -> str:
        """Where a function of ours stands; nothing for others'."""
        name = frame.f_code.co_filename
        if name not in self._files:
            path = Path(name)
            inside = path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else ""
            self._files[name] = inside if inside.partition("/")[0] in OURS else ""
        return self._files[name]


def _is_background() -> bool:
    """Whether a task with a name of its own is running; a request's is `Task-1`, as asyncio names tasks."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a callback, or no loop at all
        return False
    return task is not None and not task.get_name().startswith("Task-")


@cache
def _begins(code: CodeType) -> int:
    """Up to where in its code a function is only just called: one that goes on does so behind its first RESUME."""
    return next((one.offset for one in dis.get_instructions(code) if one.opname == "RESUME"), 0)


async def run(root: Path) -> dict[str, Any]:
    """The figures of a typed request with a look and of one press in the middle of a walk."""
    from bot import app, settings  # noqa: PLC0415 - of the tree in question, found only now
    from sandbox.tenant import Tenant  # noqa: PLC0415 - likewise

    counter = Counter(root)
    async with Tenant.open() as tenant:
        running = await app.start(settings.read({**tenant.environment(), "PHOTOSYNC_PORT": "0"}))
        try:
            tenant.channel.bot_url = f"http://127.0.0.1:{running.port}"
            first, *others = [tenant.channel.chat(one.id) for one in tenant.world.crowd(1 + _ROUNDS)]
            await _done(first.say(LOOK))
            for _ in range(_WALK):
                await _done(first.press("next"))
            looks, presses = [], []
            for chat in others:
                looks.append(await _counted(counter, chat.say(LOOK)))
                for _ in range(_MIDDLE):
                    await _done(chat.press("next"))
                presses.append(await _counted(counter, chat.press("next")))
        finally:
            counter.close()
            await running.stop()
    return {"press": _least(presses), "look": _least(looks)}


async def _done(act: Awaitable[int]) -> None:
    status = await act
    if status not in (200, 201, 202):
        raise SystemExit(f"the bot answered with {status}")


async def _counted(counter: Counter, act: Awaitable[int]) -> dict[str, Crossed]:
    """What is run for an act, and nothing of the one before."""
    await asyncio.sleep(_MOMENT)
    counter.threads, counter.counting = {"event loop": Crossed()}, True
    await _done(act)
    await asyncio.sleep(_MOMENT)
    counter.counting = False
    return counter.threads


def _least(rounds: list[dict[str, Crossed]]) -> dict[str, Any]:
    """The round with the fewest calls: what the bot does besides can only add some."""
    calls = [one["event loop"].calls for one in rounds]
    least = rounds[calls.index(min(calls))]
    threads = {name: asdict(one) | {"files": sorted(one.files)} for name, one in least.items()}
    return {"threads": threads, "most_calls": max(calls)}


# What is told


def _static_lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name.replace('_', ' ')}: {value}" for name, value in told.items() if not isinstance(value, list))
    for name in ("module_cycles", "module_cycles_with_types", "wing_cycles", "wing_cycles_with_types"):
        yield f"{name.replace('_', ' ')}: {len(told[name])}"
        yield from (f"  {', '.join(group)}" for group in told[name])
    for name in ("wing_floors", "floors_over_one_ground"):
        yield f"{name.replace('_', ' ')}: {len(told[name])}"
        yield from (f"  {n:2} {', '.join(floor)}" for n, floor in reversed([*enumerate(told[name], 1)]))


def _run_lines(title: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{title} (the least of {_ROUNDS} rounds; the most calls were {told['most_calls']})"
    for name, one in told["threads"].items():
        figures = ", ".join(f"{one[what]} {what}" for what in ("calls", "resumed", "switches", "changes"))
        yield f"  {name}: {len(one['files'])} files, {figures}"
        yield from textwrap.wrap(" ".join(one["files"]), 120, initial_indent="    ", subsequent_indent="    ")


def main() -> int:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m tools.shape", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="the tree (default: this one)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--no-run", action="store_true", help="leave out what a turn crosses")
    options = parser.parse_args()
    root = options.root.resolve()
    told = {"written": written(root)}
    if not options.json:
        print(*_static_lines(told["written"]), sep="\n", flush=True)
    if not options.no_run:
        sys.path.insert(0, str(root))
        told["run"] = asyncio.run(run(root))
    if options.json:
        print(json.dumps(told, indent=1))
    elif "run" in told:
        print(*_run_lines("one press of `next` in the middle of a walk", told["run"]["press"]), sep="\n")
        print(*_run_lines(f"one typed request with a look, `{LOOK}`", told["run"]["look"]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
