"""The door by which a signed request reaches the step that waits for it."""

from uuid import UUID

from engine.broker import Rings, ring
from engine.core import schema
from engine.core.event import Arrived, to_row
from engine.core.values import Json
from engine.errors import Conflict, Invalid
from engine.store import callbacks, inbox
from engine.store.inbox import Telling
from engine.store.pool import Connection

_OVER = "this wait is over: it was answered before, has timed out, or its run has ended"


async def take(
    connection: Connection, bell: Rings | None, run: UUID, path: str, wait: UUID, body: Json
) -> None:
    """Tell a step the body of the request that it waits for, once and durably.

    Raise Conflict if it waits no more, and Invalid if the body does not fit. Not to be called in
    a transaction: the bell must not ring before the commit.
    """
    async with connection.transaction():
        found = await callbacks.claim(connection, run, path, wait)
        if found is None or found.used_at is not None:
            raise Conflict(_OVER)
        problems = schema.validator(found.schema).problems(body)
        if problems:
            told = tuple((str(pointer), words) for pointer, words in problems)
            raise Invalid("the body is not what the step waits for", told)
        await callbacks.use(connection, found)
        arrived = Arrived(path, {"type": "callback", "data": body})
        row = to_row(arrived, 0, found.asked_at)
        heard = await inbox.tell(connection, [Telling(run, row.kind, path, str(wait), row.data)])
        if not heard:
            raise Conflict(_OVER)
    ring(bell, heard)
