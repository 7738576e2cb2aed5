"""Random walks: any graph, any results, told in any order, twice, with crashes at any point."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.event import (
    Alarm,
    Cancel,
    Event,
    Failed,
    OwnerLost,
    Started,
    Succeeded,
)
from engine.core.machine.retrying import backoff
from engine.core.plan import Plan, Pool, Retry, Step, Timeout, Uses
from tests.core.runs import SECOND, assign, edge, plan, scope, step, uses
from tests.core.walking import ERRORS, Walk, handed_out

RESULTS = ("ok", "succeeded", "failed", "skipped", "done")


@st.composite
def steps(draw: st.DrawFn, size: int) -> list[Step]:
    made: list[Step] = []
    for position in range(size):
        before = draw(st.sets(st.integers(0, position - 1), max_size=3)) if position else set()
        edges = [
            edge(each, draw(st.sampled_from(RESULTS)), data=draw(st.booleans()),
                 inferred=draw(st.booleans()))
            for each in sorted(before)
        ]  # fmt: skip
        verb = assign(x=1) if draw(st.integers(0, 4)) == 0 else uses(repeatable=draw(st.booleans()))
        made.append(
            step(
                f"s{position}", *edges, verb=verb,
                terms=Pool() if isinstance(verb, Uses) and draw(st.booleans()) else None,
                condition=draw(st.sampled_from([None, None, None, "false", "1"])),
                optional=draw(st.integers(0, 3)) == 0,
                join=draw(st.sampled_from([0, 0, 0, 1, 2])),
                retry=Retry(max_attempts=draw(st.integers(1, 3)), initial=SECOND),
                timeout=Timeout(total=draw(st.sampled_from([None, timedelta(minutes=1)]))),
            )
        )  # fmt: skip
    return made


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    root = scope(*draw(steps(draw(st.integers(1, 8)))))
    last = scope(*draw(steps(draw(st.integers(1, 3))))) if draw(st.booleans()) else None
    return plan(root, last)


class FlatWalk(Walk):
    """A walk over plans of calls and values alone."""

    def pick(self) -> Event:
        kind = self.draw.draw(st.integers(0, 12))
        if kind == 0:
            self.attempts &= handed_out(self.run)
            return OwnerLost()
        if kind == 1 and self.draw.draw(st.integers(0, 5)) == 0:
            return Cancel("ann", "")
        if self.alarms and (kind < 4 or not self.attempts):
            path, at = self.draw.draw(st.sampled_from(sorted(self.alarms)))
            return Alarm(path, at)
        path, attempt = self.draw.draw(st.sampled_from(sorted(self.attempts)))
        if kind == 4:
            return self.lose(path, attempt)
        if kind < 6:
            return Started(path, attempt)
        if kind < 9:
            return Succeeded(path, attempt, {"x": 1})
        if kind == 12:
            return self.hold()
        error_class = self.draw.draw(st.sampled_from(ERRORS))
        return Failed(path, attempt, {"type": "t", "detail": "d", "class": error_class})


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.data())
def test_every_walk_ends_and_replays_byte_for_byte(made: Plan, draw: st.DataObject) -> None:
    """
    Whatever is told, twice, late or never, and wherever its owners die: what is owed is exactly
    what runs, an echo changes nothing, the run ends, and its journal gives the same state again.
    """
    FlatWalk(made, draw).to_end(60)


@given(st.integers(2, 200), st.text())
def test_a_pause_never_exceeds_its_bound(attempt: int, seed: str) -> None:
    """
    However many attempts, the pause stays within `max`, and the same seed gives the same pause.
    """
    retry = Retry(max_attempts=200, factor=10)

    assert timedelta(0) <= backoff(retry, attempt, seed) <= retry.max
    assert backoff(retry, attempt, seed) == backoff(retry, attempt, seed)
