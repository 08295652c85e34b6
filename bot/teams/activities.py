"""An activity's JSON -> our `Incoming`. Light on purpose: the SDK's own reading costs more than the whole turn.

What is needed and has the wrong type is refused; what is not needed is not looked at.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.conversation import ActivityKind, Address, Incoming, Scope
from bot.teams.refusal import Refusal
from bot.teams.text import Written, written
from dialogs.text import visible

_MAX_NAME = 256
_MAX_ID = 1_024
_MAX_WORDS = 1_000  # letters beside a rating
_MAX_TAG = 64  # letters of a language's tag
_MAX_DEPTH = 64
_LANGUAGE = re.compile(r"[A-Za-z0-9]{1,8}([-_][A-Za-z0-9]{1,8}){0,4}")
_PERSON = re.compile(r"[0-9A-Za-z-]{1,64}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")
_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d$")
_NOTHING = Written("")
_BOT = "28:"  # begins the ids of bots in Teams; people's begin with 29:

Activity = Mapping[str, Any]


# From bytes to JSON


def parse(body: bytes) -> dict[str, Any]:
    """A body as an object: valid UTF-8, finite numbers, no name twice, not too deep. Raises `Refusal`.

    Lone surrogates, which can be neither stored nor sent, become U+FFFD.
    """
    try:
        found = _DECODER.decode(body.decode("utf-8-sig"))  # a proxy may have put a mark before it
        # Only an escape can bring a lone surrogate, only many brackets depth: most bodies need no second look.
        suspicious = b"\\ud" in body.lower() or body.count(b"{") + body.count(b"[") > _MAX_DEPTH
        valid = _valid(found, _MAX_DEPTH) if suspicious else found
    except (ValueError, RecursionError):
        raise Refusal("not_an_activity") from None
    if not isinstance(valid, dict):
        raise Refusal("not_an_activity")
    return valid


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("larger than any number")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)


def _valid(part: Any, deeper: int) -> Any:
    if isinstance(part, str):
        return (
            part.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            if not _is_valid_unicode(part)
            else part
        )
    if not isinstance(part, dict | list):
        return part
    if deeper == 0:
        raise ValueError("too deep")
    if isinstance(part, list):
        return [_valid(one, deeper - 1) for one in part]
    return {_valid(name, 0): _valid(value, deeper - 1) for name, value in part.items()}


def _is_valid_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


# From JSON to what happened


def is_foreign(activity: Activity, tenant: str) -> bool:
    """Whether it comes from another tenant than ours, from two at once, or does not say."""
    named = (
        _object(activity, "conversation").get("tenantId"),
        _object(_object(activity, "channelData"), "tenant").get("id"),
    )
    tenants = {str(one).lower() for one in named if one is not None}
    return tenants != {tenant}


def read_incoming(activity: Activity, bot: str) -> Incoming | None:
    """What an authenticated activity says; None for what a bot said, ourselves included. Raises `Refusal`."""
    read = _READERS.get(_required(activity, "type"), _other)
    sender, recipient = _object(activity, "from"), _object(activity, "recipient")
    number, user = _id(activity, "id"), _id(sender, "id")
    if read in (_message, _invoke) and (sender.get("role") == "bot" or user.startswith(_BOT)):
        return None
    kind, value = read(activity)
    if kind is not ActivityKind.OTHER and not (number and user):
        raise Refusal("not_an_activity")
    us = _id(recipient, "id") or f"{_BOT}{bot}"
    conversation = _object(activity, "conversation")
    entities = _entities(activity)
    mentions = [one for one in entities if one.get("type") == "mention" and _object(one, "mentioned")]
    text = _text(activity, "text")
    words = (
        _NOTHING
        if kind is not ActivityKind.TYPED
        else written(text, activity.get("attachments"), mentions, us, _text(recipient, "name"))
    )
    client = next((one for one in entities if one.get("type") == "clientInfo"), {})
    return Incoming(
        id=number,
        kind=kind,
        scope=_scope(conversation),
        address=Address(
            service_url=_required(activity, "serviceUrl"),
            conversation=_required(conversation, "id"),
            bot=us,
            user=user,
            tenant=_id(conversation, "tenantId") or _id(_object(_object(activity, "channelData"), "tenant"), "id"),
        ),
        person=_person(sender),
        name=visible(_text(sender, "name")[: 4 * _MAX_NAME])[:_MAX_NAME],
        text=words.text,
        links=words.links,
        value=value,
        timezone=_timezone(activity, client),
        locale=_language(activity) or _language(client),
        platform=_text(client, "platform")[:64],
        reply_to=_id(activity, "replyToId"),
        mentioned=any(_object(one, "mentioned").get("id") == us for one in mentions),
        is_invoke=read is _invoke and kind is ActivityKind.PRESSED,
    )


def _message(activity: Activity) -> tuple[ActivityKind, Activity]:
    if isinstance(activity.get("value"), str) and not _text(activity, "text"):
        return ActivityKind.TYPED, {}  # a submit whose data is a text: it says nothing that could be understood
    value = _object(activity, "value")
    return (ActivityKind.PRESSED, value) if value else (ActivityKind.TYPED, {})


def _installation(activity: Activity) -> tuple[ActivityKind, Activity]:
    # An upgrade of the app is neither: nobody is welcomed twice.
    return {"add": ActivityKind.INSTALLED, "remove": ActivityKind.REMOVED}.get(
        _text(activity, "action"), ActivityKind.OTHER
    ), {}


def _conversation_update(activity: Activity) -> tuple[ActivityKind, Activity]:
    us = _id(_object(activity, "recipient"), "id")
    added = activity.get("membersAdded")
    joined = isinstance(added, list) and us and any(isinstance(one, dict) and one.get("id") == us for one in added)
    return (ActivityKind.INSTALLED if joined else ActivityKind.OTHER), {}


def _invoke(activity: Activity) -> tuple[ActivityKind, Activity]:
    name, value = activity.get("name"), _object(activity, "value")
    if name == "message/submitAction" and value.get("actionName") == "feedback":
        return ActivityKind.RATED, _rating(_object(value, "actionValue"))
    if name != "adaptiveCard/action":
        raise Refusal("unknown_invoke")
    return ActivityKind.PRESSED, _object(_object(value, "action"), "data")


def _rating(given: Activity) -> Activity:
    """What Teams' thumbs say, as a button would: the words come as JSON in a text, or not at all."""
    try:
        form = json.loads(_text(given, "feedback") or "{}")
    except (ValueError, RecursionError):
        form = {}
    words = form.get("feedbackText") if isinstance(form, dict) else ""
    score = {"like": "up", "dislike": "down"}.get(_text(given, "reaction"), "")
    return {"score": score, "comment": words[:_MAX_WORDS] if isinstance(words, str) else ""}


