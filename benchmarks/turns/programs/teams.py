"""(e) The Teams SDK's quick start: an `App` that echoes, with authentication.

All addresses are given through the SDK's own `CloudEnvironment`. Its msal asks the public cloud about a login host it
does not know, which has no setting: the token comes from a provider of ours instead, as the SDK offers, that asks msal
for it in a thread as often as the SDK's own does.
"""

from __future__ import annotations

import asyncio
import os

import uvicorn
from fastapi import FastAPI
from microsoft_teams.api import MessageActivity
from microsoft_teams.api.auth.cloud_environment import PUBLIC, with_overrides
from microsoft_teams.apps import ActivityContext, App, FastAPIAdapter
from msal import ConfidentialClientApplication

TENANT = os.environ["MicrosoftAppTenantId"]


class Login:
    """Tokens from the pretend login service."""

    def __init__(self) -> None:
        self._msal: ConfidentialClientApplication | None = None

    async def token(self, scope: str | list[str], _: str | None = None) -> str:
        """See `TokenProvider`."""
        if self._msal is None:
            self._msal = await asyncio.to_thread(
                ConfidentialClientApplication,
                os.environ["MicrosoftAppId"],
                client_credential=os.environ["MicrosoftAppPassword"],
                authority=f"{os.environ['BENCH_LOGIN']}/{TENANT}",
                instance_discovery=False,
            )
        scopes = [scope] if isinstance(scope, str) else scope
        found = await asyncio.to_thread(self._msal.acquire_token_for_client, scopes)
        return str(found["access_token"])


def quiet(app: FastAPI) -> uvicorn.Server:
    """The SDK's own server, without a line for each request: the other programs write none either."""
    config = uvicorn.Config(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)
    return uvicorn.Server(config)


def main() -> None:
    """Serve on PORT."""
    cloud = with_overrides(
        PUBLIC,
        login_endpoint=os.environ["BENCH_LOGIN"],
        openid_metadata_url=os.environ["BENCH_KEYS"],
        token_issuer=os.environ["BENCH_ISSUER"],
        bot_scope=f"{os.environ['BENCH_SCOPE']}/.default",
    )
    app = App(
        client_id=os.environ["MicrosoftAppId"],
        tenant_id=TENANT,
        token=Login().token,
        cloud=cloud,
        http_server_adapter=FastAPIAdapter(server_factory=quiet),
    )

    @app.on_message
    async def on_message(context: ActivityContext[MessageActivity]) -> None:
        await context.send(f"you said: {context.activity.text}")

    asyncio.run(app.start())


if __name__ == "__main__":
    main()
