"""Who was refused what; rows are added and never changed."""

from typing import LiteralString

from engine.store.pool import Connection

_ADD: LiteralString = """
    INSERT INTO audit (actor, action, resource, allowed, reason)
    VALUES (%(actor)s, %(action)s, %(resource)s, %(allowed)s, %(reason)s)
"""


async def add(
    connection: Connection, actor: str, action: str, resource: str, allowed: bool, reason: str
) -> None:
    """Write one line."""
    await connection.execute(
        _ADD,
        {"actor": actor, "action": action, "resource": resource, "allowed": allowed,
         "reason": reason},
    )  # fmt: skip
