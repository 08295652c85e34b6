"""Tickets as e-mail, to a real SMTP server with STARTTLS and a login."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from bot.errors import Outage, Refused
from bot.http_client import HttpClient
from tests.tickets.ground import ADA, CASE, TicketFixture, helpdesk_of, settings_of

FIELDS = '{"from": "photosync@fabrikam.example", "to": "helpdesk@fabrikam.example"}'


@dataclass
class Mailbox:
    """What the server took; `refusal` is its answer to RCPT, `lost` breaks the connection after the next mail."""

    mails: list[EmailMessage] = field(default_factory=list)
    refusal: str = ""
    lost: bool = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        if self.lost:
            self.lost = False
            assert server.transport is not None
            server.transport.abort()
        return "250 OK"


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data.password == b"secret"
    return AuthResult(success=good, handled=False)


@dataclass
class Post:
    mailbox: Mailbox
    environment: dict[str, str]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    mailbox = Mailbox()

    def protocol() -> SMTP:
        return SMTP(mailbox, tls_context=context, require_starttls=True, auth_required=True, authenticator=login)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environment = {
        "PHOTOSYNC_TICKET_SYSTEM": "mail",
        "PHOTOSYNC_TICKET_URL": f"smtp://localhost:{port}",
        "PHOTOSYNC_TICKET_USER": "photosync",
        "PHOTOSYNC_TICKET_SECRET": "secret",
        "PHOTOSYNC_TICKET_FIELDS": FIELDS,
        "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
    }
    yield Post(mailbox, environment)
    server.close()
    await server.wait_closed()


async def handed_over(post: Post, *later: tuple[int, str], own: Path | None = None, **changes: str) -> str:
    """The number told; then comments. `own`: an installation's own texts."""
    settings = settings_of({**post.environment, **changes})
    http = HttpClient.from_settings(settings)
    helpdesk = helpdesk_of(settings, http, own=own)
    ground = TicketFixture(None, helpdesk, helpdesk.system)  # type: ignore[arg-type]
    try:
        sent = await ground.hand_over()
        for number, comment in later:
            await ground.hand_over(ground.later(number, comment))
    finally:
        await http.close()
    return sent.number


async def test_a_case_is_a_mail_with_its_evidence_that_can_be_answered(post: Post) -> None:
    number = await handed_over(post, (2, "and hurry"))
    first, second = post.mailbox.mails
    assert number == CASE.id
    assert first["Message-ID"] == "<photosync-1A2B3C4D@fabrikam.example>"
    assert first["Reply-To"].addresses[0].addr_spec == ADA
    assert first["Auto-Submitted"] == "auto-generated"
    body = first.get_body()
    assert body is not None
    assert CASE.comment.splitlines()[1] in body.get_content()
    assert [part.get_filename() for part in first.iter_attachments()] == ["evidence.json"]
    assert second["In-Reply-To"] == first["Message-ID"]
    assert "and hurry" in second.get_content()


OWN = r"""msgid ""
msgstr ""
"Language: en\n"
"Content-Type: text/plain; charset=UTF-8\n"

msgctxt "agent.subject"
msgid "Profile photo of {name}: {found}"
msgstr "Photo of {name}\n{found}"
"""


async def test_a_subject_of_ones_own_that_has_two_lines_is_sent_as_one(post: Post, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "en.po").write_text(OWN)
    await handed_over(post, own=tmp_path / "own")
    (mail,) = post.mailbox.mails
    assert mail["Subject"].startswith("Photo of Ada O'Neil SharePoint has a different photo")


async def test_a_mail_whose_answer_is_lost_comes_again_under_the_same_id(post: Post) -> None:
    post.mailbox.lost = True
    with pytest.raises(Outage):
        await handed_over(post)
    await handed_over(post)
    assert len({mail["Message-ID"] for mail in post.mailbox.mails}) == 1


@pytest.mark.parametrize(
    "error", [RuntimeError("canary"), AttributeError("canary")], ids=["RuntimeError", "AttributeError"]
)
async def test_whatever_is_let_through_when_the_connection_goes_is_an_outage(
    post: Post, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(aiosmtplib.SMTP, "send_message", broken)
        with pytest.raises(Outage, match=type(error).__name__):
            await handed_over(post)
    assert "canary" not in caplog.text
    await handed_over(post)
    assert len(post.mailbox.mails) == 1


async def test_a_wrong_password_is_refused_without_being_shown(post: Post) -> None:
    with pytest.raises(Refused, match="535") as raised:
        await handed_over(post, PHOTOSYNC_TICKET_SECRET="canary-secret")
    assert "canary" not in str(raised.value)
    assert post.mailbox.mails == []


async def test_a_mailbox_that_the_server_does_not_take_is_named_without_a_mail(post: Post) -> None:
    settings = settings_of(post.environment)
    http = HttpClient.from_settings(settings)
    system = helpdesk_of(settings, http).system
    await http.close()
    assert system is not None
    assert (await system.examine()).well
    post.mailbox.refusal = "550 no such mailbox"
    with pytest.raises(Refused, match="550"):
        await system.examine()
    assert post.mailbox.mails == []


async def test_a_server_of_another_authority_gets_no_password(post: Post, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with pytest.raises(Outage):
        await handed_over(post, SSL_CERT_FILE=str(tmp_path / "other.pem"))
    assert post.mailbox.mails == []
