"""A small TCP proxy before PostgreSQL that freezes, or loses the reply to what it is told."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(slots=True)
class _Line:
    """A connection: how many of the words to hold at it has sent, and whether it is held."""

    heard: int = 0
    is_held: bool = False


class Proxy:
    """Passes bytes on, both ways. Use it as a context; `url` leads through it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._parts = parts
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._word = b""
        self._lose = False
        self._cold = b""
        self._words: tuple[bytes, ...] = ()
        self._passed = False
        self._open = asyncio.Event()
        self._open.set()
        self.url = ""
        self.cuts = 0
        self.has_held = False

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user = self._parts.netloc.rpartition("@")[0]
        self.url = self._parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open.set()
        self._server.close()

    def cut_reply_to(self, word: bytes) -> None:
        """Break the next connection on which this word is sent, once it has been answered."""
        self._word = word

    def hold_at(self, *words: bytes, passed: bool) -> None:
        """Hold the next connection that sends these words in this order, until its client is gone.

        The last of them still reaches PostgreSQL if it is `passed`; no reply comes back.
        """
        self._words, self._passed, self.has_held = words, passed, False

    def freeze(self) -> None:
        """Pass nothing on until `thaw`."""
        self._open.clear()

    def freeze_after(self, word: bytes) -> None:
        """Freeze once this word was sent and passed on."""
        self._cold = word

    def thaw(self) -> None:
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        line = _Line()
        ways = [self._pass(line, reader, back, True), self._pass(line, there, writer, False)]
        await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
        to_server: bool,
    ) -> None:  # fmt: skip
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                if to_server and self._is_at(line, data):
                    await self._hold(reader, writer, data)
                    return
                if line.is_held:
                    continue
                if to_server and self._word and self._word in data:
                    self._word, self._lose = b"", True
                elif not to_server and self._lose:
                    self._lose = False
                    self.cuts += 1
                    return
                writer.write(data)
                await writer.drain()
                if to_server and self._cold and self._cold in data:
                    self._cold = b""
                    self.freeze()
        finally:
            writer.close()

    def _is_at(self, line: _Line, data: bytes) -> bool:
        """True if with this data all the words to hold at have been sent."""
        while line.heard < len(self._words) and self._words[line.heard] in data:
            line.heard += 1
        line.is_held = 0 < len(self._words) == line.heard
        return line.is_held

    async def _hold(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
    ) -> None:
        """Let nothing through any more, and wait until the client is gone."""
        self._words = ()
        if self._passed:
            writer.write(data)
            await writer.drain()
        self.has_held = True
        while await reader.read(65536):
            continue
