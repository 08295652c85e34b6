"""An activity's JSON -> our `Incoming`. Light on purpose: the SDK's own reading costs more than the whole turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from bot.conversation import Address, Incoming, Kind, Scope

LONGEST_TEXT = 2_000  # letters
_LONGEST_ID = 512
_DEEPEST = 64


class NotAnActivity(Exception):
    """400: JSON that is no activity, or no JSON."""


def parse(body: bytes) -> dict[str, Any]:
    """A body as an object: valid UTF-8, no NaN, no name twice, not too deep. Raises `NotAnActivity`."""
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NotAnActivity("not JSON") from None
    if not isinstance(found, dict) or _depth_exceeds(found, _DEEPEST):
        raise NotAnActivity("not an object")
    return found


def incoming(activity: dict[str, Any], bot: str) -> Incoming:
    """What an authenticated activity says. Raises `NotAnActivity` where a field it needs has the wrong type."""
    kind_name = _needed(activity, "type")
    conversation, sender = _object(activity, "conversation"), _object(activity, "from")
    recipient = _object(activity, "recipient")
    here = _needed(conversation, "id")
    entities = _entities(activity)
    info = next((one for one in entities if one.get("type") == "clientInfo"), {})
    mentions = [one for one in entities if one.get("type") == "mention"]
    mentioned = [one for one in mentions if _text(_object(one, "mentioned"), "id") == _text(recipient, "id")]
    from_us = bool(_text(sender, "id")) and _text(sender, "id") == _text(recipient, "id")
    kind = Kind.OTHER if from_us or sender.get("role") == "bot" else _KINDS.get(kind_name, _other)(activity)
    return Incoming(
        id=_text(activity, "id"),
        kind=kind,
        scope=_scope(conversation),
        address=Address(
            service_url=_needed(activity, "serviceUrl"),
            conversation=here,
            bot=_text(recipient, "id") or f"28:{bot}",
            user=_text(sender, "id"),
            tenant=_text(conversation, "tenantId") or _text(_object(_object(activity, "channelData"), "tenant"), "id"),
        ),
        person=_text(sender, "aadObjectId").lower(),
        name=_text(sender, "name"),
        text=_words(activity, mentioned),
        value=_value(activity) if kind is Kind.PRESSED else {},
        locale=_text(activity, "locale") or _text(info, "locale"),
        platform=_text(info, "platform"),
        reply_to=_text(activity, "replyToId"),
        mentioned=bool(mentioned),
    )


def _message(activity: dict[str, Any]) -> Kind:
    if isinstance(activity.get("value"), dict):
        return Kind.PRESSED
    return Kind.TYPED


def _installation(activity: dict[str, Any]) -> Kind:
    return {"add": Kind.INSTALLED, "add-upgrade": Kind.OTHER, "remove": Kind.REMOVED, "remove-upgrade": Kind.OTHER}.get(
        _text(activity, "action"), Kind.OTHER
    )


def _conversation_update(activity: dict[str, Any]) -> Kind:
    added = activity.get("membersAdded")
    us = _text(_object(activity, "recipient"), "id")
    here = isinstance(added, list) and any(isinstance(one, dict) and us and one.get("id") == us for one in added)
    return Kind.INSTALLED if here else Kind.OTHER


def _invoke(activity: dict[str, Any]) -> Kind:
    return Kind.PRESSED if activity.get("name") == "adaptiveCard/action" else Kind.OTHER


def _other(activity: dict[str, Any]) -> Kind:
    del activity
    return Kind.OTHER


_KINDS: dict[str, Callable[[dict[str, Any]], Kind]] = {
    "message": _message,
    "invoke": _invoke,
    "installationUpdate": _installation,
    "conversationUpdate": _conversation_update,
}


def _value(activity: dict[str, Any]) -> dict[str, Any]:
    value = _object(activity, "value")
    if activity.get("type") == "invoke":
        return _object(_object(value, "action"), "data")
    return value


def _scope(conversation: dict[str, Any]) -> Scope:
    kind = _text(conversation, "conversationType")
    group = conversation.get("isGroup") is True or kind not in ("", "personal")
    return Scope.GROUP if group else Scope.PERSONAL


def _words(activity: dict[str, Any], mentioned: list[dict[str, Any]]) -> str:
    text = _text(activity, "text", longest=1 << 20)
    for mention in mentioned:
        text = text.replace(_text(mention, "text") or "\0", " ")
    return text.strip()[:LONGEST_TEXT]


def _entities(activity: dict[str, Any]) -> list[dict[str, Any]]:
    entities = activity.get("entities")
    return [one for one in entities if isinstance(one, dict)] if isinstance(entities, list) else []


def _object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _text(parent: dict[str, Any], name: str, *, longest: int = _LONGEST_ID) -> str:
    """A string or, for anything else, nothing; lone surrogates cannot be stored or sent, so they go."""
    value = parent.get(name)
    if not isinstance(value, str):
        return ""
    return value[:longest].encode("utf-8", "ignore").decode("utf-8")


def _needed(parent: dict[str, Any], name: str) -> str:
    value = _text(parent, name)
    if not value:
        raise NotAnActivity(f"no {name}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _depth_exceeds(part: Any, most: int) -> bool:
    level = [part]
    for _ in range(most):
        level = [
            child
            for one in level
            for child in (one.values() if isinstance(one, dict) else one)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
