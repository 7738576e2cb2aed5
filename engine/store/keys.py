"""Idempotency keys: which run a start under a key has made, and from what body."""

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from engine.core.frozen import frozen
from engine.store.arrays import Array, Texts, Uuids
from engine.store.pool import Connection

_TAKEN: LiteralString = """
    SELECT taken.namespace, taken.workflow, key, digest, run, runs.workflow, status,
           taken.created_at > runs.created_at
      FROM idempotency_keys AS taken
      JOIN unnest(%(namespaces)s, %(workflows)s, %(keys)s) AS asked (namespace, workflow, key)
     USING (namespace, workflow, key)
      JOIN runs ON runs.id = run
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
_CLAIM: LiteralString = """
    INSERT INTO idempotency_keys (namespace, workflow, key, digest, run)
    SELECT * FROM unnest(%(namespaces)s, %(workflows)s, %(keys)s, %(digests)s, %(runs)s)
             AS new (namespace, workflow, key, digest, run) ORDER BY 1, 2, 3
    ON CONFLICT (namespace, workflow, key) DO NOTHING RETURNING run
"""
_SHARE: LiteralString = """
    UPDATE idempotency_keys AS own SET run = first.run, created_at = clock_timestamp()
      FROM unnest(%(namespaces)s, %(workflows)s, %(keys)s, %(their_workflows)s, %(their_keys)s)
        AS asked (namespace, workflow, key, their_workflow, their_key)
      JOIN idempotency_keys AS first ON first.namespace = asked.namespace
           AND first.workflow = their_workflow AND first.key = their_key
     WHERE own.namespace = asked.namespace AND own.workflow = asked.workflow
       AND own.key = asked.key
"""


@frozen(order=True)
class Key:
    """What a client calls one start of one workflow, or what that must be the only one by.

    Without a `workflow` it is one of the namespace's, and the same for all that say so.
    """

    namespace: str
    workflow: str
    key: str


@frozen
class Claim:
    """A start under a key: the digest of its body, and the run that has the key.

    `workflow` is that of the run, `status` how it is. `is_of_another`: the run was there before
    the key, which it has from a start that was second.
    """

    key: Key
    digest: str
    run: UUID
    workflow: str
    status: str
    is_of_another: bool


async def forget(connection: Connection, asked: Sequence[tuple[Key, timedelta]]) -> None:
    """Forget those keys that were claimed so long ago, or longer."""
    told = {**_names([key for key, _ in asked]), "spans": [span for _, span in asked]}
    await connection.execute(_FORGET, told)


async def claim(connection: Connection, asked: Sequence[tuple[Key, str, UUID]]) -> set[UUID]:
    """Take each key for a start with that digest and run, if it is free; return whose was."""
    told = {
        **_names([key for key, _, _ in asked]),
        "digests": Texts([digest for _, digest, _ in asked]),
        "runs": Uuids([run for _, _, run in asked]),
    }
    cursor = await connection.execute(_CLAIM, told)
    return {row[0] for row in await cursor.fetchall()}


async def share(connection: Connection, asked: Sequence[tuple[Key, Key]]) -> bool:
    """Give each first key the run of the second; False if a second one is free by now."""
    told = {
        **_names([own for own, _ in asked]),
        "their_workflows": Texts([first.workflow for _, first in asked]),
        "their_keys": Texts([first.key for _, first in asked]),
    }
    cursor = await connection.execute(_SHARE, told)
    return cursor.rowcount == len(asked)


async def taken(connection: Connection, keys: Sequence[Key]) -> dict[Key, Claim]:
    """Return the claims of those keys that somebody has."""
    cursor = await connection.execute(_TAKEN, _names(keys))
    claims = [Claim(Key(*row[:3]), *row[3:]) for row in await cursor.fetchall()]
    return {each.key: each for each in claims}


def _names(keys: Sequence[Key]) -> dict[str, Array]:
    return {
        "namespaces": Texts([each.namespace for each in keys]),
        "workflows": Texts([each.workflow for each in keys]),
        "keys": Texts([each.key for each in keys]),
    }
