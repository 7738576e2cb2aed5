"""No run of any workflow costs more than its bounds say."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import bounds, machine
from engine.core.event import Alarm, Event, Failed, OwnerLost, Succeeded
from engine.core.machine import Decision
from engine.core.plan import Plan
from tests.core.test_machine_scope_walks import AnyWalk, plans
from tests.core.walking import ERRORS


class Costly(AnyWalk):
    """A run that is told anything but the death of a worker, and what it has cost."""

    emitted = most = 0

    def take(self, decision: Decision) -> None:
        super().take(decision)
        self.emitted += len(decision.emissions)
        self.most = max(self.most, self.run.running)

    def pick(self) -> Event:
        event = super().pick()
        while isinstance(event, OwnerLost):
            event = super().pick()
        return event

    def answer(self) -> Event:
        """Return an answer to the first attempt that is owed, or the next alarm."""
        owed = machine.owed(self.run)
        if not owed.launches:
            alarm = min(owed.alarms, key=lambda each: each.at)
            return Alarm(alarm.path, alarm.at)
        path, attempt = owed.launches[0].path, owed.launches[0].attempt
        if self.draw.draw(st.booleans()):
            return Succeeded(path, attempt, {"x": 1})
        kind = self.draw.draw(st.sampled_from(ERRORS))
        return Failed(path, attempt, {"type": "t", "detail": "d", "class": kind})


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(), st.data())
def test_no_run_costs_more_than_its_bounds(made: Plan, draw: st.DataObject) -> None:
    """
    Whatever steps answer and whenever: a run makes no more attempts, emits no more events and has
    no more under way at once than its plan was said to cost at worst.
    """
    worst = bounds.of(made)
    walk = Costly(made, draw)
    for _ in range(40):
        if walk.run.ended_at is None:
            walk.tell(walk.pick())
    for _ in range(400):
        if walk.run.ended_at is None:
            walk.tell(walk.answer())

    assert worst.adapter_calls >= walk.launches
    assert worst.fan_out >= walk.most
    assert worst.events >= walk.emitted
