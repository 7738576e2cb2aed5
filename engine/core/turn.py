"""One turn of the machine: the moves that follow from one event, until nothing more follows."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.binding import BoundScope, BoundStep, evaluate
from engine.core.expression import EvaluationError
from engine.core.plan import Edge, Requirement, Set
from engine.core.run import Run, ScopeRun, StepRun
from engine.core.state import TERMINAL, Move, RunStatus, StepState, move
from engine.core.values import Json

_MET = {
    Requirement.OK: frozenset({StepState.SUCCEEDED, StepState.SKIPPED}),
    Requirement.SUCCEEDED: frozenset({StepState.SUCCEEDED}),
    Requirement.FAILED: frozenset({StepState.FAILED}),
    Requirement.SKIPPED: frozenset({StepState.SKIPPED}),
    Requirement.DONE: TERMINAL,
}
_AFTER_FAILURE = frozenset({Requirement.FAILED, Requirement.DONE})


@dataclass(frozen=True, slots=True)
class Launch:
    """Make this attempt. `journal_start`: first commit that it begins, for it must not repeat."""

    path: str
    attempt: int
    step: BoundStep
    journal_start: bool


@dataclass(frozen=True, slots=True)
class AlarmSet:
    """Tell the run at this instant."""

    path: str
    at: datetime


@dataclass(slots=True)
class Decision:
    """What is now owed to the world. `echo`: the event changed nothing and is not history.

    `revoked` are the paths of attempts that nobody waits for any more.
    """

    launches: list[Launch] = field(default_factory=list)
    alarms: list[AlarmSet] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    ended: bool = False
    echo: bool = False


class Turn:
    """The moves of one event. Each method leaves the run lawful; `settle` ends the turn."""

    def __init__(self, run: Run, now: datetime) -> None:
        self.run = run
        self.now = now
        self.decision = Decision()
        self._ready: deque[StepRun] = deque()

    def open(self, bound: BoundScope, path: str) -> ScopeRun:
        """Open a scope: lay out its steps and let the first ones start."""
        scope = ScopeRun(bound, path, self.now + bound.plan.timeout, open=len(bound.steps))
        for step in bound.steps:
            run = StepRun(step, scope, path + step.id, len(step.plan.after))
            scope.steps.append(run)
            self.run.steps[run.path] = run
        self._ready.extend(scope.steps[position] for position in bound.first)
        self.decision.alarms.append(AlarmSet(path, scope.deadline))
        return scope

    def settle(self) -> Decision:
        """Follow every consequence, close what is done, and return what is owed."""
        run = self.run
        while True:
            while self._ready:
                self._resolve(self._ready.popleft())
            if run.outcome is None and run.root.open == 0:
                self._close_root()
            elif run.ended_at is None and run.finally_ is not None and run.finally_.open == 0:
                self._end_run()
            else:
                return self.decision

    def launch(self, step: StepRun, how: Move = Move.LAUNCH) -> None:
        """Begin the next attempt of a step."""
        if step.state is not StepState.RUNNING:
            self.run.running += 1
        step.state = move(step.state, how)
        step.attempt += 1
        step.marked, step.due = False, None
        if step.started_at is None:
            step.started_at = self.now
            if step.step.plan.timeout.total is not None:
                step.deadline = self.now + step.step.plan.timeout.total
                self.decision.alarms.append(AlarmSet(step.path, step.deadline))
        self.run.active[step.path] = step
        self.owe(step)

    def owe(self, step: StepRun) -> None:
        """Say that the attempt of a running step must be under way."""
        uses = step.step.uses
        unsafe = uses is not None and not uses.repeatable
        self.decision.launches.append(Launch(step.path, step.attempt, step.step, unsafe))

    def pause(self, step: StepRun, until: datetime) -> None:
        """Let a step wait before its next attempt."""
        step.state = move(step.state, Move.RETRY)
        step.due = until
        self.run.running -= 1
        self.decision.alarms.append(AlarmSet(step.path, until))

    def succeed(self, step: StepRun, outputs: Mapping[str, Json]) -> None:
        step.outputs = outputs
        self._end(step, Move.SUCCEED)

    def fail(self, step: StepRun, error: Mapping[str, Json]) -> None:
        """End a step in failure; unless it is optional, its scope launches nothing new."""
        step.error = {**error, "step": step.path, "attempt": step.attempt}
        if step.step.plan.optional:
            self.run.degraded = True
        elif step.scope.failure is None:
            step.scope.failure = step.error
        self._end(step, Move.FAIL)

    def stop(self, scope: ScopeRun, reason: str) -> None:
        """End every step of a scope that has not ended."""
        scope.closed = reason
        for step in scope.steps:
            if step.state not in TERMINAL:
                self.revoke(step)
                step.reason = reason
                self._end(step, Move.CANCEL)

    def revoke(self, step: StepRun) -> None:
        """Nobody waits any more for the attempt under way, if there is one."""
        if step.state is StepState.RUNNING:
            self.decision.revoked.append(step.path)

    def names(self, scope: ScopeRun) -> dict[str, Json]:
        """Return what an expression of this scope may read."""
        return {**self.run.names, "steps": scope.view}

    def _resolve(self, step: StepRun) -> None:
        """Decide on a step whose predecessors have ended: launch, skip, or compute it."""
        if step.state is not StepState.PENDING:
            return None
        if step.scope.failure is not None and not _follows_failure(step):
            step.reason = "failure"
            return self._end(step, Move.CANCEL)
        step.reason = _unmet(step)
        if step.reason:
            return self._end(step, Move.SKIP)
        try:
            if not self._is_wanted(step):
                step.reason = "condition"
                return self._end(step, Move.SKIP)
            if isinstance(step.step.plan.verb, Set):
                return self.succeed(step, evaluate(step.step.values, self.names(step.scope)))
        except (EvaluationError, ValueError) as fault:
            return self.fail(step, problem("sark.expression", str(fault)))
        return self.launch(step)

    def _is_wanted(self, step: StepRun) -> bool:
        condition = step.step.condition
        if condition is None:
            return True
        value = condition.evaluate(self.names(step.scope))
        if not isinstance(value, bool):
            raise ValueError(f"`if` must give true or false; it gave {type(value).__name__}")
        return value

    def _end(self, step: StepRun, how: Move) -> None:
        """Move a step to its end, show it to expressions, and let its followers know."""
        if step.state is StepState.RUNNING:
            self.run.running -= 1
        state = step.state = move(step.state, how)
        step.ended_at, step.due = self.now, None
        self.run.active.pop(step.path, None)
        scope = step.scope
        scope.open -= 1
        scope.view[step.step.id] = _view(step, state)
        for position in step.step.plan.before:
            follower = scope.steps[position]
            follower.remaining -= 1
            if follower.remaining == 0 or (follower.step.plan.join and _has_joined(follower)):
                self._ready.append(follower)

    def _close_root(self) -> None:
        """Settle how the run ends, then open `finally` or end it."""
        run = self.run
        run.error = run.root.failure
        if run.cancelled is not None:
            run.outcome = RunStatus.CANCELLED
        elif run.error is None:
            self._give_outputs()
        if run.outcome is None:
            run.outcome = RunStatus.SUCCEEDED if run.error is None else RunStatus.FAILED
        if run.bound.finally_ is None:
            return self._end_run()
        about = run.names["run"]
        assert isinstance(about, Mapping)
        run.names = {
            **run.names,
            "run": {**about, "status": run.outcome.value},
            "error": run.error,
        }
        run.finally_ = self.open(run.bound.finally_, "finally.")
        run.finally_.view.update(run.root.view)

    def _give_outputs(self) -> None:
        try:
            self.run.outputs = evaluate(self.run.bound.outputs, self.names(self.run.root))
        except (EvaluationError, ValueError) as fault:
            self.run.error = problem("sark.output", str(fault))

    def _end_run(self) -> None:
        """End the run; an error in `finally` counts only where there was none before."""
        run = self.run
        late = run.finally_.failure if run.finally_ is not None else None
        if late is not None and run.outcome is RunStatus.SUCCEEDED:
            run.outcome, run.error = RunStatus.FAILED, late
        run.ended_at = self.now
        self.decision.ended = True


def problem(kind: str, detail: str, error_class: str = "permanent") -> dict[str, Json]:
    """Return an error of the engine's own, as RFC 9457 words it, with its class."""
    return {"type": kind, "detail": detail, "class": error_class}


