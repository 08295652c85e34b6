"""The table of checks, run in its order, and printed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping

from bot import app
from bot.commands.doctor import expiry, microsoft, outside, own
from bot.commands.doctor.finding import CheckResult, DoctorCheck, Installation, State, failed, skipped
from bot.commands.doctor.fixes import fix
from bot.commands.terminal import without_controls
from bot.errors import OutsideError, location
from bot.settings import Settings

_TIMEOUT = 20.0  # seconds for one check; each request has a shorter one of its own

# In this order. The names are stable: scripts read them with --json.
CHECKS: Mapping[str, DoctorCheck] = {
    "certificates": DoctorCheck(outside.certificates),
    "clock": DoctorCheck(outside.clock),
    "graph_token": DoctorCheck(microsoft.graph_token),
    "people_permission": DoctorCheck(microsoft.people_permission, ("graph_token",)),
    "sites_permission": DoctorCheck(microsoft.sites_permission, ("graph_token",)),
    "person": DoctorCheck(microsoft.person, ("graph_token",)),
    "photo": DoctorCheck(microsoft.photo, ("graph_token",)),
    "photo_changes": DoctorCheck(microsoft.photo_changes, ("graph_token",)),
    "pilot": DoctorCheck(microsoft.pilot, ("graph_token",)),
    "my_site_host": DoctorCheck(microsoft.my_site_host, ("graph_token",)),
    "library": DoctorCheck(microsoft.library, ("my_site_host",)),
    "copy": DoctorCheck(microsoft.copy, ("library",)),
    "bot_token": DoctorCheck(outside.bot_token),
    "bot_connector": DoctorCheck(outside.bot_connector, ("bot_token",)),
    "channel_keys": DoctorCheck(outside.channel_keys),
    "expiry": DoctorCheck(expiry.expiry),
    "database": DoctorCheck(own.database),
    "catalogues": DoctorCheck(own.catalogs),
    "topics": DoctorCheck(own.topics),
    "ticket_system": DoctorCheck(outside.ticket_system),
    "listening": DoctorCheck(own.listening),
}


async def doctor(settings: Settings, user: str, *, as_json: bool) -> int:
    """Returns 0 if nothing failed, else 1. Raises `SettingsError` for a certificate that cannot be used."""
    async with app.outside(settings) as parts:
        findings = await examine(Installation.of(parts, user))
    well = all(one.state is not State.FAILED for one in findings.values())
    sys.stdout.write(_as_json(findings, well=well) if as_json else _as_lines(findings))
    return 0 if well else 1


async def examine(installation: Installation) -> dict[str, CheckResult]:
    """Every check's finding, by its name."""
    found: dict[str, CheckResult] = {}
    for name, check in CHECKS.items():
        lacking = [one for one in check.needs if found[one].state is not State.OK]
        found[name] = skipped(f"needs {', '.join(lacking)}") if lacking else await _result(check, installation)
    return found


async def _result(check: DoctorCheck, installation: Installation) -> CheckResult:
    try:
        async with asyncio.timeout(_TIMEOUT):
            return await check.run(installation)
    except OutsideError as error:
        return failed(error.detail, fix(error))
    except TimeoutError:
        return failed(f"no answer within {_TIMEOUT:g} s", "Run this again, and see the checks above.")
    except Exception as error:  # one check's fault is no reason to leave the others out
        return failed(f"{type(error).__name__} at {location(error)}", "Tell us: this check does not expect it.")


def _as_lines(findings: Mapping[str, CheckResult]) -> str:
    rows = ((name, one, f". Fix: {one.fix}" if one.fix else "") for name, one in findings.items())
    return "".join(
        f"{one.state:<7}  {name:<17}  {without_controls(one.found + mending)}\n" for name, one, mending in rows
    )


def _as_json(findings: Mapping[str, CheckResult], *, well: bool) -> str:
    checks = [
        {"check": name, "state": one.state.lower(), "found": one.found, "fix": one.fix}
        for name, one in findings.items()
    ]
    return json.dumps({"ok": well, "checks": checks}, indent=2, ensure_ascii=False) + "\n"
