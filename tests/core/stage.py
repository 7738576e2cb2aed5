"""Compiled specs on a stage: a machine, a clock that jumps, and operations that are functions."""

from collections.abc import Callable, Mapping
from datetime import datetime

from engine.core import machine
from engine.core.binding import Bound, project
from engine.core.compiler import compile_file
from engine.core.event import Alarm, Arrived, Decided, Event, Failed, Succeeded
from engine.core.expression import EvaluationError
from engine.core.machine import Decision, Launch
from engine.core.run import Run
from engine.core.values import Json
from tests.core.catalogue import CATALOGUE
from tests.core.runs import NOW, header

MOST_EVENTS = 500
BROKEN: Mapping[str, Json] = {"type": "test.broken", "detail": "", "class": "permanent"}
Play = Callable[[str, Mapping[str, Json]], Mapping[str, Json]]
"""What an operation returns, by the path of its step and its arguments."""


class Broken(Exception):
    """Raised by an operation that fails for good."""


class Stage:
    """One run, told everything that it asks for until it ends."""

    def __init__(self, source: str, play: Play, **inputs: Json) -> None:
        [workflow] = compile_file("demo.yaml", source.encode(), CATALOGUE).workflows
        assert workflow.plan is not None
        self.play = play
        self.now = NOW
        self.calls: list[tuple[str, Mapping[str, Json]]] = []
        self.emitted: list[Json] = []
        self.alarms: list[tuple[datetime, str]] = []
        self.run, decision = machine.begin(Bound(workflow.plan), header(**inputs), NOW)
        self._take(decision)

    def _take(self, first: Decision) -> None:
        owed: list[Event] = self._owed(first)
        for _ in range(MOST_EVENTS):
            if self.run.ended_at is not None:
                return
            event = owed.pop(0) if owed else self._ring()
            owed += self._owed(machine.advance(self.run, event, self.now))
        raise AssertionError("the run never ends")

    def _owed(self, decision: Decision) -> list[Event]:
        self.alarms += [(each.at, each.path) for each in decision.alarms]
        self.emitted += [each.data for each in decision.emissions]
        told: list[Event] = [self._call(each) for each in decision.launches]
        told += [Decided(each.path, "ada", True, each.asked, {}) for each in decision.asks]
        told += [Arrived(each.path, _event(each.event)) for each in decision.watches]
        return told

    def _call(self, launch: Launch) -> Event:
        names = machine.names(self.run, launch.path)
        try:
            arguments = launch.step.arguments.evaluate(names)
            assert isinstance(arguments, Mapping)
            self.calls.append((launch.path, arguments))
            told = self.play(launch.path, arguments)
            outputs = project(launch.step.projections, told) if launch.step.projections else told
            return Succeeded(launch.path, launch.attempt, outputs)
        except (EvaluationError, Broken) as error:
            error_told: dict[str, Json] = {
                "type": "test.broken",
                "detail": str(error),
                "class": "permanent",
            }
            return Failed(launch.path, launch.attempt, error_told)

    def _ring(self) -> Event:
        self.alarms.sort()
        self.now, path = self.alarms.pop(0)
        return Alarm(path, self.now)


def _event(kind: str) -> dict[str, Json]:
    data: Json = {"user": "ada", "n": 7}
    return {"id": "1", "type": kind, "source": "test", "subject": None, "data": data}


def ended(source: str, play: Play, **inputs: Json) -> Run:
    """Return a run that has been played to its end."""
    return Stage(source, play, **inputs).run
