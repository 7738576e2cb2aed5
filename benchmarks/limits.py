"""What this machine can do at best, measured in the same minutes as the engine."""

import os
import subprocess
import sys
import time

import psycopg
import redis

from benchmarks import messages

_MESSAGES = 6_000
_DATABASE = 7  # of Redis; the hints of an engine are in another
_PATIENCE = 60.0


def commits(url: str, count: int) -> float:
    """Return the seconds of `count` single-row durable commits in a row, on one connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_probe (id bigserial, data text)")
        for _ in range(10):  # so that the statement is prepared
            connection.execute("INSERT INTO bench_probe (data) VALUES ('x')")
        began = time.perf_counter()
        for _ in range(count):
            connection.execute("INSERT INTO bench_probe (data) VALUES ('x')")
        return time.perf_counter() - began


def rows_per_second(url: str, count: int = 50_000, batch: int = 1_000) -> float:
    """Return rows a second inserted by `unnest`, `batch` a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_rows (id bigint, data text)")
        data = [f"payload {i}" for i in range(batch)]
        began = time.perf_counter()
        for start in range(0, count, batch):
            ids = list(range(start, start + batch))
            connection.execute(
                "INSERT INTO bench_rows SELECT * FROM unnest(%s::bigint[], %s::text[])", (ids, data)
            )
        took = time.perf_counter() - began
        connection.execute("DROP TABLE bench_rows")
    return count / took


def messages_per_second(redis_url: str) -> float:
    """Return no-op messages a second through Dramatiq, two processes of eight threads.

    All lie in Redis before the workers start, and the clock starts with the first that is
    acknowledged: this is a queue at its best, with nothing that survives a crash of Redis.
    """
    url = redis_url.rpartition("/")[0] + f"/{_DATABASE}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        messages.send(url, _MESSAGES)
        worker = subprocess.Popen(
            [sys.executable, "-m", "dramatiq", "-p", "2", "-t", "8", "benchmarks.messages:serve"],
            env={**os.environ, messages.URL: url},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return _MESSAGES / _draining(client)
        finally:
            worker.terminate()
            worker.wait(30)
            client.flushdb()


def _draining(client: redis.Redis) -> float:
    """Return the seconds from the first message that is acknowledged to the last."""
    limit = time.monotonic() + _PATIENCE
    began = 0.0
    while left := client.hlen(messages.UNACKNOWLEDGED):
        began = began or (time.perf_counter() if left < _MESSAGES else 0)
        if time.monotonic() > limit:
            raise TimeoutError(f"Dramatiq has not acknowledged {left} messages")
        time.sleep(0.002)
    return time.perf_counter() - began


def wal_bytes(url: str) -> int:
    """Return the position of the write-ahead log."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
        ).fetchone()
    assert row is not None
    return int(row[0])


def writes(url: str) -> int:
    """Return how many transactions have written so far."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        ).fetchone()
    assert row is not None
    return int(row[0])
