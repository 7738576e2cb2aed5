"""Scopes, the steps in them, and the verbs of steps; a composite verb holds scopes again."""

from datetime import timedelta
from typing import TypeAlias

from engine.core.frozen import frozen
from engine.core.plan.modifier import (
    DEFAULT_TIMEOUT,
    ONCE,
    Artifact,
    Assignment,
    Cache,
    Circuit,
    Concurrency,
    Edge,
    Effect,
    Otherwise,
    Pool,
    Projection,
    Rate,
    Retry,
    Timeout,
)
from engine.core.values import Json


@frozen
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


@frozen
class Set:
    """Typed pure values, computed by the machine itself."""

    values: tuple[Assignment, ...]


@frozen
class Call:
    """Another workflow of the same commit, laid into this plan: it runs as a scope of the run.

    `inputs` is its closed JSON Schema. Its secrets are among those of the plan.
    """

    workflow: str
    arguments: Json
    inputs: Json
    body: "Scope"


@frozen
class Start:
    """Another workflow, started as a run of its own that nobody waits for (`detach: true`)."""

    workflow: str
    arguments: Json


@frozen
class Block:
    """A scope within the scope of a step."""

    body: "Scope"


@frozen
class ForEach:
    """A scope for each element of `over`, at most `max_parallel` at once.

    `over` and `key` are expressions, `key` over the element, which is read as `name`. `tolerate`
    failures (or `tolerate_percent` of the items) are allowed; with `fail_fast`, one more cancels
    what is under way. `collect` is read over `items`, what each item gave, and `failures`.
    """

    over: str
    name: str
    body: "Scope"
    max_items: int
    key: str | None = None
    max_parallel: int = 8
    tolerate: int = 0
    tolerate_percent: float | None = None
    fail_fast: bool = True
    collect: tuple[Assignment, ...] = ()


@frozen
class Repeat:
    """A scope opened again until `until`, an expression over `self`, is true."""

    body: "Scope"
    until: str
    max_times: int
    every: timedelta = timedelta(0)
    on_exhausted: Otherwise = Otherwise.FAIL


@frozen
class Case:
    """A scope of a switch: taken for an equal value, or where its condition is true."""

    body: "Scope"
    value: Json = None
    condition: str | None = None


@frozen
class Switch:
    """The first case that is met; `value` is an expression, unless the cases have conditions."""

    cases: tuple[Case, ...]
    value: str | None = None
    otherwise: "Scope | None" = None


@frozen
class Branch:
    """A scope of a race, by its name."""

    id: str
    body: "Scope"


@frozen
class Race:
    """Scopes of which the first to succeed wins; the others are cancelled."""

    branches: tuple[Branch, ...]


@frozen
class Wait:
    """A pause: `duration` (a template of a span) or `until` (a template of an instant)."""

    duration: str | None = None
    until: str | None = None


@frozen
class Await:
    """An event of this type that `match`, an expression over `event`, is true for.

    `correlation` is the path in the event and the expression that it must equal, for the index.
    An event that came up to `lookback` before the wait counts; None reaches to the run's start.
    With `callback`, the JSON Schema of its body, it is a signed request instead of an event.
    """

    within: timedelta
    event: str = ""
    match: str | None = None
    correlation: tuple[str, str] | None = None
    lookback: timedelta | None = None
    on_timeout: Otherwise = Otherwise.FAIL
    callback: Json = None


@frozen
class Approve:
    """A decision of people: fails closed.

    `by` and `exclude` name actors and groups; `form` is the closed JSON Schema of what a decision
    brings, `binds` are values that the decision is bound to, beside the plan.
    """

    by: tuple[str, ...]
    expires: timedelta
    min: int = 1
    exclude: tuple[str, ...] = ("initiator",)
    on_expiry: str = "reject"
    on_reject: Otherwise = Otherwise.FAIL
    form: Json = None
    show: str = ""
    binds: tuple[Assignment, ...] = ()


@frozen
class Emit:
    """A CloudEvent; `subject` is a template, `data` a Json area."""

    type: str
    subject: str | None = None
    data: Json = None


@frozen
class Fail:
    """An error of the author's own; both are templates."""

    type: str
    message: str


@frozen
class Rollback:
    """The compensation of earlier steps, now."""

    steps: tuple[str, ...]


Verb: TypeAlias = (
    Uses | Set | Call | Start | Block | ForEach | Repeat | Switch | Race
    | Wait | Await | Approve | Emit | Fail | Rollback
)  # fmt: skip


@frozen
class Fallback:
    """What stands in for a step that has failed: values, or a scope of one verb."""

    outputs: tuple[Assignment, ...] = ()
    body: "Scope | None" = None


@frozen
class Step:
    """A node of a scope. `after` are its predecessors, `before` the positions that wait for it.

    `join` is how many requirements of `after` suffice: 0 means all. `line` is where it is written.
    `compensation` is a scope of one verb that undoes the step; after a `pivot` has succeeded
    nothing around it is undone. `settings` are further keys, for the executor: `sandbox`,
    `resources`. `pool` names the workers that make the call, on these `terms`; without terms the
    owner of the run makes it.
    """

    id: str
    verb: Verb
    after: tuple[Edge, ...] = ()
    before: tuple[int, ...] = ()
    join: int = 0
    condition: str | None = None
    optional: bool = False
    retry: Retry = ONCE
    timeout: Timeout = DEFAULT_TIMEOUT
    outputs: tuple[Projection, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    fallback: Fallback | None = None
    compensation: "Scope | None" = None
    pivot: bool = False
    circuit: Circuit | None = None
    rate: Rate | None = None
    concurrency: Concurrency | None = None
    cache: Cache | None = None
    pool: str = ""
    terms: Pool | None = None
    settings: Json = None
    line: int = 0


@frozen
class Handler:
    """An `on_failure`: the first that matches an error is run.

    Empty words match anything; `condition` is an expression over `error`. With `recover`, it
    stands in for compensation, and its `outputs` for those of the scope.
    """

    body: "Scope"
    type: str = ""
    step: str = ""
    error_class: str = ""
    condition: str | None = None
    recover: bool = False
    outputs: tuple[Assignment, ...] = ()


@frozen
class Scope:
    """Steps in the order that they are written, and how long they may take together.

    `outputs` are all that leaves it. With `cancel_on_failure`, the first failing step cancels the
    others that are under way. Where it may be `held`, its first step is what holds it, at most so
    long: unless that lets it in, nothing of it runs, and its own time begins then.
    """

    steps: tuple[Step, ...]
    timeout: timedelta
    outputs: tuple[Assignment, ...] = ()
    handlers: tuple[Handler, ...] = ()
    finally_: "Scope | None" = None
    cancel_on_failure: bool = False
    held: timedelta = timedelta(0)
