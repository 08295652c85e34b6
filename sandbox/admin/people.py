"""Administrators, what each may do, and their sign-in by device code."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
GRAPH_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"

GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
PRIVILEGED_ROLES = "e8611ab8-c189-46e8-94e1-60213ab1f814"
APPLICATIONS = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
CLOUD_APPLICATIONS = "158c047a-c907-4556-b7ef-446551a6b5f7"
SHAREPOINT = "f28a1f50-f6e7-4571-818b-6a12f2af6b6c"
TEAMS = "69091246-20e8-4a56-aa4d-066075b2a7a8"
ROLE_NAMES = {
    GLOBAL: "Global Administrator",
    PRIVILEGED_ROLES: "Privileged Role Administrator",
    APPLICATIONS: "Application Administrator",
    CLOUD_APPLICATIONS: "Cloud Application Administrator",
    SHAREPOINT: "SharePoint Administrator",
    TEAMS: "Teams Administrator",
}

# What Microsoft has agreed with itself that its tool may do in Graph for whoever signs in; nothing can be added.
PREAUTHORIZED = (
    "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "AuditLog.Read.All",
    "DelegatedPermissionGrant.ReadWrite.All", "Directory.AccessAsUser.All", "Group.ReadWrite.All", "User.Read.All",
    "User.ReadWrite.All",
)  # fmt: skip
CODE_LIFETIME = 900.0  # seconds


@dataclass(frozen=True)
class Admin:
    """Somebody who administers; `subscriptions` are those of Azure in which they may create things."""

    id: str
    name: str
    upn: str
    roles: frozenset[str] = frozenset({GLOBAL})
    subscriptions: tuple[str, ...] = ()
    guest: bool = False
    tenant: str = ""  # another one than this; "" for this

    @property
    def may_consent(self) -> bool:
        """Whether they may agree to delegated permissions for everybody."""
        return bool(self.roles & {GLOBAL, PRIVILEGED_ROLES, APPLICATIONS, CLOUD_APPLICATIONS})

    @property
    def may_grant_graph(self) -> bool:
        """Whether they may give Graph's own application permissions."""
        return bool(self.roles & {GLOBAL, PRIVILEGED_ROLES})


@dataclass
class Flow:
    """One sign-in by device code."""

    client: str
    scopes: tuple[str, ...]
    ends: float  # the world's time
    admin: Admin | None = None
    refusal: int = 0  # number of what the login service says instead


@dataclass
class DeviceCodes:
    """The page on which a person types the code, and what came of it."""

    flows: dict[str, Flow] = field(default_factory=dict)  # by device code
    codes: dict[str, str] = field(default_factory=dict)  # user code -> device code
    refreshable: dict[str, tuple[Admin, str]] = field(default_factory=dict)  # refresh token -> who, client
    consented: set[str] = field(default_factory=set)  # delegated permissions of GRAPH_TOOLS that were agreed to
    blocked: bool = False  # Conditional Access forbids this way of signing in

    def begin(self, client: str, scopes: tuple[str, ...], now: float) -> tuple[str, str]:
        """Device code and user code of a new sign-in."""
        device, user = secrets.token_urlsafe(40), secrets.token_hex(5).upper()[:9]
        self.flows[device] = Flow(client, scopes, now + CODE_LIFETIME)
        self.codes[user] = device
        return device, user

    def approve(self, user_code: str, admin: Admin) -> None:
        """The person types the code and signs in."""
        flow = self.flows[self.codes[user_code]]
        named = {one.rpartition("/")[2] for one in flow.scopes} - {".default", "offline_access", "openid", "profile"}
        if self.blocked:
            flow.refusal = 53003
        elif flow.client == GRAPH_TOOLS and not named <= self.consented:
            if not admin.may_consent:
                flow.refusal = 90094
                return
            self.consented |= named
        flow.admin = admin

    def decline(self, user_code: str) -> None:
        """The person says no."""
        self.flows[self.codes[user_code]].refusal = 70019

    def refresh_token(self, admin: Admin, client: str) -> str:
        """A new one."""
        made = secrets.token_urlsafe(60)
        self.refreshable[made] = (admin, client)
        return made

    def granted(self, client: str, asked: tuple[str, ...]) -> tuple[str, ...]:
        """The delegated permissions of Graph in a token."""
        if client == AZURE_CLI:
            return PREAUTHORIZED
        return tuple(sorted(self.consented | {"User.Read"}))
