"""The command line: `photosync`, also `python -m bot`."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from bot.errors import LocalesError, SettingsError
from bot.settings import Settings, read

if TYPE_CHECKING:
    from bot.commands.locales.folders import Folders

_MOST_WORKERS = 64
_WRONG = 2  # exit status for wrong use or wrong settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    chosen = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = chosen.command
    try:
        return command(chosen)
    except SettingsError as error:
        _complain("the settings are not complete:", *(f"  {problem}" for problem in error.problems))
    except LocalesError as error:
        _complain(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return _WRONG


def run() -> None:
    """The console script."""
    sys.exit(main())


def _complain(*lines: str) -> None:
    sys.stderr.write("photosync: " + "\n".join(lines) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="photosync",
        description="A Teams bot that finds out why a profile photo is old in SharePoint, and walks people "
        "through the fix.",
        epilog="Settings come from the environment or a .env file; the README lists them.",
    )
    own = version("photosync-teams-bot")
    parser.add_argument("--version", action="version", version=f"photosync {own}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="a pretend tenant, the bot and a chat page: no configuration")
    demo.add_argument("--port", type=_port, default=3979, help="where the chat page listens (default 3979, 0: any)")
    demo.add_argument("--no-browser", action="store_true", help="do not open a browser")
    demo.add_argument("--terminal", action="store_true", help="chat in the terminal, without a page")
    demo.set_defaults(command=_demo)

    serve = commands.add_parser("serve", help="run the bot, configured by the environment")
    serve.add_argument("--workers", metavar="N", type=_workers, default=1, help="processes on one port (default 1)")
    serve.add_argument("--socket", metavar="FD", type=_number, help=argparse.SUPPRESS)  # of the one that keeps them
    serve.set_defaults(command=_serve)

    check = commands.add_parser("check", help="look at one person's two photos")
    check.add_argument("user", metavar="USER", help="user principal name or object id")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.add_argument("--site", metavar="ADDRESS", default="", help="look at a SharePoint site too, by its address")
    check.add_argument(
        "--save-pictures",
        metavar="DIR",
        type=Path,
        help="write both pictures into a folder, for the helpdesk to see; without it they are never written",
    )
    check.set_defaults(command=_check)

    scan = commands.add_parser(
        "scan",
        help="look at everybody's two photos, and write a report",
        description="Looks at the photos of everybody in the tenant and writes a CSV file with one row a person: "
        "verdict and cause, never a picture. It may be stopped at any time; --resume goes on. Exit status: 0 if "
        "everybody was told, 1 if not, 2 for wrong use.",
    )
    scan.add_argument("--out", type=Path, default=Path("report.csv"), metavar="FILE", help="default report.csv")
    scan.add_argument("--resume", action="store_true", help="go on with a report, and look again at who was not told")
    scan.set_defaults(command=_scan)

    manifest = commands.add_parser("manifest", help="the Teams app package (zip), all languages in it")
    manifest.add_argument("--out", metavar="FILE", type=Path, default=Path("photosync.zip"), help="default %(default)s")
    manifest.add_argument(
        "--host", type=_host, help="where the app's website, /privacy and /terms are, without https://"
    )
    manifest.add_argument(
        "--app-version",
        metavar="X.Y.Z",
        default=own,
        help="Teams wants a higher one with each upload (default %(default)s)",
    )
    manifest.set_defaults(command=_manifest)

    doctor = commands.add_parser("doctor", help="check everything an installation needs, each with its fix")
    doctor.add_argument("--user", metavar="USER", default="", help="whom to try (default: some member of the tenant)")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(command=_doctor)

    erase = commands.add_parser("erase", help="forget everything about a person")
    erase.add_argument("user", metavar="USER", help="user principal name or object id")
    erase.set_defaults(command=_erase)

    work = commands.add_parser("work", help="due work, and what was given up")
    kinds = work.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = kinds.add_parser("list", help="how much is due, and every dead letter with its number")
    listing.set_defaults(command=_work_list)
    again = kinds.add_parser("retry", help="try a dead letter again now")
    again.add_argument("id", metavar="ID", type=_number, help="its number")
    again.set_defaults(command=_work_retry)

    _locales(commands.add_parser("locales", help="languages: how far each is, a new one, what is wrong, merging"))
    return parser


def _locales(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The files are those of PHOTOSYNC_LOCALES_DIR, laid over the packaged ones; docs/languages.md is a guide."
    )
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    kinds.add_parser("list", help="every language: coverage, plural forms, direction").set_defaults(
        command=_locales_list
    )
    new = kinds.add_parser("new", help="a file ready to be translated")
    new.add_argument("tag", metavar="TAG", help="the language, such as ca or pt-PT")
    new.set_defaults(command=_locales_new)
    lint = kinds.add_parser("check", help="what is wrong, with line numbers; exit status 1 if anything is an error")
    lint.add_argument("tag", metavar="TAG", nargs="?", default="", help="one language; without it all")
    lint.set_defaults(command=_locales_check)
    sync = kinds.add_parser("sync", help="bring changed and new English texts into every language's file")
    sync.set_defaults(command=_locales_sync)
    preview = kinds.add_parser("preview", help="every card of a language as a page and as pictures")
    preview.add_argument("tag", metavar="TAG", help="such as sv or zh-Hant; qps-ploc, qps-plocm: pseudo-languages")
    preview.add_argument("--out", metavar="DIR", type=Path, help="where to (default preview-TAG)")
    preview.set_defaults(command=_locales_preview)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_MOST_WORKERS}")
    if int(text) > 1 and sys.platform == "win32":
        raise argparse.ArgumentTypeError("is 1 on Windows: processes cannot share a port there")
    return int(text)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError("must be a number")
    return int(text)


def _host(text: str) -> str:
    label = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    if len(text) > 253 or not re.fullmatch(rf"{label}(\.{label})*(:[0-9]{{1,5}})?", text.lower()):
        raise argparse.ArgumentTypeError("must be a host name such as photosync.contoso.com")
    return text.lower()


def environment() -> Mapping[str, str]:
    """The process's environment, over a `.env` file in the working folder."""
    file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**file, **os.environ}


