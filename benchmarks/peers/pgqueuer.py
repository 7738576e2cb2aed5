"""PgQueuer: a queue on PostgreSQL, two workers woken by LISTEN/NOTIFY.

As its documentation has it (https://janbjorge.github.io/pgqueuer/): asyncpg pools, `batch_size`
of ten as it comes, many jobs enqueued in one call where they are there at once. It has no
workflows: a task enqueues the task after it, and a join is a row that counts down. That row and
the enqueuing are not in one transaction with the end of the job, which is quicker than a user who
wants no task lost or done twice could have it.

`python -m benchmarks.peers.pgqueuer` drives it; `worker URL` and `web URL PORT` are its processes.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import uvloop
from pgqueuer import AsyncpgPoolDriver, PgQueuer, Queries

from benchmarks.peers.harness import Capped, Harness, fib, free_port

_TABLES = """
    CREATE TABLE bench_done (run text PRIMARY KEY, tasks int NOT NULL, at float8 NOT NULL);
    CREATE TABLE bench_join (run text PRIMARY KEY, remaining int NOT NULL, tasks int NOT NULL)
"""
_DONE = "SELECT count(*), coalesce(sum(tasks), 0) FROM bench_done"


async def work(url: str) -> None:
    """Be a worker."""
    pool = await asyncpg.create_pool(url, min_size=2, max_size=12)
    jobs = PgQueuer(AsyncpgPoolDriver(pool))
    queries = Queries(AsyncpgPoolDriver(pool))

    @jobs.entrypoint("step")
    async def step(job):
        """One of a chain: `left` follow it, `made` are done before it."""
        began = time.time()
        run, left, made = json.loads(job.payload)
        fib(10)
        if left:
            await queries.enqueue("step", json.dumps([run, left - 1, made + 1]).encode())
        else:
            await pool.execute("INSERT INTO bench_done VALUES ($1, $2, $3)", run, made + 1, began)

    @jobs.entrypoint("spread")
    async def spread(job):
        """The first of a diamond, or what starts a fan; then tasks at once."""
        run, width, made = json.loads(job.payload)
        fib(10)
        await pool.execute("INSERT INTO bench_join VALUES ($1, $2, $3)", run, width, made + width)
        load = json.dumps(run).encode()
        await queries.enqueue(["leaf"] * width, [load] * width, [0] * width)

    @jobs.entrypoint("leaf")
    async def leaf(job):
        """One of those at once; the last of them starts the join."""
        run = json.loads(job.payload)
        fib(10)
        row = await pool.fetchrow(
            "UPDATE bench_join SET remaining = remaining - 1 WHERE run = $1 "
            "RETURNING remaining, tasks", run)  # fmt: skip
        if not row["remaining"]:
            await queries.enqueue("step", json.dumps([run, 0, row["tasks"]]).encode())

    await jobs.run()


def web(url: str, port: int) -> None:
    """Be an application that enqueues a job for a request."""
    import fastapi
    import uvicorn

    queues: dict[str, Queries] = {}

    @contextlib.asynccontextmanager
    async def life(_: fastapi.FastAPI) -> AsyncIterator[None]:
        pool = await asyncpg.create_pool(url, min_size=1, max_size=4)
        queues["one"] = Queries(AsyncpgPoolDriver(pool))
        yield

    api = fastapi.FastAPI(lifespan=life)

    @api.post("/one/{run}")
    async def one(run: str) -> None:
        await queues["one"].enqueue("step", json.dumps([run, 0, 0]).encode())

    uvicorn.run(api, port=port, log_level="warning")


class _Queue:
    """What starts runs and looks at what has ended."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._port = free_port()
        self._client = harness.client(self._port)
        self._runs = iter(range(10**9))
        self._loop = asyncio.new_event_loop()
        subprocess.run(
            [Path(sys.executable).parent / "pgq", "--pg-dsn", harness.database_url, "install"],
            check=True, capture_output=True,
        )  # fmt: skip
        self._pool = self._wait(self._connect())
        self._wait(self._pool.execute(_TABLES))
        self._queries = Queries(AsyncpgPoolDriver(self._pool))

    def start(self) -> None:
        url = self._harness.database_url
        for number in range(2):
            self._harness.python(
                f"worker{number}", "-m", "benchmarks.peers.pgqueuer", "worker", url
            )
        self._harness.python("web", "-m", "benchmarks.peers.pgqueuer", "web", url, self._port)

    def is_ready(self) -> bool:
        return self.first() > 0

    def run(self, kind: str, value: int, made: int, count: int = 1) -> int:
        """Enqueue the first task of runs and wait until all have ended; the tasks of those."""
        before, tasks = self._done()
        loads = [json.dumps([f"r{next(self._runs)}", value, made]).encode() for _ in range(count)]
        self._wait(self._queries.enqueue([kind] * count, loads, [0] * count))
        self._harness.until(lambda: self._done()[0] - before, count)
        return self._done()[1] - tasks

    def first(self) -> float:
        run = f"r{next(self._runs)}"
        began = time.time()
        self._client.post(f"/one/{run}", {})
        if not self._harness.until(lambda: self._at(run) is not None, 1, pause=0.001):
            raise Capped(run)
        return self._at(run) - began

    def _at(self, run: str) -> float | None:
        """Return when the last task of a run began."""
        return self._wait(self._pool.fetchval("SELECT at FROM bench_done WHERE run = $1", run))

    def _done(self) -> tuple[int, int]:
        return tuple(self._wait(self._pool.fetchrow(_DONE)))

    def _wait(self, what: object) -> object:
        return self._loop.run_until_complete(what)

    async def _connect(self) -> asyncpg.Pool:
        return await asyncpg.create_pool(self._harness.database_url, min_size=1, max_size=2)


def main() -> None:
    """Measure all shapes."""
    with Harness() as harness:
        queue, began = _Queue(harness), time.perf_counter()
        queue.start()
        harness.started(queue.is_ready, began)
        harness.shape("flow40", 40, lambda: queue.run("step", 39, 0), 10)
        harness.latency(queue.first)
        harness.shape("fan1000", 1001, lambda: queue.run("spread", 1000, 0))
        harness.shape("runs1000", 5000, lambda: queue.run("spread", 3, 1, count=1000))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["worker", url]:
            uvloop.run(work(url))
        case ["web", url, port]:
            web(url, int(port))
        case _:
            main()
