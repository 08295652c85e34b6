"""What Teams makes of a message: refused, shown badly, or fine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.transcript import CARD
from sandbox.web import graph_error

LARGEST_CARD = 28 * 1024  # bytes: safe everywhere
LARGEST_MESSAGE = 100 * 1024  # UTF-16 bytes: Teams refuses more
_MOST_ACTIONS = 6
_VERSION = re.compile(r"1\.[0-5]")
_ACTIONS = {"Action.Submit", "Action.Execute", "Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility"}


@dataclass
class Fitness:
    """Remembers sizes and what Teams would have shown badly."""

    sizes: list[int] = field(default_factory=list)  # bytes of every message with a card
    problems: list[str] = field(default_factory=list)

    def refusal(self, activity: Any) -> web.Response | None:
        """The answer to a message that Teams does not take."""
        if not isinstance(activity, dict) or activity.get("type") not in ("message", "typing"):
            return graph_error(400, "BadSyntax", message="The activity's type is missing or not one to send.")
        text = json.dumps(activity, ensure_ascii=False)
        if len(text.encode("utf-16-le", "surrogatepass")) > LARGEST_MESSAGE:
            return graph_error(413, "MessageSizeTooBig", message="Message size too large.")
        if activity["type"] == "typing":
            return None
        attachments = activity.get("attachments") or []
        if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
            return graph_error(400, "BadSyntax", message="Attachments are not a list of attachments.")
        if not attachments and not str(activity.get("text") or "").strip():
            return graph_error(400, "BadSyntax", message="An activity needs text or an attachment.")
        for one in attachments:
            if one.get("contentType") == CARD:
                malformed = _malformed(one.get("content"))
                if malformed:
                    return graph_error(400, "BadArgument", message=malformed)
                self._note(one["content"], len(text.encode("utf-8", "surrogatepass")))
        return None

    def _note(self, card: dict[str, Any], size: int) -> None:
        self.sizes.append(size)
        if size > LARGEST_CARD:
            self.problems.append(f"a message of {size} bytes")
        if len(card.get("actions", ())) > _MOST_ACTIONS:
            self.problems.append(f"{len(card['actions'])} actions")
        self.problems += [f"a picture without altText in {one['type']}" for one in parts(card) if _wordless(one)]


def parts(card: Any) -> Iterator[dict[str, Any]]:
    """Every element and action of a card, in reading order, the card itself first; what a button sends is none."""
    if isinstance(card, list):
        for one in card:
            yield from parts(one)
    elif isinstance(card, dict):
        if isinstance(card.get("type"), str):
            yield card
        for name, value in card.items():
            if name != "data":
                yield from parts(value)


def presses(card: dict[str, Any]) -> list[dict[str, Any]]:
    """Whatever of a card can be pressed: its actions, then the parts of its body that are one."""
    return [
        *card.get("actions", ()),
        *(one["selectAction"] for one in parts(card.get("body")) if "selectAction" in one),
    ]


def _malformed(card: Any) -> str:
    """What is wrong with a card; "" for one that Teams can show."""
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        return "The content is not an AdaptiveCard."
    if not isinstance(card.get("version"), str) or not _VERSION.fullmatch(card["version"]):
        return "The version is missing or above 1.5."
    for name in ("body", "actions"):
        found = card.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) and one.get("type") for one in found):
            return f"The {name} is not a list of elements with a type."
    strange = {one["type"] for one in parts(card) if one["type"].startswith("Action.")} - _ACTIONS
    return f"Unknown action {min(strange)}." if strange else ""


def _wordless(part: dict[str, Any]) -> bool:
    return part["type"] == "Image" and not part.get("altText")
