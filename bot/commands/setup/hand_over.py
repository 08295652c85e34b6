"""What the administrator's roles did not allow, as a mail to whoever may: why, which role, and the exact commands."""

from __future__ import annotations

from collections.abc import Mapping

from bot.clouds import Cloud
from bot.commands.setup.plan import Plan
from bot.commands.setup.script import Known, bash
from bot.commands.setup.steps import STEPS, StepOutcome, StepState

_WHY = {
    "application": "Photosync needs an application registration to be known by.",
    "service_principal": "It is what permissions are given to.",
    "credential": "It is what the bot signs in with.",
    "permissions": "These application permissions of Microsoft Graph need admin consent:",
    "helpdesk_sign_in": "The helpdesk's people would each be asked for consent otherwise.",
    "bot": "Teams reaches the bot through an Azure Bot with the Teams channel. It costs nothing (F0).",
    "site_grant": "With Sites.Selected the application reads nothing until it is granted a site: the root site of the "
    "my-site host, where SharePoint keeps the copies of people's photos. The role is read.",
    "app_package": "People find the bot in the organisation's app catalogue.",
}


def mail(plan: Plan, cloud: Cloud, outcomes: Mapping[str, StepOutcome], known: Known) -> str:
    """The text; "" where nothing is left for others."""
    left = [name for name, one in outcomes.items() if one.state is StepState.HANDED_OVER and name in _WHY]
    if not left:
        return ""
    lines = [f"Subject: {plan.display_name}: steps that need your role", ""]
    lines += [
        f"{plan.display_name} is a Teams bot that finds out why a profile photo is old in SharePoint. It is being set",
        "up in our tenant, and some steps need a role that I do not have:",
        "",
    ]
    for name in left:
        lines.append(f"* {name} (role: {STEPS[name].role})")
        lines.append(f"  {_WHY[name]}")
        if name == "permissions":
            lines += [f"    {one.name}: {one.why}" for one in plan.permissions]
        lines.append("")
    if known.app_id:
        lines += [f"The application: {known.app_id}, tenant {known.tenant}", ""]
    lines += [
        "`photosync setup` does the same, run by you: it finds what is there. Or these commands, also more than once:",
        "",
        bash(plan, cloud, left, known),
    ]
    return "\n".join(lines)
