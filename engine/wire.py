"""A connection to Redis on which commands leave at once, and answers are read once they came."""

import socket
import ssl
from threading import Lock
from typing import Protocol, cast

from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import ResponseError

_LARGEST_READ = 64 * 1024
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError)


class _Connection(Protocol):
    """What is used of the driver's connection, which says no types.

    Its own ways to send and to read wait for Redis, and take longer than all else here.
    """

    _sock: socket.socket

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def pack_commands(self, commands: tuple[tuple[object, ...], ...]) -> list[bytes]: ...


class Wire:
    """One connection, for any thread. Only `open` waits for Redis."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._connection = cast(_Connection, pool.make_connection())
        self._lock = Lock()
        self.is_open = False

    def open(self) -> None:
        """Connect; raise RedisError where Redis does not answer."""
        with self._lock:
            self._connection.connect()
            self._connection._sock.setblocking(False)
            self.is_open = True

    def send(self, *commands: tuple[object, ...]) -> None:
        """Send commands as one packet, then hear what was answered to those before.

        Raise ConnectionError, and be closed, if the wire was lost by then: these commands did not
        arrive. One that is frozen is lost once it takes no more. Raise ResponseError if Redis has
        refused a command. What it answers are numbers else.
        """
        packet = b"".join(self._connection.pack_commands(commands))
        with self._lock:
            if not self.is_open:
                raise Lost("closed meanwhile")
            try:
                sent, told = self._connection._sock.send(packet), self._read()
            except OSError as error:
                self._close()
                raise Lost(str(error)) from error
            if sent < len(packet):
                self._close()
                raise Lost("Redis takes no more")
        if told.startswith(b"-") or b"\n-" in told:
            raise ResponseError(told.partition(b"-")[2].partition(b"\r")[0].decode())

    def _read(self) -> bytes:
        """Return what has come; raise OSError if that is the end."""
        told = b""
        try:
            while some := self._connection._sock.recv(_LARGEST_READ):
                told += some
        except _NOT_YET:
            return told
        raise ConnectionResetError("Redis has hung up")

    def close(self) -> None:
        """Let go of Redis."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self.is_open = False
        self._connection.disconnect()
