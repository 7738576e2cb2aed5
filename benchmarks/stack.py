"""The stack that is measured: `sark up` with the measured specs."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, LiteralString

import psycopg

from benchmarks import specs
from benchmarks.load import Load
from tests.stories import stack

_PATIENCE = 120.0
_ENDED: LiteralString = "SELECT count(*) FROM runs WHERE id = ANY(%s) AND status = 'succeeded'"
_STARTED: LiteralString = "SELECT min(at) FROM journal WHERE run_id = %s"


class Stack(stack.Stack):
    """A whole `sark up` over the measured specs."""

    def __init__(self, workers: int = 1) -> None:
        super().__init__(specs.files(), SARK_WORKER__PROCESSES=str(workers))

    def load(self, links: int) -> Load:
        """Return a client with this many connections."""
        return Load(self.port, (self.state / "token").read_text().strip(), links)

    def wait(self, started: Sequence[str], pause: float) -> None:
        """Look every `pause` seconds until all of these runs have succeeded."""
        limit = time.monotonic() + _PATIENCE
        while (ended := self._one(_ENDED, list(started))) < len(started):
            if time.monotonic() > limit:
                raise TimeoutError(f"{ended} of {len(started)} runs have ended")
            time.sleep(pause)

    def first_outcome(self, run: str) -> float:
        """Wait for the first row of a run's journal; return its instant in epoch seconds."""
        limit = time.monotonic() + _PATIENCE
        while (at := self._one(_STARTED, run)) is None:
            if time.monotonic() > limit:
                raise TimeoutError(f"run {run} has no outcome")
            time.sleep(0.001)
        return float(at.timestamp())

    @cached_property
    def _eye(self) -> psycopg.Connection:
        """One connection that looks, for a new one costs the server as much as many steps."""
        return psycopg.connect(self.database_url, autocommit=True)

    def _one(self, statement: LiteralString, value: object) -> Any:
        row = self._eye.execute(statement, (value,)).fetchone()
        assert row is not None
        return row[0]

    def stop(self) -> int:
        if "_eye" in self.__dict__:
            self._eye.close()
            del self._eye
        return super().stop()
