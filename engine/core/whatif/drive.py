"""A plan driven by a recording: its journal is the spine, and what moves beside it has a clock.

The journal's rows are told in their order and at their instants, so a plan that asks for the same
at the same time goes exactly as it went. An attempt that begins at another instant ends as long
after it as it did; an alarm that the recorded run never set rings when it is due.
"""

import heapq
from collections import Counter
from datetime import datetime
from itertools import count
from typing import TypeVar

from engine.core import machine
from engine.core.binding import Bound, BoundApprove, BoundAwait
from engine.core.event import Alarm, Arrived, Decided, Event
from engine.core.machine import Decision
from engine.core.run import Header, Run
from engine.core.state import StepState
from engine.core.values import Json
from engine.core.whatif.answer import Missing, answer
from engine.core.whatif.recording import Call, Notes, Tape, stand_ins, waits

MOST_EVENTS = 200_000
_T = TypeVar("_T")


class Driven:
    """How far a plan came: `missing` is what the recording does not hold, if that ended it.

    `is_endless` if it was given up.
    """

    def __init__(self, run: Run, notes: Notes) -> None:
        self.run = run
        self.notes = notes
        self.missing: Missing | None = None
        self.is_endless = False


def drive(bound: Bound, tape: Tape, header: Header, most: int) -> Driven:
    """Drive a run of a plan by a recording to its end, in `most` events."""
    return _Drive(bound, tape, header).to_end(most)


class _Drive:
    def __init__(self, bound: Bound, tape: Tape, header: Header) -> None:
        self._tape = tape
        self._rows = tape.recording.rows
        self._position = 0
        self._now = tape.recording.started_at
        self._due: list[tuple[datetime, int, Event]] = []
        self._order = count()
        # Rows that are told at another place, or in other words.
        self._moved: set[int] = set()
        self._reworded: dict[int, Event] = {}
        self._unheard: dict[str, list[tuple[datetime, Event]]] = {}
        self._asked: Counter[object] = Counter()
        run, first = machine.begin(bound, header, self._now)
        secrets = {**stand_ins(tape.recording.bound), **stand_ins(bound)}
        self._told = Driven(run, Notes(run, secrets))
        self._follow(first)

    def to_end(self, most: int) -> Driven:
        """Tell the run one event after the other, the spine before what is due with it."""
        for _ in range(most):
            if self._told.run.ended_at is not None or self._told.missing is not None:
                return self._told
            if self._has_row() and not (self._due and self._due[0][0] < self._row_at()):
                self._next_row()
            elif self._due:
                at, _, event = heapq.heappop(self._due)
                self._now = max(self._now, at)
                self._tell(event)
            elif self._tape.run.ended_at is None:
                return self._told  # the recording is of a run that is still under way
            else:
                self._beyond()
        self._told.is_endless = self._told.run.ended_at is None and self._told.missing is None
        return self._told

    def _has_row(self) -> bool:
        return self._position < len(self._rows)

    def _row_at(self) -> datetime:
        return self._rows[self._position].at

    def _next_row(self) -> None:
        position, self._now = self._position, self._row_at()
        self._position += 1
        if position in self._moved:
            return
        event = self._reworded.get(position, self._tape.events[position])
        if self._tell(event).echo and isinstance(event, Arrived | Decided):
            self._unheard.setdefault(event.path, []).append((self._now, event))

    def _tell(self, event: Event) -> Decision:
        decision = machine.advance(self._told.run, event, self._now)
        self._follow(decision)
        return decision

    def _follow(self, decision: Decision) -> None:
        """Let what is owed be answered, as far as the recording knows."""
        for call in self._told.notes.take(decision, self._now):
            self._answer(call)
        for alarm in decision.alarms:
            if (alarm.path, alarm.at) not in self._tape.alarms:
                self._push(alarm.at, Alarm(alarm.path, alarm.at))
        for path, wait in waits(decision):
            if path:
                self._wait(path, wait)

    def _answer(self, call: Call) -> None:
        """Let an attempt end as its like did: where that stands on the spine, or after as long."""
        key = (call.path, call.attempt)
        recorded = self._nth(self._tape.calls.get(key, []), key)
        told = answer(call, recorded, (call.path, 1) in self._tape.calls)
        if isinstance(told, Missing):
            return self._miss(told)
        if recorded is None or told.event is None:
            return None
        is_on_spine = call.at == recorded.at and recorded.position >= self._position
        if is_on_spine and told.at == recorded.ended_at:
            self._reworded[recorded.position] = told.event
            return None
        self._moved.add(recorded.position)
        return self._push(told.at, told.event)

    def _wait(self, path: str, asked: Json) -> None:
        """Let a step hear what it waits for, if the recorded run waited for the same."""
        recorded = self._nth(self._tape.waits.get(path, []), path)
        step = self._told.run.steps[path].step
        if recorded is None or recorded != asked:
            why = "nobody waited for it" if recorded is None else "it waits for something else"
            return self._miss(Missing(path, _waits_for(step.verb), why))
        for at, event in self._unheard.pop(path, []):
            self._push(max(at, self._now), event)
        return None

    def _beyond(self) -> None:
        """Go on where the journal has ended: what was cut off has no end, alarms ring."""
        run = self._told.run
        for step in run.active.values():
            if step.under_way and step.step.uses is not None:
                why = "the recorded attempt was cut off"
                return self._miss(Missing(step.path, step.step.uses.operation, why))
            if step.state is StepState.WAITING and isinstance(
                step.step.verb, BoundAwait | BoundApprove
            ):
                why = "nothing of the recording ends its wait"
                return self._miss(Missing(step.path, _waits_for(step.step.verb), why))
        alarm = min(machine.owed(run).alarms, key=lambda each: (each.at, each.path))
        return self._push(alarm.at, Alarm(alarm.path, alarm.at))

    def _nth(self, recorded: list[_T], key: object) -> _T | None:
        number = self._asked[key]
        self._asked[key] += 1
        return recorded[number] if number < len(recorded) else None

    def _miss(self, missing: Missing) -> None:
        self._told.missing = self._told.missing or missing

    def _push(self, at: datetime, event: Event) -> None:
        heapq.heappush(self._due, (at, next(self._order), event))


def _waits_for(verb: object) -> str:
    if isinstance(verb, BoundApprove):
        return "approve"
    assert isinstance(verb, BoundAwait)
    return f"await {verb.plan.event}" if verb.plan.event else "await a callback"
