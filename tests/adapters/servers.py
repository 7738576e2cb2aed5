"""Small real servers for adapters to speak to, on loopback ports of the system's choosing."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

Handler = Callable[["Seen"], Awaitable[bytes] | bytes]


@dataclass(slots=True)
class Seen:
    """A request as it came in: its first line, its headers by lower-case name, its body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Server:
    """A server and what it has seen."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"


def answer(
    status: int = 200, body: bytes = b"", headers: tuple[str, ...] = (), length: bool = True
) -> bytes:
    """Return an answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} Words", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def json_answer(body: bytes, status: int = 200, *headers: str) -> bytes:
    """Return an answer that says that it is JSON."""
    return answer(status, body, ("Content-Type: application/json", *headers))


@asynccontextmanager
async def serve(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve bytes exactly as `handler` gives them; empty bytes close the connection."""
    server = Server()
    open_writers: set[asyncio.StreamWriter] = set()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        open_writers.add(writer)
        try:
            while (seen := await _read(reader)) is not None:
                server.seen.append(seen)
                given = handler(seen)
                data = given if isinstance(given, bytes) else await _unless_gone(given, reader)
                if not data:
                    return
                writer.write(data)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            open_writers.discard(writer)
            writer.close()

    listening = await asyncio.start_server(speak, "127.0.0.1", 0, ssl=context, backlog=2048)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in open_writers:
            writer.transport.abort()


async def _unless_gone(given: Awaitable[bytes], reader: asyncio.StreamReader) -> bytes:
    """Return an answer that takes its time, or nothing once the client has hung up."""
    answering, gone = asyncio.ensure_future(given), asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else b""
    finally:
        answering.cancel()
        gone.cancel()
        await asyncio.gather(answering, gone, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {
        name.lower(): value.strip() for name, _, value in (li.partition(":") for li in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = first.split(" ", 2)
    return Seen(method, target, headers, body)


def make_certificate(folder: Path, name: str, names: str) -> tuple[Path, Path]:
    """Return a self-made certificate and its key; `names` as in `DNS:a.example,IP:127.0.0.1`."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    asked = ["-addext", f"subjectAltName={names}", "-days", "2"]
    _openssl(folder, "req", "-x509", *_NEW_KEY, "-keyout", key, "-out", certificate, *asked)
    return certificate, key


def make_expired_certificate(folder: Path, name: str, names: str) -> tuple[Path, Path]:
    """Return a certificate that was good for one day of 2020."""
    certificate, key, request = (folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
    (folder / "ca.cnf").write_text(_AUTHORITY)
    (folder / "index.txt").write_text("")
    asked = ["-addext", f"subjectAltName={names}"]
    _openssl(folder, "req", *_NEW_KEY, "-keyout", key, "-out", request, *asked)
    dates = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
    sign = ["ca", "-batch", "-selfsign", "-config", "ca.cnf", "-create_serial"]
    _openssl(folder, *sign, "-keyfile", key, "-in", request, "-out", certificate, *dates)
    return certificate, key


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test")
_AUTHORITY = """
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def _openssl(folder: Path, *arguments: str | Path) -> None:
    command = ["openssl", *map(str, arguments)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a TLS server needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
