"""A run in memory: its scopes, its steps, and what is told of it.

Mutable on purpose: a run of 100,000 steps must not be copied to take one event. Only
`engine.core.machine` writes here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.binding import Bound, BoundScope, BoundStep
from engine.core.state import RunStatus, StepState
from engine.core.values import Json


@dataclass(frozen=True, slots=True)
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
class StepRun:
    """One step of one scope. `attempt` fences; `losses` of them died with their worker.

    `due` is the instant of the alarm that it waits for, `deadline` the end of its total time.
    `reason` says why it was skipped or cancelled: need, data, condition, failure, cancel, timeout.
    """

    step: BoundStep
    scope: "ScopeRun"
    path: str
    remaining: int
    state: StepState = StepState.PENDING
    attempt: int = 0
    losses: int = 0
    marked: bool = False
    reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    due: datetime | None = None
    deadline: datetime | None = None
    outputs: Mapping[str, Json] | None = None
    error: Mapping[str, Json] | None = None


@dataclass(slots=True, eq=False)
class ScopeRun:
    """An open scope. `path` ends in a dot unless it is the root's, which is empty.

    `open` counts steps that have not ended, `view` is what expressions read as `steps`.
    `failure` is the first error that was not optional; then nothing new is launched.
    """

    bound: BoundScope
    path: str
    deadline: datetime
    steps: list[StepRun] = field(default_factory=list)
    open: int = 0
    view: dict[str, Json] = field(default_factory=dict)
    failure: Mapping[str, Json] | None = None
    closed: str = ""


@dataclass(slots=True, eq=False)
class Run:
    """A run that has begun. `active` holds its running and waiting steps by path."""

    bound: Bound
    header: Header
    started_at: datetime
    root: ScopeRun
    finally_: ScopeRun | None = None
    steps: dict[str, StepRun] = field(default_factory=dict)
    active: dict[str, StepRun] = field(default_factory=dict)
    running: int = 0
    names: dict[str, Json] = field(default_factory=dict)
    outcome: RunStatus | None = None
    status: RunStatus = RunStatus.RUNNING
    error: Mapping[str, Json] | None = None
    outputs: Mapping[str, Json] | None = None
    cancelled: Mapping[str, Json] | None = None
    timed_out: bool = False
    degraded: bool = False
    ended_at: datetime | None = None
