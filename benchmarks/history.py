"""Pages of a long history: how soon they come, and what it costs those who start and who prune.

A year at 1,000 runs a day is written by SQL, then as much as makes a million. The same stack is
measured empty before, so what a history costs is told by a ratio of one run.
"""

import asyncio
import base64
import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from benchmarks import processes
from benchmarks.stack import Stack
from engine.core import ids
from engine.retention import Clocks, Retention
from engine.store.leases import Session
from engine.store.pool import Connection, connect

Row = dict[str, object]

_SIZES = (365_000, 1_000_000)
_YEAR = timedelta(days=365)
_PAGES = 100
_STARTS = 1_000
_PRUNED = 100_000
_CALM = 200
_ROWS = 5
# One of 1,000 waits; of the rest 5 % failed, 1 % were cancelled. Half of them are of one workflow.
_FILL: LiteralString = """
    WITH new AS (
        INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, status, due_at,
                          created_at, started_at, ended_at)
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
                || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid,
               CASE WHEN i %% 10 = 3 THEN 'other' ELSE 'local' END,
               CASE WHEN i %% 2 = 0 THEN 'busy' WHEN i %% 1000 = 1 THEN 'rare'
                    ELSE 'w' || i %% 39 END,
               '', '{"id": "manual", "actor": "token:admin"}', '{"n": 1}', status,
               '9999-01-01Z', at, at, CASE WHEN status <> 'waiting' THEN at + interval '1 s' END
          FROM generate_series(%(first)s::int, %(last)s::int) AS i,
               LATERAL (SELECT %(since)s::timestamptz + i * %(step)s::interval AS at) AS made,
               LATERAL (SELECT CASE WHEN i %% 1000 = 7 THEN 'waiting' WHEN i %% 20 = 5 THEN 'failed'
                                    WHEN i %% 100 = 9 THEN 'cancelled' ELSE 'succeeded' END
                            AS status) AS stands
        RETURNING id, created_at
    )
    INSERT INTO journal SELECT id, seq, created_at, 'succeeded', 's' || seq, 1, '{"n": 1}'
      FROM new, generate_series(1, %(rows)s::int) AS seq
"""
_PATHS = {
    "all": "",
    "halfway": "cursor={halfway}",
    "succeeded": "status=succeeded",
    "failed": "status=failed",
    "waiting": "status=waiting",
    "paused": "status=paused",
    "busy": "workflow=busy",
    "rare": "workflow=rare",
    "none": "workflow=none",
    "busy_failed": "workflow=busy&status=failed",
    "rare_cancelled": "workflow=rare&status=cancelled",
    "namespace": "namespace=other",
    "namespace_failed": "namespace=other&status=failed",
}


def shape(tell: Callable[[Row], None]) -> None:
    """Measure an empty history and both long ones, then pages and runs while a part of it goes."""
    with Stack(SARK_HISTORY__KEEP="forever") as stack:
        _starts(stack)
        empty = _starts(stack)
        since, before = datetime.now(UTC) - _YEAR, 0
        tell({"shape": "history2000", **_pages(stack, since)})
        asyncio.run(_cut(stack.database_url, since))
        for size in _SIZES:
            _fill(stack.database_url, before, size, since)
            before = size
            tell({"shape": f"history{size}", **_pages(stack, since + _YEAR / 2)})
        _starts(stack)
        full = _starts(stack)
        told: Row = {"shape": "history_starts", "runs": _STARTS}
        for key, value in empty.items():
            told |= {f"empty_{key}": value, f"full_{key}": full[key]}
            told[f"{key}_ratio"] = round(full[key] / value, 2)
        tell(told)
        tell({"shape": "history_pruned", **_pruned(stack)})


def _starts(stack: Stack) -> dict[str, float]:
    """Start runs as fast as they are taken; return seconds until all are, and CPU to their end."""
    load = stack.load(16)
    before, began = processes.cpu(stack.pid), time.perf_counter()
    started = load.start("diamond", _STARTS)
    seconds = time.perf_counter() - began
    stack.wait(started, 0.01)
    used = {k: v - before.get(k, 0) for k, v in processes.cpu(stack.pid).items()}
    load.close()
    return {
        "start_seconds": round(seconds, 3),
        "cpu": round(sum(used.values()), 3),
        "cpu_postgres": round(used["postgres"], 3),
    }


