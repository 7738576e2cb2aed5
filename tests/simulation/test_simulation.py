"""The engine in a world that a seed decides, and the protocol walked whole."""

import pytest

from tests.simulation.chance import KINDS, drawn
from tests.simulation.explore import explore, wander
from tests.simulation.faults import FAULTS, Sought
from tests.simulation.protocol import Scope
from tests.simulation.seams import seams
from tests.simulation.walk import played, shrunk, walk
from tests.simulation.world import World

_SCHEDULES = 40
# Without which of its rules the protocol breaks, and where that is seen.
_RULES = {
    "lost": ("own", "once", "pool"), "mark": ("own", "once", "pool"),
    "fence": ("own", "once", "pool"), "orphan": ("own", "once", "pool"),
    "release": ("own", "once", "pool"), "row": ("pool-once",),
}  # fmt: skip


def test_whatever_a_seed_decides_every_promise_is_kept() -> None:
    """
    Processes die and freeze between any two steps, commits lose their answers, hints are lost and
    doubled: every run ends, once, and nothing is left of it.
    """
    assert walk(range(_SCHEDULES)) is None


def test_a_seed_is_a_schedule() -> None:
    """
    The same seed gives the same schedule, to the last statement and the last microsecond.
    """

    def trace() -> list[object]:
        with seams():
            world = World(drawn(7))
            world.run()
            return list(world.server.trace)

    first = trace()

    assert len(first) > 20
    assert first == trace()


def test_every_kind_of_run_and_of_fault_is_drawn() -> None:
    """
    No way of the engine that is modelled is left out by chance.
    """
    plans = [drawn(seed) for seed in range(400)]

    assert set(KINDS) == {each for plan in plans for each in plan.load}
    assert {
        "kill", "freeze", "cut before", "cut after", "refuse", "slow", "stall", "restart", "flush",
        "cancel", "drain",
    } == {fault.kind for plan in plans for fault in plan.faults}  # fmt: skip


@pytest.mark.parametrize("sought", FAULTS, ids=lambda each: each.name)
def test_a_fault_of_the_engine_is_found(sought: Sought) -> None:
    """
    A rule of the engine that is dropped is missed within some hundred schedules.
    """
    with sought.seeded():
        failure = walk(range(sought.most), sought.draw)

    assert failure is not None


def test_a_failure_is_made_small() -> None:
    """
    What is told of a failure is no more than what it takes, and it fails when it is played again.
    """
    sought = next(each for each in FAULTS if each.name == "number_is_used_again")
    with sought.seeded():
        failure = walk(range(sought.most), sought.draw)
        assert failure is not None
        small = shrunk(failure)
        with seams():
            again = played(small.plan)

    assert len(small.plan.faults) <= len(failure.plan.faults)
    assert 1 == len(small.plan.load)
    assert small == again


@pytest.mark.parametrize("steps", [("own", "once", "pool"), ("pool-once", "own")])
def test_the_protocol_keeps_its_promises_in_every_schedule(steps: tuple[str, ...]) -> None:
    """
    Two workers, a crash and a lost answer at any instant: of a thousand million schedules none
    calls an attempt twice, writes on another's run, or leaves anything.
    """
    found = explore(Scope(steps, terminations=0))

    assert "" == found.broken
    assert found.schedules > 1_000_000_000


def test_the_protocol_with_two_runs() -> None:
    """
    Runs that share workers and a pool do not disturb each other.
    """
    found = wander(Scope(runs=2, workers=3, crashes=2, cuts=2, terminations=2), 1, 200)

    assert "" == found.broken


@pytest.mark.parametrize("rule", _RULES)
def test_every_rule_of_the_protocol_is_needed(rule: str) -> None:
    """
    A protocol without one of its rules breaks a promise, and the walk finds where.
    """
    scope = Scope(_RULES[rule], cuts=0, without=frozenset([rule]))

    assert explore(scope).broken
