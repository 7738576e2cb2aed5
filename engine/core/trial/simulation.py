"""One trial: the machine on a clock that jumps from one event to the next."""

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from engine.core import forge, machine, spec
from engine.core.event import Alarm, Arrived, Decided, Event, Failed
from engine.core.expression import EvaluationError
from engine.core.machine import Ask, Decision, Emission, Launch, Watch
from engine.core.run import Header, Run
from engine.core.trial.script import Script, outcome
from engine.core.trial.starting import cloud_event, coming, started
from engine.core.trial.subject import Scene, Subject
from engine.core.values import Json, canonical, parse_duration

MOST_EVENTS = 200_000
_LOOKS_EVERY = 32
_IDENTITY = "01900000-0000-7000-8000-000000000000"
_COMMIT = "0" * 40
_SUCCEEDED = spec.Mock()


@dataclass(slots=True)
class Trial:
    """What became of a run.

    `unanswered` are steps that were called, and of which the test had to say what they give;
    `assumed` those that gave nothing because it did not have to. `is_endless` if the run was
    given up. `script` knows which mocks were used.
    """

    run: Run
    scene: Scene
    script: Script
    emitted: list[Emission] = field(default_factory=list)
    unanswered: dict[str, None] = field(default_factory=dict)
    assumed: set[str] = field(default_factory=set)
    is_endless: bool = False


def simulate(
    subject: Subject, test: spec.WorkflowTest, most: int = MOST_EVENTS,
    script: Script | None = None, goes_on: Callable[[], bool] = lambda: True,
) -> Trial:  # fmt: skip
    """Run a plan to its end as a test says, in `most` events, and for as long as it `goes_on`.

    A `script` answers in the place of the test's own. Raise Unstartable if no run starts.
    """
    start = datetime.fromisoformat(test.clock.replace("Z", "+00:00"))
    trigger, inputs = started(subject, test.given, start)
    plan = subject.plan
    header = Header(_IDENTITY, "test", plan.name, _COMMIT, plan.digest, trigger, inputs, start)
    told = Script(test.mock) if script is None else script
    return _Simulation(subject.scene(test.mock), header, test, start, told).to_end(most, goes_on)


class _Simulation:
    def __init__(
        self, scene: Scene, header: Header, test: spec.WorkflowTest, start: datetime,
        script: Script,
    ) -> None:  # fmt: skip
        self._now = start
        self._due: list[tuple[datetime, int, Event]] = []
        self._order = count()
        self._watches: list[Watch] = []
        self._secrets: Json = {name: f"<{name}>" for name in scene.bound.plan.secrets}
        run, first = machine.begin(scene.bound, header, start)
        self.trial = Trial(run, scene, script)
        self._past: list[tuple[datetime, Mapping[str, Json]]] = []
        self._coming = deque([(start + after, event) for after, event in coming(test.given)])
        self._follow(first)

    def to_end(self, most: int, goes_on: Callable[[], bool]) -> Trial:
        """Tell the run one event after the other; what comes from outside is before what is due."""
        for number in range(most):
            if self.trial.run.ended_at is not None:
                return self.trial
            if number % _LOOKS_EVERY == 0 and not goes_on():
                break
            if self._coming and self._coming[0][0] <= self._due[0][0]:
                self._now, told = self._coming.popleft()
                self._send(told)
            else:
                self._now, _, event = heapq.heappop(self._due)
                self._follow(machine.advance(self.trial.run, event, self._now))
        self.trial.is_endless = self.trial.run.ended_at is None
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
            self._send(cloud_event(emission.type, emission.subject, emission.data))

    def _answer(self, launch: Launch) -> None:
        """Let an attempt end as the test says, or by itself if it is late or has no arguments."""
        path, number = launch.path, launch.attempt
        step = self.trial.run.steps[path]
        mock = self.trial.script.next(step)
        if mock is None and id(launch.step.plan) in self.trial.scene.needed:
            self.trial.unanswered[path] = None
            told = f"the test does not say what {path} gives"
            return self._push(self._now, Failed(path, number, _problem("sark.unanswered", told)))
        if mock is None:
            self.trial.assumed.add(path)
            mock = _SUCCEEDED
        fault = self._fault(launch)
        if fault is not None:
            return self._push(self._now, Failed(path, number, fault))
        takes, limit = parse_duration(mock.takes), launch.step.plan.timeout.attempt
        if takes > limit:
            return self._push(self._now + limit, Failed(path, number, _late(launch)))
        files = self.trial.script.files
        return self._push(self._now + takes, outcome(launch.step.plan, path, number, mock, files))

    def _fault(self, launch: Launch) -> dict[str, Json] | None:
        """Return the error of arguments that have no value; a secret is any text."""
        names = {**machine.names(self.trial.run, launch.path), "secrets": self._secrets}
        try:
            launch.step.arguments.evaluate(names)
            if launch.step.key is not None:
                launch.step.key.evaluate(names)
        except (EvaluationError, ValueError) as error:
            return _problem("sark.argument", str(error))
        return None

    def _decide(self, ask: Ask) -> None:
        """Let people answer as the test says; where it says nothing, nobody does."""
        mock = self.trial.script.next(self.trial.run.steps[ask.path])
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
    if watch.event not in forge.names(str(event["type"])):
        return False
    if watch.key is None:
        return True
    value: Json = event
    for part in watch.at.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return canonical(value).decode() == watch.key


def _late(launch: Launch) -> dict[str, Json]:
    """Return the error of an attempt that takes longer than it may."""
    seconds = launch.step.plan.timeout.attempt.total_seconds()
    detail = f"the attempt took longer than {seconds:g} s; whether it took effect is unknown"
    safe = launch.step.uses is not None and launch.step.uses.repeatable
    return _problem("sark.timeout", detail, "transient" if safe else "unknown")


def _problem(kind: str, detail: str, error_class: str = "permanent") -> dict[str, Json]:
    return {"type": kind, "detail": detail, "class": error_class}
