"""What this machine can do at best, measured in the same minutes as the engine."""

import time

import psycopg


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


def wal_bytes(url: str) -> int:
    """Return the position of the write-ahead log."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
        ).fetchone()
    assert row is not None
    return int(row[0])
