"""The two papers that the app package links to: what is read and kept of people, and on which terms it is used."""

from __future__ import annotations

from bot.pages import frame
from bot.pages.html import Node, tag
from bot.pages.words import PageText
from bot.settings import Settings


def privacy(read: PageText, settings: Settings) -> str:
    """What is read, kept, where, how long, and who sees it, as this installation is set up."""
    days = max(1, round(settings.retention / 86_400))
    ticket = settings.ticket_system != "none"
    return _paper(
        read,
        "privacy",
        tag("p", read("privacy.intro")),
        *_part(read, "read", "body"),
        *_part(read, "kept", "body", "photos"),
        tag("p", read("privacy.kept.until", number=read.number(days))),
        tag("p", read("privacy.kept.people")) if settings.page_people else None,
        *_part(read, "where", "body"),
        *_part(read, "who", *(("body", "ticket") if ticket else ("body",))),
        *_part(read, "delete", "body"),
        _contact(read, settings),
    )


def terms(read: PageText, settings: Settings) -> str:
    """On which terms people use it."""
    kinds = ("use", "changes", "guess", *(("ticket",) if settings.ticket_system != "none" else ()), "warranty")
    points = [tag("li", read(f"terms.{one}")) for one in kinds]
    return _paper(read, "terms", tag("p", read("terms.intro")), tag("ul", points), _contact(read, settings))


def _part(read: PageText, name: str, *keys: str) -> tuple[Node, ...]:
    return (tag("h2", read(f"privacy.{name}.title")), *(tag("p", read(f"privacy.{name}.{one}")) for one in keys))


def _contact(read: PageText, settings: Settings) -> Node:
    return tag("p", read("terms.contact", contact=settings.helpdesk_contact)) if settings.helpdesk_contact else None


def _paper(read: PageText, name: str, *inner: Node) -> str:
    title = read(f"{name}.title")
    return frame.document(
        read,
        title,
        tag("header", tag("p", read("app.name"), class_="name")),
        tag("main", tag("h1", title), *inner, id="main", class_="paper"),
        tag("footer", frame.languages(read, f"/{name}")),
    )
