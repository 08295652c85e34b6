"""A conversation with the engine alone: press and type, with looks answered from a list of verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dialogs.card_content import CardContent, content_of
from dialogs.engine import Engine
from dialogs.model import (
    Case,
    Check,
    Diagnose,
    Diagnosed,
    Effect,
    Ended,
    Erase,
    Erased,
    Event,
    Moment,
    Pressed,
    Reason,
    Show,
    Submit,
    Submitted,
    Typed,
    Verdict,
)


@dataclass
class Talk:
    """One person and the engine. A look beyond the listed verdicts finds the last one again."""

    engine: Engine
    verdicts: list[Verdict] = field(default_factory=lambda: [Verdict.DIFFER])
    submitted: Submitted = field(default_factory=lambda: Submitted("sent", "INC1", "https://helpdesk.example/INC1"))
    case: Case = field(default_factory=lambda: Case("FIRST", opened_at="2026-01-01T00:00:00+00:00"))
    effects: list[Effect] = field(default_factory=list)
    shown: int = 0
    events: int = 0

    @property
    def step(self) -> str:
        return self.case.step

    @property
    def card(self) -> CardContent:
        return content_of(self.engine.library, self.case, contact="ext. 5")

    @property
    def outcomes(self) -> list[str]:
        return [effect.outcome for effect in self.effects if isinstance(effect, Ended)]

    def press(self, *actions: str, value: str = "") -> Talk:
        for action in actions:
            self.send(Pressed(action, self.case.id, self.case.step, self.case.rev, value))
        return self

    def type(self, action: str, value: str = "", text: str = "", *, whole: bool = True) -> Talk:
        """`whole`: the words of the action are all that was written."""
        return self.send(Typed(action, value, text, whole))

    def send(self, event: Event) -> Talk:
        waiting: list[Event] = [event]
        while waiting:
            waiting += self._results(self._decide(waiting.pop(0)))
        return self

    def _decide(self, event: Event) -> tuple[Effect, ...]:
        self.events += 1
        moment = Moment(f"2026-01-01T00:00:{self.events % 60:02}+00:00", f"CASE{self.events}")
        self.case, effects = self.engine.decide(self.case, event, moment)
        self.effects += effects
        self.shown += sum(isinstance(effect, Show) for effect in effects)
        return effects

    def _results(self, effects: Iterable[Effect]) -> list[Event]:
        return [result for effect in effects if (result := self._result(effect)) is not None]

    def _result(self, effect: Effect) -> Event | None:
        if isinstance(effect, Diagnose):
            verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
            reason = Reason.OUTAGE.value if verdict is Verdict.UNKNOWN else ""
            return Diagnosed(Check("2026-01-01T00:00:00+00:00", verdict, reason, 0.5))
        if isinstance(effect, Submit):
            return self.submitted
        return Erased() if isinstance(effect, Erase) else None
