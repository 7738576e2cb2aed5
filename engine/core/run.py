"""A run in memory: its scopes, its steps, and what is told of it.

Mutable on purpose: a run of 100,000 steps must not be copied to take one event. Only
`engine.core.machine` writes here.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from engine.core.binding import Bound, BoundHandler, BoundScope, BoundStep
from engine.core.frozen import frozen
from engine.core.state import RunStatus, StepState
from engine.core.values import Json


class Role(StrEnum):
    """What a scope is to the step or scope that opened it."""

    ROOT = "root"
    BODY = "body"
    ITEM = "item"
    TURN = "turn"
    CASE = "case"
    BRANCH = "branch"
    FALLBACK = "fallback"
    HANDLER = "handler"
    FINALLY = "finally"
    UNDO = "undo"
    ALERT = "alert"


class Stage(StrEnum):
    """How far a scope is: its steps, then what its end asks for, in this order."""

    STEPS = "steps"
    UNDOING = "undoing"
    HANDLING = "handling"
    FINISHING = "finishing"
    CLOSED = "closed"


_LETS_IN = frozenset({StepState.SUCCEEDED, StepState.SKIPPED})


@frozen
class Header:
    """What is known of a run before it begins. `plan` is a digest, `commit` a full hash."""

    id: str
    namespace: str
    workflow: str
    commit: str
    plan: str
    trigger: Json
    inputs: Mapping[str, Json]
    created_at: datetime


@dataclass(slots=True, eq=False)
class Items:
    """How far a `for_each` is. `results` and `failures` are by key, `next` a position in `keys`."""

    values: list[Json]
    keys: list[str]
    tolerated: int
    next: int = 0
    stopped: bool = False
    results: dict[str, Json] = field(default_factory=dict)
    failures: dict[str, Mapping[str, Json]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Turns:
    """How far a `repeat` is: the number of the turn, from 1, and what the last one gave."""

    number: int = 0
    last: Mapping[str, Json] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Contest:
    """How a `race` stands: the first branch that succeeded, and the first error."""

    winner: str = ""
    outputs: Mapping[str, Json] = field(default_factory=dict)
    error: Mapping[str, Json] | None = None


@dataclass(slots=True, eq=False)
class Ballot:
    """What people have decided; `asked` is the digest of what they were shown."""

    asked: str
    approvers: list[str] = field(default_factory=list)
    form: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Undoing:
    """Compensations that a scope or a `rollback` waits for.

    `pending` are those not yet begun, by the tick at which they ended; `unfinished` all that are
    not undone yet, by the tick at which they began.
    """

    holder: "ScopeRun | StepRun"
    pending: list["StepRun"]
    unfinished: list["StepRun"]
    under_way: int = 0
    undone: int = 0
    failure: Mapping[str, Json] | None = None


Progress: TypeAlias = Items | Turns | Contest | Ballot | Undoing


@dataclass(slots=True, eq=False)
class StepRun:
    """One step of one scope. `attempt` fences; `losses` of them died with their worker.

    `severed` of them were lost though nothing is known to have died of them.

    `under_way` is true while an attempt is. `due` is the instant of the alarm that it waits for,
    `deadline` the end of its total time. `reason` says why it was skipped or cancelled: need,
    data, condition, failure, cancel, timeout, race.

    `began` and `ended` are ticks of the run. `took_effect` is true once an attempt succeeded,
    `doubt` if nobody knows of one. `scopes` are open below it, `inner` all that ever were;
    `undoable` are the steps in closed ones that could be undone, `undoings` wait for it to be
    undone itself. `ending` is why it waits for open scopes to close: a reason to be cancelled, or
    an error.
    """

    step: BoundStep
    scope: "ScopeRun"
    path: str
    remaining: int
    state: StepState = StepState.PENDING
    attempt: int = 0
    losses: int = 0
    severed: int = 0
    under_way: bool = False
    marked: bool = False
    reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    due: datetime | None = None
    deadline: datetime | None = None
    outputs: Mapping[str, Json] | None = None
    artifacts: Mapping[str, Json] | None = None
    error: Mapping[str, Json] | None = None
    degraded: bool = False
    cached: bool = False
    timed_out: bool = False
    began: int = 0
    ended: int = 0
    took_effect: bool = False
    doubt: bool = False
    fell_back: bool = False
    ending: str | Mapping[str, Json] = ""
    progress: Progress | None = None
    scopes: dict[str, "ScopeRun"] = field(default_factory=dict)
    inner: list["ScopeRun"] = field(default_factory=list)
    undoable: list["StepRun"] = field(default_factory=list)
    undoings: tuple[Undoing, ...] = ()


@dataclass(slots=True, eq=False)
class ScopeRun:
    """A scope. `path` ends in a dot unless it is the root's, which is empty; `key` names it alone.

    `parent` is the scope around it and `owner` the step that opened it, if one did. `open` counts
    steps that have not ended. `view` is what its steps gave, `chain` what expressions read as
    `steps`: that, and the views of the scopes around it. `names` are all other names.

    `failure` is the first error that was not optional; then nothing new is launched.
    `stop_reason` says why it was ended from outside; then nobody handles it. `undoable` are steps
    that were dispatched and have a compensation, in order; none once a pivot has `pivoted` the
    scope. `undoing` is what its end undoes, `part_of` the undoing that it alerts of.
    """

    bound: BoundScope
    role: Role
    path: str
    deadline: datetime
    parent: "ScopeRun | None"
    owner: StepRun | None
    label: str
    names: Mapping[str, Json]
    key: str = ""
    view: dict[str, Json] = field(default_factory=dict)
    chain: Mapping[str, Json] = field(default_factory=dict)
    steps: list[StepRun] = field(default_factory=list)
    inner: list["ScopeRun"] = field(default_factory=list)
    open: int = 0
    stage: Stage = Stage.STEPS
    has_alarm: bool = False
    failure: Mapping[str, Json] | None = None
    stop_reason: str = ""
    handler: BoundHandler | None = None
    recovered: bool = False
    outputs: Mapping[str, Json] | None = None
    undoable: list[StepRun] = field(default_factory=list)
    undoing: Undoing | None = None
    part_of: Undoing | None = None
    pivoted: bool = False

    @property
    def is_let_in(self) -> bool:
        """True unless what holds the scope holds it still, or has kept it out."""
        return not self.bound.plan.held or self.steps[0].state in _LETS_IN

    def readable(self) -> dict[str, Json]:
        """Return what an expression of this scope may read."""
        return {**self.names, "steps": self.chain}


@frozen
class Standstill:
    """Why a run begins nothing new, since when, and until when at most."""

    by: str
    reason: str
    since: datetime
    until: datetime


@dataclass(slots=True, eq=False)
class Run:
    """A run that has begun.

    `steps` are by path, `active` those that run or wait, `scopes` those whose steps have not all
    ended. `running` counts the attempts under way, `handed_out` those of them that workers of
    pools make, `tick` the beginnings and ends of steps. `ready` are steps that may begin and
    `closing` scopes that may go on, as soon as the run is not `paused`. It `spills` once an output
    of a step was too large for the journal, and is passed by reference.
    """

    bound: Bound
    header: Header
    started_at: datetime
    root: ScopeRun = field(init=False)
    steps: dict[str, StepRun] = field(default_factory=dict)
    active: dict[str, StepRun] = field(default_factory=dict)
    scopes: dict[str, ScopeRun] = field(default_factory=dict)
    running: int = 0
    handed_out: int = 0
    tick: int = 0
    ready: deque[StepRun] = field(default_factory=deque)
    closing: deque[ScopeRun] = field(default_factory=deque)
    paused: Standstill | None = None
    spills: bool = False
    outcome: RunStatus | None = None
    error: Mapping[str, Json] | None = None
    outputs: Mapping[str, Json] | None = None
    cancelled: Mapping[str, Json] | None = None
    timed_out: bool = False
    degraded: bool = False
    compensation_failed: bool = False
    ended_at: datetime | None = None

    def dissolve(self) -> None:
        """Cut the references that go round, once nobody needs the run any more.

        It is gone then with its last reference. As a cycle it would lie about until the collector
        has looked through all that lives, which was a fifth of what a worker did.
        """
        for step in self.steps.values():
            scope = step.scope
            scope.steps, scope.inner, scope.undoable = [], [], []
            scope.undoing = scope.part_of = None
            step.scopes, step.inner, step.undoable = {}, [], []
            step.progress, step.undoings = None, ()
        self.root.inner = []
