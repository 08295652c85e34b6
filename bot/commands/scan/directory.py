"""Everybody in the directory."""

from __future__ import annotations

from collections.abc import Callable

from bot.commands.scan.backoff import Backoff, asked
from bot.errors import Outage, Throttled
from bot.graph.client import Graph
from bot.graph.users import READ_USERS

# Only what is small: a page of the largest size, with everybody's plans, would be megabytes.
_FIRST = "/users?$select=id,userPrincipalName&$top=999"


async def everyone(graph: Graph, backoff: Backoff, counted: Callable[[int], None]) -> dict[str, str]:
    """Object ids, in their own order, and user principal names; `counted` is called with how many are known so far.

    Raises `NoAnswer`, and of the errors of `Graph` those that do not pass.
    """
    found: dict[str, str] = {}
    path = _FIRST
    while path:
        try:
            page, path = await graph.page(path, permission=READ_USERS)
        except (Throttled, Outage) as error:
            await backoff.wait(asked(error))
            continue
        backoff.worked()
        found |= {one["id"]: str(one.get("userPrincipalName") or "") for one in page if isinstance(one.get("id"), str)}
        counted(len(found))
    return dict(sorted(found.items()))
