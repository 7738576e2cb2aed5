"""A recorded run, and what it did to the world and heard of it, told by its own plan."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core import machine
from engine.core.binding import Bound, BoundStep
from engine.core.event import Event, Failed, Orphaned, Row, Succeeded, from_row
from engine.core.expression import EvaluationError
from engine.core.frozen import frozen
from engine.core.handout import needed
from engine.core.machine import Decision, Launch
from engine.core.run import Header, Run
from engine.core.spilled import encode, filled, found
from engine.core.values import Json


@frozen
class Recording:
    """A run as it was: its plan, when it began, and its journal in the order of `seq`."""

    bound: Bound
    header: Header
    started_at: datetime
    rows: Sequence[Row]


@dataclass(slots=True)
class Call:
    """An attempt of a step. `asked` is what decides on its outcome: operation, arguments, key.

    `fault` is why the arguments have no value, or "". `outcome` ends it, the row at `position` of
    the journal (from 0), at `ended_at`; None if it was cut off, and nobody knows.
    """

    path: str
    attempt: int
    step: BoundStep
    at: datetime
    asked: Json
    fault: str
    outcome: Event | None = None
    position: int = -1
    ended_at: datetime | None = None


class Notes:
    """What a run asks of the world, noted turn by turn.

    `calls` and `waits` are lists because an alert may be opened more than once on one path. `told`
    are the events and runs that it lets out.
    """

    def __init__(self, run: Run, secrets: Json) -> None:
        self.run = run
        self._secrets = secrets
        self.calls: dict[tuple[str, int], list[Call]] = defaultdict(list)
        self.waits: dict[str, list[Json]] = defaultdict(list)
        self.alarms: set[tuple[str, datetime]] = set()
        self.told: dict[str, Json] = {}

    def take(self, decision: Decision, now: datetime) -> list[Call]:
        """Note what is owed, as it is when it is owed; return the calls."""
        calls = [self._call(each, now) for each in decision.launches]
        for call in calls:
            self.calls[call.path, call.attempt].append(call)
        self.alarms |= {(each.path, each.at) for each in decision.alarms}
        for path, wait in waits(decision):
            self.waits[path].append(wait)
        for event in decision.emissions:
            self.told[event.path] = {"subject": event.subject, "data": event.data}
        for start in decision.starts:
            self.told[start.path] = {"workflow": start.workflow, "inputs": start.inputs}
        return calls

    def _call(self, launch: Launch, now: datetime) -> Call:
        step, uses = launch.step, launch.step.uses
        assert uses is not None
        names = {**machine.names(self.run, launch.path), "secrets": self._secrets}
        asked: dict[str, Json] = {"operation": uses.operation}
        if self.run.spills and (read := _by_reference(step, names)):
            asked["arguments"] = [uses.arguments, uses.key, read]
            return Call(launch.path, launch.attempt, step, now, asked, "")
        try:
            asked["arguments"] = step.arguments.evaluate(names)
            asked["key"] = None if step.key is None else step.key.evaluate(names)
        except (EvaluationError, ValueError) as fault:
            return Call(launch.path, launch.attempt, step, now, asked, str(fault))
        return Call(launch.path, launch.attempt, step, now, asked, "")


def _by_reference(step: BoundStep, names: Mapping[str, Json]) -> Json:
    """Return what a call reads, where some of it is passed by reference; else None.

    The same templates give the same of the same, so with them this decides on the outcome.
    """
    read = needed(step, names)
    references = found(read)
    return filled(read, ((path, encode(each)) for path, each in references)) if references else None


class Tape(Notes):
    """A recorded run played once by its own plan; raise ValueError if the journal is not its."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.events = [from_row(row) for row in recording.rows]
        run, first = machine.begin(recording.bound, recording.header, recording.started_at)
        super().__init__(run, stand_ins(recording.bound))
        self.take(first, recording.started_at)
        for position, (row, event) in enumerate(zip(recording.rows, self.events, strict=True)):
            self._hear(position, row, event)

    def _hear(self, position: int, row: Row, event: Event) -> None:
        decision = machine.advance(self.run, event, row.at)
        if decision.echo:
            raise ValueError(f"row {row.seq} of the journal says nothing to the recorded plan")
        if isinstance(event, Succeeded | Failed | Orphaned):
            call = self.calls[event.path, event.attempt][-1]
            call.outcome, call.position, call.ended_at = event, position, row.at
        self.take(decision, row.at)


def stand_ins(bound: Bound) -> Mapping[str, Json]:
    """Return a text for each secret of a plan: its name, for its value is nobody's to know."""
    return {name: f"<secret {name}>" for name in bound.plan.secrets}


def waits(decision: Decision) -> Iterator[tuple[str, Json]]:
    """Yield the paths of steps that wait from now on, with what decides on what they will hear."""
    for watch in decision.watches:
        about = {"at": watch.at, "key": watch.key, "callback": watch.callback}
        yield watch.path, {"event": watch.event, **about}
    for ask in decision.asks:
        yield ask.path, {"approval": ask.asked}
