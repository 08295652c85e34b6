"""The same set-up as a script that can be read first, step by step: bash with `az`, or PowerShell.

Every step is written so that it can be run again. The Azure CLI's own token does not reach SharePoint's grants and the
app catalogue; these steps sign in to Microsoft Graph Command Line Tools by device code, as `photosync setup` does.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.clouds import Cloud
from bot.commands.setup.plan import TAG, Plan, helpdesk_role
from bot.commands.setup.steps import GRAPH_APP
from bot.graph.device_code import GRAPH_TOOLS
from bot.graph.proofs import EXCHANGE


@dataclass(frozen=True)
class Known:
    """What a set-up has found out already; "" for what the script has to find."""

    tenant: str = ""
    app_id: str = ""
    principal: str = ""


NOTHING = Known()
_PART = re.compile(r"^# --- (\S+)\n", re.MULTILINE)


def bash(plan: Plan, cloud: Cloud, steps: Sequence[str], known: Known = NOTHING) -> str:
    """Some steps, by their names, as a bash script."""
    return _written("script.bash", plan, steps, _values(plan, cloud, known), "{}={}", shlex.quote)


def powershell(plan: Plan, cloud: Cloud, steps: Sequence[str], known: Known = NOTHING) -> str:
    """The same in PowerShell."""
    return _written("script.ps1", plan, steps, _values(plan, cloud, known), "${} = {}", _ps_quoted)


def _written(
    name: str,
    plan: Plan,
    steps: Sequence[str],
    values: Mapping[str, str],
    line: str,
    quoted: Callable[[str], str],
) -> str:
    """The file's head, the values, its tools, and of its parts those of the steps."""
    head, *rest = _PART.split((Path(__file__).parent / name).read_text(encoding="utf-8"))
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    parts["values"] = "".join(line.format(one, quoted(value)) + "\n" for one, value in values.items()) + "\n"
    wanted = [f"credential.{plan.credential}" if one == "credential" else one for one in steps]
    if "helpdesk" not in plan.features:
        wanted = [one for one in wanted if one != "helpdesk_sign_in"]
    chosen = ["values", "tools", *(one for one in wanted if one in parts)]
    return head + "".join(f"# --- {one}\n{parts[one]}" for one in chosen)


def _ps_quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _values(plan: Plan, cloud: Cloud, known: Known) -> dict[str, str]:
    roles = [helpdesk_role()] if "helpdesk" in plan.features else []
    web = {"web": {"redirectUris": [plan.redirect]}, "appRoles": roles} if roles else {}
    body = {"displayName": plan.display_name, "signInAudience": "AzureADMyOrg", "tags": [TAG], **web}
    principal = {"displayName": plan.display_name, **({"appRoleAssignmentRequired": True} if roles else {})}
    return {
        "name": plan.name,
        "display_name": plan.display_name,
        "endpoint": plan.endpoint,
        "host_name": plan.host,
        "page_url": f"https://{plan.host}" if roles else "",
        "tenant_id": known.tenant,
        "app_id": known.app_id,
        "principal": known.principal,
        "application": json.dumps(body),
        "principal_body": json.dumps(principal),
        "permissions": " ".join(one.name for one in plan.permissions),
        "issuer": plan.issuer,
        "subject": plan.subject,
        "identity": plan.identity,
        "audience": EXCHANGE,
        "certificate": str(plan.certificate),
        "subscription": plan.subscription,
        "resource_group": plan.resource_group,
        "location": plan.location,
        "bot_name": plan.bot_name,
        "package": str(plan.package),
        "env_file": str(plan.env_file),
        "login": cloud.login_url,
        "graph_host": cloud.graph_url,
        "graph": f"{cloud.graph_url}/v1.0",
        "graph_app": GRAPH_APP,
        "graph_tools": GRAPH_TOOLS,
    }
