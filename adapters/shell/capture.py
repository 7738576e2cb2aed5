"""Output of a program: all of it is read, the beginning and the end are kept."""

import asyncio
import os
from collections.abc import Callable

_CHUNK = 65536


class Capture:
    """Reads a pipe as fast as it fills and keeps at most `limit` bytes of it.

    `beat` is called for each piece.
    """

    def __init__(self, descriptor: int, limit: int, beat: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._beat = beat
        self._half = limit // 2
        self._limit = limit
        self._head = bytearray()
        self._tail = bytearray()
        self.size = 0
        self.ended = asyncio.Event()
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    @property
    def truncated(self) -> bool:
        """True if something was left out."""
        return self.size > self._limit

    def data(self) -> bytes:
        """Return what was kept, with a line in the middle that says how much is missing."""
        if not self.truncated:
            return bytes(self._head + self._tail)
        tail = self._tail[-self._half :]
        missing = self.size - len(self._head) - len(tail)
        return bytes(self._head) + f"\n[... {missing} bytes left out ...]\n".encode() + bytes(tail)

    def text(self) -> str:
        """Return what was kept as text: no NUL, and no bytes that are not UTF-8."""
        return self.data().decode("utf-8", "replace").replace("\x00", "\ufffd")

    def close(self) -> None:
        """Stop reading, whoever still holds the other end."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
        self.ended.set()

    def _read(self) -> None:
        try:
            chunk = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if chunk:
            self._beat()
            self._keep(chunk)
        else:
            self.close()

    def _keep(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = self._half - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk
        if len(self._tail) > 2 * self._limit:
            del self._tail[: -self._limit]
