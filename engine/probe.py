"""What a process that serves no requests tells on a port of its own: alive, ready, counted.

Nothing is read of a request but its first line, and each connection has one.
"""

import asyncio
import errno
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from engine.errors import Misconfigured
from engine.health import Health
from engine.settings import Settings
from engine.telemetry import REGISTRY

_LOG = logging.getLogger("sark.probe")
FOLDER = "targets"
_LONGEST_HEAD = 8 << 10
_HEAD_SECONDS = 5.0
_MOST_CONNECTIONS = 32
_JSON = "application/json"

Asks = Callable[[], Awaitable[Health]]


@asynccontextmanager
async def probing(settings: Settings, kind: str, ask: Asks) -> AsyncIterator[None]:
    """Answer on the port of the settings, if there is one, for as long as the context lasts.

    `kind` is `worker` or `controller`. Raise Misconfigured where the port cannot be had.
    """
    told = settings.telemetry
    if told.port is None:
        yield
        return
    probe = Probe(kind, ask)
    server = await _listening(probe, told.host, told.port)
    host, port = server.sockets[0].getsockname()[:2]
    _LOG.info("this %s tells how it is at http://%s:%s", kind, host, port)
    with listed(settings.state, kind, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"):
        async with server:
            yield


async def _listening(probe: "Probe", host: str, port: int) -> asyncio.Server:
    try:
        return await asyncio.start_server(probe.serve, host, port, limit=_LONGEST_HEAD)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
        raise Misconfigured(
            f"port {port} on {host} {why}; set SARK_TELEMETRY__PORT to another, or to 0 for any"
        ) from None


@contextmanager
def listed(state: Path, kind: str, address: str) -> Iterator[None]:
    """Write the address where Prometheus finds it (`file_sd_configs`), and `sark doctor`.

    Files of processes of this host that have died are removed.
    """
    folder, host = state / FOLDER, socket.gethostname()
    path = folder / f"{kind}-{host}-{os.getpid()}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in folder.glob(f"*-{host}-*.json"):
            if not _lives(each.stem.rpartition("-")[2]):
                each.unlink(missing_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps([{"targets": [address], "labels": {"process": kind}}]) + "\n")
        fresh.replace(path)
    except OSError as error:
        _LOG.warning("nobody is told of %s: %s", address, error)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _lives(pid: str) -> bool:
    """True if there is such a process, ours or not."""
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


class Probe:
    """Answers `GET /livez`, `/readyz` and `/metrics`, and nothing else."""

    def __init__(self, kind: str, ask: Asks) -> None:
        self._kind = kind
        self._ask = ask
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection; who is slow, or one too many, hears nothing."""
        self._connections += 1
        try:
            if self._connections <= _MOST_CONNECTIONS:
                async with asyncio.timeout(_HEAD_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await self._answer(head.split(b"\r\n", 1)[0]))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        method, _, rest = line.partition(b" ")
        path = rest.split(b" ", 1)[0].split(b"?", 1)[0]
        if method not in (b"GET", b"HEAD"):
            return _response(405, _JSON, b"{}", "Allow: GET\r\n")
        match path:
            case b"/livez":
                answer = _response(200, _JSON, b'{"status":"ok"}')
            case b"/readyz":
                answer = await self._ready()
            case b"/metrics":
                answer = _response(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
            case _:
                answer = _response(404, _JSON, b"{}")
        return answer if method == b"GET" else answer[: answer.index(b"\r\n\r\n") + 4]

    async def _ready(self) -> bytes:
        health = await self._ask()
        body = orjson.dumps({**health.told(), "process": self._kind, "pid": os.getpid()})
        if health.status == "unready":
            return _response(503, _JSON, body, "Retry-After: 1\r\n")
        return _response(200, _JSON, body)


def _response(status: int, kind: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode() + body
