"""What the broker promises: hints at once while Redis is there, and no harm when it is not."""

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dramatiq
import pytest
from dramatiq.worker import Worker
from redis import Redis

from engine import broker as broker_of_hints
from engine import hints
from engine.broker import QUARANTINE, Bell, HintBroker
from engine.hints import Listener as Hearing
from engine.local.valkey import Valkey
from engine.telemetry import METRICS

PATIENCE = 60.0


class Listener:
    """Dramatiq's worker on one queue, whose actor counts what it was told."""

    def __init__(self, url: str, pool: str = "default") -> None:
        self.told = 0
        self.heard = threading.Event()
        self._broker = HintBroker(url)
        dramatiq.actor(actor_name="attend", queue_name=f"pool.{pool}", broker=self._broker)(
            self._hear
        )
        self._worker = Worker(self._broker, worker_timeout=1000, worker_threads=1)
        self._worker.start()

    def _hear(self) -> None:
        self.told += 1
        self.heard.set()

    def close(self) -> None:
        self._broker.close()
        self._worker.stop(timeout=2000)


@pytest.fixture
def listener(redis_url: str) -> Iterator[Listener]:
    listener = Listener(redis_url)
    yield listener
    listener.close()


def test_a_hint_is_heard_at_once(listener: Listener, redis_url: str):
    """
    On an idle queue nobody polls: who listens stands at Redis, which hands a hint over as it comes.
    """
    bell = Bell(HintBroker(redis_url))
    with Redis.from_url(redis_url) as redis:
        for _ in range(20):
            until(lambda: any(is_waiting(each) for each in redis.client_list()))
            listener.heard.clear()
            bell.ring_pool("default")
            assert listener.heard.wait(PATIENCE)

        # All that was ever asked of the queue is to be handed what comes.
        assert 20 == listener.told
        assert 0 == redis.llen("sark:queue:pool.default")


def is_waiting(client: dict[str, str]) -> bool:
    """True if a client of Redis stands there for what comes."""
    return client["cmd"] == "blpop" and "b" in client["flags"]


def until(holds: Callable[[], object]) -> None:
    """Return once something holds."""
    limit = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage",
        b"[]",
        b"{}",
        b"\xff\x00",
        b'{"queue_name": "pool.default"}',
        b"[" * 100_000,
        b"x" * 5_000_000,
        dramatiq.Message("pool.default", "unknown", (), {}, {}).encode(),
        dramatiq.Message("pool.default", "attend", (), {}, {"eta": 9e15}).encode(),
        dramatiq.Message("pool.default", "attend", (), {"command": "rm"}, {}).encode(),
        dramatiq.Message("pool.default", ["attend"], (), {}, {}).encode(),  # type: ignore[arg-type]
    ],
    ids=[
        "text",
        "list",
        "empty",
        "bytes",
        "part",
        "deep",
        "large",
        "actor",
        "eta",
        "words",
        "type",
    ],
)
def test_garbage_is_quarantined(listener: Listener, redis_url: str, raw: bytes):
    """
    A message that nobody of ours has written is counted and put aside, cut; the next is heard.
    """
    refused = METRICS.hints_refused._value.get()
    with Redis.from_url(redis_url) as redis:
        redis.rpush("sark:queue:pool.default", raw)
        Bell(HintBroker(redis_url)).ring_pool("default")

        assert listener.heard.wait(PATIENCE)
        assert METRICS.hints_refused._value.get() - refused == 1
        assert redis.lrange(QUARANTINE, 0, -1) == [raw[: 64 * 1024]]
        assert listener.told == 1


def test_a_hint_told_again_and_again_wakes_and_nothing_more(listener: Listener, redis_url: str):
    """
    A queue that nobody reads stays short: a thousand hints say no more than a few.
    """
    bell = Bell(HintBroker(redis_url))
    for _ in range(1000):
        bell.ring_pool("elsewhere")
        bell.ring_worker(7)
    bell.ring_pool("default")
    assert listener.heard.wait(PATIENCE)

    with Redis.from_url(redis_url) as redis:
        for key in ("sark:queue:pool.elsewhere", "sark:queue:worker.7"):
            assert redis.llen(key) <= 256
            assert 0 < int(redis.ttl(key)) <= 3600


