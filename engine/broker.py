"""Dramatiq on Redis, woken at once: a list for each queue, a blocking pop, no bookkeeping.

Messages are hints. PostgreSQL holds what is to be done, so a message that is lost, doubled or
forged costs nothing but a look: nothing is acknowledged and nothing is counted as in flight.
"""

import logging
import threading
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Protocol

import dramatiq
from dramatiq.broker import Broker, Consumer, MessageProxy
from dramatiq.errors import DecodeError, QueueNotFound
from dramatiq.message import Message
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from engine.telemetry import METRICS
from engine.wire import Wire

_LOG = logging.getLogger("sark.broker")
_PREFIX = "sark:queue:"
QUARANTINE = "sark:quarantine"
_ALIVE = "sark:alive"
_LONGEST_QUARANTINE = 100
_LARGEST_MESSAGE = 64 * 1024
# A hint says that there is something, not what: a few wake everybody, the rest says it again.
_LONGEST_QUEUE = 256
_QUEUE_SECONDS = 3600
_LONGEST_PENDING = 1_000
# How long a consumer waits in one pop, and how much later than that Redis may answer it.
_LONGEST_POP = 10.0
_PATIENCE = 5.0
_PAUSE = 1.0
_CLOSED_PAUSE = 0.02
_AWAY = (RedisError, OSError, ValueError)


# The pool of runs, and of all steps that name none.
RUNS = "default"
# What workers listen to that serve every pool; no pool has this name.
EVERY = "*"
# The queue of whoever leads the relay.
RELAY = "relay"


def serving_queue(pool: str) -> str:
    """Return the queue of those who serve a pool, or `EVERY` one."""
    return "serving" if pool == EVERY else f"serving.{pool}"


class HintBroker(Broker):
    """Enqueues by RPUSH, consumes by BLPOP. Losing Redis raises nothing to anybody."""

    def __init__(self, url: str) -> None:
        super().__init__(middleware=[])
        how = {"socket_connect_timeout": 1, "health_check_interval": 0}
        self.redis: Redis = Redis.from_url(url, socket_timeout=_PATIENCE, **how)
        self.waiting: Redis = Redis.from_url(url, socket_timeout=_LONGEST_POP + _PATIENCE, **how)
        self.is_closed = False
        self._wire = Wire(self.redis.connection_pool)
        self._down_until = 0.0

    def declare_queue(self, queue_name: str) -> None:
        """Know a queue; it exists in Redis while it holds messages."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.emit_after("declare_queue", queue_name)

    def get_declared_queues(self) -> set[str]:
        return set(self.queues)

    def get_declared_delay_queues(self) -> set[str]:
        return set()

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]
        return _HintConsumer(self, queue_name, timeout / 1000)

    def push(self, message: Message[Any]) -> bool:
        """Push a hint, unless somebody would have to wait for Redis: False, and it is not sent."""
        if not self._wire.is_open or time.monotonic() < self._down_until:
            return False
        try:
            self._push(message)
        except ResponseError as error:
            self._drop(error)
        except RedisError:
            return False
        return True

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Push a hint; where Redis is away it is dropped, for the sweep finds the work."""
        if self.is_closed or time.monotonic() < self._down_until:
            METRICS.hints_dropped.inc()
            return message
        try:
            if not self._wire.is_open:
                self._wire.open()
            self._push(message)
        except RedisError as error:
            self._drop(error)
        return message

    def _push(self, message: Message[Any]) -> None:
        key = _PREFIX + message.queue_name
        self._wire.send(
            ("RPUSH", key, message.encode()),
            ("LTRIM", key, -_LONGEST_QUEUE, -1),
            ("EXPIRE", key, _QUEUE_SECONDS),
        )

    def _drop(self, error: RedisError) -> None:
        self._down_until = time.monotonic() + _PAUSE
        METRICS.hints_dropped.inc()
        _LOG.warning("a hint was dropped, for Redis does not answer: %s", error)

    def fault(self) -> str:
        """Return why Redis takes no hints, or an empty text.

        It is written to: one that is full answers, and takes nothing.
        """
        try:
            self.redis.set(_ALIVE, 1, px=1_000)
        except ResponseError as error:
            return f"Redis takes nothing: {_first(error)}"
        except _AWAY:
            return "Redis does not answer"
        return ""

    def close(self) -> None:
        """Let go of Redis; consumers that wait in a pop are woken by it."""
        self.is_closed = True
        self._wire.close()
        for each in (self.redis, self.waiting):
            each.connection_pool.disconnect()


