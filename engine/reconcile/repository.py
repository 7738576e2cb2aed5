"""One repository looked at for all of its sources: one question, one mirror, one pass."""

import logging
from collections.abc import Sequence
from pathlib import Path

from engine.core.facts import Catalogue, Operations
from engine.git.address import parse
from engine.git.failure import GitFailed
from engine.git.limits import LIMITS, Limits
from engine.git.mirror import Mirror
from engine.reconcile import verdict as rules
from engine.reconcile.access import credential
from engine.reconcile.lane import Lanes
from engine.reconcile.permission import Policy
from engine.reconcile.source import Reconciler
from engine.settings import Source
from engine.store.leases import Session
from engine.store.pool import is_lost, is_passing
from engine.store.schedules import Clock, now
from engine.store.sources import SourceRow
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.reconcile")


class Repository:
    """The sources that name one address. A pass is for all of them, one after the other."""

    def __init__(
        self, sources: Sequence[Source], operations: Operations, mirrors: Path, lanes: Lanes,
        policy: Policy, limits: Limits = LIMITS, clock: Clock = now,
    ) -> None:  # fmt: skip
        self.sources = tuple(sources)
        self.address = parse(sources[0].url)
        self._lanes = lanes
        told = credential(self.sources)
        self._mirror = Mirror(mirrors, self.address, lanes.halted, told, limits)
        digest = Catalogue(operations).digest
        self._reconcilers = [
            Reconciler(each, operations, digest, self._mirror, lanes, policy, clock)
            for each in sources
        ]
        self._failing: set[str] = set()

    @property
    def has_healthy(self) -> bool:
        """True if the last pass has looked at one of the sources to the end."""
        return len(self._failing) < len(self._reconcilers)

    @property
    def turn(self) -> float | None:
        """Return in how many seconds something that holds a source is over; None if nothing is."""
        spans = [span for each in self._reconcilers if (span := each.turn) is not None]
        return min(spans, default=None)

    async def look(self, session: Session) -> bool:
        """Make one pass; True if it may rest, False if something passing was in the way.

        Sources that have failed come last, and in the lane of what fails.
        What was asked for before the pass began is served by it; what comes later is not.
        """
        rows = await self._rows(session)
        refs = sorted({each.ref for each in self.sources})
        try:
            with METRICS.reconcile.labels("resolve").time():
                heads = await self._lanes.ask(self._mirror.heads, refs)
        except (GitFailed, OSError) as error:
            self._failing = set(rows)
            for each in self._reconcilers:
                row = rows[each.source.name]
                await each.settle(session, row, None, rules.failed(error))
            return False
        for each in sorted(self._reconcilers, key=lambda each: each.source.name in self._failing):
            row, head = rows[each.source.name], heads.get(each.source.ref)
            rests = await self._look(session, each, row, head)
            (self._failing.discard if rests else self._failing.add)(row.name)
        if not self._failing:
            await self._tidy()
        return not self._failing

    async def _look(
        self, session: Session, each: Reconciler, row: SourceRow, head: str | None
    ) -> bool:
        """Look at one source; what is in the way of it is in the way of no other.

        What PostgreSQL refuses for now is only repeated. A defect of ours is logged whole and told.
        """
        try:
            return await each.look(session, row, head, row.name in self._failing)
        except Exception as error:
            if is_lost(error):
                raise
            if is_passing(error):
                _LOG.warning("a look at source %s is made again: %s", row.name, error)
                return False
            _LOG.exception("a look at source %s has failed", row.name)
            return await each.settle(session, row, head, rules.defect(error))

    async def _rows(self, session: Session) -> dict[str, SourceRow]:
        found: dict[str, SourceRow] = {}
        for each in self._reconcilers:
            found[each.source.name] = await each.read(session)
        return found

    async def _tidy(self) -> None:
        try:
            await self._lanes.run(True, self._mirror.tidy)
        except (GitFailed, OSError):
            return
