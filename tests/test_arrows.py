"""Who may import whom: the shape of docs/architecture.md, held."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SDK = ("botbuilder", "botframework")


def nodes(file: Path) -> Iterator[ast.AST]:
    """Everything in a file."""
    return ast.walk(ast.parse(file.read_text(encoding="utf-8")))


@functools.cache
def statements(file: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """The imports of a file, which are asked for again and again."""
    return tuple(node for node in nodes(file) if isinstance(node, ast.Import | ast.ImportFrom))


def imports(file: Path) -> Iterator[str]:
    """Full names of the modules a file imports."""
    for node in statements(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{file}: a relative import"
            yield node.module or ""


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def tops(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(file)}


@pytest.mark.parametrize("file", files("dialogs"), ids=lambda file: file.name)
def test_dialogs_need_nothing_but_the_standard_library(file: Path) -> None:
    assert tops(file) - {"dialogs"} <= set(sys.stdlib_module_names)


FORBIDDEN_IN_DIALOGS = {
    "asyncio",
    "io",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "time",
}


@pytest.mark.parametrize("file", files("dialogs"), ids=lambda file: file.name)
def test_dialogs_do_no_input_or_output_and_read_no_clock(file: Path) -> None:
    assert not tops(file) & FORBIDDEN_IN_DIALOGS
    called = {n.func.id for n in nodes(file) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}  # fmt: skip
    assert not called & {"open", "print", "input", "eval", "exec"}
    asked = {n.attr for n in nodes(file) if isinstance(n, ast.Attribute)}
    assert not asked & {"now", "utcnow", "today"}  # a time that is written down may be reckoned with


@pytest.mark.parametrize("file", files("sandbox"), ids=lambda file: file.name)
def test_the_sandbox_knows_neither_the_bot_nor_the_dialogs(file: Path) -> None:
    assert not tops(file) & {"bot", "dialogs", "tests"}


FLOORS = (
    {"__main__"},
    {"commands"},
    {"app"},
    {"pages"},
    {"teams"},
    {"turns"},
    {"diagnosis"},
    {"graph", "tickets", "app_package"},
    {"understanding", "languages"},
    {"cards", "photos", "store"},
    {"http_client", "http_server", "settings", "setting_values", "certificate", "clouds", "conversation", "resources", "errors", "metrics", "logs", "traces", "telemetry", "background", "regular_file", "toml_file", "sign_in"},
)  # fmt: skip
"""From the top: each uses what stands below it, its own wing, and but for the last, the ground, `dialogs`."""


def wing(module: str) -> str:
    """The part of `bot` that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def floor(name: str) -> int:
    return next(number for number, wings in enumerate(FLOORS) if name in wings)


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def targets(file: Path, modules: frozenset[str]) -> set[str]:
    """Our own modules that a file imports, also where only the type checker does."""
    found = set()
    for node in statements(file):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif node.module:
            found |= {f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in modules else node.module for alias in node.names}  # fmt: skip
    return found & modules


OWN = [*files("bot"), *files("dialogs")]
MODULES = frozenset(map(module_of, OWN))


@pytest.mark.parametrize("file", files("bot"), ids=lambda file: str(file.relative_to(ROOT)))
def test_each_wing_uses_only_what_stands_below_it(file: Path) -> None:
    here = wing(module_of(file))
    if not here:
        return  # the package itself has nothing in it
    upward = {target for target in targets(file, MODULES) if wing(target) not in ("", here) and target.startswith("bot") and floor(wing(target)) < floor(here)}  # fmt: skip
    beside = {target for target in targets(file, MODULES) if target.startswith("bot.") and wing(target) != here and floor(wing(target)) == floor(here) < len(FLOORS) - 1}  # fmt: skip
    assert not upward | beside


def test_the_ground_knows_nothing_of_what_the_conversation_is_about() -> None:
    assert not [
        file.stem for file in (ROOT / "bot").glob("*.py") if file.stem in FLOORS[-1] and "dialogs" in tops(file)
    ]


def test_nothing_but_the_ground_lies_flat() -> None:
    flat = {file.stem for file in (ROOT / "bot").glob("*.py")} - {"__init__"}
    assert flat <= {"__main__", "app"} | FLOORS[-1]


def test_no_imports_go_round_in_a_circle() -> None:
    """Not where only the type checker looks either: who reads one file of a circle has to read all of it."""
    graph = {module_of(file): targets(file, MODULES) - {module_of(file)} for file in OWN}
    while True:
        leaves = {module for module, used in graph.items() if not used & graph.keys()}
        if not leaves:
            break
        graph = {module: used for module, used in graph.items() if module not in leaves}
    assert sorted(graph) == []


@pytest.mark.parametrize("file", files("bot"), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_sdk_msal_and_the_sandbox_each_have_one_door(file: Path) -> None:
    where, used = file.relative_to(ROOT).as_posix(), tops(file)
    assert where == "bot/teams/adapter.py" or not used & set(SDK)
    assert where == "bot/telemetry.py" or "opentelemetry" not in used
    assert where.startswith("bot/graph/") or "msal" not in used
    assert where == "bot/commands/demo.py" or "sandbox" not in used
    assert "tests" not in used


def test_sentences_are_not_in_code() -> None:
    """What goes onto a card comes from a key: no string with a blank in it is put into a TextBlock or a title."""
    tree = ast.parse((ROOT / "bot/cards/render.py").read_text(encoding="utf-8"))
    docstrings = {ast.get_docstring(n, clean=False) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Module)}  # fmt: skip
    strings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    assert [text for text in strings - docstrings if text.count(" ") > 1] == []
