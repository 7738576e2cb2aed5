"""What the broker promises: hints at once while Redis is there, and no harm when it is not."""

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pytest
from dramatiq.worker import Worker
from redis import Redis

from engine.broker import QUARANTINE, Bell, HintBroker
from engine.local.valkey import Valkey
from engine.telemetry import METRICS


class Listener:
    """Dramatiq's worker on one queue, whose actor keeps what it was told and when."""

    def __init__(self, url: str, pool: str = "default") -> None:
        self.told: list[float] = []
        self.heard = threading.Event()
        self._broker = HintBroker(url)
        dramatiq.actor(actor_name="attend", queue_name=f"pool.{pool}", broker=self._broker)(
            self._hear
        )
        self._worker = Worker(self._broker, worker_timeout=1000, worker_threads=1)
        self._worker.start()

    def _hear(self) -> None:
        self.told.append(time.perf_counter())
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
    On an idle queue a hint arrives at once: nobody polls.
    """
    bell, waits = Bell(HintBroker(redis_url)), []
    time.sleep(0.5)
    for _ in range(20):
        listener.heard.clear()
        began = time.perf_counter()
        bell.ring_pool("default")
        assert listener.heard.wait(30)
        waits.append(listener.told[-1] - began)
        time.sleep(0.02)

    assert sorted(waits)[10] < 0.2


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

        assert listener.heard.wait(3)
        assert METRICS.hints_refused._value.get() - refused == 1
        assert redis.lrange(QUARANTINE, 0, -1) == [raw[: 64 * 1024]]
        assert len(listener.told) == 1


def test_a_hint_told_again_and_again_wakes_and_nothing_more(listener: Listener, redis_url: str):
    """
    A queue that nobody reads stays short: a thousand hints say no more than a few.
    """
    bell = Bell(HintBroker(redis_url))
    for _ in range(1000):
        bell.ring_pool("elsewhere")
        bell.ring_worker(7)
    bell.ring_pool("default")
    assert listener.heard.wait(30)

    with Redis.from_url(redis_url) as redis:
        for key in ("sark:queue:pool.elsewhere", "sark:queue:worker.7"):
            assert redis.llen(key) <= 256
            assert 0 < int(redis.ttl(key)) <= 3600


def test_losing_redis_holds_up_nobody(tmp_path: Path):
    """
    With Redis dead or frozen, ringing takes no time and raises nothing; it heals by itself.
    """
    server = Valkey(tmp_path / "valkey")
    url = server.start()
    listener = Listener(url)
    bell = Bell(HintBroker(url))
    process = server._process
    assert process is not None
    try:
        process.send_signal(signal.SIGSTOP)
        began = time.perf_counter()
        for _ in range(100):
            bell.ring_pool("default")
        assert time.perf_counter() - began < 2
        time.sleep(0.2)
        process.send_signal(signal.SIGCONT)
        assert listener.heard.wait(30)
    finally:
        process.send_signal(signal.SIGCONT)
        server.stop()
    dropped = METRICS.hints_dropped._value.get()
    bell.ring_pool("default")
    time.sleep(0.5)

    assert METRICS.hints_dropped._value.get() > dropped
    listener.close()


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
        limit = time.monotonic() + 10
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
        consumers = Worker(broker, worker_timeout=1000, worker_threads=1)
        consumers.start()
        time.sleep(0.001 * (count % 17))
        broker.close()
        consumers.stop(timeout=1_000)

    assert [] == [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
