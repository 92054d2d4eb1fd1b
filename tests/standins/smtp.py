"""Stands in for a mail server: the exchange of RFC 5321, with STARTTLS (RFC 3207), TLS, and AUTH PLAIN (RFC 4616).

It is strict about the order of commands, about line ends, and about a password before encryption.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

USER, PASSWORD = "alerts", "made-up-" + "password"


@dataclass
class Mail:
    """One mail it took."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool


@dataclass
class MailServer:
    """`trouble` are the replies it gives to DATA first, one a mail; `unknown` are recipients it refuses."""

    encryption: Literal["starttls", "tls", "off"] = "off"
    context: ssl.SSLContext | None = None
    needs_login: bool = False
    trouble: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    taken: list[Mail] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> MailServer:
        context = self.context if self.encryption == "tls" else None
        self._server = await asyncio.start_server(self._session, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client left
        finally:
            writer.close()


class _Session:
    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.encrypted = server.encryption == "tls"
        self.greeted = self.signed_in = False
        self.sender: str | None = None
        self.recipients: list[str] = []

    async def run(self) -> None:
        await self.say("220 mail.example.org ESMTP")
        while True:
            line = (await self.reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                await self.say("221 bye")
                return
            handler = getattr(self, f"on_{verb.lower()}", None)
            await self.say(await handler(rest) if handler else "500 unknown command")

    async def say(self, reply: str) -> None:
        self.writer.write(reply.replace("\n", "\r\n").encode() + b"\r\n")
        await self.writer.drain()

    async def on_ehlo(self, rest: str) -> str:
        self.greeted = True
        offers = ["STARTTLS"] if self.server.encryption == "starttls" and not self.encrypted else []
        offers += ["AUTH PLAIN"] if self.encrypted else []
        lines = ["mail.example.org", *offers]
        return "\n".join(f"250{'-' if one != lines[-1] else ' '}{one}" for one in lines)

    async def on_starttls(self, rest: str) -> str:
        if self.server.encryption != "starttls" or self.encrypted:
            return "503 not now"
        await self.say("220 go ahead")
        assert self.server.context is not None
        await self.writer.start_tls(self.server.context)
        self.encrypted, self.greeted = True, False
        line = (await self.reader.readuntil(b"\r\n")).decode()
        assert line.upper().startswith("EHLO"), "RFC 3207: the client begins anew"
        return await self.on_ehlo(line)

    async def on_auth(self, rest: str) -> str:
        if not self.encrypted:
            return "538 encryption required"
        mechanism, _, initial = rest.partition(" ")
        expected = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        self.signed_in = mechanism == "PLAIN" and initial == expected
        return "235 welcome" if self.signed_in else "535 5.7.8 wrong"

    async def on_mail(self, rest: str) -> str:
        if not self.greeted or self.sender is not None:
            return "503 bad sequence"
        if self.server.needs_login and not self.signed_in:
            return "530 authentication required"
        self.sender = rest.partition("<")[2].partition(">")[0]
        return "250 ok"

    async def on_rcpt(self, rest: str) -> str:
        if self.sender is None:
            return "503 bad sequence"
        recipient = rest.partition("<")[2].partition(">")[0]
        if recipient in self.server.unknown:
            return "550 5.1.1 no such user"
        self.recipients.append(recipient)
        return "250 ok"

    async def on_data(self, rest: str) -> str:
        if not self.recipients:
            return "503 bad sequence"
        await self.say("354 go ahead")
        content = (await self.reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
        assert b"\n" not in content.replace(b"\r\n", b""), "RFC 5321: lines end with CR LF"
        assert self.sender is not None
        if self.server.trouble:
            return self.server.trouble.pop(0)
        message = message_from_bytes(content.replace(b"\r\n..", b"\r\n."), policy=policy.default)
        self.server.taken.append(Mail(self.sender, self.recipients, message, self.encrypted))
        self.sender, self.recipients = None, []
        return "250 queued"

    async def on_rset(self, rest: str) -> str:
        self.sender, self.recipients = None, []
        return "250 ok"


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for localhost; return the server's context and the file that trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "trusted.pem", folder / "private.pem"
    trusted.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