def _settings(*, serving: bool, calling: bool = True) -> Settings:
    from bot import logs  # noqa: PLC0415 - `--help` stays fast

    settings = read(environment(), serving=serving, calling=calling)
    logs.set_up(settings)
    return settings


def _serve(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=True)
    if chosen.workers > 1:
        return _serve_many(settings, chosen.workers)
    from bot import app  # noqa: PLC0415 - wrong settings are told at once
    from bot.store.schema import NewerSchema  # noqa: PLC0415

    shared = socket.socket(fileno=chosen.socket) if chosen.socket is not None else None
    try:
        with asyncio.Runner(loop_factory=app.loop_factory()) as runner:
            runner.run(app.serve(settings, shared))
    except OSError as error:
        _complain(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")
        return 1
    except NewerSchema as error:
        _complain(str(error))
        return 1
    return 0


def _serve_many(settings: Settings, count: int) -> int:
    from bot.commands import workers  # noqa: PLC0415 - likewise

    try:
        shared = workers.listening(settings)
    except OSError as error:
        _complain(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")
        return 1
    with shared:
        return asyncio.run(workers.serve(settings, count, shared))


def _check(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot.commands import check  # noqa: PLC0415 - likewise

    asked = check.Asked(chosen.user, chosen.site, as_json=chosen.json, save_to=chosen.save_pictures)
    try:
        return asyncio.run(check.check(settings, asked))
    except check.CannotCheck as error:
        _complain(str(error))
        return _WRONG


def _doctor(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=True)
    from bot.commands import doctor  # noqa: PLC0415 - likewise

    if settings.log_level != "DEBUG":
        logging.disable(logging.ERROR)  # what is found stands in its line: the log would tell it twice
    return asyncio.run(doctor.doctor(settings, user=chosen.user, as_json=chosen.json))


def _manifest(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=False, calling=False)
    from bot.commands.manifest import manifest  # noqa: PLC0415 - likewise

    return manifest(settings, chosen.out, host=chosen.host, version=chosen.app_version)


def _scan(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot.commands.scan.command import scan  # noqa: PLC0415 - likewise

    # The report says what was wrong with whom; a line of log for each would only tear the progress bar.
    logging.getLogger("bot").setLevel(logging.CRITICAL)
    return asyncio.run(scan(settings, chosen.out, resume=chosen.resume))


def _erase(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot.commands import manage  # noqa: PLC0415 - likewise

    return asyncio.run(manage.erase(settings, chosen.user))


def _work_list(_: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot.commands import manage  # noqa: PLC0415 - likewise

    return asyncio.run(manage.work_list(settings))


def _work_retry(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot.commands import manage  # noqa: PLC0415 - likewise

    return asyncio.run(manage.work_retry(settings, chosen.id))


def _locales_dir() -> Path | None:
    """The installation's own languages; the other settings do not matter to the `locales` commands."""
    named = environment().get("PHOTOSYNC_LOCALES_DIR", "")
    return Path(named) if named else None


def _locales_preview(chosen: argparse.Namespace) -> int:
    from bot.commands.preview.command import preview  # noqa: PLC0415 - likewise

    return preview(chosen.tag, chosen.out, _locales_dir())


def _folders() -> Folders:
    from bot.commands.locales.folders import folders  # noqa: PLC0415 - likewise
    from bot.resources import LOCALES  # noqa: PLC0415

    # Only this one setting: whoever translates needs no registration.
    return folders(LOCALES, environment().get("PHOTOSYNC_LOCALES_DIR", ""))


def _locales_list(_: argparse.Namespace) -> int:
    from bot.commands.locales.coverage import show  # noqa: PLC0415 - likewise

    return show(_folders())


def _locales_new(chosen: argparse.Namespace) -> int:
    from bot.commands.locales.new import create  # noqa: PLC0415 - likewise

    return create(_folders(), chosen.tag)


def _locales_check(chosen: argparse.Namespace) -> int:
    from bot.commands.locales.check import check  # noqa: PLC0415 - likewise

    return check(_folders(), chosen.tag)


def _locales_sync(_: argparse.Namespace) -> int:
    from bot.commands.locales.sync import sync  # noqa: PLC0415 - likewise

    return sync(_folders())


def _demo(chosen: argparse.Namespace) -> int:
    if importlib.util.find_spec("trustme") is None:
        _complain("the demo needs what `serve` does not:", "  pip install 'photosync-teams-bot[demo]'")
        return _WRONG
    from bot.commands.demo import demo  # noqa: PLC0415 - likewise

    # A demo is without configuration, but whoever writes a language wants to see it.
    own = environment().get("PHOTOSYNC_LOCALES_DIR", "")
    return asyncio.run(demo(port=chosen.port, browser=not chosen.no_browser, terminal=chosen.terminal, locales_dir=own))


if __name__ == "__main__":
    run()
