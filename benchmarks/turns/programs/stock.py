"""(c) The public sample: botbuilder's `CloudAdapter` with authentication, and a bot that echoes.

Addresses are given through the SDK's own configuration. One thing has no setting: its msal asks the public cloud about
a login host it does not know; the subclass only turns that off, and builds its msal application when and as often as
the original does.
"""

from __future__ import annotations

import os

from aiohttp import web
from botbuilder.core import ActivityHandler, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
from botframework.connector.auth import MicrosoftAppCredentials, PasswordServiceClientCredentialFactory
from msal import ConfidentialClientApplication


class Configuration:
    """As the samples' `config.py`."""

    APP_ID = os.environ["MicrosoftAppId"]
    APP_PASSWORD = os.environ["MicrosoftAppPassword"]
    APP_TENANTID = os.environ["MicrosoftAppTenantId"]
    APP_TYPE = "SingleTenant"
    TO_CHANNEL_FROM_BOT_LOGIN_URL = f"{os.environ['BENCH_LOGIN']}/{APP_TENANTID}"
    TO_CHANNEL_FROM_BOT_OAUTH_SCOPE = os.environ["BENCH_SCOPE"]
    TO_BOT_FROM_CHANNEL_TOKEN_ISSUER = os.environ["BENCH_ISSUER"]
    TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL = os.environ["BENCH_KEYS"]


class Credentials(MicrosoftAppCredentials):
    """For a login host that msal does not know."""

    def get_access_token(self, force_refresh: bool = False) -> str:
        """See `MicrosoftAppCredentials`."""
        if not self.app:
            self.app = ConfidentialClientApplication(
                client_id=self.microsoft_app_id,
                client_credential=self.microsoft_app_password,
                authority=self.oauth_endpoint,
                instance_discovery=False,
            )
        return super().get_access_token(force_refresh)


class Factory(PasswordServiceClientCredentialFactory):
    """Makes them where the original makes its own."""

    async def create_credentials(
        self, app_id: str, oauth_scope: str, login_endpoint: str, validate_authority: bool
    ) -> Credentials:
        """See `ServiceClientCredentialsFactory`."""
        made = Credentials(app_id, self.password, self.tenant_id, oauth_scope)
        made.oauth_endpoint = login_endpoint
        return made


class Echo(ActivityHandler):
    """As the sample."""

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """Say it again."""
        await turn_context.send_activity(f"you said: {turn_context.activity.text}")


def main() -> None:
    """Serve on PORT."""
    configuration = Configuration()
    factory = Factory(configuration.APP_ID, configuration.APP_PASSWORD, configuration.APP_TENANTID)
    adapter = CloudAdapter(ConfigurationBotFrameworkAuthentication(configuration, credentials_factory=factory))
    bot = Echo()

    async def messages(request: web.Request) -> web.Response | None:
        return await adapter.process(request, bot)

    app = web.Application()
    app.router.add_post("/api/messages", messages)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)


if __name__ == "__main__":
    main()
