"""A workflow: what starts it, what it takes, what it does and what it gives."""

from typing import Literal

from engine.core.spec.head import Head
from engine.core.spec.model import Model, field
from engine.core.spec.modifier import Concurrency, Priority, Retry, RunTimeout, Timeout
from engine.core.spec.rule import exactly_one
from engine.core.spec.scalar import (
    Duration,
    EventType,
    Expression,
    InputSchema,
    Level,
    OnlyTemplate,
    StepId,
    Template,
    TimeOfDay,
    Variable,
    Zone,
)
from engine.core.spec.step import Finally, Scope
from engine.core.spec.trigger import Trigger


class Defaults(Model):
    """What every step of the workflow has unless it says otherwise."""

    retry: Retry | None = field(default=None, description="The `retry` of steps without their own.")
    timeout: Duration | Timeout | None = field(
        default=None, description="The `timeout` of steps without their own."
    )


class RunIdempotency(Model):
    """Of starts with an equal key, the first makes a run, whoever starts it and by what trigger."""

    key: Template = field(
        description="A template over `inputs`; equal keys stand for one run.",
        examples=["trip-{{ inputs.order }}"],
    )
    scope: Literal["workflow", "namespace"] = field(
        default="workflow",
        description="Whose keys are compared: this workflow's alone, or those of all workflows of "
        "the namespace that say so.",
    )
    ttl: Duration = field(
        default="24h", description="How long after the start of its run a key counts as taken."
    )
    on_duplicate: Literal["return", "reject"] = field(
        default="return",
        description="What a second start by hand or over the API gets: the first run, or a "
        "refusal. An event starts nothing either way; its decision is `duplicate`.",
    )


class CancelWhen(Model):
    """An event that ends the run early; what must be undone is, and `finally` still runs."""

    event: EventType = field(description="The type of the event.")
    match: Expression | None = field(
        default=None,
        description="An expression over `event`; an equality with an input is looked up in an "
        "index.",
        examples=["event.number == inputs.pr"],
    )
    as_: StepId | None = field(
        default=None, key="as", description="The reason that the cancelled run shows."
    )


class Budget(Model):
    """What a run may cost at the worst; the compiler works it out and refuses more."""

    adapter_calls: int | None = field(
        default=None,
        minimum=0,
        maximum=10_000_000,
        description="The most calls, attempts included.",
    )
    duration: Duration | None = field(default=None, description="The longest time.")
    fan_out: int | None = field(
        default=None,
        minimum=1,
        maximum=1_000_000,
        description="The most attempts that may be under way at once.",
    )


class Objective(Model, rules=exactly_one("finish_before", "duration_below")):
    """What a run should hold to; the engine watches it, and no step needs to."""

    id: StepId = field(description="Its name.")
    finish_before: TimeOfDay | None = field(
        default=None, description="The time of day before which the run has ended."
    )
    timezone: Zone = field(default="UTC", description="Whose clock is meant.")
    duration_below: Duration | None = field(
        default=None, description="The time in which the run has ended."
    )
    on_miss: Literal["alert"] = field(
        default="alert", description="What happens if it is missed: an alert; the run goes on."
    )


class Workflow(Scope, Head):
    """A workflow: what starts it, what it takes, what it does and what it gives."""

    kind: Literal["Workflow"] = field(description="What this document is.")
    triggers: dict[StepId, Trigger] = field(
        default={}, description="What starts it, each under a name of its own."
    )
    inputs: dict[StepId, InputSchema] = field(
        default={},
        description="What a run takes: a JSON Schema for each input. Unknown inputs are refused.",
        examples=[{"env": {"type": "string", "enum": ["staging", "production"]}}],
    )
    secrets: list[StepId] = field(
        default=[], description="The secrets that its steps may read, as `secrets.NAME`."
    )
    timeout: Duration | RunTimeout = field(
        default="24h",
        description="The longest that a run may take once it has begun, or all its bounds.",
    )
    defaults: Defaults = field(
        default=Defaults(), description="What every step has unless it says otherwise."
    )
    env: dict[Variable, Template] = field(
        default={}, description="Environment variables of every program that a step runs."
    )
    idempotency: RunIdempotency | None = field(
        default=None, description="Of starts with an equal key, the first makes a run."
    )
    concurrency: Concurrency | None = field(
        default=None, description="How many runs of a group may be under way at once."
    )
    priority: Level | OnlyTemplate | Priority | None = field(
        default=None, description="Who goes first where workers are short."
    )
    budget: Budget | None = field(
        default=None, description="What a run may cost at the worst; more is refused."
    )
    objectives: list[Objective] = field(
        default=[], description="What a run should hold to; missing it is an alert."
    )
    cancel_when: list[CancelWhen] = field(
        default=[], description="Events that end a run early; `finally` still runs."
    )
    on_compensation_failure: Finally | None = field(
        default=None, description="Steps that run when something could not be undone."
    )