async def _cut(url: str, since: datetime) -> None:
    """Let there be the partitions that the controller would have made in the time since then."""
    async with await connect(url, "bench") as connection:
        for month in range(13):
            at = since + month * timedelta(days=30)
            if at < datetime.now(UTC) - timedelta(days=1):
                await Retention(Session(connection), None, _clock(at)).look()


def _clock(at: datetime) -> Clocks:
    async def clocks(_: Connection) -> tuple[datetime, datetime]:
        return at, at

    return clocks


def _fill(url: str, first: int, last: int, since: datetime) -> None:
    """Write runs up to a number, spread over the whole year, with five rows of journal each."""
    step = _YEAR / (last - first)
    with psycopg.connect(url, autocommit=True) as connection:
        for low in range(first, last, 25_000):
            connection.execute(
                _FILL,
                {"first": low, "last": min(low + 25_000, last) - 1, "step": step, "rows": _ROWS,
                 "since": since - first * step},
            )  # fmt: skip
        connection.execute("VACUUM ANALYZE")


def _pages(stack: Stack, halfway: datetime) -> Row:
    """Return milliseconds of a page of 50 at p50 and p99, and of CPU, by what it is filtered by."""
    cursor = base64.urlsafe_b64encode(str(ids.first(halfway)).encode()).decode()
    token = (stack.state / "token").read_text().strip()
    link = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    told: Row = {}
    for name, query in _PATHS.items():
        path, values = f"/api/v1/runs?{query.format(halfway=cursor)}".rstrip("?"), list[float]()
        before = processes.cpu(stack.pid)
        for _ in range(_PAGES):
            began = time.perf_counter()
            link.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = link.getresponse()
            body = answer.read()
            values.append(1000 * (time.perf_counter() - began))
            if answer.status != 200:
                raise RuntimeError(body[:300])
        after = processes.cpu(stack.pid)
        used = sum(after[role] - before.get(role, 0) for role in ("server", "postgres"))
        told[name] = f"{_quantiles(values)}/{1000 * used / _PAGES:.1f}"
    link.close()
    return told


def _pruned(stack: Stack) -> Row:
    """Return how long a run takes to its first outcome, calm and while 100,000 of others go.

    `orphan_rows` are those of journals whose run is not there.
    """
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        def one(statement: LiteralString, *values: object) -> Any:
            row = connection.execute(statement, values).fetchone()
            assert row is not None
            return row[0]

        before = one("SELECT count(*) FROM runs")
        newest: UUID = one("SELECT id FROM runs ORDER BY id OFFSET %s LIMIT 1", _PRUNED)
        calm = _latencies(stack, lambda seen: len(seen) < _CALM)
        with _pruning(stack.database_url, datetime.now(UTC) - ids.instant(newest)) as pruning:
            busy = _latencies(stack, lambda _: pruning.is_alive())
        begun = len(calm) + len(busy)
        return {
            "gone": before + begun - one("SELECT count(*) FROM runs"),
            "runs_begun": len(busy),
            "calm_ms": _quantiles(calm),
            "pruning_ms": _quantiles(busy),
            "orphan_rows": one(
                "SELECT count(*) FROM journal WHERE run_id < %s AND NOT EXISTS "
                "(SELECT FROM runs WHERE id = run_id)", newest,
            ),
        }  # fmt: skip


def _latencies(stack: Stack, goes_on: Callable[[list[float]], bool]) -> list[float]:
    """Start some 20 runs a second in turn; return milliseconds to the first outcome of each."""
    load, seen = stack.load(1), list[float]()
    while goes_on(seen):
        time.sleep(0.05)
        began = time.time()
        (run,) = load.start("one", 1)
        seen.append(1000 * (stack.first_outcome(run) - began))
    load.close()
    return seen


@contextmanager
def _pruning(url: str, keep: timedelta) -> Iterator[threading.Thread]:
    """Forget what is older in a thread of its own, as the controller does."""

    async def prune() -> None:
        async with await connect(url, "bench") as connection:
            while not await Retention(Session(connection), keep).look():
                pass

    thread = threading.Thread(target=lambda: asyncio.run(prune()))
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def _quantiles(values: list[float]) -> str:
    values = sorted(values)
    return f"{statistics.median(values):.1f}/{values[int(0.99 * len(values))]:.1f}"
