"""The compiled plan: frozen, ordered, with canonical JSON and a digest.

A plan is data alone. Expressions and templates stay as their source text; whoever runs the
plan compiles them once (`engine.core.binding`). A string with `{{ }}` in a `Json` area is a
template, every other string stands for itself.

A `Scope` is what the machine opens and closes: the root, `finally`, and later each block, item,
turn, case, branch, handler and compensation. A step's verb is a union: a leaf (`Uses`, `Set`)
is one attempt of one thing, a composite verb names the scopes that it opens.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

from engine.core.values import Json

FORMAT = 1


class Effect(StrEnum):
    """What an operation does to the world."""

    PURE = "pure"
    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


class Requirement(StrEnum):
    """The result that a step asks of one before it."""

    OK = "ok"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Edge:
    """One step must have ended before another starts.

    `step` is its position in the scope. `requires` is the result asked for. `data` is true where
    the later step reads its outputs with no `default`: then a step without outputs skips it.
    `inferred` tells edges that the compiler found from those that the author wrote.
    """

    step: int
    requires: Requirement = Requirement.DONE
    data: bool = False
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """At most `max_attempts` (1 = never again), `condition` an expression over `error`."""

    max_attempts: int = 1
    initial: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    max: timedelta = timedelta(seconds=30)
    jitter: bool = True
    max_elapsed: timedelta | None = None
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Timeout:
    queue: timedelta = timedelta(hours=1)
    attempt: timedelta = timedelta(minutes=5)
    total: timedelta | None = None
    heartbeat: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """An output of a step: `source` is an expression over what the operation returned."""

    name: str
    source: str
    schema: Json


@dataclass(frozen=True, slots=True)
class Assignment:
    """A typed pure value: `value` is a Json area with templates."""

    name: str
    value: Json
    schema: Json


@dataclass(frozen=True, slots=True)
class Uses:
    """One adapter operation.

    `repeatable`: a lost or failed attempt may be made again without harm (pure, read, idempotent
    by its manifest, or under a key). `key` is the author's idempotency key, a template.
    """

    operation: str
    arguments: Json
    effect: Effect
    repeatable: bool
    key: str | None = None
    outputs: tuple[Projection, ...] = ()


@dataclass(frozen=True, slots=True)
class Set:
    """Typed pure values, computed by the machine itself."""

    values: tuple[Assignment, ...]


Verb: TypeAlias = Uses | Set


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a scope. `after` are its predecessors, `before` the positions that wait for it.

    `join` is how many requirements of `after` suffice: 0 means all. `line` is where it is written.
    """

    id: str
    verb: Verb
    after: tuple[Edge, ...] = ()
    before: tuple[int, ...] = ()
    join: int = 0
    condition: str | None = None
    optional: bool = False
    retry: Retry = Retry()
    timeout: Timeout = Timeout()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Steps in the order that they are written, and how long they may take together."""

    steps: tuple[Step, ...]
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts the workflow. `settings` is the trigger as written, defaults filled in."""

    id: str
    type: str
    settings: Json
    filter: str | None = None
    arguments: Json = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole workflow, ready to run. `inputs` is one closed JSON Schema of type object."""

    name: str
    file: str
    inputs: Json
    root: Scope
    finally_: Scope | None = None
    outputs: tuple[Assignment, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    secrets: tuple[str, ...] = ()
    title: str = ""
    owners: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    format: int = FORMAT
    digest: str = field(default="", compare=False)
