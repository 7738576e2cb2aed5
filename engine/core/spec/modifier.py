"""What stands beside a verb: how often, how long, how many at once, and what is kept."""

from typing import Literal

from engine.core.spec.model import Model, field
from engine.core.spec.rule import exactly_one
from engine.core.spec.scalar import (
    Duration,
    Expression,
    JsonArea,
    Level,
    OnlyTemplate,
    Size,
    Template,
)


class Backoff(Model):
    """How long to wait between attempts."""

    initial: Duration = field(default="1s", description="The pause before the second attempt.")
    factor: float = field(
        default=2.0,
        minimum=1,
        maximum=10,
        description="Each pause is this many times the one before it.",
    )
    max: Duration = field(default="30s", description="No pause is longer than this.")
    jitter: Literal["full", "none"] = field(
        default="full",
        description="`full` waits for a random part of each pause, so that runs spread out.",
    )


class Retry(Model):
    """When and how often a failed attempt is made again."""

    max_attempts: int = field(
        default=4,
        minimum=1,
        maximum=100,
        description="All attempts, the first included; 1 never repeats.",
    )
    backoff: Backoff = field(default=Backoff(), description="How long to wait between attempts.")
    max_elapsed: Duration | None = field(
        default=None, description="No attempt begins later than this after the first."
    )
    if_: Expression | None = field(
        default=None,
        key="if",
        description="An expression over `error` that replaces the rule: transient errors, and "
        "unknown ones where a repeat does no harm.",
        examples=["error.status == 503"],
    )
    unsafe: bool = field(
        default=False,
        description="Retry a write that is not idempotent: you accept that it may happen twice.",
    )


class Timeout(Model):
    """The bounds on a step: waiting for its turn, one attempt, all attempts, silence."""

    queue: Duration = field(
        default="1h",
        description="The longest wait for a worker of the pool, and then for a slot and a turn.",
    )
    attempt: Duration = field(default="5m", description="The longest that one attempt may take.")
    total: Duration | None = field(
        default=None, description="The longest for all attempts together, pauses included."
    )
    heartbeat: Duration | None = field(
        default=None, description="The longest silence of an operation that reports progress."
    )


class RunTimeout(Model):
    """The bounds on a run: waiting for its place in its `concurrency` group, and all its steps."""

    queue: Duration = field(
        default="1h", description="The longest wait for a place in the group of `concurrency`."
    )
    total: Duration = field(default="24h", description="The longest that its steps may take.")


class Idempotency(Model):
    """The key sent along with every attempt, instead of the engine's own."""

    key: Template = field(
        description="A template; equal keys stand for one effect.",
        examples=["refund-{{ inputs.order }}"],
    )
    ttl: Duration | None = field(
        default=None,
        description="How long the far side remembers the key; attempts must not outlast it.",
    )


class Rate(Model):
    """At most so many in a period; a call that is over it waits, an event is turned away."""

    limit: int = field(
        minimum=1, maximum=1_000_000, description="How many in a period, at most 1,000,000."
    )
    per: Duration = field(description="The period.", examples=["1m"])
    group: Template | None = field(
        default=None,
        description="A template: equal texts are counted together. Without it: the calls of a "
        "workflow to an operation, or all events of a trigger.",
    )


class Concurrency(Model):
    """How many may be under way at once, and what becomes of the next."""

    group: Template = field(
        description="A template: those of equal text share the limit.",
        examples=["deploy-{{ inputs.env }}"],
    )
    limit: int = field(
        default=1,
        minimum=1,
        maximum=1_000,
        description="How many at once, at most 1,000 (default 1).",
    )
    scope: Literal["workflow", "namespace"] = field(
        default="namespace", description="Whose groups are compared: this workflow's or all."
    )
    on_conflict: Literal["queue", "reject", "cancel_running", "replace_queued"] = field(
        default="queue",
        description="What the next does: wait, be refused, cancel what runs, or take the place of "
        "what waits.",
    )
    max_queue: int = field(
        default=1_000, minimum=0, maximum=10_000, description="How many may wait; more are refused."
    )


class Priority(Model):
    """Who goes first; what waits long rises, so that nothing starves."""

    level: Level | OnlyTemplate = field(
        default="normal", description="`critical`, `high`, `normal` or `low`."
    )
    fair_key: Template | None = field(
        default=None,
        description="A template: within a level, steps or runs of different text take turns.",
        examples=["{{ inputs.tenant }}"],
    )


class Resources(Model):
    """What a sandbox gives to the step at most."""

    cpu: float | None = field(
        default=None, minimum=0.1, maximum=256, description="How many processors, at most 256."
    )
    memory: Size | None = field(default=None, description="Memory, in bytes.")
    disk: Size | None = field(default=None, description="Disk space, in bytes.")


class Cache(Model):
    """Earlier outputs of the same call stand in for a new one."""

    ttl: Duration = field(description="How old they may be.")
    key: list[Template] | Template | None = field(
        default=None,
        description="Templates that must be equal too, beside the operation and its arguments.",
    )
    scope: Literal["workflow", "namespace"] = field(
        default="workflow", description="Whose outputs may stand in: this workflow's or all."
    )


class Artifact(Model, rules=exactly_one("from", "path")):
    """A file that is kept."""

    from_: str | None = field(
        default=None, key="from", description="A file that the operation gives, by its name."
    )
    path: str | None = field(
        default=None, description="A file in the step's folder.", examples=["out/junit.xml"]
    )
    media_type: str = field(
        default="application/octet-stream", description="Its media type.", examples=["text/csv"]
    )
    retain: Duration = field(default="30d", description="How long it is kept.")


class StepOutput(Model, is_open=True, rules={"x-sark-class": "literal"}):
    """A typed projection of what the verb gave: a JSON Schema and `from`, an expression."""

    from_: Expression = field(
        key="from",
        description="An expression over what the operation returned, over `last` of a `repeat`, "
        "or over `event` of an `await`.",
        examples=["body.id"],
    )


class TypedValue(Model, is_open=True, rules={"x-sark-class": "literal"}):
    """A typed value: a JSON Schema and `value`, a template."""

    value: JsonArea = field(
        description="Any value; strings in it are templates, and `{{ x }}` alone keeps its type."
    )
