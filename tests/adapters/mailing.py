"""Mail servers on loopback: willing ones, and others that say what they are told to."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from adapters.contract import Json, Outcome
from adapters.smtp import create
from tests.adapters.speaking import call, opened

LETTER: dict[str, Json] = {"to": ["sre@acme.example"], "subject": "PAGE web", "text": "It is down."}


@dataclass(slots=True)
class Inbox:
    """Keeps what it is sent."""

    envelopes: list[Envelope] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 2.0.0 Ok: queued as 4XyZ"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, how: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.users.append(given.login.decode())
        return AuthResult(success=given.password == b"hunter2-hunter2", handled=False)

    def only(self) -> EmailMessage:
        (envelope,) = self.envelopes
        assert isinstance(envelope.content, bytes)
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found


@asynccontextmanager
async def serving(
    inbox: Inbox, tls: ssl.SSLContext | None = None, **given: Any
) -> AsyncIterator[int]:
    """Serve SMTP by aiosmtpd; `tls` from the first byte on."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, **given), "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def settings(port: int, **given: Json) -> dict[str, Json]:
    usual: dict[str, Json] = {"host": "127.0.0.1", "port": port, "security": "none"}
    return {**usual, "from": "SARK <sark@acme.example>", **given}


# What a server says to the greeting, EHLO, MAIL, RCPT, DATA and the message, if all is well.
WELL = (b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go", b"250 ok")
GREETING, EHLO, MAIL, RCPT, DATA, MESSAGE = range(6)


@asynccontextmanager
async def saying(replies: Sequence[bytes | None]) -> AsyncIterator[int]:
    """Serve these replies in their order; nothing hangs up, and None says nothing for ever."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            for number, reply in enumerate(replies):
                if number:
                    await reader.readuntil(b"\r\n.\r\n" if number == MESSAGE else b"\r\n")
                if reply is None:
                    await reader.read()
                if not reply:
                    break
                writer.write(reply + b"\r\n")
                await writer.drain()
            else:
                await reader.read()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def sent_to(replies: Sequence[bytes | None], timeout: float = 5) -> Outcome:
    async def story() -> Outcome:
        async with saying(replies) as port, opened(create(settings(port))) as operation:
            return await operation.invoke(call(timeout, **LETTER))

    return asyncio.run(story())


def but(point: int, reply: bytes | None) -> list[bytes | None]:
    return [*WELL[:point], reply, *WELL[point + 1 :]]
