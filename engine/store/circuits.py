"""Circuit breakers, a row for each: what all workers have told of its calls."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, TypeAlias

import orjson
from psycopg.types.json import Json as AsJson

from engine.core.circuit import Breaker, CircuitState, Slice
from engine.core.frozen import frozen
from engine.store.pool import Connection

Name: TypeAlias = tuple[str, str]

_MAKE: LiteralString = """
    INSERT INTO circuits (namespace, name)
    SELECT * FROM unnest(%(namespaces)s::text[], %(names)s::text[])
    ON CONFLICT DO NOTHING
"""
_READ: LiteralString = """
    SELECT namespace, name, state, round, until, slices, trials, passed, clock_timestamp()
      FROM circuits
     WHERE (namespace, name) IN (SELECT * FROM unnest(%(namespaces)s::text[], %(names)s::text[]))
"""
_LOCK: LiteralString = f"{_READ} ORDER BY namespace, name FOR UPDATE"
_WRITE: LiteralString = """
    UPDATE circuits
       SET state = %(state)s, round = %(round)s, until = %(until)s, slices = %(slices)s,
           trials = %(trials)s, passed = %(passed)s, told_at = now()
     WHERE namespace = %(namespace)s AND name = %(name)s
"""
_SWEEP: LiteralString = """
    DELETE FROM circuits WHERE told_at < now() - interval '1 day' AND coalesce(until < now(), true)
"""


@frozen
class Seen:
    """A breaker as its row has it, `at` an instant of PostgreSQL's clock."""

    breaker: Breaker
    at: datetime


async def read(connection: Connection, names: Sequence[Name]) -> dict[Name, Seen]:
    """Return the breakers that anything was told of."""
    return _seen(await (await connection.execute(_READ, _told(names))).fetchall())


async def lock(connection: Connection, names: Sequence[Name]) -> dict[Name, Seen]:
    """Return breakers, each of them made if it was not there, and keep others from writing them.

    In the caller's transaction.
    """
    seen: dict[Name, Seen] = {}
    while missing := sorted(set(names) - seen.keys()):
        rows = await (await connection.execute(_LOCK, _told(missing))).fetchall()
        seen |= _seen(rows)
        if len(rows) < len(missing):
            await connection.execute(_MAKE, _told(sorted(set(missing) - seen.keys())))
    return seen


async def write(connection: Connection, name: Name, breaker: Breaker) -> None:
    """Write a breaker that is locked."""
    slices = [[each.since.isoformat(), each.calls, each.failures] for each in breaker.slices]
    told = {
        "namespace": name[0], "name": name[1], "state": breaker.state.value,
        "round": breaker.round, "until": breaker.until, "slices": AsJson(slices, orjson.dumps),
        "trials": breaker.trials, "passed": breaker.passed,
    }  # fmt: skip
    await connection.execute(_WRITE, told)


async def sweep(connection: Connection) -> None:
    """Forget breakers that nothing was told of for a day."""
    await connection.execute(_SWEEP)


def _told(names: Sequence[Name]) -> dict[str, list[str]]:
    return {"namespaces": [each for each, _ in names], "names": [each for _, each in names]}


def _seen(rows: Sequence[tuple[Any, ...]]) -> dict[Name, Seen]:
    seen = {}
    for namespace, name, state, number, until, slices, trials, passed, at in rows:
        parts = tuple(Slice(datetime.fromisoformat(since), *rest) for since, *rest in slices)
        breaker = Breaker(CircuitState(state), number, until, parts, trials, passed)
        seen[namespace, name] = Seen(breaker, at)
    return seen
