"""Whom a scan found affected; what an operator looks at: health, open jobs, what was given up, languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.languages.catalogs import Languages
from bot.pages import frame
from bot.pages.frame import section
from bot.pages.html import Html, Node, join, tag
from bot.pages.numbers import FEW, cause, few
from bot.pages.sign_in import Agent
from bot.pages.words import HEALTH, PageText
from bot.store import DeadLetter, JobKind
from bot.store.page import LISTED, Affected, ScanSummary
from bot.tickets.ticket import case_of
from dialogs.translations import SOURCE

_OF_CASES = frozenset({JobKind.FOLLOW_UP, JobKind.TICKET, JobKind.TICKET_STATE})  # the key of others is a person's


def affected(read: PageText, scan: ScanSummary | None, people: Sequence[Affected]) -> Node:
    """The last scan's counts by cause, and the people where they are kept."""
    if scan is None:
        return tag("p", read("page.affected.none"), class_="empty")
    total = sum(count for _, _, count in scan.counts)
    rows = [
        (_cause(read, verdict, reason), read.number(count) if count >= FEW else few(read))
        for verdict, reason, count in scan.counts
    ]
    columns = (read("page.column.cause"), read("page.column.people"))
    more = len(people) == LISTED and read.href("/helpdesk/affected", after=people[-1].account)
    return join(
        tag("p", read("page.affected.from", date=read.time(scan.at), people=read.number(total))),
        frame.table(
            read("page.affected.title"),
            columns,
            [*rows, (read("page.column.total"), read.number(total))],
            figures=(1,),
        ),
        tag("p", read("page.few_note", number=read.number(FEW)), class_="note"),
        section(read("page.column.people"), _people(read, people) if scan.named else read("page.affected.no_names")),
        tag("p", tag("a", read("page.affected.more"), href=more)) if more else None,
    )


def _cause(read: PageText, verdict: str, reason: str) -> str:
    found = cause(read, verdict)
    return f"{found} ({cause(read, reason)})" if reason else found


def _people(read: PageText, people: Sequence[Affected]) -> Html:
    if not people:
        return tag("p", read("page.affected.nobody"))
    rows = [(one.account or one.id, _cause(read, one.verdict, one.cause)) for one in people]
    return frame.table(read("page.column.people"), (read("page.column.account"), read("page.column.cause")), rows)


def page(
    read: PageText,
    agent: Agent,
    *,
    health: Mapping[str, bool],
    due: Mapping[str, int],
    letters: Sequence[DeadLetter],
    spoken: Languages,
    people: bool,
    done: str = "",
) -> Node:
    """What runs and what does not. `done`: what became of a dead letter just now, a key."""
    states = [(read(f"page.health.{name}"), _state(read, well=health[name])) for name in HEALTH if name in health]
    jobs = [(read(f"page.job.{kind.value}"), read.number(due.get(kind.value, 0))) for kind in JobKind]
    columns = (read("page.column.job"), read("page.column.count"))
    return join(
        tag("p", read(done), role="status", class_="done") if done else None,
        section(read("page.health.title"), frame.table(
            read("page.health.title"), (read("page.health.title"), read("page.column.state")), states)),
        section(read("page.letters.title"), _letters(read, agent, letters, people=people)),
        section(read("page.due.title"), frame.table(read("page.due.title"), columns, jobs, figures=(1,))),
        section(read("page.languages.title"), _languages(read, spoken)),
    )  # fmt: skip


def _state(read: PageText, *, well: bool) -> Html:
    return tag("span", read("page.health.good" if well else "page.health.bad"), class_="good" if well else "bad")


def _letters(read: PageText, agent: Agent, letters: Sequence[DeadLetter], *, people: bool) -> Html:
    if not letters:
        return tag("p", read("page.letters.none"))
    columns = [read(f"page.column.{one}") for one in ("number", "why", "job", "case", "tries", "given_up")]
    rows = []
    for one in letters:
        kind = read(f"page.job.{one.kind}") if one.kind in set(JobKind) else one.kind
        key: Node = one.key if people else ""
        if one.kind in _OF_CASES:
            key = tag("a", one.key, href=read.href("/helpdesk/cases", number=case_of(one.key)))
        button = tag("button", read("page.button.retry"), name="id", value=one.id,
                     aria_label=f"{read('page.button.retry')}: {one.id}")  # fmt: skip
        retry = frame.form("/helpdesk/retry", agent, button)
        tries, at = read.number(one.attempt), read.time(float(one.at))
        rows.append((str(one.id), join(one.error, retry), kind, key, tries, at))
    return frame.table(read("page.letters.title"), columns, rows, figures=(4,))


def _languages(read: PageText, spoken: Languages) -> Html:
    every = spoken.translations.catalogs
    english = every[SOURCE].entries.keys()
    rows = [
        (
            tag("span", every[tag_].name, lang=tag_, dir="auto"),
            read.language(tag_),
            read.percent(len(english & every[tag_].entries.keys()) / len(english)),
        )
        for tag_ in spoken.tags
    ]
    columns = (read("page.column.own_name"), read("page.column.language"), read("page.column.coverage"))
    return frame.table(read("page.languages.title"), columns, rows, figures=(2,))
