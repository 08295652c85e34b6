"""A case as one JSON document, and back."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from typing import Any

from dialogs.model import Case, Check, Trace, Verdict

_TEXTS = tuple(one.name for one in fields(Case) if one.name not in ("rev", "submissions", "trail", "checks", "traces"))
_YEARS = 2000, 2999  # far enough from where the calendar ends to reckon with, in any time zone
_TIMES = frozenset(("opened_at", "following_since"))


def to_json(case: Case) -> str:
    """The whole case; the same case always gives the same text."""
    return json.dumps(as_document(case), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def as_document(case: Case) -> dict[str, Any]:
    """The whole case as a JSON object."""
    # Their own fields are all that these have; `asdict` would copy each of them on every turn.
    return {**vars(case), "checks": list(map(vars, case.checks)), "traces": list(map(vars, case.traces))}


def from_json(text: str) -> Case:
    """The case; fields it does not know are dropped, fields that are not there get their defaults.

    Raises ValueError for anything that is not a case.
    """
    try:
        document = json.loads(text)
        values: dict[str, Any] = {name: _text(document[name]) for name in _TEXTS if name in document}
        for name in _TIMES & values.keys():
            _time(values[name])
        values["rev"] = _number(document.get("rev", 0))
        handed_over = document.get("outcome") == "escalated"  # a case of before they were counted
        values["submissions"] = _number(document.get("submissions", int(handed_over)))
        values["trail"] = tuple(_text(ref) for ref in document.get("trail", ()))
        values["checks"] = tuple(_check(one) for one in document.get("checks", ()))
        values["traces"] = tuple(
            Trace(_text(one["step"]), _time(one["at"]), _text(one["answer"])) for one in document.get("traces", ())
        )
        return Case(**values)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a case: {type(error).__name__}") from None


def last_touched(case: Case) -> str:
    """When something last happened; UTC, ISO 8601."""
    return max([case.opened_at, *(one.at for one in case.checks[-1:]), *(one.at for one in case.traces[-1:])])


def _check(one: dict[str, Any]) -> Check:
    return Check(
        _time(one["at"]),
        Verdict(one["verdict"]),
        _text(one.get("reason", "")),
        _amount(one.get("similarity")),
        tuple(_text(fact) for fact in one.get("facts", ())),
        _amount(one.get("older_by")),
        _text(one.get("site", "")),
        _text(one.get("site_finding", "")),
        _text(one.get("photo", "")),
        _text(one.get("copy", "")),
    )


def _amount(value: object) -> float | None:
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise TypeError("amount")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _time(value: object) -> str:
    """UTC, ISO 8601; "" where nothing has happened yet."""
    text = _text(value)
    if text:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None or not _YEARS[0] <= time.year <= _YEARS[1]:
            raise TypeError("time")
    return text


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("number")
    return value
