"""Walks: a run that is told random events, until it ends, beside the journal of its owner."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import strategies as st

from engine.core import machine, replay
from engine.core.binding import Bound
from engine.core.event import (
    Alarm,
    Cancel,
    Event,
    Orphaned,
    OwnerLost,
    Pause,
    Resume,
    Row,
    Succeeded,
    to_row,
)
from engine.core.machine import Decision
from engine.core.machine.retrying import MAX_LOSSES, MAX_SEVERED
from engine.core.plan import Plan
from engine.core.run import Run
from engine.core.state import ENDED, TERMINAL, StepState
from tests.core.runs import NOW, SECOND, header

ERRORS = ("transient", "permanent", "unknown")


class Walk:
    """A run that is told random events, beside the journal that its owner would keep."""

    def __init__(self, made: Plan, draw: st.DataObject) -> None:
        self.bound = Bound(made)
        self.draw = draw
        self.now = NOW
        self.rows: list[Row] = []
        self.run, first = machine.begin(self.bound, header(), NOW)
        self.attempts: set[tuple[str, int]] = set()
        self.alarms: set[tuple[str, datetime]] = set()
        self.watched: set[str] = set()
        self.asked: dict[str, str] = {}
        self.launches = 0
        self.take(first)

    def take(self, decision: Decision) -> None:
        self.attempts -= {each for each in self.attempts if each[0] in decision.revoked}
        self.attempts |= {(launch.path, launch.attempt) for launch in decision.launches}
        self.launches += len(decision.launches)
        self.alarms |= {(alarm.path, alarm.at) for alarm in decision.alarms}
        self.watched |= {each.path for each in decision.watches}
        self.asked |= {each.path: each.asked for each in decision.asks}
        for path in decision.unwatched:
            assert path in self.watched or path in self.asked

    def tell(self, event: Event) -> Decision:
        self.now += SECOND
        elsewhere = handed_out(self.run) if isinstance(event, OwnerLost) else set()
        decision = machine.advance(self.run, event, self.now)
        assert elsewhere <= handed_out(self.run)
        if self.run.paused is not None:
            assert [] == decision.launches
        if not decision.echo:
            self.rows.append(to_row(event, len(self.rows) + 1, self.now))
        self.take(decision)
        return decision

    def pick(self) -> Event:
        """Return the next event that the run is told."""
        raise NotImplementedError

    def hold(self) -> Event:
        """Return that somebody pauses the run for a moment, or lets it go on."""
        span = self.draw.draw(st.sampled_from([-1, 3, 30, 300]))
        if span < 0:
            return Resume("ann", "")
        return Pause("ann", "", self.now + span * SECOND)

    def lose(self, path: str, attempt: int) -> Event:
        """Return the death of whoever makes an attempt."""
        if self.run.steps[path].step.is_handed_out:
            return Orphaned(path, attempt, *self.draw.draw(st.tuples(st.booleans(), st.booleans())))
        self.attempts &= handed_out(self.run)
        return OwnerLost(self.draw.draw(st.booleans()))

    def to_end(self, turns: int) -> None:
        """Tell `turns` random events, each perhaps twice, then answer what is owed to the end.

        What is owed is what runs, an echo changes nothing, the run ends, and its journal gives
        the same state again.
        """
        told: list[Event] = []
        for _ in range(turns):
            if self.run.ended_at is not None:
                break
            event = self.pick()
            self.tell(event)
            told.append(event)
            check(self)
            self._tell_again(told)
        drain(self)

        assert machine.status(self.run) in ENDED
        rebuilt = replay.replay(self.bound, header(), NOW, self.rows)
        assert replay.snapshot(self.run) == replay.snapshot(rebuilt)
        assert self.tell(OwnerLost()).echo
        check(self)

    def _tell_again(self, told: Sequence[Event]) -> None:
        before = replay.snapshot(self.run)
        again = self.draw.draw(st.sampled_from(told))
        if not isinstance(again, OwnerLost | Cancel | Alarm) and self.tell(again).echo:
            assert before == replay.snapshot(self.run)


def handed_out(run: Run) -> set[tuple[str, int]]:
    """Return path and attempt of what workers of pools make."""
    told = (each for each in run.active.values() if each.under_way and each.step.is_handed_out)
    return {(each.path, each.attempt) for each in told}


def check(walk: Walk) -> None:
    """What is owed is exactly what is under way, in every state."""
    run = walk.run
    for one in run.scopes.values():
        assert one.open == sum(each.state not in TERMINAL for each in one.steps)
    attempts = {(each.path, each.attempt) for each in run.steps.values() if each.under_way}
    assert run.running == len(attempts)
    assert run.handed_out == len(handed_out(run))
    owed = machine.owed(run)
    assert attempts == {(launch.path, launch.attempt) for launch in owed.launches}
    assert {(alarm.path, alarm.at) for alarm in owed.alarms} <= walk.alarms
    assert {each.path for each in owed.watches} <= walk.watched
    assert {each.path: each.asked for each in owed.asks}.items() <= walk.asked.items()
    active = {each.path for each in run.steps.values() if each.state not in TERMINAL}
    assert set(run.active) == active - {
        each.path for each in run.steps.values() if each.state is StepState.PENDING
    }
    assert all(each.losses <= MAX_LOSSES for each in run.steps.values())
    assert all(each.severed <= MAX_SEVERED for each in run.steps.values())


def drain(walk: Walk) -> None:
    """Answer everything that is owed until the run ends: it must, within its own bounds."""
    for _ in range(2000):
        if walk.run.ended_at is not None:
            return
        owed = machine.owed(walk.run)
        if owed.launches:
            launch = owed.launches[0]
            walk.tell(Succeeded(launch.path, launch.attempt, {"x": 1}))
        else:
            alarm = min(owed.alarms, key=lambda each: each.at)
            walk.tell(Alarm(alarm.path, alarm.at))
        check(walk)
    raise AssertionError("the run does not end")
