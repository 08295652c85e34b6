"""An administrator's own tokens: she types a code on Microsoft's page, on any device, and this program never sees a
password.

The applications that she signs in to are Microsoft's own tools, which every tenant has: nothing has to be registered
before. What she may do is what her roles allow, cut to the delegated permissions of the tool:

- Azure CLI has been given the directory's part of Graph and Azure Resource Manager by Microsoft itself; it asks for no
  consent, and no other permission can be had with it (AADSTS65002).
- Microsoft Graph Command Line Tools takes any delegated permission that an administrator agrees to.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msal

from bot.errors import Outage, OutsideError, Refused, TimedOut
from bot.graph.bridge import PUBLIC_LOGINS, Bridge, NoCache, lifetime_of, refusal_code
from bot.http_client import HttpClient

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
GRAPH_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
ANY_TENANT = "organizations"  # who signs in decides
_PENDING = "authorization_pending"
_SLOWER = 5.0  # seconds more between two questions, when the login service asks for it
_CALL_TIMEOUT = 15.0  # seconds, of one call of msal
_EARLY = 120.0  # seconds before its end that a token is not used any more


@dataclass(frozen=True)
class DeviceCode:
    """What the administrator is told: to open `page` and type `code` within `seconds`; `purpose` is what for."""

    purpose: str
    page: str
    code: str = field(repr=False)
    seconds: int


class DeviceCodeSignIn:
    """Tokens of whoever types the code. Signs in when the first token is asked for; a `TokenSource`."""

    def __init__(
        self,
        http: HttpClient,
        authority: str,
        client: str,
        scopes: Sequence[str],
        purpose: str,
        show: Callable[[DeviceCode], None],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        """`authority` is the login service's address and the tenant; `scopes` are what is signed in for first."""
        self._bridge = Bridge(http)
        self._authority = authority
        self._client = client
        self._scopes = list(scopes)
        self._purpose = purpose
        self._show = show
        self._pause = pause
        self._cached: dict[str, tuple[float, str]] = {}  # scope -> until when (time.monotonic()), token
        self._refresh = ""
        self._failed: OutsideError | None = None
        self._application: Any = None
        self._lock = asyncio.Lock()

    def cached(self, scope: str) -> str:
        until, text = self._cached.get(_resource(scope), (0.0, ""))
        return text if time.monotonic() < until else ""

    async def token(self, scope: str) -> str:
        """A token for a resource's `.default`, or one that is held for it already.

        Raises `Refused` where the login service says no, `TimedOut` where nobody typed the code, `Outage`.
        """
        async with self._lock:
            if self._failed is not None:
                raise copy.copy(self._failed)  # who said no, or did not come, is not asked again for each step
            if not self._refresh:
                try:
                    await self._sign_in()
                except (Refused, TimedOut) as error:
                    self._failed = copy.copy(error)
                    raise
            return self.cached(scope) or self._keep(
                scope, await self._call("acquire_token_by_refresh_token", self._refresh, [scope])
            )

    def forget(self, scope: str, token: str = "") -> None:
        if token in ("", self._cached.get(_resource(scope), (0.0, ""))[1]):
            self._cached.pop(_resource(scope), None)

    async def _sign_in(self) -> None:
        flow = await self._call("initiate_device_flow", self._scopes)
        if "user_code" not in flow:
            raise Refused("login", refusal_code(flow))
        page, code = str(flow["verification_uri"]), str(flow["user_code"])
        self._show(DeviceCode(self._purpose, page, code, int(flow["expires_in"])))
        interval, flow = float(flow["interval"]), {**flow, "interval": 1}  # waiting is done here, not by msal
        while True:
            result = await self._call("acquire_token_by_device_flow", flow, exit_condition=lambda _: True)
            if result.get("error") == "slow_down":
                interval += _SLOWER
            elif result.get("error") != _PENDING:
                break
            await self._pause(interval)
        if result.get("error") == "expired_token":
            raise TimedOut("login", "nobody typed the code in time")
        self._keep(self._scopes[0], result)

    def _keep(self, scope: str, result: Mapping[str, Any]) -> str:
        refresh = result.get("refresh_token")
        found = self._bridge.token(result).get("access_token")
        if not isinstance(found, str):
            raise Refused("login", refusal_code(result))
        self._refresh = str(refresh) if refresh else self._refresh
        self._cached[_resource(scope)] = (time.monotonic() + lifetime_of(result) - _EARLY, found)
        return found

    async def _call(self, name: str, *arguments: Any, **more: Any) -> Mapping[str, Any]:
        """One method of msal's application, in a thread."""

        def run() -> Mapping[str, Any]:
            if self._application is None:
                self._application = msal.PublicClientApplication(
                    self._client,
                    authority=self._authority,
                    http_client=self._bridge,
                    token_cache=NoCache(),
                    instance_discovery=None if self._authority.rpartition("/")[0] in PUBLIC_LOGINS else False,
                )
            return getattr(self._application, name)(*arguments, **more) or {}

        try:
            async with asyncio.timeout(_CALL_TIMEOUT):
                return await asyncio.to_thread(run)
        except OutsideError:
            raise
        except TimeoutError:
            raise TimedOut("login", "no answer in time") from None
        except Exception as error:  # as in bot.graph.tokens: of several kinds
            raise Outage("login", f"a useless answer ({type(error).__name__})") from None


def _resource(scope: str) -> str:
    """The resource that a scope belongs to: its tokens are one."""
    return scope.rpartition("/")[0]
