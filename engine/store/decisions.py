"""What deliveries have come to, trigger by trigger, as people list it."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.store.arrays import Ints, Texts
from engine.store.pool import Connection
from engine.store.starts import NewDecision

_PAGE: LiteralString = """
    SELECT id, namespace, workflow, trigger, item, said, reason, run_id, route, delivery,
           received_at AS at
      FROM decisions JOIN deliveries USING (route, delivery)
     WHERE namespace = %(namespace)s AND id < %(before)s
"""
_OF_WORD: LiteralString = " AND said = %(said)s"
_OF_WORKFLOW: LiteralString = " AND workflow = %(workflow)s"
# As the index of the rare words has it: what a parameter says, a plan made once cannot tell.
_ODD: LiteralString = " AND said NOT IN ('started', 'unmatched', 'filtered')"
_COMMON = frozenset(("started", "unmatched", "filtered"))
_NEWEST: LiteralString = " ORDER BY id DESC LIMIT %(limit)s"
_EXPLAIN: LiteralString = """
    UPDATE decisions SET reason = new.reason
      FROM unnest(%(routes)s, %(ids)s, %(namespaces)s, %(workflows)s, %(triggers)s, %(items)s,
                  %(reasons)s)
        AS new (route, delivery, namespace, workflow, trigger, item, reason)
     WHERE (decisions.route, decisions.delivery, decisions.namespace, decisions.workflow,
            decisions.trigger, decisions.item)
         = (new.route, new.delivery, new.namespace, new.workflow, new.trigger, new.item)
       AND said = 'duplicate'
"""
_LAST = (1 << 63) - 1


@frozen
class DecisionRow:
    """A decision, with the delivery that it is on and when that came."""

    id: int
    namespace: str
    workflow: str
    trigger: str
    item: int
    said: str
    reason: str
    run_id: UUID | None
    route: str
    delivery: str
    at: datetime


async def listed(
    connection: Connection, namespace: str, said: str | None, workflow: str | None,
    before: int | None, limit: int,
) -> Sequence[DecisionRow]:  # fmt: skip
    """Return decisions of a namespace, newest first; `before` is the last id of the page before."""
    told = {
        "namespace": namespace, "said": said, "workflow": workflow,
        "before": _LAST if before is None else before, "limit": limit,
    }  # fmt: skip
    where: LiteralString = _OF_WORD if said is not None else ""
    if said is not None and said not in _COMMON:
        where += _ODD
    if workflow is not None:
        where += _OF_WORKFLOW
    async with connection.cursor(row_factory=class_row(DecisionRow)) as cursor:
        await cursor.execute(_PAGE + where + _NEWEST, told)
        return await cursor.fetchall()


async def explain(connection: Connection, told: Sequence[tuple[NewDecision, str]]) -> None:
    """Say of decisions that came to `duplicate` why that is so."""
    made = [each for each, _ in told]
    await connection.execute(
        _EXPLAIN,
        {
            "routes": Texts([each.delivery.route for each in made]),
            "ids": Texts([each.delivery.id for each in made]),
            "namespaces": Texts([each.namespace for each in made]),
            "workflows": Texts([each.workflow for each in made]),
            "triggers": Texts([each.trigger for each in made]),
            "items": Ints([each.item for each in made]),
            "reasons": Texts([reason for _, reason in told]),
        },
    )
