"""The audit log: who was denied what, and who changed something. It only grows."""

from typing import LiteralString

from engine.core.frozen import frozen
from engine.store.pool import Connection

_APPEND: LiteralString = """
    INSERT INTO audit (actor, action, resource, allowed, reason, request_id)
    VALUES (%(actor)s, %(action)s, %(resource)s, %(allowed)s, %(reason)s, %(request_id)s)
"""


@frozen
class Entry:
    """One decision. `actor` and `resource` are `kind:id`; `request_id` is that of the request."""

    actor: str
    action: str
    resource: str
    allowed: bool
    reason: str
    request_id: str


async def append(connection: Connection, entry: Entry) -> None:
    """Write one entry."""
    told = {
        "actor": entry.actor,
        "action": entry.action,
        "resource": entry.resource.replace("\0", "\ufffd"),
        "allowed": entry.allowed,
        "reason": entry.reason.replace("\0", "\ufffd"),
        "request_id": entry.request_id,
    }
    await connection.execute(_APPEND, told)
