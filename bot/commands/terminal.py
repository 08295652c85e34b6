"""What an admin reads and types: lines of complaint, text from outside, numbers on the command line."""

from __future__ import annotations

import argparse
import re
import sys

EXIT_USAGE = 2  # exit status for wrong use or wrong settings
_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"  # of a host name


def complain(*lines: str, status: int = 1) -> int:
    """Write each line to standard error under the command's name; returns the exit status. What was typed or came from
    outside may be in it."""
    sys.stderr.writelines(f"photosync: {without_controls(line)}\n" for line in lines)
    return status


def without_controls(text: str) -> str:
    """One line, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def public_host(text: str) -> str:
    """A host of the command line by which Teams finds it, in lower case, perhaps with a port."""
    if len(text) > 253 or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})+(:[0-9]{{1,5}})?", text.lower()):
        raise argparse.ArgumentTypeError("must be a host name such as photosync.contoso.com, without https://")
    return text.lower()


def user(text: str) -> str:
    """A user principal name or object id of the command line."""
    try:
        text.encode()
    except UnicodeEncodeError:  # what Python makes of bytes that are no text
        raise argparse.ArgumentTypeError("is not UTF-8") from None
    # An unset variable of a script, a path, a line of a file with its end: Graph would answer with everybody, or with
    # what reads like an outage.
    if not text.strip(".") or not text.isprintable() or set(text) & set(" /\\"):
        raise argparse.ArgumentTypeError("must be a user principal name or an object id")
    return text


def port(text: str) -> int:
    """A port number of the command line."""
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def number(text: str) -> int:
    """Any number of the command line."""
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError("must be a number")
    return int(text)