class Slow(HintBroker):
    """A broker whose first hint waits until it is let go."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.let_go, self.sent = threading.Event(), 0

    def enqueue(
        self, message: dramatiq.Message[Any], *, delay: int | None = None
    ) -> dramatiq.Message[Any]:
        assert self.let_go.wait(PATIENCE)
        self.sent += 1
        return super().enqueue(message, delay=delay)


def test_losing_redis_holds_up_nobody(tmp_path: Path):
    """
    With Redis dead or frozen, who rings waits for nothing and hears of nothing; it heals by itself.
    """
    server = Valkey(tmp_path / "valkey")
    url = server.start()
    listener = Listener(url)
    broker = Slow(url)
    bell = Bell(broker)
    process = server._process
    assert process is not None
    try:
        process.send_signal(signal.SIGSTOP)
        for _ in range(100):
            bell.ring_pool("default")
        assert broker.sent == 0  # all have rung before the first hint is under way
        broker.let_go.set()
        until(lambda: broker.sent)
        process.send_signal(signal.SIGCONT)
        assert listener.heard.wait(PATIENCE)
    finally:
        process.send_signal(signal.SIGCONT)
        server.stop()
    dropped = METRICS.hints_dropped._value.get()
    bell.ring_pool("default")

    until(lambda: METRICS.hints_dropped._value.get() > dropped)
    listener.close()


def test_a_hint_that_redis_restarts_under_is_sent_anew(tmp_path: Path):
    """
    The first hint after a restart of Redis arrives: whoever rings need not know of it.
    """
    server = Valkey(tmp_path / "valkey")
    url = server.start()
    bell = Bell(HintBroker(url))
    try:
        for _ in range(3):
            bell.ring_pool("elsewhere")
            until_hinted(url, "sark:queue:pool.elsewhere")
            server.stop()
            server.start()
    finally:
        server.stop()


def test_a_hint_that_redis_refuses_is_counted(tmp_path: Path):
    """
    Redis that takes nothing more costs hints, and the metric says how many.
    """
    server = Valkey(tmp_path / "valkey")
    url = server.start()
    bell = Bell(HintBroker(url))
    try:
        bell.ring_pool("elsewhere")
        until_hinted(url, "sark:queue:pool.elsewhere")
        with Redis.from_url(url) as redis:
            redis.config_set("maxmemory", "1")
        dropped = METRICS.hints_dropped._value.get()

        def is_dropped() -> bool:
            bell.ring_pool("elsewhere")
            return bool(METRICS.hints_dropped._value.get() > dropped)

        until(is_dropped)
    finally:
        server.stop()


def until_hinted(url: str, queue: str) -> None:
    """Wait until there is a hint in a queue that nobody reads."""
    with Redis.from_url(url) as redis:
        until(lambda: redis.llen(queue))


def test_redis_absent_at_the_start_is_waited_for(tmp_path: Path):
    """
    A listener that begins before Redis hears hints once there is one.
    """
    server = Valkey(tmp_path / "valkey")
    url = server.start()
    assert server._process is not None
    server._process.send_signal(signal.SIGTERM)
    server._process.wait(30)
    listener = Listener(url)
    time.sleep(0.3)
    words = [str(server._process.args[0]), str(tmp_path / "valkey" / "valkey.conf")]  # type: ignore[index]
    again = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        bell = Bell(HintBroker(url))
        limit = time.monotonic() + PATIENCE
        while not listener.heard.wait(0.3) and time.monotonic() < limit:
            bell.ring_pool("default")

        assert listener.heard.is_set()
    finally:
        listener.close()
        again.terminate()
        again.wait()


def test_who_lets_go_of_redis_says_nothing(redis_url: str, caplog: pytest.LogCaptureFixture):
    """
    However a broker is closed under the pop of its consumers, no trace of it stands in the log.
    """
    for count in range(34):
        broker = HintBroker(redis_url)
        dramatiq.actor(actor_name="relay", queue_name="relay", broker=broker)(print)
        listener = Hearing(broker)
        time.sleep(0.001 * (count % 17))
        listener.close()

    assert [] == [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_bell_of_who_has_let_go_of_redis_connects_no_more(redis_url: str):
    """
    What is rung once a broker is closed is dropped, and counted; nobody holds a connection for it.
    """
    broker = HintBroker(redis_url)
    broker.close()
    dropped = METRICS.hints_dropped._value.get()
    Bell(broker).ring_pool("elsewhere")

    until(lambda: METRICS.hints_dropped._value.get() > dropped)
    with Redis.from_url(redis_url) as redis:
        assert not redis.llen("sark:queue:pool.elsewhere")


def test_who_waits_for_hints_is_gone_as_soon_as_it_is_told(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    Threads that sleep until a hint comes end with their broker, and not when they would have woken;
    they take no hint with them that the next one is to hear.
    """
    monkeypatch.setattr(broker_of_hints, "_LONGEST_POP", 10 * PATIENCE)
    monkeypatch.setattr(hints, "_ASLEEP_MILLISECONDS", int(10_000 * PATIENCE))
    before = set(threading.enumerate())
    listener = relayed(redis_url)
    listener.close()

    until(lambda: not {each for each in set(threading.enumerate()) - before if each.is_alive()})
    Bell(HintBroker(redis_url)).ring_relay()
    with Redis.from_url(redis_url) as redis:
        assert redis.blpop(["sark:queue:relay"], timeout=int(PATIENCE)) is not None


def test_a_listener_with_nothing_to_hear_sleeps(redis_url: str):
    """
    As long as nobody rings, nothing is asked of Redis more than a few times a minute.
    """
    listener = relayed(redis_url)
    with Redis.from_url(redis_url) as redis:
        redis.config_resetstat()
        time.sleep(3)
        told = redis.info("commandstats")
    listener.close()

    assert "cmdstat_blpop" not in told


def relayed(url: str) -> Hearing:
    """Return a listener of the relay that stands at Redis already."""
    broker = HintBroker(url)
    dramatiq.actor(actor_name="relay", queue_name="relay", broker=broker)(print)
    listener = Hearing(broker)
    with Redis.from_url(url) as redis:
        until(lambda: any(is_waiting(each) for each in redis.client_list()))
    return listener
