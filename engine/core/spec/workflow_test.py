"""A test that an author writes: what is given, what steps are said to give, what is expected."""

from typing import Annotated, Any, Literal, TypeAlias

from engine.core.spec.head import Head
from engine.core.spec.model import Model, Words, field
from engine.core.spec.rule import never_both
from engine.core.spec.scalar import (
    Duration,
    EventType,
    Instant,
    Name,
    StepId,
)

StepPath: TypeAlias = Annotated[
    str,
    Words(
        "StepPath",
        pattern=r"^[a-z][a-z0-9_]{0,62}(\[[^\[\]]{1,200}\])?"
        r"(\.[a-z][a-z0-9_]{0,62}(\[[^\[\]]{1,200}\])?){0,40}$",
        patternErrorMessage="the path of a step, such as `build` or `load[fr].fetch`",
    ),
]
# Values as they are: braces in a test are just braces.
Value: TypeAlias = Annotated[Any, Words("Value", **{"x-sark-class": "prose"})]
RunState = Literal["succeeded", "failed", "cancelled", "compensated"]
StepState = Literal["succeeded", "failed", "skipped", "cancelled", "compensated"]


class GivenEvent(Model):
    """An event that comes while the run goes on."""

    type: EventType = field(description="Its type.")
    subject: str | None = field(default=None, description="What it is about.")
    data: Value = field(default=None, description="What it tells.")
    at: Duration = field(default="0s", description="How long after the run's start it comes.")


class Given(Model):
    """How the run starts, and what comes in while it goes on."""

    trigger: StepId | None = field(
        default=None, description="The trigger that starts it; by hand, if it is unsaid."
    )
    event: Value = field(default=None, description="What the trigger's event brings.")
    inputs: dict[StepId, Value] = field(default={}, description="The run's inputs.")
    events: list[GivenEvent] = field(default=[], description="Events that come while it goes on.")


class MockError(Model, is_open=True, rules={"x-sark-class": "prose"}):
    """The error that an attempt ends with; further keys are members of `error` too."""

    type: str = field(description="Its type.", examples=["http.status"])
    class_: Literal["transient", "permanent", "unknown"] = field(
        default="permanent", key="class", description="Whether trying again may help."
    )
    message: str = field(default="", description="Its message.")


class Mock(Model, rules=never_both("error", "outputs")):
    """How one attempt of a step ends; nothing said is success without outputs."""

    outputs: dict[str, Value] | None = field(
        default=None, description="The outputs, after projection."
    )
    artifacts: dict[StepId, str] = field(
        default={}, description="Files beside the test that stand for its artifacts."
    )
    error: MockError | None = field(default=None, description="The error that it ends with.")
    cached: bool = field(default=False, description="The outputs are those of an earlier call.")
    takes: Duration = field(default="0s", description="How long it takes, on the test's clock.")
    decision: Literal["approved", "rejected", "expired"] | None = field(
        default=None, description="How an `approve` is answered."
    )
    form: dict[StepId, Value] = field(default={}, description="What the decision brings.")


class ExpectedRun(Model):
    """How the run must have ended."""

    state: RunState | None = field(default=None, description="Its state.")
    flags: list[Literal["degraded", "timed_out", "compensation_failed"]] | None = field(
        default=None, description="Its flags, all of them."
    )


class ExpectedStep(Model):
    """How a step must have ended."""

    state: StepState | None = field(default=None, description="Its state.")
    flags: list[Literal["degraded", "cached", "timed_out"]] | None = field(
        default=None, description="Its flags, all of them."
    )
    attempts: int | None = field(
        default=None, minimum=0, maximum=1_000, description="How many attempts were made."
    )
    outputs: dict[str, Value] | None = field(
        default=None, description="Its outputs, those that are named."
    )


class ExpectedError(Model):
    """The error that the run must have failed with."""

    type: str | None = field(default=None, description="Its type.")
    step: StepPath | None = field(default=None, description="The step that failed.")


class Expect(Model):
    """What must be so at the end."""

    run: ExpectedRun | None = field(default=None, description="How the run must have ended.")
    error: ExpectedError | None = field(default=None, description="What it failed with.")
    steps: dict[StepPath, StepState | ExpectedStep] = field(
        default={}, description="How steps must have ended, by their paths."
    )
    order: list[StepPath] = field(
        default=[], description="Steps that must have ended in this order; others are left out."
    )
    outputs: dict[StepId, Value] = field(
        default={}, description="The run's outputs, those that are named."
    )
    emitted: list[EventType] | None = field(
        default=None, description="The types of all events that were emitted, in order."
    )


class Coverage(Model):
    """How much of the workflow its tests must go through."""

    edges: float = field(
        default=0, minimum=0, maximum=1, description="The part of its edges, from 0 to 1."
    )


class WorkflowTest(Head):
    """A test of a workflow: no adapters, a clock of its own, the same outcome each time."""

    kind: Literal["WorkflowTest"] = field(description="What this document is.")
    workflow: Name = field(description="The workflow that is tested.")
    clock: Instant = field(
        default="2026-01-01T00:00:00Z", description="The instant at which the run starts."
    )
    given: Given = field(
        default=Given(), description="How the run starts, and what comes while it goes on."
    )
    mock: dict[StepPath, Mock | list[Mock]] = field(
        default={},
        description="How steps end, by their paths; a list is one attempt after the other.",
    )
    expect: Expect = field(description="What must be so at the end.")
    coverage: Coverage | None = field(
        default=None, description="How much of the workflow its tests must go through."
    )
