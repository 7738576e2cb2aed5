"""What became of each commit of a source, step by step."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store.arrays import Instants, Texts
from engine.store.pool import Connection

_MOVE: LiteralString = """
    INSERT INTO commits (source, sha, state, reason, author, subject, committed_at, history,
                         findings)
    VALUES (%(source)s, %(sha)s, %(state)s, %(reason)s, %(author)s, %(subject)s, %(at)s,
            jsonb_build_array(jsonb_build_object(
                'state', %(state)s::text, 'at', now(), 'reason', %(reason)s::text)), %(findings)s)
    ON CONFLICT (source, sha) DO UPDATE
       SET state = EXCLUDED.state, reason = EXCLUDED.reason,
           author = coalesce(nullif(EXCLUDED.author, ''), commits.author),
           subject = coalesce(nullif(EXCLUDED.subject, ''), commits.subject),
           committed_at = coalesce(EXCLUDED.committed_at, commits.committed_at),
           history = commits.history || EXCLUDED.history,
           findings = EXCLUDED.findings
     WHERE commits.state <> EXCLUDED.state
        OR (commits.state NOT IN ('Seen', 'Fetched', 'Verified', 'Compiled', 'Authorised')
            AND (commits.reason, commits.findings) <> (EXCLUDED.reason, EXCLUDED.findings))
"""
_FIND_FAULTS: LiteralString = """
    UPDATE commits SET findings = %(findings)s WHERE source = %(source)s AND sha = %(sha)s
"""
_NOTE_CHANGE: LiteralString = """
    UPDATE commits SET changed = %(changed)s WHERE source = %(source)s AND sha = %(sha)s
"""
_PASS_OVER: LiteralString = """
    INSERT INTO commits (source, sha, state, reason, author, subject, committed_at, history)
    SELECT %(source)s, new.sha, 'Superseded', %(reason)s, new.author, new.subject, new.at,
           jsonb_build_array(jsonb_build_object(
               'state', 'Superseded', 'at', now(), 'reason', %(reason)s::text))
      FROM unnest(%(shas)s, %(authors)s, %(subjects)s, %(ats)s) AS new (sha, author, subject, at)
    ON CONFLICT (source, sha) DO NOTHING
"""
_AGE: LiteralString = """
    SELECT now() - seen_at FROM commits WHERE source = %(source)s AND sha = %(sha)s
"""
_PINNING: LiteralString = """
    SELECT sha FROM commits
     WHERE source = %(source)s AND state = 'Held' AND reason LIKE %(reason)s
     ORDER BY seen_at DESC LIMIT 1
"""
_FIND: LiteralString = """
    SELECT commits.source, sha, state, reason, author, subject, history, findings, seen_at,
           sources.active, sources.active_since, committed_at, changed
      FROM commits LEFT JOIN sources ON sources.name = commits.source
     WHERE sha LIKE %(prefix)s ORDER BY seen_at DESC LIMIT 20
"""


class CommitState(StrEnum):
    """What a commit has come to in one source; each is final but the first five."""

    SEEN = "Seen"
    FETCHED = "Fetched"
    VERIFIED = "Verified"
    COMPILED = "Compiled"
    AUTHORISED = "Authorised"
    HELD = "Held"
    REJECTED = "Rejected"
    SUPERSEDED = "Superseded"
    ACTIVE = "Active"
    REPLACED = "Replaced"


@frozen
class CommitRow:
    """A commit in one source. `history` has `state`, `at` and `reason` of every step it took.

    `findings` have `code`, `severity`, `message`, `file` (below the repository), `line`, `column`
    and `hint`. `changed` is the digest of what its activation has changed. `active` and
    `active_since` are the source's.
    """

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
    active_since: datetime | None
    committed_at: datetime | None
    changed: str


@frozen
class Passed:
    """A commit that a newer one went past before it was looked at."""

    sha: str
    author: str
    subject: str
    at: datetime


async def move(
    connection: Connection, source: str, sha: str, state: CommitState, *, reason: str = "",
    author: str = "", subject: str = "", at: datetime | None = None, findings: Json = (),
) -> None:  # fmt: skip
    """Write that a commit has come to a state; telling it again changes nothing."""
    await connection.execute(
        _MOVE,
        {
            "source": source,
            "sha": sha,
            "state": state.value,
            "reason": reason,
            "author": author,
            "subject": subject,
            "at": at,
            "findings": Jsonb(findings),
        },
    )


async def find_faults(connection: Connection, source: str, sha: str, findings: Json) -> None:
    """Write what is found in a commit now, whatever it has come to."""
    told = {"source": source, "sha": sha, "findings": Jsonb(findings)}
    await connection.execute(_FIND_FAULTS, told)


async def note_change(connection: Connection, source: str, sha: str, changed: str) -> None:
    """Write the digest of what the activation of a commit changes."""
    told = {"source": source, "sha": sha, "changed": changed}
    await connection.execute(_NOTE_CHANGE, told)


async def pass_over(connection: Connection, source: str, by: str, passed: Sequence[Passed]) -> None:
    """Write that a newer commit went past these; one that is known already stays as it is."""
    await connection.execute(
        _PASS_OVER,
        {
            "source": source,
            "reason": f"by {by[:12]}",
            "shas": Texts([each.sha for each in passed]),
            "authors": Texts([each.author for each in passed]),
            "subjects": Texts([each.subject for each in passed]),
            "ats": Instants([each.at for each in passed]),
        },
    )


async def age(connection: Connection, source: str, sha: str) -> timedelta:
    """Return how long ago a commit was seen; raise LookupError if nobody has seen it."""
    cursor = await connection.execute(_AGE, {"source": source, "sha": sha})
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(f"commit {sha} of source {source!r}")
    found: timedelta = row[0]
    return found


async def pinning(connection: Connection, source: str, commit: str) -> str | None:
    """Return the head that was let in last of those whose document pins a source to a commit."""
    told = {"source": source, "reason": f"pinned by % to {commit[:12]}"}
    row = await (await connection.execute(_PINNING, told)).fetchone()
    return None if row is None else str(row[0])


async def find(connection: Connection, prefix: str) -> list[CommitRow]:
    """Return the commits whose hash begins with `prefix` (hex digits), newest first."""
    if not prefix or not all(each in "0123456789abcdef" for each in prefix):
        return []
    async with connection.cursor(row_factory=class_row(CommitRow)) as cursor:
        await cursor.execute(_FIND, {"prefix": f"{prefix}%"})
        return await cursor.fetchall()
