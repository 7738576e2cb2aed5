"""Something between a process and PostgreSQL that lends sessions out."""

import asyncio
import os
import struct
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

_ASKS_FOR_TLS = frozenset({80877103, 80877104})
_REFUSED = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"


class Pooler:
    """Takes connections as PgBouncer does: options of a session are refused, or not handed on."""

    def __init__(self, url: str, refuses: bool) -> None:
        self._parts = urlsplit(url)
        self._refuses = refuses
        self.url = ""

    async def __aenter__(self) -> "Pooler":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        user, _, _ = self._parts.netloc.rpartition("@")
        port = self._server.sockets[0].getsockname()[1]
        self.url = self._parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind, body = await self._opening(reader, writer)
        if self._refuses and b"options\0" in body:
            writer.write(b"E" + struct.pack("!I", len(_REFUSED) + 4) + _REFUSED)
            await writer.drain()
            writer.close()
            return
        words = body.split(b"\0")
        pairs = [pair for pair in zip(words[::2], words[1::2], strict=False)
                 if pair[0] not in (b"", b"options")]  # fmt: skip
        body = b"".join(name + b"\0" + value + b"\0" for name, value in pairs) + b"\0"
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        back.write(struct.pack("!II", len(body) + 8, kind) + body)
        ways = (_pass(reader, back), _pass(there, writer))
        await asyncio.gather(*ways, return_exceptions=True)

    async def _opening(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[int, bytes]:
        """Return the kind of the first message that is no question for TLS, and the message."""
        while True:
            length, kind = struct.unpack("!II", await reader.readexactly(8))
            if kind not in _ASKS_FOR_TLS:
                return kind, await reader.readexactly(length - 8)
            writer.write(b"N")


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize("refuses", [True, False], ids=["refuses options", "drops options"])
@pytest.mark.parametrize("command", ["worker", "controller"])
def test_a_pooler_is_refused_by_name(
    tmp_path: Path, database_url: str, command: str, refuses: bool
):
    """
    A worker or a controller that reaches PostgreSQL only through a pooler does not start, and says
    why and what to do: it has no session that could fence it.
    """

    async def check() -> tuple[int | None, str]:
        async with Pooler(database_url, refuses) as pooler:
            told = {**os.environ, "SARK_DATABASE_URL": pooler.url, "SARK_STATE": str(tmp_path)}
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "engine.cli", command, env=told,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                async with asyncio.timeout(240):
                    _, said = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
            return process.returncode, said.decode()

    code, said = asyncio.run(check())

    assert 2 == code
    assert "such as PgBouncer" in said
    assert "Traceback" not in said
