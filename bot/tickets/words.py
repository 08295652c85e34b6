"""What an agent reads: the case in words, in the helpdesk's language, with advice that fits the cause.

The sentences are `agent.*` in `locales/`. What comes from outside (a name, what the person wrote) is put in as plain
text; a system that takes markup escapes the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from babel.dates import format_datetime

from bot.cards.render import babel
from bot.store import Record
from dialogs.library import Library
from dialogs.model import Case, Reason, Verdict
from dialogs.text import visible
from dialogs.translations import Catalog, MissingText, Translations

_NAME_LENGTH = 80
_ADVICE = {
    Verdict.DIFFER: "sync",
    Verdict.MISSING: "sync",
    Verdict.UNSURE: "compare",
    Verdict.NO_PHOTO: "add",
    Verdict.MATCH: "match",
    Verdict.UNKNOWN: "later",
}
_ADVICE_OF_REASON = {
    Reason.PERMISSION: "permission",
    Reason.SIGN_IN: "permission",
    Reason.LIBRARY: "library",
    Reason.PICTURE: "picture",
    Reason.PERSON: "person",
    Reason.GUEST: "guest",
    Reason.DISABLED: "disabled",
    Reason.NO_MAILBOX: "no_mailbox",
    Reason.MAILBOX_ELSEWHERE: "mailbox_elsewhere",
    Reason.NO_SHAREPOINT: "no_sharepoint",
    Reason.SHARED_MAILBOX: "shared_mailbox",
    Reason.POLICY: "policy",
    Reason.ON_PREMISES: "on_premises",
    Reason.NO_SITE: "no_site",
}

AGENT_KEYS = (
    "agent.subject",
    "agent.person",
    "agent.nobody",
    "agent.looked",
    "agent.not_looked",
    "agent.copy_older",
    "agent.steps",
    "agent.no_steps",
    "agent.comment",
    "agent.added",
    "agent.arrived",
    "agent.reference",
    *(f"agent.found.{verdict.value}" for verdict in Verdict),
    *(f"agent.advice.{name}" for name in dict.fromkeys((*_ADVICE.values(), *_ADVICE_OF_REASON.values()))),
)
"""Every sentence of these texts."""


@dataclass(frozen=True)
class AgentWords:
    """`translations` and `library` give languages and topics as they are now; `language` is the helpdesk's."""

    translations: Callable[[], Translations]
    language: str
    library: Callable[[], Library]

    def of(self, record: Record, case: Case, upn: str, *, arrived: bool) -> tuple[str, str, str]:
        """Subject, whole text, and what this submission adds to a ticket that is there.

        `arrived`: the photo has arrived since, and it is the bot that says so.
        """
        for catalog in self.translations().chain(self.language):
            try:
                return self._in(catalog, record, case, upn, arrived=arrived)
            except MissingText:
                continue
        raise MissingText(self.language, AGENT_KEYS[0])

    def _in(self, language: Catalog, record: Record, case: Case, upn: str, *, arrived: bool) -> tuple[str, str, str]:
        text = language.text
        last = case.checks[-1] if case.checks else None
        found = text(f"agent.found.{last.verdict.value}") if last else text("agent.not_looked")
        name = visible(record.name)[:_NAME_LENGTH] or upn or record.person
        key = f"photosync-{case.id}"
        # An installation's own text may have several lines, which a mail's subject cannot.
        subject = f"{visible(text('agent.subject', name=name, found=found))} [{key}]"
        parts = [text("agent.person", name=name, account=upn) if upn else text("agent.nobody", name=name)]
        if last:
            looked = text("agent.looked", date=_time(last.at, language.tag), found=found)
            older = ["agent.copy_older"] if "older" in last.facts else []
            parts.append("\n".join([looked, *map(text, older)]))
        steps = self._steps(language, case)
        parts.append("\n".join([text("agent.steps"), *steps]) if steps else text("agent.no_steps"))
        if case.comment:
            parts.append(f"{text('agent.comment')}\n{case.comment}")
        parts.append(text(_advice(case)))
        parts.append(f"{text('agent.reference', case=case.id)} [{key}]")
        said = text("agent.arrived") if arrived else f"{text('agent.added')}\n{case.comment}"
        note = f"{said}\n\n[{key}-{case.submissions}]"
        return subject, "\n\n".join(parts), note

    def _steps(self, language: Catalog, case: Case) -> list[str]:
        """The steps that the person went through, by their titles."""
        walked = dict.fromkeys(trace.step for trace in case.traces if trace.answer == "next")
        library = self.library()
        known = [ref for ref in walked if library.has(ref) and library.step(ref).numbered]
        return [f"- {language.text(f'{ref}.title')}" for ref in known]


def _advice(case: Case) -> str:
    last = case.checks[-1] if case.checks else None
    if last is None:
        return "agent.advice.compare"
    reason = Reason(last.reason) if last.reason in list(Reason) else None
    name = _ADVICE_OF_REASON.get(reason) if reason else None
    return f"agent.advice.{name or _ADVICE.get(last.verdict, 'compare')}"


def _time(at: str, language: str) -> str:
    """A time of the case as the language writes it, in UTC: agents may sit anywhere."""
    return format_datetime(datetime.fromisoformat(at).astimezone(UTC), "medium", locale=babel(language)) + " UTC"
