"""The addresses of each Microsoft cloud.

Sources: Microsoft Graph "National cloud deployments"; Bot Framework "Connector authentication", "Configure for US
Government"; Teams "proactive messages" for the service hosts of the government clouds. `pages` are what cards lead to:
those of the public cloud are Microsoft's own; of the others only the portal's address and that of Teams are known, and
from common knowledge alone (docs/facts.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """Where one cloud lives. Hosts are patterns as `bot.settings.Host` reads them."""

    graph_url: str
    login_url: str
    azure_url: str  # Azure Resource Manager
    channel_keys_url: str
    channel_issuer: str
    channel_scope: str
    service_hosts: tuple[str, ...]
    download_hosts: tuple[str, ...]
    teams: str  # where its Teams is on the web
    pages: Mapping[str, str]  # the addresses of `dialogs.library.PAGES`; "" where a cloud has none


_KEYS = "https://login.botframework.com/v1/.well-known/openidconfiguration"
_US_KEYS = "https://login.botframework.azure.us/v1/.well-known/openidconfiguration"
# Exactly this host: anyone can register a name below trafficmanager.net.
_TEAMS = "smba.trafficmanager.net"


def _portal(address: str) -> Mapping[str, str]:
    """The pages of a cloud of which no more than the portal's address is known."""
    return {"office": address, "sharepoint": address, "onedrive": address, "about_sync": ""}


CLOUDS = {
    "public": Cloud(
        graph_url="https://graph.microsoft.com",
        login_url="https://login.microsoftonline.com",
        azure_url="https://management.azure.com",
        channel_keys_url=_KEYS,
        channel_issuer="https://api.botframework.com",
        channel_scope="https://api.botframework.com/.default",
        service_hosts=(_TEAMS, "smba.infra.gcc.teams.microsoft.com"),
        download_hosts=("*.sharepoint.com", "*.svc.ms"),
        teams="https://teams.microsoft.com",
        pages={
            "office": "https://www.office.com",
            "sharepoint": "https://www.office.com/launch/sharepoint",
            "onedrive": "https://www.office.com/launch/onedrive",
            "about_sync": "https://support.office.com/article/20594d76-d054-4af4-a660-401133e3d48a",
        },
    ),
    "gcc-high": Cloud(
        graph_url="https://graph.microsoft.us",
        login_url="https://login.microsoftonline.us",
        azure_url="https://management.usgovcloudapi.net",
        channel_keys_url=_US_KEYS,
        channel_issuer="https://api.botframework.us",
        channel_scope="https://api.botframework.us/.default",
        service_hosts=("smba.infra.gov.teams.microsoft.us",),
        download_hosts=("*.sharepoint.us", "*.svc.ms"),
        teams="https://gov.teams.microsoft.us",
        pages=_portal("https://portal.office365.us"),
    ),
    "dod": Cloud(
        graph_url="https://dod-graph.microsoft.us",
        login_url="https://login.microsoftonline.us",
        azure_url="https://management.usgovcloudapi.net",
        channel_keys_url=_US_KEYS,
        channel_issuer="https://api.botframework.us",
        channel_scope="https://api.botframework.us/.default",
        service_hosts=("smba.infra.dod.teams.microsoft.us", "smba.infra.gov.teams.microsoft.us"),
        download_hosts=("*.sharepoint-mil.us", "*.svc.ms"),
        teams="https://dod.teams.microsoft.us",
        pages=_portal("https://portal.apps.mil"),
    ),
    "china": Cloud(
        graph_url="https://microsoftgraph.chinacloudapi.cn",
        login_url="https://login.chinacloudapi.cn",
        azure_url="https://management.chinacloudapi.cn",
        channel_keys_url="https://login.botframework.azure.cn/v1/.well-known/openidconfiguration",
        channel_issuer="https://api.botframework.azure.cn",
        channel_scope="https://api.botframework.azure.cn/.default",
        service_hosts=("frontend.botapi.msg.infra.teams.microsoftonline.cn",),
        download_hosts=("*.sharepoint.cn",),
        teams="https://teams.microsoftonline.cn",
        pages=_portal("https://portal.partner.microsoftonline.cn"),
    ),
}
