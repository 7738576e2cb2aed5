"""What people say to reviews: commands in comments, and approvals that are bound to a plan."""

from collections.abc import Sequence
from typing import LiteralString

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.review.approval import Approval
from engine.store.arrays import Texts
from engine.store.pool import Connection

_HEAR: LiteralString = """
    INSERT INTO review_commands (source, comment, number, author, body)
    SELECT source, %(comment)s, %(number)s, %(author)s, %(body)s
      FROM unnest(%(sources)s) AS asked (source)
    ON CONFLICT DO NOTHING
"""
_UNHEARD: LiteralString = """
    SELECT comment, number, author, body FROM review_commands
     WHERE source = %(source)s AND number = %(number)s AND NOT heard ORDER BY comment LIMIT 50
"""
_HEARD: LiteralString = """
    UPDATE review_commands SET heard = true WHERE source = %(source)s AND comment = %(comment)s
"""
_APPROVE: LiteralString = """
    INSERT INTO review_approvals (source, number, rule, team, digest, by)
    VALUES (%(source)s, %(number)s, %(rule)s, %(team)s, %(digest)s, %(by)s) ON CONFLICT DO NOTHING
"""
_APPROVALS: LiteralString = """
    SELECT rule, team, digest, by FROM review_approvals
     WHERE source = %(source)s AND %(number)s IN (0, number) ORDER BY at DESC LIMIT 50
"""


@frozen
class Command:
    """A comment as it was when it was written."""

    comment: int
    number: int
    author: str
    body: str


async def hear(connection: Connection, sources: Sequence[str], told: Command) -> None:
    """Keep a command for each of these sources; the same comment comes once."""
    await connection.execute(
        _HEAR,
        {
            "sources": Texts(sources),
            "comment": told.comment,
            "number": told.number,
            "author": told.author,
            "body": told.body,
        },
    )


async def unheard(connection: Connection, source: str, number: int) -> list[Command]:
    """Return the commands that nobody has answered, oldest first."""
    async with connection.cursor(row_factory=class_row(Command)) as cursor:
        await cursor.execute(_UNHEARD, {"source": source, "number": number})
        return await cursor.fetchall()


async def heard(connection: Connection, source: str, comment: int) -> None:
    """Write that a command was answered."""
    await connection.execute(_HEARD, {"source": source, "comment": comment})


async def approve(connection: Connection, source: str, number: int, told: Approval) -> None:
    """Write an approval down; the same one counts once."""
    values = {"rule": told.rule, "team": told.team, "digest": told.digest, "by": told.by}
    await connection.execute(_APPROVE, {**values, "source": source, "number": number})


async def approvals(connection: Connection, source: str, number: int) -> list[Approval]:
    """Return the latest approvals of a pull request, 50 at most; of any for the number 0."""
    async with connection.cursor(row_factory=class_row(Approval)) as cursor:
        await cursor.execute(_APPROVALS, {"source": source, "number": number})
        return await cursor.fetchall()
