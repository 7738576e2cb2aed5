"""What became of each commit of a source, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from engine.core.values import Json
from engine.store.pool import Connection

_MOVE: LiteralString = """
    INSERT INTO commits (source, sha, state, reason, author, subject, history, findings)
    VALUES (%(source)s, %(sha)s, %(state)s, %(reason)s, %(author)s, %(subject)s,
            jsonb_build_array(jsonb_build_object(
                'state', %(state)s::text, 'at', now(), 'reason', %(reason)s::text)), %(findings)s)
    ON CONFLICT (source, sha) DO UPDATE
       SET state = EXCLUDED.state, reason = EXCLUDED.reason,
           author = coalesce(nullif(EXCLUDED.author, ''), commits.author),
           subject = coalesce(nullif(EXCLUDED.subject, ''), commits.subject),
           history = commits.history || EXCLUDED.history,
           findings = EXCLUDED.findings
     WHERE (commits.state, commits.reason) <> (EXCLUDED.state, EXCLUDED.reason)
"""
_FIND: LiteralString = """
    SELECT commits.source, sha, state, reason, author, subject, history, findings, seen_at,
           sources.active
      FROM commits LEFT JOIN sources ON sources.name = commits.source
     WHERE sha LIKE %(prefix)s ORDER BY seen_at DESC LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class CommitRow:
    source: str
    sha: str
    state: str
    reason: str
    author: str
    subject: str
    history: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]
    seen_at: datetime
    active: str | None


async def move(
    connection: Connection, source: str, sha: str, state: str, *, reason: str = "",
    author: str = "", subject: str = "", findings: Json = (),
) -> None:  # fmt: skip
    """Write that a commit has come to a state; telling it again changes nothing."""
    await connection.execute(
        _MOVE,
        {
            "source": source,
            "sha": sha,
            "state": state,
            "reason": reason,
            "author": author,
            "subject": subject,
            "findings": Jsonb(findings),
        },
    )


async def find(connection: Connection, prefix: str) -> list[CommitRow]:
    """Return the commits whose hash begins with `prefix` (hex digits), newest first."""
    if not prefix or not all(each in "0123456789abcdef" for each in prefix):
        return []
    async with connection.cursor(row_factory=class_row(CommitRow)) as cursor:
        await cursor.execute(_FIND, {"prefix": f"{prefix}%"})
        return await cursor.fetchall()
