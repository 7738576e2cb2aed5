"""One trial: the machine on a clock that jumps from one event to the next."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from engine.core import machine, spec
from engine.core.binding import Bound
from engine.core.event import Alarm, Arrived, Decided, Event, Failed
from engine.core.inputs import BoundInputs
from engine.core.machine import Ask, Decision, Emission, Launch, Watch
from engine.core.plan import Plan
from engine.core.run import Header, Run
from engine.core.state import StepState
from engine.core.trial.script import Script, outcome, scripted
from engine.core.trigger import BoundTrigger, Said, by_hand
from engine.core.values import Json, canonical, parse_duration

MOST_EVENTS = 200_000
_IDENTITY = "01900000-0000-7000-8000-000000000000"


class Unstartable(Exception):
    """The test's trigger and inputs start no run; the message says why."""


@dataclass(slots=True)
class Trial:
    """What became of a run; `unanswered` are the steps that were called and had no mock.

    `is_endless` is true if it was given up after `MOST_EVENTS`, or waits for what never comes.
    """

    run: Run
    emitted: list[Emission] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    is_endless: bool = False


def simulate(plan: Plan, test: spec.WorkflowTest) -> Trial:
    """Run a plan to its end as a test says. Raise Unstartable if nothing starts."""
    start = datetime.fromisoformat(test.clock.replace("Z", "+00:00"))
    bound = Bound(scripted(plan, test.mock))
    trigger, inputs = _started(plan, test)
    header = Header(
        _IDENTITY, "test", plan.name, "0" * 40, plan.digest, trigger, inputs, start
    )  # fmt: skip
    return _Simulation(bound, header, test, start).to_end()


class _Simulation:
    def __init__(
        self, bound: Bound, header: Header, test: spec.WorkflowTest, start: datetime
    ) -> None:
        self._script = Script(test.mock)
        self._now = start
        self._due: list[tuple[datetime, int, Event]] = []
        self._order = count()
        self._watches: list[Watch] = []
        run, first = machine.begin(bound, header, start)
        self.trial = Trial(run)
        self._past: list[tuple[datetime, Mapping[str, Json]]] = []
        self._coming = sorted(
            ((start + parse_duration(each.at), each) for each in test.given.events),
            key=lambda told: told[0],
        )
        self._follow(first)

    def to_end(self) -> Trial:
        for _ in range(MOST_EVENTS):
            if self.trial.run.ended_at is not None:
                return self.trial
            if self._coming and (not self._due or self._coming[0][0] <= self._due[0][0]):
                self._now, told = self._coming.pop(0)
                self._send({"type": told.type, "subject": None, "data": told.data})
            elif self._due:
                self._now, _, event = heapq.heappop(self._due)
                self._follow(machine.advance(self.trial.run, event, self._now))
            else:
                break
        self.trial.is_endless = True
        return self.trial

    def _follow(self, decision: Decision) -> None:
        for launch in decision.launches:
            self._answer(launch)
        for alarm in decision.alarms:
            self._push(alarm.at, Alarm(alarm.path, alarm.at))
        for watch in decision.watches:
            self._watch(watch)
        for ask in decision.asks:
            self._decide(ask)
        for emission in decision.emissions:
            self.trial.emitted.append(emission)
            about = {"type": emission.type, "subject": emission.subject, "data": emission.data}
            self._send(about)

    def _answer(self, launch: Launch) -> None:
        """Let an attempt end as the test says; where it says nothing, without outputs."""
        mock = self._script.next(launch.path)
        if mock is None:
            if launch.step.projections:
                self.trial.unanswered.append(launch.path)
                error: dict[str, Json] = {
                    "type": "sark.unanswered",
                    "detail": f"the test does not say what {launch.path} gives",
                    "class": "permanent",
                }
                return self._push(self._now, Failed(launch.path, launch.attempt, error))
            mock = spec.Mock()
        ends = self._now + parse_duration(mock.takes)
        return self._push(ends, outcome(launch.path, launch.attempt, mock))

    def _decide(self, ask: Ask) -> None:
        """Let people answer as the test says; where it says nothing, nobody does."""
        mock = self._script.next(ask.path)
        if mock is None or mock.decision in (None, "expired"):
            return
        ends = self._now + parse_duration(mock.takes)
        approved = mock.decision == "approved"
        for number in range(ask.min if approved else 1):
            by = f"person{number + 1}"
            self._push(ends, Decided(ask.path, by, approved, ask.asked, mock.form))

    def _watch(self, watch: Watch) -> None:
        self._watches.append(watch)
        for at, event in self._past:
            if at >= watch.since and _is_for(watch, event):
                self._push(self._now, Arrived(watch.path, event))

    def _send(self, event: Mapping[str, Json]) -> None:
        self._past.append((self._now, event))
        for watch in self._watches:
            if _is_for(watch, event):
                self._push(self._now, Arrived(watch.path, event))

    def _push(self, at: datetime, event: Event) -> None:
        heapq.heappush(self._due, (max(at, self._now), next(self._order), event))


def _is_for(watch: Watch, event: Mapping[str, Json]) -> bool:
    """True if an event is of the type, and under the key, that somebody waits for."""
    if watch.event != event["type"]:
        return False
    if watch.key is None:
        return True
    value: Json = event
    for part in watch.at.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return canonical(value).decode() == watch.key


def _started(plan: Plan, test: spec.WorkflowTest) -> tuple[Json, Mapping[str, Json]]:
    """Return what the run reads as `trigger`, and its inputs; raise Unstartable."""
    inputs = BoundInputs(plan.inputs)
    given = test.given
    if given.trigger is None:
        hand = by_hand(plan.triggers)
        kind = hand.type if hand is not None else "manual"
        about: Json = {"id": hand.id if hand else kind, "type": kind, "event": given.event or {}}
        try:
            return about, inputs.complete(given.inputs, about)
        except ValueError as error:
            raise Unstartable(f"the inputs do not fit: {error}") from None
    found = next((each for each in plan.triggers if each.id == given.trigger), None)
    if found is None:
        raise Unstartable(f'the workflow has no trigger "{given.trigger}"')
    event = given.event if isinstance(given.event, Mapping) else {}
    trigger = BoundTrigger(found, inputs)
    decision = trigger.decide(event)
    if decision.said is not Said.STARTED or decision.inputs is None:
        raise Unstartable(f"the trigger says {decision.said.value}: {decision.reason}")
    return trigger.about(event), {**decision.inputs, **given.inputs}


def ended(run: Run) -> list[str]:
    """Return the paths of the steps that have run, in the order in which they ended."""
    told = [each for each in run.steps.values() if each.ended and _has_run(each.state)]
    return [each.path for each in sorted(told, key=lambda each: each.ended)]


def _has_run(state: StepState) -> bool:
    return state not in (StepState.SKIPPED, StepState.CANCELLED)
