"""What the administrator sees: what will be done, each step as it ends, and what is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.commands.setup.plan import Plan
from bot.commands.setup.steps import StepOutcome, StepState
from bot.commands.terminal import without_controls
from bot.graph.device_code import DeviceCode
from bot.pages.sign_in import ROLE

_SIGNS = {
    StepState.MADE: ("made", "green"),
    StepState.FOUND: ("found", "green"),
    StepState.CHANGED: ("changed", "green"),
    StepState.REMOVED: ("removed", "green"),
    StepState.HANDED_OVER: ("for another", "yellow"),
    StepState.FAILED: ("failed", "red"),
    StepState.SKIPPED: ("skipped", "dim"),
}


@dataclass
class Progress:
    """Writes for people, or with `as_json` one object at the end; device codes are on standard error then."""

    console: Console
    as_json: bool = False
    ask: Callable[[str], str] | None = None  # otherwise than on the console
    questions: int = 0
    begun: float = field(default_factory=time.monotonic)

    def question(self, text: str, default: str = "") -> str:
        """The answer, or the default for an empty one."""
        self.questions += 1
        hint = f" [{default}]" if default else ""
        ask = self.ask or (lambda shown: self.console.input(escape(shown)))
        return ask(f"{text}{hint}: ").strip() or default

    def agreed(self, text: str, *, default: bool) -> bool:
        """A question for yes or no."""
        answer = self.question(f"{text} (y/n)", "y" if default else "n")
        return answer.lower().startswith("y")

    def show(self, code: DeviceCode) -> None:
        """Where to type which code, and what for."""
        self.say(f"\nTo sign in for {code.purpose}, open {code.page} and type the code {code.code}")

    def say(self, text: str) -> None:
        """A line."""
        self.console.print(escape(text), highlight=False, soft_wrap=True)

    def plan(self, plan: Plan, tenant: str) -> None:
        """What will be done, before anything is."""
        table = Table(title=f"What will be set up in {without_controls(tenant)}", title_justify="left", box=None)
        table.add_column("what", no_wrap=True)
        table.add_column("how")
        table.add_row("application", f"{plan.display_name}, of this tenant only, called {plan.name}")
        table.add_row("signs in with", _PROOF_WORDS[plan.credential])
        for one in plan.permissions:
            table.add_row(one.name, one.why)
        if "helpdesk" in plan.features:
            table.add_row(ROLE, "the role of who may see the helpdesk's page")
        table.add_row("SharePoint", "read, on the site with the copies of photos, and nothing else")
        bot = f"{plan.bot_name} in {plan.resource_group}, free of charge, with the Teams channel, at {plan.endpoint}"
        table.add_row("Azure Bot", bot if plan.subscription else "left to somebody with a subscription")
        table.add_row("app", f"{plan.package}, and in the organisation's catalogue")
        table.add_row("settings", str(plan.env_file))
        self.console.print()
        self.console.print(table)
        self.console.print()

    def step(self, name: str, outcome: StepOutcome) -> None:
        """A step that has ended."""
        fix = f". {outcome.fix}" if outcome.fix else ""
        if not self.as_json:
            words, (sign, style) = escape(without_controls(outcome.found + fix)), _SIGNS[outcome.state]
            line = f"{name:<17} [{style}]{sign:<11}[/] {words}"
            self.console.print(line, highlight=False, soft_wrap=True)

    def summary(self, left: str, *, well: bool) -> None:
        """The last lines: what is left, how long it took and how much was asked."""
        seconds = time.monotonic() - self.begun
        if left:
            self.say(f"\nWhat is left for others, with the exact commands, is in {left}.")
        elif not well:
            self.say("\nSomething failed: mend it, and run this again. It goes on where it ended.")
        self.say(f"{self.questions} questions, {seconds / 60:.0f} min {seconds % 60:.0f} s")

    def document(self, outcomes: dict[str, StepOutcome], **more: Any) -> str:
        """The same for machines."""
        steps = [
            {"step": name, "state": one.state.value, "found": one.found, "fix": one.fix}
            for name, one in outcomes.items()
        ]
        seconds = round(time.monotonic() - self.begun, 1)
        document = {"steps": steps, "questions": self.questions, "seconds": seconds, **more}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


_PROOF_WORDS = {
    "certificate": "a certificate, its key in a file that only you can read",
    "federated": "the tokens of the platform it runs on: no secret",
    "identity": "the managed identity of the machine it runs on: no secret",
    "secret": "a client secret, in the settings",
}
