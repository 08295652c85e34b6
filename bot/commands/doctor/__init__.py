"""`photosync doctor`: everything an installation needs, checked one by one, each with its fix."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping

from bot.commands.doctor import microsoft, outside, own
from bot.commands.doctor.finding import Check, Finding, Installation, State, failed, skipped
from bot.commands.doctor.fixes import fix
from bot.commands.terminal import plain
from bot.errors import OutsideError
from bot.http_client import Outgoing
from bot.settings import Settings

_DEADLINE = 20.0  # seconds for one check; each request has a shorter one of its own

# In this order. The names are stable: scripts read them with --json.
CHECKS: Mapping[str, Check] = {
    "certificates": Check(outside.certificates),
    "clock": Check(outside.clock),
    "graph_token": Check(microsoft.graph_token),
    "people_permission": Check(microsoft.people_permission, ("graph_token",)),
    "sites_permission": Check(microsoft.sites_permission, ("graph_token",)),
    "person": Check(microsoft.person, ("graph_token",)),
    "photo": Check(microsoft.photo, ("graph_token",)),
    "my_site_host": Check(microsoft.my_site_host, ("graph_token",)),
    "library": Check(microsoft.library, ("my_site_host",)),
    "copy": Check(microsoft.copy, ("library",)),
    "bot_token": Check(outside.bot_token),
    "channel_keys": Check(outside.channel_keys),
    "database": Check(own.database),
    "catalogues": Check(own.catalogues),
    "ticket_system": Check(outside.ticket_system),
}


async def doctor(settings: Settings, *, user: str = "", as_json: bool = False) -> int:
    """Check everything and print it; returns 0 if nothing failed, else 1. `user` is whom to try, "" for anyone.

    Raises `SettingsError` for a certificate that cannot be used.
    """
    outgoing = Outgoing.open(settings)
    try:
        findings = await examine(Installation.of(settings, outgoing, user))
    finally:
        await outgoing.close()
    well = all(one.state is not State.FAILED for one in findings.values())
    sys.stdout.write(_as_json(findings, well=well) if as_json else _as_lines(findings))
    return 0 if well else 1


async def examine(installation: Installation) -> dict[str, Finding]:
    """Every check's finding, by its name."""
    found: dict[str, Finding] = {}
    for name, check in CHECKS.items():
        lacking = [one for one in check.needs if found[one].state is not State.OK]
        found[name] = skipped(f"needs {', '.join(lacking)}") if lacking else await _run(check, installation)
    return found


async def _run(check: Check, installation: Installation) -> Finding:
    try:
        async with asyncio.timeout(_DEADLINE):
            return await check.run(installation)
    except OutsideError as error:
        return failed(error.detail, fix(error))
    except TimeoutError:
        return failed(f"no answer within {_DEADLINE:g} s", "Run this again, and look at the checks above.")


def _as_lines(findings: Mapping[str, Finding]) -> str:
    rows = ((name, one, f". Fix: {one.fix}" if one.fix else "") for name, one in findings.items())
    return "".join(f"{one.state:<7}  {name:<17}  {plain(one.found + mending)}\n" for name, one, mending in rows)


def _as_json(findings: Mapping[str, Finding], *, well: bool) -> str:
    checks = [
        {"check": name, "state": one.state.lower(), "found": one.found, "fix": one.fix}
        for name, one in findings.items()
    ]
    return json.dumps({"ok": well, "checks": checks}, indent=2, ensure_ascii=False) + "\n"
