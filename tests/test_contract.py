"""docs/contract.md names everything that others depend on, and nothing else."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import Metric

from bot.__main__ import COMMANDS
from bot.app import new_metrics
from bot.commands.doctor.examine import CHECKS
from bot.settings import TICKET_SYSTEMS
from bot.store import Record
from bot.teams.refusal import STATUSES
from bot.tickets.ticket import evidence
from dialogs.model import ACTIONS, Case, Event, Fact, Outcome, Reason, SiteFinding, TicketState, Verdict

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([^`]+)`", TEXT))


def metric_names() -> list[str]:
    families: list[Metric] = list(new_metrics().registry.collect())
    return [one.name + ("_total" if one.type == "counter" else "") for one in families]


NAMES = {
    "commands": list(COMMANDS),
    "checks of doctor": list(CHECKS),
    "reasons of refusals": list(STATUSES),
    "actions": list(ACTIONS),
    "verdicts": list(Verdict),
    "reasons": list(Reason),
    "facts": list(Fact),
    "findings": list(SiteFinding),
    "outcomes": list(Outcome),
    "kinds of log entries": [event.log_kind for event in get_args(Event)],
    "metrics": metric_names(),
    "ticket systems": list(TICKET_SYSTEMS),
    "states of a ticket": list(TicketState),
    "fields of a ticket": list(evidence(Record("ada"), Case("C1"), "", ())),
    "fields of a press": ["action", "case", "step", "rev"],
}


@pytest.mark.parametrize("what", NAMES)
def test_the_contract_names_every_one(what: str) -> None:
    words = {part for name in NAMED for part in (name, name.split()[0])}
    assert [name for name in NAMES[what] if name not in words] == []


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A command's own options, and the names and options of the commands below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield name
                yield from arguments_of(below)
        else:
            yield from (name for name in action.option_strings if name.startswith("--"))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_of_commands_has_every_argument(command: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    import_module(COMMANDS[command][0]).add(parser)
    rows = [cell for cell in re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE) if cell.startswith(f"`{command}")]
    words = set(re.findall(r"[\w-]+", " ".join(rows)))
    assert [name for name in arguments_of(parser) if name not in words | {"--help"}] == []


def test_no_metric_or_path_is_promised_that_there_is_not() -> None:
    assert {name for name in NAMED if name.startswith("photosync_")} - {"photosync_refused_total{reason}"} <= set(metric_names())  # fmt: skip
    source = (ROOT / "bot/app.py").read_text(encoding="utf-8")
    for path in re.findall(r"`(?:GET|POST) (/\S+)`", TEXT):
        assert f'"{path}"' in source


def test_no_document_points_outside_the_repository() -> None:
    elsewhere = re.compile(r"\b(DESIGN|FACTS|REVIEW|ACCEPTANCE|STYLE|REPORTS|ADVERSARIAL)(\.md| section)")
    files = [path for kind in ("bot/**/*.py", "dialogs/**/*.*", "sandbox/*.py", "tests/**/*.py", "tools/*.py", "docs/**/*.md", "*.md") for path in ROOT.glob(kind)]  # fmt: skip
    assert len(files) > 200
    assert [str(path) for path in files if path.suffix in (".py", ".md", ".toml") and path != Path(__file__) and elsewhere.search(path.read_text(encoding="utf-8"))] == []  # fmt: skip