class _HintConsumer(Consumer):
    """Waits in a blocking pop; a message that nobody of ours has written is quarantined."""

    def __init__(self, broker: HintBroker, queue: str, timeout: float) -> None:
        self._broker, self._key = broker, _PREFIX + queue
        self._timeout = min(max(timeout, 0.1), _LONGEST_POP)
        self._is_down = False

    def __next__(self) -> MessageProxy | None:
        if self._broker.is_closed:
            time.sleep(_CLOSED_PAUSE)
            return self._farewell()
        try:
            popped: Any = self._broker.waiting.blpop([self._key], timeout=self._timeout)
        except Exception as error:
            # With the socket closed under the pop, as `close` does, it may raise anything.
            if not (self._broker.is_closed or isinstance(error, _AWAY)):
                raise
            self._rest(error)
            return None
        if self._is_down:
            _LOG.info("Redis answers again")
            self._is_down = False
        return None if popped is None else self._read(popped[1])

    def _rest(self, error: Exception) -> None:
        if self._broker.is_closed:
            return
        if not self._is_down:
            _LOG.warning("Redis does not answer, the sweep goes on without it: %s", error)
            self._is_down = True
        time.sleep(_PAUSE)

    def _read(self, raw: bytes) -> MessageProxy | None:
        message = _decoded(raw) if len(raw) <= _LARGEST_MESSAGE else None
        if message is not None and message.actor_name in self._broker.actors:
            return MessageProxy(message)
        METRICS.hints_refused.inc()
        _LOG.warning("a message that nobody of ours has written was put into %s", QUARANTINE)
        try:
            self._broker.redis.rpush(QUARANTINE, raw[:_LARGEST_MESSAGE])
            self._broker.redis.ltrim(QUARANTINE, -_LONGEST_QUARANTINE, -1)
        except RedisError as error:
            _LOG.warning("and it was lost there: %s", error)
        return None

    def _farewell(self) -> MessageProxy | None:
        """Return what wakes the thread that calls actors, and calls none: it has failed already."""
        actor = next(iter(self._broker.actors), None)
        if actor is None:
            return None
        queue = self._key.removeprefix(_PREFIX)
        told = MessageProxy(_message(queue, actor, ()))
        told.fail()
        return told

    def ack(self, message: MessageProxy) -> None:
        """Do nothing: a hint is gone when it is taken."""

    def nack(self, message: MessageProxy) -> None:
        """Do nothing: the sweep finds what a lost hint spoke of."""

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Do nothing, as with `nack`."""

    def close(self) -> None:
        """Do nothing: the connection is the broker's."""


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _decoded(raw: bytes) -> Message[Any] | None:
    """Return a message of the form in which `Bell` writes them, or None."""
    try:
        message = Message.decode(raw)
    except (DecodeError, TypeError, KeyError, ValueError, RecursionError):
        return None
    is_ours = isinstance(message.actor_name, str) and isinstance(message.args, tuple | list)
    return message if is_ours and message.kwargs == {} and message.options == {} else None


class Rings(Protocol):
    """Tells processes that there is work, and returns at once."""

    def ring_pool(self, pool: str) -> None: ...

    def ring_worker(self, worker: int) -> None: ...

    def ring_serving(self, pool: str) -> None: ...

    def ring_controller(self, source: str) -> None: ...

    def ring_relay(self) -> None: ...


def ring(bell: Rings | None, told: Iterable[tuple[int | None, str]]) -> None:
    """Ring the owner of each run that was told something, or its pool where it has none."""
    if bell is None:
        return
    for owner, pool in set(told):
        if owner is None:
            bell.ring_pool(pool)
        else:
            bell.ring_worker(owner)


class Bell:
    """Rings processes by Dramatiq messages, from any thread and any event loop.

    Nobody who rings waits for Redis. A hint leaves at once where the way is open; one thread opens
    it, and what is rung meanwhile goes once.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._pending: dict[tuple[str, str, tuple[str, ...]], None] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def ring_pool(self, pool: str) -> None:
        """Runs of this pool want an owner."""
        self._ring(f"pool.{pool}", "attend", ())

    def ring_worker(self, worker: int) -> None:
        """Something was said about runs of this worker. It reads which."""
        self._ring(f"worker.{worker}", "look", ())

    def ring_serving(self, pool: str) -> None:
        """There is something for the workers that serve this pool, or every one."""
        self._ring(serving_queue(pool), "serve", ())
        self._ring(serving_queue(EVERY), "serve", ())

    def ring_controller(self, source: str) -> None:
        """This source wants to be looked at."""
        self._ring("controller", "sync", (source,))

    def ring_relay(self) -> None:
        """A run has sent something to the world."""
        self._ring(RELAY, "relay", ())

    def _ring(self, queue: str, actor: str, words: tuple[str, ...]) -> None:
        message = _message(queue, actor, words)
        if isinstance(self._broker, HintBroker) and self._broker.push(message):
            return
        with self._lock:
            if len(self._pending) >= _LONGEST_PENDING:
                METRICS.hints_dropped.inc()
                return
            self._pending[queue, actor, words] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._send, name="sark-bell", daemon=True)
                self._thread.start()
        self._wake.set()

    def _send(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            with self._lock:
                pending, self._pending = self._pending, {}
            for each in pending:
                self._broker.enqueue(_message(*each))


@lru_cache(_LONGEST_PENDING)
def _message(queue: str, actor: str, words: tuple[str, ...]) -> Message[Any]:
    return dramatiq.Message(queue, actor, words, kwargs={}, options={})
