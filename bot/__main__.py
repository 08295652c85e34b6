"""The command line: `photosync`, also `python -m bot`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from dotenv import dotenv_values

from bot.errors import SettingsError
from bot.settings import Settings, read

_WRONG = 2  # exit status for wrong use or wrong settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    chosen = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = chosen.command
    try:
        return command(chosen)
    except SettingsError as error:
        _complain("the settings are not complete:", *(f"  {problem}" for problem in error.problems))
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
    parser.add_argument("--version", action="version", version=f"photosync {version('photosync')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="a pretend tenant, the bot and a chat page: no configuration")
    demo.add_argument("--port", type=_port, default=3979, help="where the chat page listens (default 3979, 0: any)")
    demo.add_argument("--no-browser", action="store_true", help="do not open a browser")
    demo.add_argument("--terminal", action="store_true", help="chat in the terminal, without a page")
    demo.set_defaults(command=_demo)

    serve = commands.add_parser("serve", help="run the bot, configured by the environment")
    serve.set_defaults(command=_serve)

    check = commands.add_parser("check", help="look at one person's two photos")
    check.add_argument("user", metavar="USER", help="user principal name or object id")
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
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError("must be a number")
    return int(text)


def environment() -> Mapping[str, str]:
    """The process's environment, over a `.env` file in the working folder."""
    file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**file, **os.environ}


def _settings(*, serving: bool) -> Settings:
    from bot import logs  # noqa: PLC0415 - `--help` stays fast

    settings = read(environment(), serving=serving)
    logs.set_up(settings)
    return settings


def _serve(_: argparse.Namespace) -> int:
    settings = _settings(serving=True)
    from bot import app  # noqa: PLC0415 - wrong settings are told at once
    from bot.store.base import NewerSchema  # noqa: PLC0415

    try:
        asyncio.run(app.serve(settings))
    except OSError as error:
        _complain(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")
        return 1
    except NewerSchema as error:
        _complain(str(error))
        return 1
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from bot import check  # noqa: PLC0415 - likewise

    return asyncio.run(check.check(_settings(serving=False), chosen.user))


def _scan(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot.scan.command import scan  # noqa: PLC0415 - likewise

    # The report says what was wrong with whom; a line of log for each would only tear the progress bar.
    logging.getLogger("bot").setLevel(logging.CRITICAL)
    return asyncio.run(scan(settings, chosen.out, resume=chosen.resume))


def _erase(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot import admin  # noqa: PLC0415 - likewise

    return asyncio.run(admin.erase(settings, chosen.user))


def _work_list(_: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot import admin  # noqa: PLC0415 - likewise

    return asyncio.run(admin.work_list(settings))


def _work_retry(chosen: argparse.Namespace) -> int:
    settings = _settings(serving=False)
    from bot import admin  # noqa: PLC0415 - likewise

    return asyncio.run(admin.work_retry(settings, chosen.id))


def _demo(chosen: argparse.Namespace) -> int:
    from bot.demo import demo  # noqa: PLC0415 - likewise

    return asyncio.run(demo(port=chosen.port, browser=not chosen.no_browser, terminal=chosen.terminal))


if __name__ == "__main__":
    run()
