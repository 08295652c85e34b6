"""One request to Graph, by itself or out of a batch, and what all answers share."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.web import graph_error


@dataclass(frozen=True)
class Asked:
    """What a view needs to know of a request."""

    query: Mapping[str, str]
    roles: frozenset[str]  # application permissions in the token

    @property
    def fields(self) -> frozenset[str]:
        """What `$select` names; empty without one."""
        return frozenset(filter(None, self.query.get("$select", "").split(",")))


View = Callable[[Asked, re.Match[str]], Awaitable[web.Response]]


@dataclass(frozen=True)
class Path:
    """A path that Graph knows, the roles of which one is needed, and the code of the refusal without any."""

    pattern: str
    roles: tuple[str, ...]
    denied: str
    view: View
    beta: bool = False  # not in v1.0


def unknown_fields(asked: Asked, known: Collection[str]) -> web.Response | None:
    """The refusal of a `$select` that names something else."""
    strange = sorted(asked.fields - set(known))
    if not strange:
        return None
    return graph_error(400, "BadRequest", message=f"Could not find a property named '{strange[0]}'.")


def selected(asked: Asked, document: Mapping[str, Any], usual: Collection[str]) -> dict[str, Any]:
    """The fields asked for, or the usual ones; `id` is always there."""
    fields = asked.fields or set(usual)
    return {name: value for name, value in document.items() if name in fields or name == "id"}
