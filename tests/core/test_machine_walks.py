"""Random walks: any graph, any results, told in any order, twice, with crashes at any point."""

from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import machine, replay
from engine.core.binding import Bound
from engine.core.event import (
    Alarm,
    Cancel,
    Event,
    Failed,
    OwnerLost,
    Row,
    Started,
    Succeeded,
    to_row,
)
from engine.core.machine import Decision
from engine.core.machine.retrying import MAX_LOSSES, backoff
from engine.core.plan import Plan, Retry, Step, Timeout
from engine.core.state import ENDED, TERMINAL
from tests.core.runs import NOW, SECOND, assign, edge, header, plan, scope, step, uses

RESULTS = ("ok", "succeeded", "failed", "skipped", "done")
ERRORS = ("transient", "permanent", "unknown")


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


class Walk:
    """A run that is told random events, beside the journal that its owner would keep."""

    def __init__(self, made: Plan, draw: st.DataObject) -> None:
        self.bound = Bound(made)
        self.draw = draw
        self.now = NOW
        self.rows: list[Row] = []
        self.run, first = machine.begin(self.bound, header(), NOW)
        self.open: set[tuple[str, int]] = set()
        self.alarms: set[tuple[str, datetime]] = set()
        self.take(first)

    def take(self, decision: Decision) -> None:
        self.open -= {each for each in self.open if each[0] in decision.revoked}
        self.open |= {(launch.path, launch.attempt) for launch in decision.launches}
        self.alarms |= {(alarm.path, alarm.at) for alarm in decision.alarms}

    def tell(self, event: Event) -> Decision:
        self.now += SECOND
        decision = machine.advance(self.run, event, self.now)
        if not decision.echo:
            self.rows.append(to_row(event, len(self.rows) + 1, self.now))
        self.take(decision)
        return decision

    def pick(self) -> Event:
        kind = self.draw.draw(st.integers(0, 11))
        if kind == 0:
            self.open = set()
            return OwnerLost()
        if kind == 1 and self.draw.draw(st.integers(0, 5)) == 0:
            return Cancel("ann", "")
        if self.alarms and (kind < 4 or not self.open):
            path, at = self.draw.draw(st.sampled_from(sorted(self.alarms)))
            return Alarm(path, at)
        path, attempt = self.draw.draw(st.sampled_from(sorted(self.open)))
        if kind < 6:
            return Started(path, attempt)
        if kind < 9:
            return Succeeded(path, attempt, {"x": 1})
        error_class = self.draw.draw(st.sampled_from(ERRORS))
        return Failed(path, attempt, {"type": "t", "detail": "d", "class": error_class})


def check(walk: Walk) -> None:
    run = walk.run
    for one in run.scopes.values():
        assert one.open == sum(each.state not in TERMINAL for each in one.steps)
    running = [each for each in run.steps.values() if each.under_way]
    assert run.running == len(running)
    owed = machine.owed(run)
    assert {(each.path, each.attempt) for each in running} == {
        (launch.path, launch.attempt) for launch in owed.launches
    }
    assert {(alarm.path, alarm.at) for alarm in owed.alarms} <= walk.alarms
    assert all(each.losses <= MAX_LOSSES for each in run.steps.values())


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.data())
def test_every_walk_ends_and_replays_byte_for_byte(made: Plan, draw: st.DataObject) -> None:
    """
    Whatever is told, twice, late or never, and wherever its owners die: what is owed is exactly
    what runs, an echo changes nothing, the run ends, and its journal gives the same state again.
    """
    walk = Walk(made, draw)
    told: list[Event] = []
    for _ in range(60):
        if walk.run.ended_at is not None:
            break
        event = walk.pick()
        walk.tell(event)
        told.append(event)
        check(walk)
        before = replay.snapshot(walk.run)
        again = draw.draw(st.sampled_from(told))
        if not isinstance(again, OwnerLost | Cancel | Alarm) and walk.tell(again).echo:
            assert before == replay.snapshot(walk.run)
    drain(walk)

    assert machine.status(walk.run) in ENDED
    rebuilt = replay.replay(walk.bound, header(), NOW, walk.rows)
    assert replay.snapshot(walk.run) == replay.snapshot(rebuilt)
    assert walk.tell(OwnerLost()).echo
    check(walk)


def drain(walk: Walk) -> None:
    """Answer everything that is owed until the run ends: it must, within its own bounds."""
    for _ in range(1000):
        run = walk.run
        if run.ended_at is not None:
            return
        owed = machine.owed(run)
        if owed.launches:
            launch = owed.launches[0]
            walk.tell(Succeeded(launch.path, launch.attempt, {}))
        else:
            alarm = min(owed.alarms, key=lambda each: each.at)
            walk.tell(Alarm(alarm.path, alarm.at))


@given(st.integers(2, 200), st.text())
def test_a_pause_never_exceeds_its_bound(attempt: int, seed: str) -> None:
    """
    However many attempts, the pause stays within `max`, and the same seed gives the same pause.
    """
    retry = Retry(max_attempts=200, factor=10)

    assert timedelta(0) <= backoff(retry, attempt, seed) <= retry.max
    assert backoff(retry, attempt, seed) == backoff(retry, attempt, seed)
