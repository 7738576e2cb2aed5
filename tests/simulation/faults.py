"""Faults put into the protocol on purpose: each must be found, or nobody may trust the search."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from engine import relay
from engine.core.machine import attempt, undoing
from engine.core.machine.decision import Launch
from engine.core.machine.turn import Turn
from engine.core.run import StepRun
from engine.core.state import StepState
from engine.owner import loop
from engine.owner.loop import Owner
from engine.store import handouts
from tests.simulation import contracts_pool, contracts_runs, contracts_world
from tests.simulation.chance import SLOTS, Fault, Plan, drawn
from tests.simulation.contracts import CONTRACTS
from tests.simulation.database import Contract, Transaction
from tests.simulation.seams import replaced

Seeded = Callable[[], AbstractContextManager[None]]
Answer = list[tuple[Any, ...]]
Values = Mapping[str, Any]


@contextmanager
def statement(**others: Contract) -> Iterator[None]:
    """Let statements of the engine do something else, by the names of their contracts."""
    kept = dict(CONTRACTS)
    for text, contract in kept.items():
        if contract.__name__ in others:
            CONTRACTS[text] = others[contract.__name__]
    try:
        yield
    finally:
        CONTRACTS.update(kept)


def live_is_buried() -> AbstractContextManager[None]:
    """A sweep calls dead who is only silent, and nobody's session is ended or waited for."""

    def suspects(told: Transaction, values: Values) -> Answer:
        found = contracts_pool.suspects(told, values)
        return [(each, dead or silent, silent) for each, dead, silent in found]

    nothing = contracts_world.nothing
    return statement(suspects=suspects, terminate=nothing, fence=nothing)


def fence_is_dropped() -> AbstractContextManager[None]:
    """Whoever buries a worker does not wait for the commit that it has under way."""
    return statement(fence=contracts_world.nothing)


def claim_is_not_kept() -> AbstractContextManager[None]:
    """What acts outside is called though a crash of PostgreSQL may take its claim back."""
    return replaced(loop, "_acts", lambda step: False)


def death_is_not_told() -> AbstractContextManager[None]:
    """The next owner does not hear that attempts may have been under way."""

    def orphan(told: Transaction, values: Values) -> Answer:
        contracts_pool.orphan(told, values)
        for run in list(told.rows("runs")):
            told.put("runs", {**run, "lost": False})
        return []

    return statement(orphan=orphan)


def slot_is_kept() -> AbstractContextManager[None]:
    """The row of a handout stays when its run is told."""

    def end(told: Transaction, values: Values) -> Answer:
        rows = [told.get("handouts", each) for each in values["ids"]]
        answer = contracts_world.end_handouts(told, values)
        for row in rows:
            if row is not None:
                told.put("handouts", row)
        return answer

    return statement(end_handouts=end)


def pool_is_forgotten() -> AbstractContextManager[None]:
    """The runs of what a dead worker had taken from a pool do not hear of it."""

    async def orphan(connection: Any, dead: Any, severed: Any) -> None:
        return None

    return replaced(handouts, "orphan", orphan)


def mark_is_believed() -> AbstractContextManager[None]:
    """A worker begins what must not be repeated although its row is gone."""

    def mark(told: Transaction, values: Values) -> Answer:
        contracts_pool.mark(told, values)
        return [(each,) for each in values["ids"]]

    return statement(mark=mark)


def count_is_not_asked() -> AbstractContextManager[None]:
    """A run that leaves its owner is not due though it has been told something."""

    def change(told: Transaction, values: Values) -> None:
        before = {run["id"]: run for run in told.rows("runs")}
        _CHANGE(told, values)
        for each, due in zip(values["ids"], values["dues"], strict=True):
            run = told.get("runs", each)
            if run is not None and run["owner"] is None and due is not None and before:
                told.put("runs", {**run, "due_at": due})

    return replaced_item(contracts_runs._PARTS, "changed", change)


def owner_is_not_asked() -> AbstractContextManager[None]:
    """A run is claimed though it has an owner."""

    def due(told: Transaction, values: Values) -> list[Any]:
        return [run for run in told.rows("runs") if run["ended_at"] is None
                and run["due_at"] <= told.now and not told.is_locked("runs", run)]  # fmt: skip

    return replaced(contracts_runs, "_due", due)


def start_has_no_key() -> AbstractContextManager[None]:
    """A start that the outbox tells of twice is made under another id each time."""
    kept = relay._started

    def started(sent: Any, data: Any) -> Any:
        return kept(sent, {**data, "run": str(UUID(int=random.getrandbits(128)))})

    return replaced(relay, "_started", started)


