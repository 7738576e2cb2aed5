"""The compiled plan: frozen, ordered, with canonical JSON and a digest.

A plan is data alone. Expressions and templates stay as their source text; whoever runs the
plan compiles them once (`engine.core.binding`). A string with `{{ }}` in a `Json` area is a
template, every other string stands for itself.

A `Scope` is what the machine opens and closes: the root, a block, an item, a turn, a case, a
branch, a handler, `finally`, a fallback, a compensation. A step's verb is a union: a leaf
(`Uses`, `Set`, `Wait` and the like) is one thing, a composite verb names the scopes that it opens.

A scope that is one verb, as the body of `for_each` with `uses`, holds one step whose `id` is
empty: it is known by the scope's own path.
"""

from dataclasses import field
from datetime import timedelta

from engine.core.frozen import frozen
from engine.core.plan.modifier import (
    QUEUE,
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
    Requirement,
    Retry,
    Timeout,
)
from engine.core.plan.scope import (
    Approve,
    Await,
    Block,
    Branch,
    Call,
    Case,
    Emit,
    Fail,
    Fallback,
    ForEach,
    Handler,
    Race,
    Repeat,
    Rollback,
    Scope,
    Set,
    Start,
    Step,
    Switch,
    Uses,
    Verb,
    Wait,
)
from engine.core.values import Json

__all__ = [
    "FORMAT",
    "OLDEST",
    "QUEUE",
    "Approve",
    "Artifact",
    "Assignment",
    "Await",
    "Block",
    "Branch",
    "Cache",
    "Call",
    "CancelWhen",
    "Case",
    "Circuit",
    "Concurrency",
    "Edge",
    "Effect",
    "Emit",
    "Fail",
    "Fallback",
    "ForEach",
    "Handler",
    "Otherwise",
    "Plan",
    "Pool",
    "Projection",
    "Race",
    "Rate",
    "Repeat",
    "Requirement",
    "Retry",
    "Rollback",
    "Scope",
    "Set",
    "Start",
    "Step",
    "Switch",
    "Timeout",
    "Trigger",
    "Uses",
    "Verb",
    "Wait",
]

FORMAT = 2
# The oldest format that `codec.decode` reads: runs in flight go on through an upgrade.
OLDEST = 2


@frozen
class Trigger:
    """What starts the workflow. `settings` is the trigger as written, defaults filled in."""

    id: str
    type: str
    settings: Json
    filter: str | None = None
    arguments: Json = None


@frozen
class CancelWhen:
    """An event that ends the run early; `reason` is what the cancellation is called."""

    event: str
    match: str | None = None
    correlation: tuple[str, str] | None = None
    reason: str = ""


@frozen
class Plan:
    """A whole workflow, ready to run. `inputs` is one closed JSON Schema of type object.

    `settings` are keys for those who start and watch runs: `idempotency`, `priority`, `budget`,
    `objectives`. A run waits for its place in the group of `concurrency` for `queue` at most.
    """

    name: str
    file: str
    inputs: Json
    root: Scope
    triggers: tuple[Trigger, ...] = ()
    secrets: tuple[str, ...] = ()
    on_compensation_failure: Scope | None = None
    cancel_when: tuple[CancelWhen, ...] = ()
    concurrency: Concurrency | None = None
    settings: Json = None
    title: str = ""
    owners: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    queue: timedelta = QUEUE
    format: int = FORMAT
    digest: str = field(default="", compare=False)
