"""Dramatiq by itself, on Redis: pipelines, groups with a callback, results.

As its documentation has it: two processes of eight threads (the second is the default, the first
the number of cores; https://dramatiq.io/guide.html), results in Redis
(https://dramatiq.io/cookbook.html#results), and `GroupCallbacks` for what follows a group
(https://dramatiq.io/cookbook.html#composition). A pipeline cannot hold a group, so the first task
of a diamond starts the group. Redis has its append-only file on, synced every second: what was
acknowledged in that second may be lost, so this row is not a durable one.

`python -m benchmarks.peers.dramatiq` drives it; `web PORT` is its application.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import GroupCallbacks
from dramatiq.rate_limits.backends import RedisBackend as Rates
from dramatiq.results import Results, ResultTimeout
from dramatiq.results.backends import RedisBackend

from benchmarks.peers.harness import Harness, fib, free_port

_URL = os.environ.get("SARK_BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")
_PATIENCE = 300_000  # milliseconds

store = redis.Redis.from_url(_URL)
broker = RedisBroker(url=_URL)
broker.add_middleware(Results(backend=RedisBackend(client=store)))
broker.add_middleware(GroupCallbacks(Rates(client=store)))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def work(n: int) -> float:
    """Return when it began."""
    began = time.time()
    fib(n)
    return began


@dramatiq.actor
def link(made: int) -> None:
    """One of a chain: forty of them, each handing on how many are done."""
    fib(10)
    if made < 39:
        link.send(made + 1)
    else:
        store.incrby("bench:tasks", made + 1)
        store.incr("bench:runs")


@dramatiq.actor
def done(tasks: int) -> None:
    """The last of a run; it tells how many tasks that had, itself included."""
    fib(10)
    store.incrby("bench:tasks", tasks)
    store.incr("bench:runs")


@dramatiq.actor
def spread(width: int, tasks: int) -> None:
    """The first of a diamond, then tasks at once and one that waits for them."""
    fib(10)
    group = dramatiq.group([work.message(10) for _ in range(width)])
    group.add_completion_callback(done.message(tasks))
    group.run()


def web(port: int) -> None:
    """Be an application that sends a task for a request and waits for its result."""
    import fastapi
    import uvicorn

    api = fastapi.FastAPI()

    @api.post("/one")
    def one() -> float:
        return work.send(10).get_result(block=True, timeout=_PATIENCE)

    uvicorn.run(api, port=port, log_level="warning")


class _Queue:
    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._port = free_port()
        self._client = harness.client(self._port)

    def start(self) -> None:
        store.config_set("appendonly", "yes")
        words = ["-m", "dramatiq", "-p", 2, "-t", 8, "benchmarks.peers.dramatiq"]
        self._harness.python("worker", *words)
        self._harness.python("web", "-m", "benchmarks.peers.dramatiq", "web", self._port)

    def first(self) -> float:
        began = time.time()
        return self._client.post("/one", {}) - began

    def pipe(self) -> int:
        """Forty tasks as a pipeline; how many results it has kept."""
        first, *rest = range(40)
        messages = [work.message_with_options(args=(10,), pipe_ignore=n != first)
                    for n in (first, *rest)]  # fmt: skip
        pipe = dramatiq.pipeline(messages).run()
        with contextlib.suppress(ResultTimeout):
            pipe.get_result(block=True, timeout=int(1000 * self._harness.left()) + 1)
        return pipe.completed_count

    def runs(self, start: Callable[[], object], count: int) -> int:
        """Start runs and wait until all have ended; the tasks they made."""
        ended, tasks = self._read("runs"), self._read("tasks")
        self._harness.burst(lambda _: start(), count, threads=1)
        self._harness.until(lambda: self._read("runs") - ended, count)
        return self._read("tasks") - tasks

    def fan(self) -> int:
        def start() -> None:
            group = dramatiq.group([work.message(10) for _ in range(1000)])
            group.add_completion_callback(done.message(1001))
            group.run()

        return self.runs(start, 1)

    def _read(self, what: str) -> int:
        return int(store.get(f"bench:{what}") or 0)


def main() -> None:
    """Measure all shapes."""
    with Harness() as harness:
        queue, began = _Queue(harness), time.perf_counter()
        queue.start()
        harness.started(queue.first, began)
        harness.shape("flow40/pipeline", 40, queue.pipe, 10)
        harness.shape("flow40/sent", 40, lambda: queue.runs(lambda: link.send(0), 1), 10)
        harness.latency(queue.first)
        harness.shape("fan1000", 1001, queue.fan)
        harness.shape("runs1000", 5000, lambda: queue.runs(lambda: spread.send(3, 5), 1000))


if __name__ == "__main__":
    web(int(sys.argv[2])) if "web" in sys.argv else main()
