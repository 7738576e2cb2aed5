"""A bare loop that does the same inserts: the rows a shape has written, with no engine around.

What the engine wrote of a run is read back and written again into empty copies of its tables, in
the order of time, in as many commits as the engine needed. Nothing decides, renders, checks or
answers; so it is what the same durability costs by itself.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString, TypeAlias

import psycopg

_COPIES: LiteralString = """
    DROP TABLE IF EXISTS bench_runs, bench_journal;
    CREATE TABLE bench_runs (LIKE runs INCLUDING ALL);
    CREATE TABLE bench_journal (LIKE journal INCLUDING ALL)
"""
_DROP: LiteralString = "DROP TABLE bench_runs, bench_journal"
_RUNS: LiteralString = """
    SELECT id, namespace, workflow, source, commit_sha, plan, trigger::text, inputs::text, status,
           outputs::text, created_at, started_at, ended_at
      FROM runs WHERE id = ANY(%s)
"""
_JOURNAL: LiteralString = """
    SELECT run_id, seq, at, kind, path, attempt, data::text FROM journal WHERE run_id = ANY(%s)
"""
_START: LiteralString = """
    INSERT INTO bench_runs (id, namespace, workflow, source, commit_sha, plan, trigger, inputs)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                         %s::json[], %s::json[])
"""
_CLAIM: LiteralString = """
    UPDATE bench_runs SET owner = 1, status = 'running', started_at = now() WHERE id = ANY(%s)
"""
_APPEND: LiteralString = """
    INSERT INTO bench_journal (run_id, seq, at, kind, path, attempt, data)
    SELECT * FROM unnest(%s::uuid[], %s::int[], %s::timestamptz[], %s::text[], %s::text[],
                         %s::int[], %s::json[])
"""
_END: LiteralString = """
    UPDATE bench_runs SET owner = NULL, status = new.status, outputs = new.outputs, ended_at = now()
      FROM unnest(%s::uuid[], %s::text[], %s::json[]) AS new (id, status, outputs)
     WHERE bench_runs.id = new.id
"""
_STATEMENTS = (_START, _CLAIM, _APPEND, _END)
Write: TypeAlias = tuple[datetime, int, tuple[Any, ...]]


def seconds(url: str, runs: Sequence[str], commits: int) -> float:
    """Return the seconds in which the rows of these runs are written again in so many commits."""
    with psycopg.connect(url, autocommit=True) as connection:
        writes = sorted(_writes(connection, runs), key=lambda write: write[:2])
        connection.execute(_COPIES)
        turns = [_turn(part) for part in parts(writes, commits)]
        began = time.perf_counter()
        for turn in turns:
            with connection.pipeline(), connection.transaction():
                for statement, columns in turn:
                    connection.execute(statement, columns)
        took = time.perf_counter() - began
        connection.execute(_DROP)
    return took


def parts(writes: Sequence[Write], count: int) -> Iterator[Sequence[Write]]:
    """Yield writes in their order, in `count` parts of about the same size, none of them empty."""
    count = max(1, min(count, len(writes)))
    for number in range(count):
        yield writes[len(writes) * number // count : len(writes) * (number + 1) // count]


def _writes(connection: psycopg.Connection, runs: Sequence[str]) -> Iterator[Write]:
    """Yield what was written of each run: when, by which statement, and the values."""
    found = connection.execute(_RUNS, (list(runs),)).fetchall()
    for *row, status, outputs, created_at, started_at, ended_at in found:
        yield created_at, 0, tuple(row)
        yield started_at, 1, (row[0],)
        yield ended_at, 3, (row[0], status, outputs)
    for values in connection.execute(_JOURNAL, (list(runs),)).fetchall():
        yield values[2], 2, values


def _turn(writes: Sequence[Write]) -> list[tuple[LiteralString, list[list[Any]]]]:
    """Return the statements of one commit, each with its columns."""
    turn = []
    for number, statement in enumerate(_STATEMENTS):
        rows = [values for _, each, values in writes if each == number]
        if rows:
            turn.append((statement, [list(column) for column in zip(*rows, strict=True)]))
    return turn
