"""Checks of what is around Microsoft Graph: trust, time, the channel, the helpdesk's system."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from bot.commands.doctor.finding import CheckResult, Installation, failed, ok, skipped
from bot.commands.doctor.fixes import ADDRESSES, certificate_fix, sign_in
from bot.errors import Malformed, OutsideError, Refused
from bot.graph.client import MAX_SKEW, ClockSkew
from bot.http_client import NEVER, Bearer, Response
from bot.languages import packaged
from bot.sign_in import bots
from bot.teams.authentication import published
from bot.tickets import connected

_TIMEOUT = 5.0  # seconds
_CLOCKS = ("login", "graph")  # whose time decides: they make and take the tokens
_TEAMS = "msteams"
_NO_CONVERSATION = "photosync-doctor"
_TICKET_ACCOUNT = (
    "Correct PHOTOSYNC_TICKET_USER and PHOTOSYNC_TICKET_SECRET, or give the account its rights (docs/tickets.md)."
)


async def certificates(at: Installation) -> CheckResult:
    """Whether every server proves who it is to the authorities that are trusted here."""
    asked = {name: address for name, address in _addresses(at).items() if address}
    answers = await asyncio.gather(*(_probe(at, name, address) for name, address in asked.items()))
    at.answers = dict(zip(asked, answers, strict=True))
    bad = [name for name, answer in at.answers.items() if "CertificateError" in getattr(answer, "detail", "")]
    good = [name for name, answer in at.answers.items() if isinstance(answer, Response)]
    if bad:
        hosts = ", ".join(f"{urlsplit(asked[name]).netloc} ({ADDRESSES[name]})" for name in bad)
        words = sorted({str(getattr(at.answers[name], "detail", "")).partition(": ")[2] for name in bad} - {""})
        return failed(f"not trusted: {hosts}: {'; '.join(words) or 'unknown authority'}", certificate_fix(words))
    if not good:
        return skipped("no server answered: " + ", ".join(sorted({str(answer) for answer in answers})))
    return ok("trusted: " + ", ".join(urlsplit(asked[name]).netloc for name in good))


def _addresses(at: Installation) -> dict[str, str]:
    return {
        "login": at.settings.login_url,
        "graph": at.settings.graph_url,
        "teams": at.settings.channel_keys_url,
        "tickets": at.settings.ticket_url if at.settings.ticket_url.startswith("http") else "",
    }


async def _probe(at: Installation, system: str, address: str) -> Response | OutsideError:
    # Nothing is posted. Many servers show by OPTIONS whether they know a path that only takes a POST.
    method = "OPTIONS" if system == "tickets" else "HEAD"
    try:
        return await at.http.request(method, address, system=system, timeout=_TIMEOUT, retry=NEVER)
    except OutsideError as error:
        return error


async def clock(at: Installation) -> CheckResult:
    """Whether this machine's time is right enough for tokens."""
    skew = ClockSkew()
    for system in _CLOCKS:
        answer = at.answers.get(system)
        date = answer.headers.get("Date") if isinstance(answer, Response) else None
        if date is None:
            continue
        skew.observe(date)
        found = f"{skew.seconds:+.0f} s beside the time of {urlsplit(_addresses(at)[system]).netloc}"
        if abs(skew.seconds) > MAX_SKEW:
            return failed(found, "Set this machine's clock by NTP: tokens are only taken within five minutes.")
        return ok(found)
    return skipped("neither the login service nor Graph sent its time")


async def bot_token(at: Installation) -> CheckResult:
    """Whether the bot may speak to the Bot Connector."""
    try:
        await at.bot.token(at.settings.channel_scope)
    except OutsideError as error:
        return failed(error.detail, sign_in(error, bots(at.settings), "PHOTOSYNC_CHANNEL_SCOPE"))
    return ok(f"given for {at.settings.channel_scope}")


async def bot_connector(at: Installation) -> CheckResult:
    """Whether the Bot Connector takes our token: members of a conversation that is none are asked for."""
    host = at.settings.service_host
    if not host:
        return skipped("PHOTOSYNC_SERVICE_HOSTS names no single host to try")
    answer = await at.http.request(
        "GET",
        f"https://{host}/teams/v3/conversations/{_NO_CONVERSATION}/members",
        system="connector",
        timeout=_TIMEOUT,
        bearer=Bearer(at.bot, at.settings.channel_scope),
        retry=NEVER,
    )
    found = f"{host} answers {answer.status} {answer.error_code}".rstrip()
    if answer.status == 401:
        return failed(
            found,
            f"See that {bots(at.settings).client} is the id of an Azure Bot with the Teams channel, and that "
            "PHOTOSYNC_CHANNEL_SCOPE is right: the token is not taken.",
        )
    if answer.status >= 500 or answer.status == 429:
        return failed(found, "Run this again in some minutes: the Bot Connector fails.")
    return ok(f"{found} for a conversation that is none: it takes our token")


async def channel_keys(at: Installation) -> CheckResult:
    """Whether messages from Teams can be verified."""
    keys = await published(at.settings.channel_keys_url, at.http)
    for_teams = sum(_TEAMS in key.endorsements for key in keys.values())
    if not for_teams:
        return failed(
            f"{len(keys)} keys, none of them endorsed for Teams",
            "Correct PHOTOSYNC_CHANNEL_KEYS_URL or PHOTOSYNC_CLOUD: it is not the Bot Connector's key service.",
        )
    return ok(f"{for_teams} of {len(keys)} keys are endorsed for Teams")


async def ticket_system(at: Installation) -> CheckResult:
    """Whether tickets would be taken. Nothing is created."""
    if at.settings.ticket_system == "none":
        if at.settings.helpdesk_contact:
            return ok("none: people are shown PHOTOSYNC_HELPDESK_CONTACT")
        return skipped(
            "none, and no contact", "Set PHOTOSYNC_HELPDESK_CONTACT or PHOTOSYNC_TICKET_SYSTEM, or people find no help."
        )
    system = connected(at.settings, at.http, at.bot)
    if system is None:
        return skipped(f"{at.settings.ticket_system} shows with the first ticket")
    try:
        found = await system.examine()
    except Refused as error:
        return failed(error.detail, _TICKET_ACCOUNT)
    except Malformed as error:
        return failed(error.detail, "Correct PHOTOSYNC_TICKET_URL: that is not the system's interface.")
    if found.well and at.settings.ticket_language not in packaged.languages(at.settings.locales_dir).tags:
        return failed(
            f"{found.found}; there is no language {at.settings.ticket_language}",
            "Put the tag of a language of `photosync locales list` into PHOTOSYNC_TICKET_LANGUAGE.",
        )
    return ok(found.found) if found.well else failed(found.found, found.fix)
