"""What stands beside a verb: how often, how long, how many at once, and what is kept."""

from typing import Literal

from pydantic import ConfigDict, Field

from engine.core.spec.rule import exactly_one
from engine.core.spec.scalar import (
    Closed,
    Duration,
    Expression,
    JsonArea,
    Level,
    OnlyTemplate,
    Size,
    Template,
)


class Backoff(Closed):
    """How long to wait between attempts."""

    initial: Duration = Field(default="1s", description="The pause before the second attempt.")
    factor: float = Field(
        default=2.0, ge=1, le=10, description="Each pause is this many times the one before it."
    )
    max: Duration = Field(default="30s", description="No pause is longer than this.")
    jitter: Literal["full", "none"] = Field(
        default="full",
        description="`full` waits for a random part of each pause, so that runs spread out.",
    )


class Retry(Closed):
    """When and how often a failed attempt is made again."""

    max_attempts: int = Field(
        default=4, ge=1, le=100, description="All attempts, the first included; 1 never repeats."
    )
    backoff: Backoff = Field(default=Backoff(), description="How long to wait between attempts.")
    max_elapsed: Duration | None = Field(
        default=None, description="No attempt begins later than this after the first."
    )
    if_: Expression | None = Field(
        default=None,
        alias="if",
        description="An expression over `error` that replaces the rule: transient errors only.",
        examples=["error.status == 503"],
    )
    unsafe: bool = Field(
        default=False,
        description="Retry a write that is not idempotent: you accept that it may happen twice.",
    )


class Timeout(Closed):
    """The bounds on a step: waiting for a worker, one attempt, all attempts, silence."""

    queue: Duration = Field(default="1h", description="The longest wait for a worker.")
    attempt: Duration = Field(default="5m", description="The longest that one attempt may take.")
    total: Duration | None = Field(
        default=None, description="The longest for all attempts together, pauses included."
    )
    heartbeat: Duration | None = Field(
        default=None, description="The longest silence of an operation that reports progress."
    )


class Idempotency(Closed):
    """The key sent along with every attempt, instead of the engine's own."""

    key: Template = Field(
        description="A template; equal keys stand for one effect.",
        examples=["refund-{{ inputs.order }}"],
    )
    ttl: Duration | None = Field(
        default=None, description="How long the far side remembers the key."
    )


class Rate(Closed):
    """At most so many in a period; a call that is over it waits, an event is turned away."""

    limit: int = Field(ge=1, le=1_000_000, description="How many in a period, at most 1,000,000.")
    per: Duration = Field(description="The period.", examples=["1m"])
    group: Template | None = Field(
        default=None,
        description="A template: equal texts are counted together. Without it, one count for all.",
    )


class Concurrency(Closed):
    """How many may be under way at once, and what becomes of the next."""

    group: Template = Field(
        description="A template: those of equal text share the limit.",
        examples=["deploy-{{ inputs.env }}"],
    )
    limit: int = Field(
        default=1, ge=1, le=1_000, description="How many at once, at most 1,000 (default 1)."
    )
    scope: Literal["workflow", "namespace"] = Field(
        default="namespace", description="Whose groups are compared: this workflow's or all."
    )
    on_conflict: Literal["queue", "reject", "cancel_running", "replace_queued"] = Field(
        default="queue",
        description="What the next does: wait, be refused, cancel what runs, or take the place of "
        "what waits.",
    )
    max_queue: int = Field(
        default=1_000, ge=0, le=10_000, description="How many may wait; more are refused."
    )


class Priority(Closed):
    """Who goes first; what waits long rises, so that nothing starves."""

    level: Level | OnlyTemplate = Field(
        default="normal", description="`critical`, `high`, `normal` or `low`."
    )
    fair_key: Template | None = Field(
        default=None,
        description="A template: within a level, those of different text take turns.",
        examples=["{{ inputs.tenant }}"],
    )


class Resources(Closed):
    """What a sandbox gives to the step at most."""

    cpu: float | None = Field(
        default=None, ge=0.1, le=256, description="How many processors, at most 256."
    )
    memory: Size | None = Field(default=None, description="Memory, in bytes.")
    disk: Size | None = Field(default=None, description="Disk space, in bytes.")


class Cache(Closed):
    """Earlier outputs of the same call stand in for a new one."""

    ttl: Duration = Field(description="How old they may be.")
    key: list[Template] | Template | None = Field(
        default=None,
        description="Templates that must be equal too, beside the operation and its arguments.",
    )
    scope: Literal["workflow", "namespace"] = Field(
        default="workflow", description="Whose outputs may stand in: this workflow's or all."
    )


class Artifact(Closed):
    """A file that is kept."""

    model_config = ConfigDict(json_schema_extra=exactly_one("from", "path"))
    from_: str | None = Field(
        default=None, alias="from", description="A file that the operation gives, by its name."
    )
    path: str | None = Field(
        default=None, description="A file in the step's folder.", examples=["out/junit.xml"]
    )
    media_type: str = Field(
        default="application/octet-stream", description="Its media type.", examples=["text/csv"]
    )
    retain: Duration = Field(default="30d", description="How long it is kept.")


class StepOutput(Closed):
    """A typed projection of what the verb gave: a JSON Schema and `from`, an expression."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"x-sark-class": "literal"})
    from_: Expression = Field(
        alias="from",
        description="An expression over what the operation returned, over `last` of a `repeat`, "
        "or over `event` of an `await`.",
        examples=["body.id"],
    )


class TypedValue(Closed):
    """A typed value: a JSON Schema and `value`, a template."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"x-sark-class": "literal"})
    value: JsonArea = Field(
        description="Any value; strings in it are templates, and `{{ x }}` alone keeps its type."
    )
