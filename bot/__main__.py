"""The command line: `photosync`, also `python -m bot`.

A command is a module that offers `add(parser)`, which declares its arguments and, with `set_defaults(run=...)`, the
function that does it and returns the exit status. A module is imported when its command is chosen: `--help` and a wrong
command line cost no imports.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from bot.commands.terminal import EXIT_USAGE, complain
from bot.errors import LocalesError, SettingsError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("bot.commands.demo", "a pretend tenant, the bot and a chat page: no configuration"),
    "setup": ("bot.commands.setup.command", "register everything in the tenant, step by step; can be run again"),
    "serve": ("bot.commands.serve", "run the bot, configured by the environment"),
    "check": ("bot.commands.check.command", "compare one person's two photos"),
    "scan": ("bot.commands.scan.command", "compare everybody's two photos, and write a report"),
    "manifest": ("bot.commands.manifest", "the Teams app package (zip), all languages in it"),
    "doctor": ("bot.commands.doctor.command", "check everything an installation needs, each with its fix"),
    "numbers": ("bot.commands.numbers", "what became of people's cases: the figures for the helpdesk"),
    "case": ("bot.commands.case", "one case in words, by the number on its card"),
    "erase": ("bot.commands.erase", "delete everything about a person"),
    "work": ("bot.commands.work", "open jobs and dead letters"),
    "store": ("bot.commands.store", "a backup of the database; the database into another one"),
    "topics": ("bot.commands.topics", "the steps of this installation: what is wrong with its own files"),
    "locales": ("bot.commands.locales.command", "languages: coverage, a new one, what is wrong, merging, preview"),
}
"""Each command's module and its line of help."""


class _Parser(argparse.ArgumentParser):
    """Asks its command's module for the arguments when it has to parse something. All take --env-file."""

    def __init__(self, *, module: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._module = module
        self.add_argument(
            "--env-file", metavar="FILE", type=Path, default=argparse.SUPPRESS, help="settings (default .env, if there)"
        )

    def parse_known_args(  # type: ignore[override]  # the overloads are typeshed's
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        module, self._module = self._module, ""
        if module:
            import_module(module).add(self)
        return super().parse_known_args(args, namespace)


class _Version(argparse.Action):
    """Reads the version only when it is asked for: the package's metadata takes a while to import."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        sys.stdout.write(f"photosync {version('photosync-teams-bot')}\n")
        parser.exit()


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    _make_writable()
    try:
        return _run(arguments)
    except SettingsError as error:
        return complain(*error.problems, status=EXIT_USAGE)
    except LocalesError as error:
        return complain(str(error), status=EXIT_USAGE)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:  # a full disk under the output, a working folder that is gone
        _give_up_output()
        return complain(": ".join(filter(None, (error.filename and str(error.filename), error.strerror or str(error)))))


def _run(arguments: list[str] | None) -> int:
    try:
        chosen = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = chosen.run
        return run(chosen)
    finally:
        sys.stdout.flush()  # here what cannot be written is reported in words


def _make_writable() -> None:
    """Whatever the surroundings: an output that was closed swallows, one of few letters gets others escaped."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="backslashreplace")


def _give_up_output() -> None:
    """What could not be written is not tried again at the end, where it would be a traceback."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> None:
    """The console script."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="photosync",
        description="A Teams bot that finds out why a profile photo is old in SharePoint, and walks people "
        "through the fix.",
        epilog="Settings come from the environment, over a .env file; the README lists them.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, line) in COMMANDS.items():
        commands.add_parser(name, help=line, module=module)
    return parser


if __name__ == "__main__":
    run()
