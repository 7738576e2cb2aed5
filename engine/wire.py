"""A connection to Redis on which commands leave at once, and answers are read once they came."""

from threading import Lock
from typing import Protocol, cast

from redis.connection import ConnectionPool
from redis.exceptions import ResponseError

# One that is frozen takes what the system's buffers hold, thousands of hints, and then no more.
_LONGEST_SEND = 0.25


class _Connection(Protocol):
    """What is used of the driver's connection, which says no types."""

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def update_current_socket_timeout(self, seconds: float) -> None: ...

    def can_read(self) -> bool: ...

    def read_response(self) -> object: ...

    def pack_commands(self, commands: tuple[tuple[object, ...], ...]) -> list[bytes]: ...

    def send_packed_command(self, packed: list[bytes], *, check_health: bool) -> None: ...


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
            self._connection.update_current_socket_timeout(_LONGEST_SEND)
            self.is_open = True

    def send(self, *commands: tuple[object, ...]) -> None:
        """Send commands as one packet, then hear what was answered to those before.

        Raise ConnectionError or TimeoutError, and be closed, if the wire was lost by then: these
        commands did not arrive. Raise ResponseError if Redis has refused a command.
        """
        with self._lock:
            try:
                packed = self._connection.pack_commands(commands)
                self._connection.send_packed_command(packed, check_health=False)
                while self._connection.can_read():
                    self._connection.read_response()
            except ResponseError:
                raise
            except BaseException:
                self._close()
                raise

    def close(self) -> None:
        """Let go of Redis."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self.is_open = False
        self._connection.disconnect()
