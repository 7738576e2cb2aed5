"""The stack that is measured: `sark up` with the measured specs."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, LiteralString

import psycopg

from benchmarks import specs
from benchmarks.load import Load
from tests.stories import stack

_PATIENCE = 240.0
_UNSEEN = 0.02
_ENDED: LiteralString = "SELECT count(*) FROM runs WHERE id = ANY(%s) AND status = 'succeeded'"
_STARTED: LiteralString = "SELECT min(at) FROM journal WHERE run_id = %s"
_OUTCOMES: LiteralString = """
    SELECT count(*) FROM (SELECT DISTINCT run_id, path FROM journal
                           WHERE run_id = ANY(%s) AND kind = 'succeeded') AS told
"""


class Stack(stack.Stack):
    """A whole `sark up` over the measured specs; `first_start` are the seconds it took to start."""

    first_start = 0.0

    def __init__(self, workers: int = 1, **environment: str) -> None:
        super().__init__(
            specs.files(), is_warm=False, SARK_WORKER__PROCESSES=str(workers), **environment
        )

    def __enter__(self) -> "Stack":
        super().__enter__()
        return self

    def start(self) -> float:
        took = super().start()
        self.first_start = self.first_start or took
        return took

    def load(self, links: int) -> Load:
        """Return a client with this many connections."""
        return Load(self.port, (self.state / "token").read_text().strip(), links)

    def wait(self, started: Sequence[str], pause: float) -> None:
        """Look every `pause` seconds until all of these runs have succeeded.

        The last one is looked at first, for a look at all of them costs as much as many steps.
        """
        limit = time.monotonic() + _PATIENCE
        for some in (started[-1:], started):
            while (ended := self.one(_ENDED, list(some))) < len(some):
                if time.monotonic() > limit:
                    raise TimeoutError(f"{ended} of {len(some)} runs have ended")
                time.sleep(pause)

    def count(self, runs: Sequence[str], steps: int) -> None:
        """Read the outcomes of runs back; raise RuntimeError unless as many steps have one."""
        found = self.one(_OUTCOMES, list(runs))
        if found != steps:
            raise RuntimeError(f"{steps} steps were to succeed, the journal has {found}")

    def first_outcome(self, run: str) -> float:
        """Wait for the first row of a run's journal; return its instant in epoch seconds.

        The instant is the worker's own. Who looks while it works takes time from it.
        """
        limit = time.monotonic() + _PATIENCE
        time.sleep(_UNSEEN)
        while (at := self.one(_STARTED, run)) is None:
            if time.monotonic() > limit:
                raise TimeoutError(f"run {run} has no outcome")
            time.sleep(_UNSEEN)
        return float(at.timestamp())

    def one(self, statement: LiteralString, value: object) -> Any:
        """Return the first column of a statement's first row."""
        row = self._eye.execute(statement, (value,)).fetchone()
        assert row is not None
        return row[0]

    @cached_property
    def _eye(self) -> psycopg.Connection:
        """One connection that looks, for a new one costs the server as much as many steps."""
        return psycopg.connect(self.database_url, autocommit=True)

    def stop(self) -> int:
        if "_eye" in self.__dict__:
            self._eye.close()
            del self._eye
        return super().stop()
