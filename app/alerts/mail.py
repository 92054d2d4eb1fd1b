"""Sends alerts as e-mail, over SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the start (RFC 8314)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import ClassVar

from app.alerts.delivery import DeliveryFailed
from app.alerts.message import MAIL_TEXT_BYTES, Message, text, title
from app.settings.values import SmtpSecurity

logger = logging.getLogger(__name__)

PORTS = {SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465, SmtpSecurity.OFF: 25}
_STEP_S = 10.0  # one exchange with the server; the delivery limits the whole attempt
_CONTENT_REFUSED = (552, 554)  # RFC 5321: too large; transaction failed, which filters answer


@dataclass(frozen=True)
class Mail:
    """One mailbox or several, which all get the same message; if the server refuses only some, that is only logged."""

    host: str
    port: int
    security: SmtpSecurity
    sender: str
    recipients: Sequence[str]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    name: ClassVar[str] = "email"
    pause_s: ClassVar[float] = 0.0

    async def send(self, message: Message) -> None:
        """See AlertTarget."""
        connection = _Connection()
        try:
            await asyncio.to_thread(self._send, self.compose(message), connection)
        except (smtplib.SMTPException, OSError) as error:
            raise _failure(error) from None
        finally:
            connection.cut()  # ends the thread when its caller no longer waits

    def compose(self, message: Message) -> EmailMessage:
        """Return the mail; its Message-ID is the same on every attempt."""
        mail = EmailMessage()
        mail["Subject"] = title(message.alerts)
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<claude-memory-alerts-{message.id}@{self.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notices in return
        mail.set_content(text(message.alerts, MAIL_TEXT_BYTES))
        return mail

    def _send(self, mail: EmailMessage, connection: _Connection) -> None:
        if self.security is SmtpSecurity.TLS:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=_STEP_S, context=ssl.create_default_context()
            )
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=_STEP_S)
        with client:
            connection.client = client
            if self.security is SmtpSecurity.STARTTLS:
                client.starttls(context=ssl.create_default_context())
            if self.user and self.password:
                client.login(self.user, self.password)
            refused = client.send_message(mail, from_addr=self.sender, to_addrs=list(self.recipients))
        if refused:
            logger.warning("the mail server refused %d of %d recipients", len(refused), len(self.recipients))


class _Connection:
    """The connection a thread uses, so that its caller can end it."""

    client: smtplib.SMTP | None = None

    def cut(self) -> None:
        """Make any wait on the connection fail now; does nothing when it is closed."""
        sock = self.client.sock if self.client is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _failure(error: smtplib.SMTPException | OSError) -> DeliveryFailed:
    """Describe an error by its code only: a server's text may repeat addresses and names."""
    if isinstance(error, smtplib.SMTPResponseException):
        step = type(error).__name__.removeprefix("SMTP")
        refused = isinstance(error, smtplib.SMTPDataError) and error.smtp_code in _CONTENT_REFUSED
        return DeliveryFailed(f"the mail server answered {error.smtp_code} ({step})", refused=refused)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return DeliveryFailed(f"the mail server refused every recipient: {codes}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryFailed("the mail server has no STARTTLS or no login; check ALERTS_SMTP_SECURITY")
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryFailed(f"the mail server's certificate is not trusted: {error.verify_message}")
    if isinstance(error, OSError) and error.strerror:
        return DeliveryFailed(f"no connection to the mail server: {error.strerror}")
    return DeliveryFailed(f"no connection to the mail server ({type(error).__name__})")
