"""What has become of what was merged: the last line of its comment."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from engine.core.review import Live, living
from engine.review.publishing import Publisher
from engine.settings import Source
from engine.store import commits
from engine.store.commits import CommitRow, CommitState
from engine.store.leases import Session
from engine.store.reviews import ReviewRow

_PASSED = "by "
_WAS_LIVE = (CommitState.ACTIVE, CommitState.REPLACED)


async def land(session: Session, publisher: Publisher, source: Source, row: ReviewRow) -> ReviewRow:
    """Say since when a merged commit is live, if it is; it may have been with a later one."""
    found = await _find(session, row.source, row.merged)
    if found is not None and found.state == CommitState.SUPERSEDED:
        by = found.reason.removeprefix(_PASSED)
        found = await _find(session, row.source, by) if found.reason.startswith(_PASSED) else None
    at = None if found is None else _since(found)
    if found is None or at is None:
        return row
    merged_at = found.committed_at
    after = None if merged_at is None else max(at - merged_at, at - at)
    live = Live(at, found.sha, after, as_reviewed=bool(row.digest) and found.changed == row.digest)
    line = living(source.environment, live)
    await publisher.add_line(row, line)
    return replace(row, landed=line)


async def _find(session: Session, source: str, sha: str) -> CommitRow | None:
    async with session.turn() as connection:
        found = await commits.find(connection, sha)
    return next((each for each in found if each.source == source), None)


def _since(row: CommitRow) -> datetime | None:
    """Return when a commit was made live."""
    if row.state not in _WAS_LIVE:
        return None
    at = [_at(each) for each in row.history if each.get("state") == CommitState.ACTIVE]
    return at[-1] if at else None


def _at(step: Mapping[str, object]) -> datetime:
    return datetime.fromisoformat(str(step["at"]))
