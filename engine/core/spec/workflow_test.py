"""A test that an author writes: what is given, what steps are said to give, what is expected."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypeAliasType

from engine.core.spec.head import Head
from engine.core.spec.rule import never_both
from engine.core.spec.scalar import (
    Closed,
    Duration,
    EventType,
    Instant,
    Name,
    StepId,
)

StepPath = TypeAliasType(
    "StepPath",
    Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_]{0,62}(\[[^\[\]]{1,200}\])?"
            r"(\.[a-z][a-z0-9_]{0,62}(\[[^\[\]]{1,200}\])?){0,40}$",
            json_schema_extra={
                "patternErrorMessage": "the path of a step, such as `build` or `load[fr].fetch`"
            },
        ),
    ],
)
# Values as they are: braces in a test are just braces.
Value = TypeAliasType("Value", Annotated[Any, Field(json_schema_extra={"x-sark-class": "prose"})])
RunState = Literal["succeeded", "failed", "cancelled", "compensated"]
StepState = Literal["succeeded", "failed", "skipped", "cancelled", "compensated"]


class GivenEvent(Closed):
    """An event that comes while the run goes on."""

    type: EventType = Field(description="Its type.")
    subject: str | None = Field(default=None, description="What it is about.")
    data: Value = Field(default=None, description="What it tells.")
    at: Duration = Field(default="0s", description="How long after the run's start it comes.")


class Given(Closed):
    """How the run starts, and what comes in while it goes on."""

    trigger: StepId | None = Field(
        default=None, description="The trigger that starts it; by hand, if it is unsaid."
    )
    event: Value = Field(default=None, description="What the trigger's event brings.")
    inputs: dict[StepId, Value] = Field(default={}, description="The run's inputs.")
    events: list[GivenEvent] = Field(default=[], description="Events that come while it goes on.")


class MockError(Closed):
    """The error that an attempt ends with; further keys are members of `error` too."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"x-sark-class": "prose"})
    type: str = Field(description="Its type.", examples=["http.status"])
    class_: Literal["transient", "permanent", "unknown"] = Field(
        default="permanent", alias="class", description="Whether trying again may help."
    )
    message: str = Field(default="", description="Its message.")


class Mock(Closed):
    """How one attempt of a step ends; nothing said is success without outputs."""

    model_config = ConfigDict(json_schema_extra=never_both("error", "outputs"))
    outputs: dict[str, Value] | None = Field(
        default=None, description="The outputs, after projection."
    )
    artifacts: dict[StepId, str] = Field(
        default={}, description="Files beside the test that stand for its artifacts."
    )
    error: MockError | None = Field(default=None, description="The error that it ends with.")
    cached: bool = Field(default=False, description="The outputs are those of an earlier call.")
    takes: Duration = Field(default="0s", description="How long it takes, on the test's clock.")
    decision: Literal["approved", "rejected", "expired"] | None = Field(
        default=None, description="How an `approve` is answered."
    )
    form: dict[StepId, Value] = Field(default={}, description="What the decision brings.")


class ExpectedRun(Closed):
    """How the run must have ended."""

    state: RunState | None = Field(default=None, description="Its state.")
    flags: list[Literal["degraded", "compensation_failed"]] | None = Field(
        default=None, description="Its flags, all of them."
    )


class ExpectedStep(Closed):
    """How a step must have ended."""

    state: StepState | None = Field(default=None, description="Its state.")
    flags: list[Literal["degraded", "cached", "timed_out"]] | None = Field(
        default=None, description="Its flags, all of them."
    )
    attempts: int | None = Field(
        default=None, ge=0, le=1_000, description="How many attempts were made."
    )
    outputs: dict[str, Value] | None = Field(
        default=None, description="Its outputs, those that are named."
    )


class ExpectedError(Closed):
    """The error that the run must have failed with."""

    type: str | None = Field(default=None, description="Its type.")
    step: StepPath | None = Field(default=None, description="The step that failed.")


class Expect(Closed):
    """What must be so at the end."""

    run: ExpectedRun | None = Field(default=None, description="How the run must have ended.")
    error: ExpectedError | None = Field(default=None, description="What it failed with.")
    steps: dict[StepPath, StepState | ExpectedStep] = Field(
        default={}, description="How steps must have ended, by their paths."
    )
    order: list[StepPath] = Field(
        default=[], description="Steps that must have ended in this order; others are left out."
    )
    outputs: dict[StepId, Value] = Field(
        default={}, description="The run's outputs, those that are named."
    )
    emitted: list[EventType] | None = Field(
        default=None, description="The types of all events that were emitted, in order."
    )


class Coverage(Closed):
    """How much of the workflow its tests must go through."""

    edges: float = Field(default=0, ge=0, le=1, description="The part of its edges, from 0 to 1.")


class WorkflowTest(Head):
    """A test of a workflow: no adapters, a clock of its own, the same outcome each time."""

    kind: Literal["WorkflowTest"] = Field(description="What this document is.")
    workflow: Name = Field(description="The workflow that is tested.")
    clock: Instant = Field(
        default="2026-01-01T00:00:00Z", description="The instant at which the run starts."
    )
    given: Given = Field(
        default=Given(), description="How the run starts, and what comes while it goes on."
    )
    mock: dict[StepPath, Mock | list[Mock]] = Field(
        default={},
        description="How steps end, by their paths; a list is one attempt after the other.",
    )
    expect: Expect = Field(description="What must be so at the end.")
    coverage: Coverage | None = Field(
        default=None, description="How much of the workflow its tests must go through."
    )
