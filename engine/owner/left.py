"""What an owner leaves to others: what a later version of this program has written."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from engine.core.state import RunStatus
from engine.store.turns import Change, Claimed
from engine.telemetry import METRICS

Key = TypeVar("Key")

_LOG = logging.getLogger("sark.owner")
# How soon a run that this program cannot advance may be tried again, here or elsewhere.
ASIDE = timedelta(seconds=30)
# So many of each are remembered; over that all are forgotten, and met once more.
_REMEMBERED = 1_000


@dataclass(slots=True)
class Left:
    """Digests of plans, and single runs, that are claimed no more once they were met."""

    plans: dict[str, None] = field(default_factory=dict)
    runs: dict[UUID, None] = field(default_factory=dict)

    def leave_plan(self, digest: str, why: Exception) -> None:
        """Claim no run of this plan any more; the log says why, once."""
        _LOG.error("plan %s is left to other workers: %s", digest, why)
        _note(self.plans, digest)

    def leave_run(self, run: UUID, why: Exception) -> None:
        """Do not claim this run again; the log says why."""
        _LOG.error("run %s is left to other workers: %s", run, why)
        _note(self.runs, run)

    def put_back(self, claimed: Claimed, now: datetime) -> Change:
        """Return the change that puts back a run that could not be loaded.

        Others may have it at once if it is left to them, and it is as it was; else in a while.
        """
        is_left = claimed.plan in self.plans or claimed.id in self.runs
        (METRICS.left if is_left else METRICS.set_aside).inc()
        return Change(
            claimed.id, RunStatus.RUNNING.value, due_at=None if is_left else now + ASIDE,
            lost=claimed.lost, suspect=claimed.suspect, heard=True,
        )  # fmt: skip

    def columns(self) -> tuple[Sequence[str], Sequence[UUID]]:
        """Return the plans and the runs."""
        return tuple(self.plans), tuple(self.runs)


def _note(known: dict[Key, None], key: Key) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = None
