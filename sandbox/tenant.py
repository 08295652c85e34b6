"""The whole pretend tenant: all its servers, started together."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.admin.azure import Azure
from sandbox.admin.directory import Directory
from sandbox.admin.people import Admin
from sandbox.certificates import Authority
from sandbox.channel import ISSUER, SCOPE, Channel, fresh_id
from sandbox.graph import Graph
from sandbox.helpdesk import Helpdesk
from sandbox.identity import Identity
from sandbox.login import Login
from sandbox.world import World

ROLES = ("User.Read.All", "Sites.Selected", "Sites.Read.All", "PeopleSettings.Read.All", "MailboxSettings.Read")


class Tenant:
    """Begin with `open`."""

    def __init__(self, authority: Authority, bot_url: str) -> None:
        self.authority = authority
        self.id, self.app, self.secret = fresh_id(), fresh_id(), secrets.token_urlsafe(24)
        self.world = World()
        self.login = Login(self.world, self.id, {self.app: self.secret})
        self.graph = Graph(self.world, self.login)
        self.channel = Channel(self.world, self.login, self.app, self.id)
        self.channel.bot_url = bot_url
        self.helpdesk = Helpdesk(self.world)
        self.identity = Identity(self.login, self.app)
        self.azure = Azure(self.world, self.login, self.id)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, *, bot_url: str = "") -> AsyncIterator[Tenant]:
        """Start every server on a port of its own; all are stopped at the end."""
        with tempfile.TemporaryDirectory(prefix="photosync-") as folder:
            tenant = cls(Authority(Path(folder)), bot_url)
            servers = (
                tenant.login.people,
                tenant.login,
                tenant.graph,
                tenant.channel,
                tenant.helpdesk,
                tenant.identity,
                tenant.azure,
            )
            try:
                for server in servers:
                    await server.start(tenant.authority.server)
                tenant.login.audiences = {SCOPE: ()}
                tenant.grant(*ROLES)
                tenant.login.graph_url = tenant.graph.url
                yield tenant
            finally:
                for server in servers:
                    await server.stop()

    def make_empty(self, *admins: Admin) -> Directory:
        """Nothing of ours is registered any more; `admins` can change that, and what is made counts from then on."""
        directory = Directory(self.world, self.id)
        self.login.directory = self.graph.directory = directory
        self.login.applications.clear()
        self.login.admins = {one.id: one for one in admins}
        self.login.audiences[self.azure.url] = ()
        self.graph.catalog.apps.clear()
        self.graph.catalog.grants.clear()
        self.azure.resources.clear()
        self.azure.registered.clear()
        self.azure.subscriptions = {one: "Pay as you go" for admin in admins for one in admin.subscriptions}
        self.channel.bots = self.azure
        return directory

    def grant(self, *roles: str) -> None:
        """The application permissions in Graph's tokens from the next token on, in place of those before."""
        self.login.audiences[self.graph.url] = roles

    def page(self, url: str) -> dict[str, str]:
        """The settings of a bot whose pages are at an address, which is registered as its application's redirect."""
        self.login.people.redirects = {f"{url}/helpdesk/signed-in"}
        return {"PHOTOSYNC_PAGE_URL": url}

    def environment(self) -> dict[str, str]:
        """The bot's settings for this tenant."""
        return {
            "MicrosoftAppId": self.app,
            "MicrosoftAppPassword": self.secret,
            "MicrosoftAppTenantId": self.id,
            "PHOTOSYNC_GRAPH_URL": self.graph.url,
            "PHOTOSYNC_LOGIN_URL": self.login.url,
            "PHOTOSYNC_AZURE_URL": self.azure.url,
            "PHOTOSYNC_CHANNEL_KEYS_URL": f"{self.channel.url}/v1/.well-known/openidconfiguration",
            "PHOTOSYNC_CHANNEL_ISSUER": ISSUER,
            "PHOTOSYNC_CHANNEL_SCOPE": f"{SCOPE}/.default",
            "PHOTOSYNC_SERVICE_HOSTS": urlsplit(self.channel.url).netloc,
            "PHOTOSYNC_DOWNLOAD_HOSTS": urlsplit(self.graph.files_url).netloc,
            "PHOTOSYNC_TICKET_SYSTEM": "webhook",
            "PHOTOSYNC_TICKET_URL": self.helpdesk.url,
            "PHOTOSYNC_TICKET_SECRET": self.helpdesk.secret,
            "PHOTOSYNC_DATABASE_URL": f"sqlite:///{self.authority.bundle.parent / 'photosync.db'}",
            "SSL_CERT_FILE": str(self.authority.bundle),
        }
