"""What must hold after every fault, read from the database and from the service that was called."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from engine.core import machine
from engine.core.binding import Bound
from engine.core.codec import decode
from engine.core.event import Row, from_row
from engine.core.run import Header, Run
from engine.core.state import StepState
from engine.store import journal, plans, views
from engine.store.pool import Connection, connect
from engine.store.views import RunRow
from tests.stories.sink import Sink
from tests.stories.stack import Stack

_OUTCOMES = frozenset({"succeeded", "failed"})


@dataclass(frozen=True, slots=True)
class Told:
    """One run: its row, the rows of its journal, and what these rows make of it.

    `echoes` are rows that the machine would not hear: each is one too many.
    """

    row: RunRow
    journal: Sequence[Row]
    run: Run
    echoes: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Audit:
    """Every run that there is, and the figures of all of them."""

    runs: Mapping[str, Told]

    @property
    def outcomes(self) -> int:
        return sum(row.kind in _OUTCOMES for each in self.runs.values() for row in each.journal)

    @property
    def repeated(self) -> int:
        """How many attempts were made again because their worker had died."""
        return sum(step.losses for each in self.runs.values() for step in each.run.steps.values())

    def statuses(self) -> Counter[str]:
        return Counter(f"{each.row.workflow} {each.row.status}" for each in self.runs.values())


def hold(
    stack: Stack, acknowledged: Sequence[str], sink: Sink | None = None, patience: float = 60
) -> Audit:
    """Wait until every run has ended, then assert all that was promised; return what was found.

    - Every acknowledged run is there, and every run ends.
    - A journal has no gap; of each attempt it holds one outcome at most, and no event that the
      machine would not hear: a step's terminal state is recorded once.
    - The run's row says what its journal says.
    - A step's key is the same at every call, and no attempt is called twice.
    """
    _await_ended(stack, patience)
    audit = Audit(asyncio.run(read(stack.database_url)))

    assert set(acknowledged) - audit.runs.keys() == set()
    for each in audit.runs.values():
        _check_journal(each)
        _check_row(each)
    if sink is not None:
        _check_sink(audit, sink)
    return audit


def _await_ended(stack: Stack, patience: float) -> None:
    limit = time.monotonic() + patience
    while left := _going(stack):
        if time.monotonic() > limit:
            raise AssertionError(f"{len(left)} runs have not ended: {left[:5]}")
        time.sleep(0.1)


def _going(stack: Stack) -> Sequence[object]:
    """Return the runs that have not ended; the last fault may still keep PostgreSQL away."""
    try:
        return stack.rows(
            "SELECT id, workflow, status, owner, due_at FROM runs WHERE ended_at IS NULL"
        )
    except psycopg.OperationalError as error:
        return [error]


async def read(url: str) -> dict[str, Told]:
    """Return every run that has begun, with its journal replayed."""
    async with await connect(url, "test") as connection:
        found = await connection.execute("SELECT id FROM runs WHERE started_at IS NOT NULL")
        ids = [row[0] for row in await found.fetchall()]
        journals = await journal.read_many(connection, ids)
        bounds: dict[str, Bound] = {}
        told = [await _told(connection, each, journals[each], bounds) for each in ids]
    return {str(each.row.id): each for each in told}


async def _told(
    connection: Connection, identity: UUID, rows: Sequence[Row], bounds: dict[str, Bound]
) -> Told:
    row = await views.run(connection, identity)
    assert row is not None
    if row.plan not in bounds:
        bounds[row.plan] = Bound(decode(await plans.read(connection, row.plan)))
    header = Header(
        str(row.id), row.namespace, row.workflow, row.commit_sha, row.plan, row.trigger,
        row.inputs, row.created_at,
    )  # fmt: skip
    assert row.started_at is not None
    run, _ = machine.begin(bounds[row.plan], header, row.started_at)
    echoes = [each for each in rows if machine.advance(run, from_row(each), each.at).echo]
    return Told(row, rows, run, echoes)


def _check_journal(told: Told) -> None:
    assert [] == told.echoes, told.row.id
    assert [row.seq for row in told.journal] == list(range(1, len(told.journal) + 1))
    outcomes = Counter((row.path, row.attempt) for row in told.journal if row.kind in _OUTCOMES)
    successes = Counter(row.path for row in told.journal if row.kind == "succeeded")

    assert max(outcomes.values(), default=1) == 1, (told.row.id, outcomes)
    assert max(successes.values(), default=1) == 1, (told.row.id, successes)


def _check_row(told: Told) -> None:
    row, run = told.row, told.run

    assert row.status == machine.status(run).value, row
    assert tuple(row.flags) == machine.flags(run), row
    assert (row.outputs, row.error) == (run.outputs, run.error), row
    assert row.ended_at == run.ended_at, row


def _check_sink(audit: Audit, sink: Sink) -> None:
    steps = {
        f"{identity}:{step.path}": step
        for identity, each in audit.runs.items()
        for step in each.run.steps.values()
        if step.step.uses is not None and step.step.uses.operation == "http.request@1"
    }

    assert sink.calls.keys() - steps.keys() == set()
    for key, step in steps.items():
        calls = sink.calls.get(key, [])
        assert len(set(calls)) == len(calls), (key, calls)
        assert max(calls, default=0) <= step.attempt, (key, calls)
        assert step.state is not StepState.SUCCEEDED or calls, key
