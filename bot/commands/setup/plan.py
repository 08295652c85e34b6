"""What shall be set up, and why: the answers of the administrator, and what follows from them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.pages.sign_in import ROLE

CREDENTIALS = ("certificate", "federated", "identity", "secret")
_HELPDESK_ROLE_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://photosync.example/roles/{ROLE}"))
TAG = "photosync-setup"


@dataclass(frozen=True)
class Permission:
    """An application permission of Microsoft Graph; `feature` is what it can be left out with, "" for none."""

    name: str
    why: str
    feature: str = ""


PERMISSIONS = (
    Permission("User.Read.All", "to read a person's account and Microsoft 365 photo"),
    Permission("Sites.Selected", "to read SharePoint's copy: only on the one site that is granted below"),
    Permission("PeopleSettings.Read.All", "to tell people who may not change their photo who can", "photo-changes"),
    Permission("MailboxSettings.Read", "to recognise shared mailboxes and rooms in scan and check", "mailboxes"),
)
FEATURES: Mapping[str, str] = {
    "photo-changes": "tell people who may not change their photo who can",
    "mailboxes": "recognise shared mailboxes and rooms",
    "helpdesk": "the helpdesk's page, with sign-in",
}


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before anything is done."""

    host: str  # where Teams reaches the bot, a name of the internet
    features: frozenset[str] = frozenset()
    credential: str = "certificate"
    issuer: str = ""  # of federated tokens
    subject: str = ""
    identity: str = ""  # client id of a managed identity, or `system`
    name: str = "photosync"  # the application's unique name
    display_name: str = "Photosync"
    subscription: str = ""  # of Azure
    resource_group: str = "photosync"
    location: str = "westeurope"
    bot_name: str = "photosync"
    app_version: str = "0.1.0"
    env_file: Path = Path(".env")
    certificate: Path = Path("photosync-certificate.pem")
    package: Path = Path("photosync.zip")
    mail: Path = Path("photosync-setup-mail.txt")

    @property
    def endpoint(self) -> str:
        """The bot's messaging endpoint."""
        return f"https://{self.host}/api/messages"

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """What the chosen features need."""
        return tuple(one for one in PERMISSIONS if not one.feature or one.feature in self.features)

    @property
    def redirect(self) -> str:
        """Where the sign-in of the helpdesk's page leads back to."""
        return f"https://{self.host}/helpdesk/signed-in"

    def application(self, present: Mapping[str, Any], access: Mapping[str, Any] | None) -> dict[str, Any]:
        """The application's properties, over those that are `present`; `access` is what it asks of Graph."""
        wanted: dict[str, Any] = {"displayName": self.display_name, "signInAudience": "AzureADMyOrg"}
        wanted["tags"] = sorted({*present.get("tags", ()), TAG})
        if access is not None:
            listed = present.get("requiredResourceAccess", ())
            others = [one for one in listed if one["resourceAppId"] != access["resourceAppId"]]
            wanted["requiredResourceAccess"] = [*others, access]
        if "helpdesk" in self.features:
            web = present.get("web") or {}
            redirects = web.get("redirectUris") or []
            wanted["web"] = {"redirectUris": [*redirects, *({self.redirect} - set(redirects))]}
            roles = present.get("appRoles") or []
            mine = any(one.get("value") == ROLE for one in roles)
            wanted["appRoles"] = roles if mine else [*roles, helpdesk_role()]
        return {name: value for name, value in wanted.items() if _unordered(present.get(name)) != _unordered(value)}


def _unordered(value: Any) -> Any:
    """For comparing what Graph lists in an order of its own."""
    if isinstance(value, dict):
        return {name: _unordered(inner) for name, inner in value.items()}
    return sorted(map(json.dumps, map(_unordered, value))) if isinstance(value, list) else value


def helpdesk_role() -> dict[str, Any]:
    """The role of those who may see the helpdesk's page, as Graph takes it."""
    return {
        "id": _HELPDESK_ROLE_ID,
        "value": ROLE,
        "displayName": "Photosync helpdesk",
        "description": "May see the helpdesk's page",
        "allowedMemberTypes": ["User"],
        "isEnabled": True,
    }
