"""One person's chat with the bot, as tests, the page and the terminal drive it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.fitness import parts
from sandbox.transcript import Shown, Transcript
from sandbox.world import Person

if TYPE_CHECKING:
    from sandbox.channel import Channel


_LINK = re.compile(r"(https?://[^\s<>\"]+)")
_CALLED = re.compile(r"^\s*@photosync\b[\s,:]*", re.IGNORECASE)


@dataclass(frozen=True)
class Delivered:
    """What the bot answered to an activity."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Chat(Transcript):
    """One person's chat with the bot: `kind` is `personal`, `groupChat` or `channel`."""

    def __init__(self, channel: Channel, person: Person, conversation: str, kind: str = "personal") -> None:
        super().__init__(conversation)
        self.channel = channel
        self.person = person
        self.kind = kind
        self.locale = person.locale
        self.platform = person.platform
        self.timezone = "Europe/Riga"

    async def say(self, text: str, **changes: Any) -> int:
        """Write something; returns the status of the bot's answer. `changes` override fields of the activity.

        As in Teams the text has entities, and the message comes as HTML too. In front of others the bot hears only what
        is said to it: there the text begins with its mention.
        """
        if self.kind != "personal":
            text = _CALLED.sub("", text, count=1)  # Teams makes the mention of what is typed
        plain = html.escape(text, quote=False)
        return await self._write(plain, "<p>" + _LINK.sub(r'<a href="\1">\1</a>', plain) + "</p>", changes)

    async def paste(self, address: str, title: str, words: str = "") -> int:
        """Paste a link, behind some words: its text is the page's title then, its address only in the HTML."""
        plain, shown = html.escape(words, quote=False), html.escape(title, quote=False)
        link = f'<a href="{html.escape(address)}" rel="noreferrer noopener" title="{html.escape(address)}" target="_blank">{shown}</a>'
        return await self._write(f"{plain} {shown}".strip(), f"<p>{plain} {link}</p>", {})

    async def send_picture(self) -> int:
        """Send a picture without a word."""
        address = f"{self.channel.url}/v3/attachments/1/views/original"
        picture = {"contentType": "image/*", "contentUrl": address}
        return await self._write("", f'<p><img src="{address}" itemscope="image"></p>', {}, picture)

    async def _write(self, text: str, content: str, changes: dict[str, Any], *more: dict[str, Any]) -> int:
        activity = {**self.channel.activity(self), "type": "message", "textFormat": "plain", "text": text}
        if self.kind != "personal":
            called = {"id": self.channel.bot_account, "name": "Photosync"}
            mention = {"type": "mention", "mentioned": called, "text": "<at>Photosync</at>"}
            activity["text"] = f"<at>Photosync</at>&nbsp;{text}"
            activity["entities"] = [*activity["entities"], mention]
            content = (
                f'<span itemscope itemtype="http://schema.skype.com/Mention" itemid="0">Photosync</span>&nbsp;{content}'
            )
        activity["attachments"] = [*more, {"contentType": "text/html", "content": content}]
        activity |= changes
        self.add(str(activity["id"]), {**activity, "text": html.unescape(str(activity["text"]))}, mine=True)
        return (await self.deliver(activity)).status

    async def press(
        self, action: str | dict[str, Any], inputs: dict[str, Any] | None = None, card: str | None = None
    ) -> int:
        """Press a button of the newest card, or of the message `card`; a dict is sent as it is.

        `rate up` names the button whose data also has the score `up`. Raises LookupError if there is none.
        """
        shown = self.shown(card)
        if isinstance(action, dict):
            return await self._submit({**action, **(inputs or {})}, shown)
        button = _button(shown, action)
        data = {**button["data"], **(inputs or {})}
        if button["type"] == "Action.Execute":
            return (await self.invoke(data, shown.id))[0]
        return await self._submit(data, shown)

    async def _submit(self, value: dict[str, Any], shown: Shown) -> int:
        activity = {**self.channel.activity(self), "type": "message", "value": value, "replyToId": shown.reply_id}
        return (await self.deliver(activity)).status

    async def invoke(self, data: dict[str, Any], card: str | None = None) -> tuple[int, Any]:
        """Press an Action.Execute; returns the status and the answer."""
        activity = {
            **self.channel.activity(self),
            "type": "invoke",
            "name": "adaptiveCard/action",
            "value": {"action": {"type": "Action.Execute", "verb": "press", "data": data}, "trigger": "manual"},
            "replyToId": self.shown(card).reply_id,
        }
        answer = await self.deliver(activity)
        return answer.status, answer.json() if answer.body else None

    async def thumb(self, reaction: str, words: str = "", *, named: bool = True) -> tuple[int, Any]:
        """Press Teams' own thumb under the newest card, `like` or `dislike`; returns the status and the answer.

        `named` off: without the message's id, as it happens. Raises LookupError if the message does not ask for it.
        """
        shown = self.shown()
        if "feedbackLoop" not in (shown.activity.get("channelData") or {}):
            raise LookupError("the message has no thumbs")
        feedback = json.dumps({"feedbackText": words})
        activity = {
            **self.channel.activity(self),
            "type": "invoke",
            "name": "message/submitAction",
            "value": {"actionName": "feedback", "actionValue": {"reaction": reaction, "feedback": feedback}},
            **({"replyToId": shown.reply_id} if named else {}),
        }
        answer = await self.deliver(activity)
        return answer.status, answer.json() if answer.body else None

    async def install(self, order: Sequence[str] = ("installationUpdate", "conversationUpdate")) -> list[int]:
        """Install the bot: two activities almost together, neither with a locale."""
        self.refused = ""
        made: dict[str, dict[str, Any]] = {
            "installationUpdate": {"action": "add"},
            "conversationUpdate": {"membersAdded": [{"id": self.channel.bot_account}]},
        }
        answers = []
        for kind in order:
            activity = {**self.channel.activity(self), "type": kind, **made[kind]}
            activity.pop("locale", None)
            activity.pop("entities", None)
            answers.append((await self.deliver(activity)).status)
        return answers

    async def uninstall(self) -> int:
        """Remove the bot: from now on it is refused here."""
        self.refused = "BotNotInConversationRoster"
        return await self._happened("installationUpdate", action="remove")

    async def edit(self, text: str) -> int:
        """Change the person's own last message."""
        last = self._last()
        last.activity = {**last.activity, "text": text}
        data = {**last.activity["channelData"], "eventType": "editMessage"}
        return await self._happened("messageUpdate", id=last.id, text=text, channelData=data)

    async def withdraw(self) -> int:
        """Delete the person's own last message."""
        last = self._last()
        self.remove(last)
        data = {**last.activity["channelData"], "eventType": "softDeleteMessage"}
        return await self._happened("messageDelete", id=last.id, channelData=data)

    async def react(self, kind: str = "like") -> int:
        """Put a reaction under the bot's last message."""
        last = next(one for one in reversed(self.messages) if not one.mine)
        return await self._happened("messageReaction", reactionsAdded=[{"type": kind}], replyToId=last.reply_id)

    async def deliver(
        self, activity: dict[str, Any], token: str | None = None, headers: dict[str, str] | None = None
    ) -> Delivered:
        """Send an activity as it is."""
        return await self.channel.deliver(json.dumps(activity).encode(), token, headers)

    async def _happened(self, kind: str, **changes: Any) -> int:
        return (await self.deliver({**self.channel.activity(self), "type": kind, **changes})).status

    def _last(self) -> Shown:
        return next(one for one in reversed(self.messages) if one.mine)


def _button(shown: Shown, action: str) -> dict[str, Any]:
    name, _, score = action.partition(" ")
    for one in parts(shown.card):
        data = one.get("data")
        if one["type"] not in ("Action.Submit", "Action.Execute") or not isinstance(data, dict):
            continue
        if data.get("action") == name and data.get("score", "") == score:
            return one
    raise LookupError(f"the card has no button {action!r}")