def _met(step: StepRun, edge: Edge) -> bool:
    return step.scope.steps[edge.step].state in _MET[edge.requires]


def _unmet(step: StepRun) -> str:
    """Return why a step whose predecessors have ended is skipped, or an empty string."""
    plan = step.step.plan
    if plan.join:
        if not _has_joined(step):
            return "need"
    elif not all(_met(step, edge) for edge in plan.after):
        return "need"
    steps = step.scope.steps
    for edge in plan.after:
        if edge.data and steps[edge.step].state is not StepState.SUCCEEDED:
            return "data"
    return ""


def _has_joined(step: StepRun) -> bool:
    """True if enough needs are met, and all that the step reads has ended."""
    steps = step.scope.steps
    met = 0
    for edge in step.step.plan.after:
        if not edge.inferred:
            met += steps[edge.step].state in _MET[edge.requires]
        elif steps[edge.step].state not in TERMINAL:
            return False
    return met >= min(step.step.plan.join, step.step.join_edges)


def _follows_failure(step: StepRun) -> bool:
    """True if the author asked for this step to run after one that has failed."""
    steps = step.scope.steps
    return any(
        not edge.inferred
        and edge.requires in _AFTER_FAILURE
        and steps[edge.step].state is StepState.FAILED
        for edge in step.step.plan.after
    )


def _view(step: StepRun, state: StepState) -> dict[str, Json]:
    timed_out = step.error is not None and step.error["type"] == "sark.timeout"
    return {
        "outputs": step.outputs or {},
        "status": state.value,
        "succeeded": state is StepState.SUCCEEDED,
        "failed": state is StepState.FAILED,
        "skipped": state is StepState.SKIPPED,
        "timed_out": timed_out,
        "error": step.error,
    }