def gate_is_open() -> AbstractContextManager[None]:
    """Attempts begin before the commit has returned that lets them begin."""
    kept = Owner._commit

    async def commit(self: Owner, batch: Any) -> Any:
        batch.gate.set()
        return await kept(self, batch)

    return replaced(Owner, "_commit", commit)


def start_is_not_marked() -> AbstractContextManager[None]:
    """What must not be repeated begins without a word in the journal."""

    def owe(self: Turn, step: StepRun) -> None:
        self.decision.launches.append(Launch(step.path, step.attempt, step.step, False))

    return replaced(Turn, "owe", owe)


def doubt_is_forgotten() -> AbstractContextManager[None]:
    """What was under way when its run failed is not given back."""

    def needs(step: StepRun) -> bool:
        return step.took_effect and step.state is not StepState.COMPENSATED

    return replaced(undoing, "_needs_undoing", needs)


def number_is_used_again() -> AbstractContextManager[None]:
    """An attempt that died with its worker is made again under the same number."""
    kept = attempt._lose

    def lose(turn: Turn, step: StepRun, blame: bool) -> None:
        kept(turn, step, blame)
        if turn.decision.launches and turn.decision.launches[-1].path == step.path:
            step.attempt -= 1
            turn.decision.launches[-1] = Launch(step.path, step.attempt, step.step, False)

    return replaced(attempt, "_lose", lose)


def hearing_is_not_counted() -> AbstractContextManager[None]:
    """What a run is told does not count on its row."""

    def tell(told: Transaction, values: Values) -> Answer:
        names = ("runs", "kinds", "paths", "keys", "data")
        for row in zip(*(values[name] for name in names), strict=True):
            contracts_world._write(told, *row)
        return []

    return statement(tell=tell)


@dataclass(frozen=True)
class Sought:
    """A fault, what draws schedules that it may harm, and within how many of them it is found."""

    seeded: Seeded
    draw: Callable[[int], Plan]
    most: int = 70

    @property
    def name(self) -> str:
        return self.seeded.__name__


def _of(seeded: Seeded, kinds: tuple[str, ...]) -> Sought:
    """Return a fault that is sought in runs of some kinds, among all faults of the world."""
    return Sought(seeded, partial(drawn, kinds=kinds))


def _stalled(seed: int) -> Plan:
    """Let one worker after another freeze beyond its lease, at a statement amid its first runs."""
    worker, statement = SLOTS[seed % 3], float(30 + seed // 3 % 25)
    return Plan(seed, ("once",) * 6, (Fault("stall", worker, statement, 25.0),))


def _slowed(seed: int) -> Plan:
    """Let one worker after another lose its session while a statement of it is under way."""
    worker, statement = SLOTS[seed % 3], float(seed // 3 + 8)
    faults = (Fault("slow", worker, statement, 2), Fault("cut before", worker, statement + 1))
    return Plan(seed, ("ladder", "booking", "ladder", "ladder"), faults)


def _restarted(seed: int) -> Plan:
    """Let PostgreSQL crash soon after runs were started."""
    at = round(random.Random(seed).uniform(0.0, 3.0), 4)
    return Plan(seed, ("ladder",) * 4, (Fault("restart", "postgresql", at, 0.5),))


def _drained(seed: int) -> Plan:
    """Let all workers drain while runs wait for pools."""
    dice = random.Random(seed)
    faults = (Fault("drain", each, round(dice.uniform(0.05, 1.5), 3)) for each in SLOTS[:3])
    return Plan(seed, ("pooled", "once"), tuple(faults))


@contextmanager
def replaced_item(place: dict[str, Any], name: str, other: Any) -> Iterator[None]:
    kept = place[name]
    place[name] = other
    try:
        yield
    finally:
        place[name] = kept


_CHANGE = contracts_runs.change
FAULTS: tuple[Sought, ...] = (
    _of(live_is_buried, ("ladder", "once", "waiting")),
    Sought(fence_is_dropped, _slowed, 240),
    Sought(claim_is_not_kept, _restarted),
    _of(death_is_not_told, ("ladder", "pooled")),
    _of(slot_is_kept, ("pooled",)),
    _of(pool_is_forgotten, ("pooled", "once")),
    Sought(mark_is_believed, _stalled, 240),
    Sought(count_is_not_asked, _drained),
    _of(owner_is_not_asked, ("ladder",)),
    _of(start_has_no_key, ("parent",)),
    _of(gate_is_open, ("ladder", "booking")),
    _of(start_is_not_marked, ("once",)),
    _of(doubt_is_forgotten, ("booking",)),
    _of(number_is_used_again, ("ladder",)),
    _of(hearing_is_not_counted, ("waiting",)),
)
