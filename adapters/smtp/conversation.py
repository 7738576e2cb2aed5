"""One conversation with a server: greeting, TLS, login, envelope, message, and its end."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol, normalize_message_line_endings

from adapters.contract import Json
from adapters.egress.gate import Gate
from adapters.egress.names import family_of, look_up
from adapters.smtp.message import Letter
from adapters.smtp.place import Server

_GOODBYE = 1.0


@dataclass(slots=True)
class Progress:
    """How far a conversation has come: whether the message is out, and what was said last."""

    sent: bool = False
    doing: str = "the connection"


async def converse(server: Server, letter: Letter, progress: Progress) -> Mapping[str, Json]:
    """Hand a message over and return the operation's outputs; the connection ends with it.

    Raise what the client raises. A recipient who is refused ends it before anything is sent.
    """
    reached = None if server.gate is None else await _reach(server, server.gate)
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=None if reached else server.port,
        sock=reached,
        use_tls=server.security == "tls",
        start_tls=False,
        tls_context=server.context,
        local_hostname=letter.sender.rpartition("@")[2],
        timeout=None,
    )
    try:
        await client.connect()
        if server.security == "starttls":
            progress.doing = "STARTTLS"
            await client.starttls()
        if server.username is not None:
            progress.doing = "the login"
            await client.login(server.username, server.password or "")
        progress.doing = "the sender"
        await client.mail(letter.sender)
        for name, recipient in letter.recipients:
            progress.doing = name
            await client.rcpt(recipient)
        progress.doing = "the message"
        reply = await _hand_over(client, letter.data, progress)
        with suppress(aiosmtplib.SMTPException, OSError):
            await asyncio.wait_for(client.quit(), _GOODBYE)
        return {"message_id": letter.id, "reply": reply}
    finally:
        _hang_up(client)


async def _reach(server: Server, gate: Gate) -> socket.socket:
    """Return a connection to an address of the server that the gate lets by.

    Raise BlockedError where there must be none. The name is not looked up again after the check.
    """
    loop = asyncio.get_running_loop()
    gate.check_host(server.host, server.port)
    try:
        answers = await loop.run_in_executor(None, look_up, server.host, server.port)
        gate.check_answers(server.host, server.port, answers)
        for answer in answers[:-1]:
            with suppress(OSError):
                return await _connected(answer, server.port)
        return await _connected(answers[-1], server.port)
    except OSError as error:
        raise aiosmtplib.SMTPConnectError("no connection") from error


async def _connected(address: str, port: int) -> socket.socket:
    made = socket.socket(family_of(address), socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


async def _hand_over(client: aiosmtplib.SMTP, data: bytes, progress: Progress) -> str:
    """Send the message and return the answer to it.

    The client's own `data` would not tell a message that never left from one whose answer was
    lost, and the two are worlds apart.
    """
    first = await client.execute_command(b"DATA")
    if first.code != 354:
        raise aiosmtplib.SMTPDataError(first.code, first.message)
    protocol = client.protocol
    if protocol is None:
        raise aiosmtplib.SMTPServerDisconnected("it hung up")
    progress.sent = True
    answer = await _send(protocol, data)
    if not 200 <= answer.code < 300:
        raise aiosmtplib.SMTPDataError(answer.code, answer.message)
    return answer.message.encode("utf-8", "replace").decode()[:500]


async def _send(protocol: SMTPProtocol, data: bytes) -> aiosmtplib.SMTPResponse:
    """Send a message and its final dot; a dot that begins a line is doubled (RFC 5321, 4.5.2)."""
    lines = normalize_message_line_endings(data)
    stuffed = (b"\r\n" + lines).replace(b"\r\n.", b"\r\n..")[2:]
    protocol.write(stuffed + b".\r\n")
    return await protocol.read_response()


def _hang_up(client: aiosmtplib.SMTP) -> None:
    """Drop the connection at once, whatever the other side still says."""
    transport = client.protocol.transport if client.protocol is not None else None
    client.close()
    abort = getattr(transport, "abort", None)
    if abort is not None:
        abort()
