"""Dramatiq on Redis, woken at once: a list for each queue, a blocking pop, no bookkeeping.

Messages are hints. PostgreSQL holds what is to be done, so a message that is lost, doubled or
forged costs nothing but a look: nothing is acknowledged and nothing is counted as in flight.
"""

import logging
import time
from collections.abc import Iterable
from typing import Any

import dramatiq
from dramatiq.broker import Broker, Consumer, MessageProxy
from dramatiq.errors import DecodeError, QueueNotFound
from dramatiq.message import Message
from redis import Redis
from redis.exceptions import RedisError

from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.broker")
_PREFIX = "sark:queue:"
_LONGEST_QUEUE = 10_000
_PAUSE = 1.0


class HintBroker(Broker):
    """Enqueues by RPUSH, consumes by BLPOP. Losing Redis raises nothing to anybody."""

    def __init__(self, url: str) -> None:
        super().__init__(middleware=[])
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=5, socket_connect_timeout=1, health_check_interval=0
        )
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
        return _HintConsumer(self._redis, queue_name, timeout / 1000)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Push a hint; where Redis is away it is dropped, for the sweep finds the work."""
        if time.monotonic() < self._down_until:
            return message
        key = _PREFIX + message.queue_name
        try:
            if int(self._redis.rpush(key, message.encode())) > _LONGEST_QUEUE:
                self._redis.ltrim(key, -_LONGEST_QUEUE // 2, -1)
        except RedisError as error:
            self._down_until = time.monotonic() + _PAUSE
            METRICS.hints_dropped.inc()
            _LOG.warning("a hint was dropped, for Redis does not answer: %s", error)
        return message

    def ping(self) -> bool:
        """True if Redis answers."""
        try:
            return bool(self._redis.ping())
        except RedisError:
            return False

    def close(self) -> None:
        self._redis.close()


class _HintConsumer(Consumer):
    """Waits in a blocking pop; a message that cannot be read is counted and dropped."""

    def __init__(self, redis: "Redis", queue: str, timeout: float) -> None:
        self._redis, self._key, self._timeout = redis, _PREFIX + queue, max(timeout, 0.1)
        self._logged = False

    def __next__(self) -> MessageProxy | None:
        try:
            popped = self._redis.blpop([self._key], timeout=min(self._timeout, 2.0))
            self._logged = False
        except RedisError as error:
            if not self._logged:
                _LOG.warning("Redis does not answer, the sweep goes on without it: %s", error)
                self._logged = True
            time.sleep(_PAUSE)
            return None
        if popped is None:
            return None
        try:
            _, data = popped
            return MessageProxy(Message.decode(data if isinstance(data, bytes) else data.encode()))
        except (DecodeError, TypeError, KeyError, ValueError):
            METRICS.hints_refused.inc()
            _LOG.warning("a message that nobody of ours has written was dropped")
            return None

    def ack(self, message: MessageProxy) -> None:
        """Do nothing: a hint is gone when it is taken."""

    def nack(self, message: MessageProxy) -> None:
        """Do nothing: the sweep finds what a lost hint spoke of."""

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Do nothing, as with `nack`."""

    def close(self) -> None:
        """Do nothing: the connection is the broker's."""


class Bell:
    """Rings processes by Dramatiq messages. May be used from any thread."""

    def __init__(self, broker: HintBroker) -> None:
        self._broker = broker

    def ring_pool(self, pool: str) -> None:
        """Runs of this pool want an owner."""
        self._ring(f"pool.{pool}", "attend", ())

    def ring_worker(self, worker: int, runs: list[str]) -> None:
        """Something was said about these runs, which this worker owns."""
        self._ring(f"worker.{worker}", "look", (runs,))

    def ring_controller(self, source: str) -> None:
        """This source wants to be looked at."""
        self._ring("controller", "sync", (source,))

    def _ring(self, queue: str, actor: str, words: tuple[object, ...]) -> None:
        self._broker.enqueue(dramatiq.Message(queue, actor, words, kwargs={}, options={}))
