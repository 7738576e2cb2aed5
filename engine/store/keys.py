"""Idempotency keys: which run a start under a key has made, and from what body."""

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from engine.core.frozen import frozen
from engine.store.arrays import Array, Texts
from engine.store.pool import Connection

_TAKEN: LiteralString = """
    SELECT namespace, workflow, key, digest, run
      FROM idempotency_keys
      JOIN unnest(%(namespaces)s, %(workflows)s, %(keys)s) AS asked (namespace, workflow, key)
     USING (namespace, workflow, key)
"""
# Locked in one order, so that two servers never wait in a circle.
_FORGET: LiteralString = """
    DELETE FROM idempotency_keys
     WHERE (namespace, workflow, key, run) IN (
        SELECT namespace, workflow, key, run
          FROM idempotency_keys
          JOIN unnest(%(namespaces)s, %(workflows)s, %(keys)s, %(spans)s::interval[])
            AS asked (namespace, workflow, key, span)
         USING (namespace, workflow, key)
         WHERE created_at <= now() - span
         ORDER BY namespace, workflow, key FOR UPDATE OF idempotency_keys)
"""


@frozen(order=True)
class Key:
    """What a client calls one start of one workflow."""

    namespace: str
    workflow: str
    key: str


@frozen
class Claim:
    """A start under a key: the digest of its body, and the run that it makes."""

    key: Key
    digest: str
    run: UUID


async def forget(connection: Connection, asked: Sequence[tuple[Key, timedelta]]) -> None:
    """Forget those keys that were claimed so long ago, or longer."""
    told: dict[str, Array | list[timedelta]] = {
        "namespaces": Texts([key.namespace for key, _ in asked]),
        "workflows": Texts([key.workflow for key, _ in asked]),
        "keys": Texts([key.key for key, _ in asked]),
        "spans": [span for _, span in asked],
    }
    await connection.execute(_FORGET, told)


async def taken(connection: Connection, keys: Sequence[Key]) -> dict[Key, Claim]:
    """Return the claims of those keys that somebody has."""
    cursor = await connection.execute(
        _TAKEN,
        {
            "namespaces": Texts([each.namespace for each in keys]),
            "workflows": Texts([each.workflow for each in keys]),
            "keys": Texts([each.key for each in keys]),
        },
    )
    claims = [Claim(Key(*row[:3]), row[3], row[4]) for row in await cursor.fetchall()]
    return {each.key: each for each in claims}
