"""What a run costs: by what an event touches, whatever the run has grown to."""

from time import process_time

from engine.core import machine
from engine.core.binding import Bound
from engine.core.event import Succeeded
from engine.core.plan import ForEach
from tests.core.runs import NOW, assign, header, only, step, whole


def spent(items: int, *, leaf: bool) -> float:
    """Return the CPU seconds of a run over so many items."""
    body = only() if leaf else only(assign(x="{{ it }}"))
    bound = Bound(whole(step("f", verb=ForEach("inputs.all", "it", body, items, max_parallel=100))))
    started = process_time()
    run, decision = machine.begin(bound, header(all=list(range(items))), NOW)
    launches = decision.launches
    for launch in launches:
        launches += machine.advance(run, Succeeded(launch.path, 1, {}), NOW).launches
    assert run.ended_at is not None
    return process_time() - started


def test_a_loop_costs_by_its_items() -> None:
    """
    Ten times the items cost about ten times as much, not a hundred times.
    """
    for leaf in (False, True):
        small = min(spent(1_000, leaf=leaf) for _ in range(3))
        assert spent(10_000, leaf=leaf) < 60 * small
