"""What every page has around its own part, and the parts that many have."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from bot.pages.html import Html, Node, join, tag
from bot.pages.sign_in import Agent
from bot.pages.words import PageText

STYLE = Path(__file__).with_name("style.css").read_bytes()
STYLE_MARK = blake2b(STYLE, digest_size=8).hexdigest()
VIEWS = {
    "numbers": "/helpdesk",
    "cases": "/helpdesk/cases",
    "affected": "/helpdesk/affected",
    "operation": "/helpdesk/operation",
}


def document(read: PageText, title: str, *body: Node) -> str:
    """A whole page."""
    head = (
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="stylesheet", href=f"/helpdesk/style.css?{STYLE_MARK}"),
    )
    rtl = "rtl" if read.catalog.rtl else "ltr"
    return "<!doctype html>\n" + tag("html", tag("head", *head), tag("body", *body), lang=read.catalog.tag, dir=rtl)


def helpdesk(read: PageText, title: str, *inner: Node, path: str, agent: Agent | None = None, view: str = "") -> str:
    """A page of the helpdesk; with an agent who is let in, the way to the others and out.

    `path`: where the same page is in other languages, "" where it is not."""
    links = [
        tag("a", read(f"page.nav.{name}"), href=read.href(address), aria_current="page" if name == view else None)
        for name, address in VIEWS.items()
    ]
    signed = agent is not None and (
        tag("span", read("page.signed_in", name=agent.name)) if agent.name else None,
        form("/helpdesk/sign-out", agent, tag("button", read("page.button.sign_out"))),
    )
    name = read("page.title")
    return document(
        read,
        title if title == name else f"{title} - {name}",
        tag("a", read("page.skip"), href="#main", class_="skip"),
        tag(
            "header",
            tag("p", name, class_="name"),
            tag("nav", *links, aria_label=name) if agent is not None and agent.allowed else None,
            tag("div", *signed, class_="who") if signed else None,
        ),
        tag("main", tag("h1", title), *inner, id="main", tabindex="-1"),
        tag("footer", languages(read, path)) if path else None,
    )


def languages(read: PageText, path: str) -> Html:
    """The languages that have this page, each in its own words."""
    own = read.catalog.tag if read.catalog in read.spoken else read.catalog.base
    links = [
        tag("a", one.name, href=f"{path}?language={one.tag}", lang=one.tag, hreflang=one.tag, dir="auto",
            aria_current="true" if one.tag == own else None)
        for one in read.spoken
    ]  # fmt: skip
    return tag("nav", *links, class_="languages", aria_label=read("page.nav.languages"))


def form(action: str, agent: Agent, *inner: Node) -> Html:
    """What changes something when it is sent: it carries the mark of the agent's session."""
    return tag("form", tag("input", type="hidden", name="mark", value=agent.mark), *inner, method="post", action=action)


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Node]], *, figures: Sequence[int] = ()) -> Html:
    """A table whose first column names the row; `figures` are columns of numbers. A wide one moves sideways."""

    def kind(place: int) -> str | None:
        return "figure" if place in figures else None

    head = tag("tr", [tag("th", name, scope="col", class_=kind(place)) for place, name in enumerate(columns)])
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            [tag("td", cell, class_=kind(place)) for place, cell in enumerate(row[1:], 1)],
        )
        for row in rows
    ]
    inner = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body))
    return tag("div", inner, class_="wide", tabindex="0", role="region", aria_label=caption)


def section(title: str, *inner: Node) -> Html:
    """A part of a page under its own heading."""
    return tag("section", tag("h2", title), join(*inner))
