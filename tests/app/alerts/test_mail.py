"""E-mail, against a server that speaks the RFC."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from app.alerts.delivery import DeliveryFailed
from app.alerts.mail import Mail
from app.alerts.notification import read_notification
from app.settings.values import SmtpSecurity
from tests.standins.smtp import PASSWORD, USER, MailServer, certificate
from tests.support.alerts import FIRING, alert, message

TO = ("ops@example.org", "boss@example.org")


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS, trusted by this test."""
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return context


def mail(server: MailServer, security: str = "off", **more: str) -> Mail:
    return Mail("localhost", server.port, SmtpSecurity(security), "memory@example.org", TO, **more)


async def test_a_mail_reaches_every_recipient() -> None:
    async with MailServer() as server:
        await mail(server).send(message(*read_notification(FIRING).alerts, id="3-4-5"))

    [got] = server.taken
    assert (got.sender, tuple(got.recipients)) == ("memory@example.org", TO)
    assert got.message["subject"] == "[FIRING 2] ClaudeMemoryQdrantDown"
    assert got.message["to"] == ", ".join(TO)
    assert got.message["message-id"] == "<claude-memory-alerts-3-4-5@example.org>"
    assert "Qdrant <does> not answer" in got.message.get_content()


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_password_goes_over_an_encrypted_connection(context: ssl.SSLContext, security: str) -> None:
    async with MailServer(security, context, needs_login=True) as server:  # type: ignore[arg-type]
        await mail(server, security, user=USER, password=PASSWORD).send(message())

    assert [got.encrypted for got in server.taken] == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for_is_refused(
    context: ssl.SSLContext, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with MailServer(security, context) as server:  # type: ignore[arg-type]
        with pytest.raises(DeliveryFailed, match="certificate is not trusted"):
            await mail(server, security).send(message())
    assert server.taken == []


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with MailServer() as server:
        with pytest.raises(DeliveryFailed, match="check ALERTS_SMTP_SECURITY"):
            await mail(server, "starttls").send(message())
    assert server.taken == []


async def test_a_wrong_password_is_told_by_its_code_alone(context: ssl.SSLContext) -> None:
    async with MailServer("starttls", context, needs_login=True) as server:
        with pytest.raises(DeliveryFailed, match=r"535 \(AuthenticationError\)") as failed:
            await mail(server, "starttls", user=USER, password="wrong-" + PASSWORD).send(message())
    assert PASSWORD not in str(failed.value)


@pytest.mark.parametrize(("reply", "refused"), [("451 4.3.0 later", False), ("554 5.7.1 spam", True)])
async def test_what_a_server_says_to_the_content_counts(reply: str, refused: bool) -> None:
    async with MailServer(trouble=[reply]) as server:
        with pytest.raises(DeliveryFailed, match=reply[:3]) as failed:
            await mail(server).send(message())
    assert failed.value.refused == refused


async def test_one_unknown_recipient_keeps_no_mail_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async with MailServer(unknown={TO[0]}) as server:
        await mail(server).send(message())

    assert server.taken[0].recipients == [TO[1]]
    assert "refused 1 of 2 recipients" in caplog.text


async def test_without_any_recipient_it_has_failed() -> None:
    async with MailServer(unknown=set(TO)) as server:
        with pytest.raises(DeliveryFailed, match=r"refused every recipient: \[550\]"):
            await mail(server).send(message())


async def test_labels_write_no_headers_and_end_no_mail() -> None:
    nasty = alert("a\r\nBcc: everyone@example.org", annotations={"summary": "\r\n.\r\nQUIT", "description": ".汉字"})
    async with MailServer() as server:
        await mail(server).send(message(nasty))

    [got] = server.taken
    assert got.message["bcc"] is None
    assert got.message["subject"] == "[FIRING 1] a Bcc: everyone@example.org"
    assert ".汉字" in got.message.get_content()


async def test_a_server_that_says_nothing_is_left_when_the_try_ends() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        came.set()
        await reader.read()  # the end of the connection
        left.set()
        writer.close()

    came, left = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        sending = asyncio.create_task(Mail("127.0.0.1", port, SmtpSecurity.OFF, "a@b", ("c@d",)).send(message()))
        await asyncio.wait_for(came.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.wait_for(left.wait(), 5)


async def test_a_host_that_is_not_there_is_told() -> None:
    with pytest.raises(DeliveryFailed, match="no connection to the mail server: Connection refused"):
        await Mail("127.0.0.1", 1, SmtpSecurity.OFF, "a@b", ("c@d",)).send(message())
