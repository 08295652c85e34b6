"""Log lines: JSON by default, never with a token, a name, an id of a person, a message or a photo in them.

Of what a line is about it names the case (`CASE`), by which `photosync case` finds the rest, the turn or job (`TURN`),
by which lines are told apart that were written at once, and the trace where there are traces.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
from datetime import UTC, datetime

from bot.settings import Settings
from bot.traces import CASE, CURRENT, TURN

_PROCESS = secrets.token_hex(2)  # so that turns of several replicas are not taken for one


def _about() -> dict[str, str]:
    """What a line is about, as far as that is known."""
    turn = TURN.get()
    known = {"case": CASE.get(), "turn": f"{_PROCESS}-{turn}" if turn else "", "trace": CURRENT.get().trace}
    return {name: value for name, value in known.items() if value}


_OWN = ("bot", "dialogs")


def _what(record: logging.LogRecord) -> str:
    """The line's text. Of a library only where it stands: its text may hold an answer, with a token or a name in it."""
    place = f"{record.module}:{record.lineno}"
    if record.name.partition(".")[0] not in _OWN:
        return f"{place} reports something"
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{place} has a line that cannot be written"


class TextLines(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`; without the traceback, since an exception's text may be a person's."""
        at = self.formatTime(record)
        about = ", ".join(f"{name} {value}" for name, value in _about().items())
        about = f" [{about}]" if about else ""
        error = f" ({record.exc_info[0].__name__})" if record.exc_info and record.exc_info[0] else ""
        return f"{at} {record.levelname:<7} {record.name}: {_what(record)}{about}{error}"


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`; of an exception only its type is logged, since its text may be a person's."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "where": record.name,
            "what": _what(record),
            **_about(),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def set_up(settings: Settings) -> None:
    """Log to standard error as the settings ask. Libraries log warnings only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.raiseExceptions = False  # a line that cannot be written would be printed with its values
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)  # Pillow's, of metadata that it cannot read
    for name in _OWN:
        logging.getLogger(name).setLevel(settings.log_level)
