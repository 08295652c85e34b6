"""(d) The Microsoft 365 Agents SDK's quick start: an `AgentApplication` that echoes, with authentication.

Two addresses have no setting: the channel's keys stand in a table of the SDK, whose line is replaced, and its msal asks
the public cloud about a login host it does not know; the subclass only turns that off.
"""

from __future__ import annotations

import os

from aiohttp import web
from microsoft_agents.authentication.msal import MsalAuth
from microsoft_agents.hosting.aiohttp import CloudAdapter, jwt_authorization_middleware, start_agent_process
from microsoft_agents.hosting.core import (
    AgentApplication,
    AgentAuthConfiguration,
    ConnectionManager,
    MemoryStorage,
    TurnContext,
    TurnState,
)
from microsoft_agents.hosting.core.authorization._entra_issuers import BOTFRAMEWORK_JWKS_URIS
from msal import ConfidentialClientApplication

TENANT = os.environ["MicrosoftAppTenantId"]


class Login(MsalAuth):
    """For a login host that msal does not know; kept for the life of the process, as the original is."""

    def _create_client_application(self, tenant_id: str | None = None) -> ConfidentialClientApplication:
        return ConfidentialClientApplication(
            client_id=self._msal_configuration.CLIENT_ID,
            authority=self._resolve_authority(self._msal_configuration, tenant_id),
            client_credential=self._msal_configuration.CLIENT_SECRET,
            instance_discovery=False,
        )


def main() -> None:
    """Serve on PORT."""
    BOTFRAMEWORK_JWKS_URIS[os.environ["BENCH_ISSUER"]] = os.environ["BENCH_JWKS"]
    configuration = AgentAuthConfiguration(
        client_id=os.environ["MicrosoftAppId"],
        client_secret=os.environ["MicrosoftAppPassword"],
        tenant_id=TENANT,
        authority=f"{os.environ['BENCH_LOGIN']}/{TENANT}",
    )
    connections = ConnectionManager(Login, {"SERVICE_CONNECTION": configuration})
    adapter = CloudAdapter(connection_manager=connections)
    agent = AgentApplication[TurnState](storage=MemoryStorage(), connection_manager=connections)

    @agent.activity("message")
    async def on_message(context: TurnContext, _: TurnState) -> None:
        await context.send_activity(f"you said: {context.activity.text}")

    async def messages(request: web.Request) -> web.Response:
        return await start_agent_process(request, agent, adapter)

    app = web.Application(middlewares=[jwt_authorization_middleware])
    app["agent_configuration"] = configuration
    app.router.add_post("/api/messages", messages)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)


if __name__ == "__main__":
    main()
