"""The command, its arguments and questions."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from bot.clouds import CLOUDS
from bot.commands.configuration import environment
from bot.commands.setup.plan import CREDENTIALS, FEATURES, Plan
from bot.commands.setup.progress import Progress
from bot.commands.setup.script import bash, powershell
from bot.commands.setup.steps import STEPS
from bot.commands.terminal import EXIT_USAGE, complain, public_host
from bot.graph.proofs import token_file_claims
from bot.settings import Use, read

_USUAL_ENV = Path(".env")


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--host", type=public_host, help="the bot's name on the internet, such as photosync.contoso.com"
    )
    parser.add_argument("--tenant", type=_word, default="", help="id or domain (default: that of who signs in)")
    parser.add_argument(
        "--with",
        dest="features",
        type=_features,
        metavar="FEATURE,...",
        help=f"optional parts: {', '.join(FEATURES)}, or none",
    )
    parser.add_argument("--credential", choices=CREDENTIALS, help="what the bot signs in with (default: the safest)")
    parser.add_argument("--issuer", type=_word, default="", help="of federated tokens (the cluster's OIDC issuer)")
    parser.add_argument("--subject", type=_word, default="", help="of federated tokens, or the identity's principal id")
    parser.add_argument("--identity", type=_word, default="", help="client id of the managed identity, or system")
    parser.add_argument("--name", type=_name, default="photosync", help="unique name (default %(default)s)")
    parser.add_argument("--subscription", type=_word, default="", help="of Azure, for the bot")
    parser.add_argument("--resource-group", type=_name, default="photosync", help="default %(default)s")
    parser.add_argument("--location", type=_word, default="westeurope", help="of that group (default %(default)s)")
    parser.add_argument("--bot-name", type=_name, default="photosync", help="unique in Azure (default %(default)s)")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--print", choices=("bash", "powershell"), help="write a script instead, and do nothing")
    what.add_argument("--remove", action="store_true", help="take back what setup made")
    parser.set_defaults(run=_run)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{3,41}", text):
        raise argparse.ArgumentTypeError("must be 4 to 42 letters, digits, - and _")
    return text


def _word(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{0,600}", text) or set(text) & set("'\"\\`$"):
        raise argparse.ArgumentTypeError("must be one plain word")
    return text


def _features(text: str) -> frozenset[str]:
    found = frozenset(part.strip() for part in text.split(",")) - {"", "none"}
    if found - set(FEATURES):
        raise argparse.ArgumentTypeError(f"must be of {', '.join(FEATURES)}, or none")
    return found


def _run(chosen: argparse.Namespace) -> int:
    env_file: Path = getattr(chosen, "env_file", _USUAL_ENV)
    if not env_file.exists():
        chosen.env_file = Path(os.devnull)  # it is written at the end
    environ = environment(chosen)
    settings = read(environ, Use.STORE)
    progress = Progress(Console(stderr=chosen.json), as_json=chosen.json)
    questions = not chosen.yes and sys.stdin.isatty()
    if not (questions or chosen.yes or chosen.print):
        return complain("nobody can be asked here: --yes goes on without questions", status=EXIT_USAGE)
    try:
        plan = planned(chosen, environ, env_file, progress if questions else None)
    except ValueError as error:
        return complain(str(error), status=EXIT_USAGE)
    if chosen.print:
        write = bash if chosen.print == "bash" else powershell
        sys.stdout.write(write(plan, CLOUDS[settings.cloud], list(STEPS)))
        return 0
    from bot.commands.setup.work import work  # noqa: PLC0415 - msal and all that is called, after wrong use is named

    try:
        return asyncio.run(work(settings, environ, plan, chosen, progress if questions else None, progress))
    except KeyboardInterrupt:
        return complain("stopped; run it again: it goes on where it ended", status=130)


def planned(chosen: argparse.Namespace, environ: Mapping[str, str], env_file: Path, asking: Progress | None) -> Plan:
    """The plan of the arguments, and of answers where something is left open. Raises `ValueError`."""
    host, features = chosen.host, chosen.features
    if not host and not chosen.remove:
        if asking is None:
            raise ValueError("--host is missing: the bot's name on the internet, such as photosync.contoso.com")
        try:
            host = public_host(asking.question("The bot's name on the internet, such as photosync.contoso.com"))
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"it {error}") from None
    if features is None:
        open_ones = {} if asking is None or chosen.remove or chosen.print else FEATURES
        features = frozenset(
            name
            for name, text in open_ones.items()
            if asking and asking.agreed(f"{text[0].upper()}{text[1:]}?", default=False)
        )
    if environ.get("MicrosoftAppType", "").lower() == "userassignedmsi":
        raise ValueError(
            "MicrosoftAppType is UserAssignedMSI: setup makes a bot of the type SingleTenant (docs/setup.md)"
        )
    credential = chosen.credential or _safest(chosen, environ)
    file = environ.get("AZURE_FEDERATED_TOKEN_FILE", "")
    platform = token_file_claims(Path(file)) if credential == "federated" and file else {}
    plan = Plan(
        host=host or "",
        features=features,
        credential=credential,
        issuer=chosen.issuer or str(platform.get("iss", "")),
        subject=chosen.subject or str(platform.get("sub", "")),
        identity=chosen.identity,
        name=chosen.name,
        display_name=environ.get("PHOTOSYNC_APP_NAME", "").strip() or "Photosync",
        subscription=chosen.subscription,
        resource_group=chosen.resource_group,
        location=chosen.location,
        bot_name=chosen.bot_name,
        app_version=version("photosync-teams-bot"),
        env_file=env_file,
    )
    folder = env_file.parent
    plan = replace(plan, **{one: folder / getattr(plan, one) for one in ("certificate", "package", "mail")})
    if plan.credential == "federated" and not (plan.issuer and plan.subject):
        raise ValueError("--credential federated needs --issuer and --subject")
    if plan.credential == "identity" and not (plan.identity and plan.subject):
        raise ValueError("--credential identity needs --identity and --subject (the identity's principal id)")
    return plan


def _safest(chosen: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """Without a secret where it runs on a platform that vouches for it; else a key that never leaves this machine."""
    if chosen.identity:
        return "identity"
    if chosen.issuer or environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        return "federated"
    return "secret" if environ.get("MicrosoftAppPassword") else "certificate"