def _other(_: Activity) -> tuple[ActivityKind, Activity]:
    return ActivityKind.OTHER, {}


_READERS: Mapping[str, Callable[[Activity], tuple[ActivityKind, Activity]]] = {
    "message": _message,
    "invoke": _invoke,
    "installationUpdate": _installation,
    "conversationUpdate": _conversation_update,
}
"""By the activity's type, what it is and what its button carried."""


def _scope(conversation: Activity) -> Scope:
    """Anything that is not surely a 1:1 chat counts as a group: what is personal is not shown there."""
    kind, group = _text(conversation, "conversationType"), conversation.get("isGroup")
    alone = group in (None, False) and (kind == "personal" or (not kind and _id(conversation, "id")[:3] != "19:"))
    return Scope.PERSONAL if alone else Scope.GROUP


def _person(sender: Activity) -> str:
    person = _text(sender, "aadObjectId").lower()
    if person and not _PERSON.fullmatch(person):
        raise Refusal("not_an_activity")
    return person


def _timezone(activity: Activity, client: Activity) -> str:
    """The person's time zone by name, else their present offset from UTC, else ""."""
    for name in (activity.get("localTimezone"), client.get("timezone")):
        if isinstance(name, str) and len(name) <= _MAX_TAG and _is_zone(name):
            return name
    local = activity.get("localTimestamp")
    offset = _OFFSET.search(local) if isinstance(local, str) and len(local) <= _MAX_TAG else None
    return offset[0] if offset else ""


@lru_cache(maxsize=256)
def _is_zone(name: str) -> bool:
    try:
        return bool(_ZONE.fullmatch(name)) and ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _language(source: Activity) -> str:
    locale = source.get("locale")
    return locale if isinstance(locale, str) and len(locale) <= _MAX_TAG and _is_language(locale) else ""


@lru_cache(maxsize=256)
def _is_language(locale: str) -> bool:
    return _LANGUAGE.fullmatch(locale) is not None


def _entities(activity: Activity) -> list[dict[str, Any]]:
    entities = activity.get("entities")
    return [one for one in entities if isinstance(one, dict)] if isinstance(entities, list) else []


# One field


def _object(parent: Activity, name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal("not_an_activity")
    return value


def _text(parent: Activity, name: str) -> str:
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal("not_an_activity")
    return value


def _id(parent: Activity, name: str) -> str:
    """An id is whole or refused: a part of one would be another's."""
    value = _text(parent, name)
    if len(value) > _MAX_ID or value in (".", ".."):
        raise Refusal("not_an_activity")
    return value


def _required(parent: Activity, name: str) -> str:
    value = _id(parent, name)
    if not value:
        raise Refusal("not_an_activity")
    return value
