"""When the proof of sign-in ends: a certificate says so itself, of a client secret the directory knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.commands.doctor.finding import CheckResult, Installation, State, failed, ok
from bot.errors import OutsideError
from bot.graph.proofs import token_file_ends
from bot.setting_values import Secret
from bot.sign_in import Registration, bots, graphs

_SOON = timedelta(days=30)
_READ_APPLICATIONS = frozenset(
    {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)


async def expiry(at: Installation) -> CheckResult:
    """Whether a certificate or secret ends soon, as far as that can be read."""
    by = {bots(at.settings): at.bot, graphs(at.settings): at.graph_tokens}
    found = [
        _judged(f"the certificate of {one.proof}", tokens.proof.ends, "a certificate", one.proof)
        for one, tokens in by.items()
        if tokens.proof and tokens.proof.ends
    ]
    file = at.settings.federated_token_file
    if bots(at.settings).proof == "AZURE_FEDERATED_TOKEN_FILE" and file is not None:
        found.append(_token_file(file))
    secrets = {
        "MicrosoftAppPassword": at.settings.app_password,
        "PHOTOSYNC_GRAPH_CLIENT_SECRET": at.settings.graph_client_secret,
    }
    found += [await _secret(at, one, secrets[one.proof]) for one in by if secrets.get(one.proof)]
    if not found:
        return ok("a managed identity, which has no end")
    worst = next((one for one in found if one.state is State.FAILED), None) or next(
        (one for one in found if one.fix), found[0]
    )
    return CheckResult(worst.state, "; ".join(one.found for one in found), worst.fix)


def _token_file(file: Path) -> CheckResult:
    """The platform renews it long before its end: one that has ended shows that nothing does."""
    ends = token_file_ends(file)
    if ends is None:
        return ok("when the token of AZURE_FEDERATED_TOKEN_FILE ends could not be read")
    if ends <= datetime.now(UTC):
        return failed(
            f"the token of AZURE_FEDERATED_TOKEN_FILE ended on {ends:%Y-%m-%d %H:%M}",
            "See that the platform renews the file that AZURE_FEDERATED_TOKEN_FILE names.",
        )
    return ok(
        f"the token of AZURE_FEDERATED_TOKEN_FILE is renewed by the platform; the present one ends {ends:%H:%M} UTC"
    )


async def _secret(at: Installation, by: Registration, secret: Secret) -> CheckResult:
    if not at.roles or not at.roles & _READ_APPLICATIONS:
        return ok(f"when the secret of {by.proof} ends can be seen in Entra ID only (or with Application.Read.All)")
    client = at.settings.graph_client_id if by.client == "PHOTOSYNC_GRAPH_CLIENT_ID" else at.settings.app_id
    try:
        document = await at.graph.json(f"/applications(appId='{client}')?$select=passwordCredentials")
    except OutsideError as error:
        return ok(f"when the secret of {by.proof} ends could not be read: {error.detail}")
    ends = max(_ends(document, secret), default=None)
    if ends is None:
        return ok(f"the application of {by.client} lists no secret that begins like {by.proof}")
    return _judged(f"the secret of {by.proof}", ends, "a client secret", by.proof)


def _ends(document: dict[str, Any], secret: Secret) -> Iterator[datetime]:
    """Of those that may be ours: Graph tells the first three letters of each."""
    listed = document.get("passwordCredentials")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("hint") == secret.reveal()[:3]:
            try:
                when = datetime.fromisoformat(str(one.get("endDateTime")))
            except ValueError:
                continue
            yield when if when.tzinfo else when.replace(tzinfo=UTC)


def _judged(what: str, ends: datetime, kind: str, setting: str) -> CheckResult:
    left = ends - datetime.now(UTC)
    renew = f"Make {kind} that lasts longer, register it with the application and put it into {setting}."
    if left <= timedelta(0):
        return failed(f"{what} ended on {ends:%Y-%m-%d}", renew)
    found = f"{what} ends on {ends:%Y-%m-%d}, in {left.days} days"
    return CheckResult(State.OK, found, renew if left < _SOON else "")
