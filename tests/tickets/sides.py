"""Every ticket system's side of the run of kills: what it holds of each case, and what an agent does there.

Each tells `moment` before and after something takes effect there: then the bot's process may be killed.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope

from sandbox.channel import HELPDESK
from sandbox.desks import DESKS
from sandbox.helpdesk import Helpdesk
from sandbox.tenant import Tenant
from sandbox.world import World
from tests.sandboxed import IDS
from tests.tickets.ground import ADA

_LAG = {"jira": 0.3, "zammad": 0.3, "freshservice": 0.3}  # seconds until a search finds what is new
LONGEST_LAG = max(_LAG.values())
AGENT = f"29:{IDS['match']}"  # presses in the channel
_EVIDENCE = "evidence.json"
_KEY = re.compile(r"photosync-[0-9A-F]{8}")


@dataclass
class Held:
    """What a system holds of one case."""

    tickets: int = 0
    copies: int = 0  # how often the ticket arrived, where its id tells repeats apart
    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # in the order in which they came


class Side(ABC):
    """One system. `moments`: how many a case has there, about."""

    moments = 60

    def __init__(self, moment: Callable[[], None]) -> None:
        self.moment = moment

    @abstractmethod
    async def start(self) -> Mapping[str, str]:
        """Listen; returns the bot's settings."""

    @abstractmethod
    def held(self) -> Mapping[str, Held]:
        """By the key of the case."""

    def becomes(self, key: str, state: str) -> None:
        """An agent puts a case's ticket into a state, where there are states."""
        del key, state


class DeskSide(Side):
    """A system with a JSON interface."""

    def __init__(self, moment: Callable[[], None], system: str) -> None:
        super().__init__(moment)
        self._desk = DESKS[system](World())
        self._desk.lag = _LAG.get(system, 0.0)
        self._desk.people[ADA] = 1
        self._desk.moment = lambda _, __: moment()

    async def start(self) -> Mapping[str, str]:
        await self._desk.start(None)
        return self._desk.environment()

    def held(self) -> Mapping[str, Held]:
        found: dict[str, Held] = {}
        for one in self._desk.tickets:
            held = found.setdefault(one.key, Held())
            held.tickets += 1
            held.files += one.files
            held.notes += [note.text for note in one.notes]
        return found

    def becomes(self, key: str, state: str) -> None:
        for one in self._desk.tickets:
            if one.key == key and one.state != self._desk.STATES[state]:
                self._desk.becomes(one, state)


class WebhookSide(Side):
    """The receiver of signed posts, which tells repeats apart by `webhook-id`."""

    moments = 6

    def __init__(self, moment: Callable[[], None]) -> None:
        super().__init__(moment)
        self._desk = Helpdesk(World())
        self._arrived: Counter[str] = Counter()
        self._desk.moment = self._happened

    def _happened(self, when: str, request: web.Request) -> None:
        self._arrived[request.headers["webhook-id"]] += when == "after"
        self.moment()

    async def start(self) -> Mapping[str, str]:
        await self._desk.start(None)
        return {
            "PHOTOSYNC_TICKET_SYSTEM": "webhook",
            "PHOTOSYNC_TICKET_URL": self._desk.url,
            "PHOTOSYNC_TICKET_SECRET": self._desk.secret,
        }

    def held(self) -> Mapping[str, Held]:
        found: dict[str, Held] = {}
        for one in self._desk.tickets:
            held = found.setdefault(f"photosync-{one.body['case']}", Held())
            held.tickets += 1
            held.copies += self._arrived[one.webhook_id]
            held.files += [_EVIDENCE]  # the body is the evidence
        for comment in self._desk.comments:
            found[f"photosync-{comment.body['case']}"].notes.append(comment.body["comment"])
        return found


class MailSide(Side):
    """An SMTP server whose mailbox drops a Message-ID that it has."""

    moments = 12

    def __init__(self, moment: Callable[[], None]) -> None:
        super().__init__(moment)
        self._mails: list[EmailMessage] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        self.moment()
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        self.moment()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.moment()
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self._mails.append(mail)
        self.moment()
        return "250 OK"

    async def start(self) -> Mapping[str, str]:
        server = await asyncio.get_running_loop().create_server(lambda: SMTP(self), "127.0.0.1", 0)
        fields = {"from": "photosync@fabrikam.example", "to": "helpdesk@fabrikam.example"}
        return {
            "PHOTOSYNC_TICKET_SYSTEM": "mail",
            "PHOTOSYNC_TICKET_URL": f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}",
            "PHOTOSYNC_TICKET_FIELDS": json.dumps(fields),
        }

    def held(self) -> Mapping[str, Held]:
        found: dict[str, Held] = {}
        seen: set[str] = set()
        for mail in self._mails:
            key, identity, is_ticket = _KEY.findall(mail["Message-ID"])[0], mail["Message-ID"], not mail["In-Reply-To"]
            held = found.setdefault(key, Held())
            held.copies += is_ticket
            if identity in seen:
                continue
            seen.add(identity)
            held.tickets += is_ticket
            held.files += [part.get_filename() or "" for part in mail.iter_attachments()]
            body = mail.get_body()
            held.notes += [body.get_content()] if body is not None and not is_ticket else []
        return found


class ChannelSide(Side):
    """The helpdesk's channel in Teams. Agents' presses are the bot's to be given: see `AGENT`."""

    moments = 18

    def __init__(self, moment: Callable[[], None]) -> None:
        super().__init__(moment)
        self._stack = AsyncExitStack()

    async def start(self) -> Mapping[str, str]:
        self._tenant = await self._stack.enter_async_context(Tenant.open())
        self._tenant.world.faults.paced = False  # a channel has more than this many cases a minute in no helpdesk
        channel = self._tenant.channel
        channel.connector.moment = lambda _, __: self.moment()
        self._messages = channel.helpdesk(AGENT.removeprefix("29:")).messages
        own = {name: value for name, value in self._tenant.environment().items() if "_TICKET_" not in name}
        return {**own, "PHOTOSYNC_TICKET_SYSTEM": "teams", "PHOTOSYNC_TICKET_FIELDS": json.dumps({"channel": HELPDESK})}

    def held(self) -> Mapping[str, Held]:
        found: dict[str, Held] = {}
        for one in self._messages:
            text = json.dumps(one.card, ensure_ascii=False).replace("\\", "")
            held = found.setdefault(_KEY.findall(text)[0], Held())
            if ";messageid=" in one.activity["conversation"]["id"]:
                held.notes.append(text)
            else:
                held.tickets += 1
        return found


def side(system: str, moment: Callable[[], None]) -> Side:
    """The side of a system, not started."""
    others: dict[str, Callable[[Callable[[], None]], Side]] = {
        "webhook": WebhookSide,
        "mail": MailSide,
        "teams": ChannelSide,
    }
    return others[system](moment) if system in others else DeskSide(moment, system)


SYSTEMS = (*DESKS, "webhook", "mail", "teams")
