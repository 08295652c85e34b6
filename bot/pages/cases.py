"""Cases for an agent: a list of each state, and one by its number, in words. Names only where the settings say so."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.pages import frame
from bot.pages.frame import section
from bot.pages.html import Html, Node, join, tag
from bot.pages.numbers import cause
from bot.pages.words import LOG_KINDS, TICKETS, PageText
from bot.store import LogEntry, StoredCase
from bot.store.page import LISTED, ListedCase
from dialogs.model import Case, Check, Outcome

STATES = ("open", *(one.value for one in Outcome))
_TIME = re.compile(r"[0-9T:.+Z-]{10,40}")
_LONGEST = 400  # characters of a line of the log


def time_of(written: str) -> str:
    """The time after which a list goes on; "" for what is none."""
    return written if _TIME.fullmatch(written) else ""


def listing(read: PageText, state: str, found: Sequence[ListedCase], *, people: bool, missing: bool = False) -> Node:
    """Cases of one state. `missing`: a number was asked for that no case has."""
    links = [
        tag("a", read(f"page.outcome.{one}"), href=read.href("/helpdesk/cases", state=one),
            aria_current="true" if one == state else None)
        for one in STATES
    ]  # fmt: skip
    columns = [read(f"page.column.{name}") for name in ("case", "last", "language", "found", "ticket")]
    columns += [read("page.column.person")] if people else []
    older = len(found) == LISTED and read.href("/helpdesk/cases", state=state, before=found[-1].touched)
    return join(
        _search(read),
        tag("p", read("page.cases.none"), role="alert", class_="alert") if missing else None,
        tag("div", tag("span", *links), class_="choices"),
        frame.table(read(f"page.outcome.{state}"), columns, [_row(read, one, people=people) for one in found])
        if found
        else tag("p", read("page.cases.empty"), class_="empty"),
        tag("p", tag("a", read("page.cases.older"), href=older)) if older else None,
    )


def _search(read: PageText) -> Html:
    return tag(
        "form",
        tag("input", type="hidden", name="language", value=read.catalog.tag) if read.chosen else None,
        tag("label", read("page.cases.number"), for_="number"),
        tag("input", id="number", name="number", autocomplete="off", maxlength=60, required=True),
        tag("button", read("page.button.find")),
        method="get",
        action="/helpdesk/cases",
        class_="search",
        role="search",
    )


def _row(read: PageText, one: ListedCase, *, people: bool) -> list[Node]:
    link = tag("a", one.number, href=read.href("/helpdesk/cases", number=one.number))
    case = one.stored.case
    row: list[Node] = [link, read.time(one.touched)]
    if case is None:
        row += ["", read("page.case.damaged"), ""]
    else:
        last = case.checks[-1] if case.checks else None
        found = _found(read, last) if last else read("agent.not_looked")
        row += [read.language(case.locale), found, _ticket(read, case) or "–"]
    return [*row, _person(one.stored)] if people else row


def _person(stored: StoredCase) -> Html:
    """A name has its own direction, whatever the page's is."""
    return tag("span", stored.name or stored.person, dir="auto")


def page(read: PageText, stored: StoredCase, log: Sequence[LogEntry], *, people: bool) -> Node:
    """One case in words."""
    case = stored.case
    if case is None:
        return join(_search(read), tag("p", read("page.case.damaged"), class_="alert"))
    state = read(f"page.outcome.{case.outcome or 'open'}")
    facts: list[tuple[str, Node]] = [
        (read("page.column.state"), state),
        (read("page.case.opened"), read.time(case.opened_at)),
        (read("page.column.language"), read.language(case.locale)),
        (read("page.column.ticket"), _ticket(read, case) or read("page.case.no_ticket")),
    ]
    if people:
        facts.insert(0, (read("page.column.person"), _person(stored)))
    if case.comment:
        facts.append((read("page.case.comment"), tag("span", case.comment, dir="auto")))
    rated = {"up": "page.case.rated_up", "down": "page.case.rated_down"}.get(case.rating)
    return join(
        _search(read),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts], class_="facts"),
        tag("p", read(rated)) if rated else None,
        section(read("page.column.found"), _checks(read, case)),
        section(
            read("page.case.log"),
            tag("ol", [_entry(read, one) for one in log], class_="log") if log else None,
        ),
    )


def _checks(read: PageText, case: Case) -> Html:
    if not case.checks:
        return tag("p", read("agent.not_looked"))
    lines = []
    for one in case.checks:
        alike = None
        if one.similarity is not None:
            alike = read("page.case.similarity", value=read.number(round(one.similarity, 2)))
        parts = (tag("time", read.time(one.at), datetime=one.at), " ", _found(read, one), " ", alike)
        lines.append(tag("li", *parts))
    return tag("ul", lines)


def _found(read: PageText, check: Check) -> str:
    found = read(f"agent.found.{check.verdict.value}")
    return f"{found} ({cause(read, check.reason)})" if check.reason else found


def _ticket(read: PageText, case: Case) -> Node:
    if not case.submissions:
        return None
    number = case.ticket or "–"
    named = tag("a", number, href=case.ticket_url) if case.ticket_url.startswith("https://") else number
    state = case.ticket_state or "new"
    return join(named, " ", f"({read(f'page.ticket.{state}')})" if state in TICKETS else None)


def _entry(read: PageText, one: LogEntry) -> Html:
    kind = read(f"page.log.{one.kind}") if one.kind in LOG_KINDS else one.kind
    what = " ".join(one.what.split())[:_LONGEST]
    return tag("li", tag("time", read.time(one.at), datetime=one.at), " ", tag("b", kind), " ",
               tag("span", what, dir="auto"))  # fmt: skip
