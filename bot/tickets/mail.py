"""Tickets as e-mail, to any system with a mailbox.

A mail cannot be found again, and a server may take one although its answer is lost: so a ticket arrives at least once.
A repeat has the same Message-ID, by which most systems drop it. What is added later refers to it. The number that the
person is told is the case's.

Source: RFC 5321 (a server answers RCPT before there is a message), RFC 5322 (Message-ID, In-Reply-To), RFC 3834
(Auto-Submitted); the library is aiosmtplib.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from urllib.parse import urlsplit

import aiosmtplib

from bot.errors import Outage, OutsideError, Refused, TimedOut, location
from bot.http_client import HttpClient, trust
from bot.settings import Settings
from bot.tickets.interface import Abilities, Examination, Reference, TicketSystem
from bot.tickets.rest import SYSTEM
from bot.tickets.ticket import EVIDENCE, Ticket

log = logging.getLogger(__name__)

_TIMEOUT = 8.0  # seconds for each step of the conversation
_PORTS = {"smtp": 25, "smtps": 465}


class Mail(TicketSystem):
    """Mails from `from` to `to` of PHOTOSYNC_TICKET_FIELDS, by the server of PHOTOSYNC_TICKET_URL."""

    abilities = Abilities(find=False, states=False)

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        del http  # mail has a connection of its own
        parts = urlsplit(settings.ticket_url)
        self._host, self._port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._tls = parts.scheme == "smtps"
        self._user, self._secret = settings.ticket_user, settings.ticket_secret
        self._trust: ssl.SSLContext = trust(settings)
        self._from, self._to = str(settings.ticket_fields["from"]), str(settings.ticket_fields["to"])
        self._domain = self._from.rpartition("@")[2]

    async def create(self, ticket: Ticket) -> Reference:
        mail = self._mail(ticket, ticket.text)
        mail["Message-ID"] = f"<{ticket.key}@{self._domain}>"
        mail.add_attachment(ticket.evidence, "application", "json", filename=EVIDENCE)
        await self._send(mail)
        return Reference(ticket.key, ticket.case)

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        del reference
        mail = self._mail(ticket, ticket.note)
        mail["Message-ID"] = f"<{ticket.mark}@{self._domain}>"
        for name in ("In-Reply-To", "References"):
            mail[name] = f"<{ticket.key}@{self._domain}>"
        await self._send(mail)

    def _mail(self, ticket: Ticket, text: str) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = f"{'Re: ' if ticket.later else ''}{ticket.subject}"
        mail["From"], mail["To"] = self._from, self._to
        if ticket.caller and ticket.caller.isascii():
            local, _, domain = ticket.caller.rpartition("@")
            mail["Reply-To"] = Address(ticket.name, local, domain)
        mail["Date"] = format_datetime(localtime())
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        return mail

    async def _send(self, mail: EmailMessage) -> None:
        async with self._session() as smtp:
            await smtp.send_message(mail)

    async def examine(self) -> Examination:
        """Whether the server takes mail for the mailbox: asked up to RCPT, nothing is sent."""
        async with self._session() as smtp:
            secured = smtp.get_transport_info("sslcontext") is not None
            await smtp.mail(self._from)
            await smtp.rcpt(self._to)
            await smtp.rset()
        if not secured and self._user:
            return Examination(False, "signed in without encryption", "Use a server with STARTTLS, or smtps.")
        return Examination(True, f"{self._host} takes mail for {self._to}{'' if secured else ', without encryption'}")

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Connected and signed in; with STARTTLS where it is offered. Raises `OutsideError`."""
        smtp = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls,
            start_tls=None,
            tls_context=self._trust,
            timeout=_TIMEOUT,
            local_hostname=self._domain,
        )
        try:
            await smtp.connect()
            try:
                if self._user:
                    await smtp.login(self._user, self._secret.reveal())
                yield smtp
            finally:
                smtp.close()
        except aiosmtplib.SMTPTimeoutError:
            raise TimedOut(SYSTEM, "the mail server did not answer in time") from None
        except aiosmtplib.SMTPResponseException as error:
            detail = f"the mail server answers {error.code}"
            raise (Outage if error.code < 500 else Refused)(SYSTEM, detail) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = sorted({one.code for one in error.recipients})
            kind = Outage if all(code < 500 for code in codes) else Refused
            raise kind(SYSTEM, f"the mail server answers {', '.join(map(str, codes))} to the mailbox") from None
        except OutsideError:
            raise
        except Exception as error:  # also what aiosmtplib lets through of the event loop and of OpenSSL
            if not isinstance(error, aiosmtplib.SMTPException | OSError):
                log.warning("mail: %s at %s", type(error).__name__, location(error))
            raise Outage(SYSTEM, f"mail: {type(error).__name__}") from None
