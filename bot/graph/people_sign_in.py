"""Signing a person in with Entra ID: the authorisation code flow with PKCE, and what the id token has to say.

msal makes state, nonce and verifier and redeems the code; it leaves the id token unchecked, so that is done here. The
token comes from the login service itself, over TLS, which stands for its signature (OpenID Connect Core, 3.1.3.7).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from bot.errors import Outage, OutsideError, Refused, TimedOut
from bot.graph.tokens import sign_in_application
from bot.http_client import HttpClient, plain_code
from bot.settings import Settings
from dialogs.text import visible

_TIMEOUT = 12.0  # seconds, for both requests to the login service
# Calls of msal at once. They block while the login service hangs, so they have threads of their own.
_AT_ONCE = 4
_CLOCKS = 300  # seconds that two clocks may differ
_PASSED_ON = ("code", "state", "error")  # of what the browser brings back


@dataclass(frozen=True)
class SignedIn:
    """Who it is, as the tenant says; `roles` are app roles."""

    id: str  # object id
    name: str = field(repr=False)
    roles: frozenset[str]


class PeopleSignIn:
    """Sign-ins of one tenant's people. To be built in the event loop. Raises `SettingsError` for a certificate that
    cannot be used."""

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        self._application = sign_in_application(settings, http)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sign-in")
        managed = settings.app_type == "UserAssignedMSI"
        self._client = settings.graph_client_id if managed else settings.app_id
        self._tenant = settings.effective_graph_tenant_id if managed else settings.app_tenant_id

    @property
    def possible(self) -> bool:
        """Whether there is an application that people can sign in to."""
        return self._application is not None

    async def begin(self, redirect: str, *, choose: bool = False) -> tuple[str, dict[str, Any]]:
        """Where to send the browser, and what `finish` needs: a JSON object with `state`, to be kept from the browser.

        `choose`: let the person choose an account. Raises `OutsideError`.
        """
        flow = await self._called(
            lambda application: application.initiate_auth_code_flow(
                [], redirect_uri=redirect, prompt="select_account" if choose else None, response_mode="form_post"
            )
        )
        return _by_query(flow["auth_uri"]), {key: flow[key] for key in flow if key != "auth_uri"}

    async def finish(self, flow: Mapping[str, Any], query: Mapping[str, str]) -> SignedIn:
        """Redeem the code that the browser brought. Raises `Refused` for whatever is not this sign-in of this tenant,
        `Outage` where the login service cannot be asked."""
        brought = {name: query[name] for name in _PASSED_ON if name in query}
        result = await self._called(
            lambda application: application.acquire_token_by_auth_code_flow(dict(flow), brought), unexpected=Refused
        )
        claims = result.get("id_token_claims")
        if not isinstance(claims, dict):
            raise Refused("login", plain_code(result.get("error")) or "no id token")
        return self._checked(claims)

    async def _called(self, call: Any, unexpected: type[OutsideError] = Outage) -> Any:
        """What msal, which blocks, returns. What it raises is a sentence with what came in: only its kind is kept."""
        make = self._application
        if make is None:
            raise Refused("login", "no application to sign in to")
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: call(make()))
        except OutsideError:
            raise
        except TimeoutError:
            raise TimedOut("login", "no answer in time") from None
        except Exception as error:  # msal: ValueError for another state, RuntimeError for another nonce, and more
            raise unexpected("login", f"a sign-in that does not fit ({type(error).__name__})") from None

    def _checked(self, claims: Mapping[str, Any]) -> SignedIn:
        now = time.time()
        ends, begins = claims.get("exp"), claims.get("nbf", 0)
        wrong = {
            "tid": claims.get("tid") != self._tenant,
            "aud": claims.get("aud") != self._client,
            "iss": not str(claims.get("iss")).endswith(f"/{self._tenant}/v2.0"),
            "exp": not isinstance(ends, int | float) or ends < now - _CLOCKS,
            "nbf": not isinstance(begins, int | float) or begins > now + _CLOCKS,
            "oid": not isinstance(claims.get("oid"), str) or not claims.get("oid"),
        }
        refused = [name for name, one in wrong.items() if one]
        if refused:
            raise Refused("login", f"an id token of another {' '.join(refused)}")
        roles = claims.get("roles")
        name = claims.get("name") or claims.get("preferred_username") or ""
        return SignedIn(
            claims["oid"],
            visible(name) if isinstance(name, str) else "",
            frozenset(one for one in roles if isinstance(one, str)) if isinstance(roles, list) else frozenset(),
        )


def _by_query(address: str) -> str:
    """The same with the code in the query, not in a form as msal would have it: a browser sends no cookie that is
    SameSite=Lax with a form of another site, and without one nobody can tell whose sign-in it is. PKCE and the one use
    of what is kept make a code that is seen on the way useless."""
    url = URL(address)
    return str(url.update_query(response_mode="query"))
