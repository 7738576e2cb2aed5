"""Verbs that hold no steps: waiting, people, events, errors."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from engine.core.spec.rule import exactly_one, goes_with
from engine.core.spec.scalar import (
    Actor,
    Closed,
    Continue,
    Duration,
    EventType,
    Expression,
    InstantTemplate,
    JsonArea,
    JsonSchema,
    Span,
    StepId,
    Template,
)


class Wait(Closed):
    """A pause that holds no worker: `for` a span or `until` an instant."""

    model_config = ConfigDict(json_schema_extra=exactly_one("for", "until"))
    for_: Span | None = Field(
        default=None, alias="for", description="A span, or a template of one.", examples=["7d"]
    )
    until: InstantTemplate | None = Field(
        default=None, description="An instant, or a template of one."
    )


class Callback(Closed):
    """A signed address for a single request, in place of an event."""

    schema_: JsonSchema = Field(alias="schema", description="The JSON Schema of the body.")


class Await(Closed):
    """Wait for an event, or for a request to a signed address."""

    model_config = ConfigDict(
        json_schema_extra={
            **exactly_one("event", "callback"),
            **goes_with(match=("event",), lookback=("event",)),
        }
    )
    event: EventType | None = Field(default=None, description="The type of the event.")
    match: Expression | None = Field(
        default=None,
        description="An expression over `event`; an equality with a value of the run is looked up "
        "in an index.",
        examples=["event.data.order == inputs.order"],
    )
    callback: Callback | None = Field(
        default=None, description="Give a signed address that takes one request."
    )
    within: Duration = Field(description="The longest wait; there is no endless one.")
    lookback: Duration | None = Field(
        default=None,
        description="How far back an event counts that came before the wait; to the run's start "
        "unless it is said.",
    )
    on_timeout: Continue = Field(
        default="fail", description="What becomes of the step when nothing came."
    )


class Approve(Closed):
    """A decision of people. Without one, the answer is no."""

    by: Annotated[list[Actor], Field(min_length=1)] = Field(
        description="Who may decide: `group:NAME` or `user:NAME`."
    )
    min: int = Field(default=1, ge=1, le=100, description="How many must say yes, at most 100.")
    exclude: list[Actor] = Field(
        default=["initiator"], description="Who may not; by default whoever started the run."
    )
    expires: Duration = Field(description="The longest wait; there is no endless one.")
    on_expiry: Literal["reject", "fail"] = Field(
        default="reject", description="What an expired question counts as."
    )
    on_reject: Continue = Field(default="fail", description="What becomes of the step on a no.")
    form: dict[StepId, JsonSchema] = Field(
        default={}, description="What a decision brings: a JSON Schema for each field."
    )
    show: Template = Field(default="", description="What the people are asked, a template.")
    binds: dict[StepId, JsonArea] = Field(
        default={}, description="Values that the decision is for: it is void if one changes."
    )


class Emit(Closed):
    """A CloudEvent, sent with the result of the step."""

    type: EventType = Field(description="Its type.")
    subject: Template | None = Field(
        default=None, description="What it is about, a template.", examples=["{{ inputs.order }}"]
    )
    data: JsonArea | None = Field(default=None, description="What it tells; strings are templates.")


class Fail(Closed):
    """An error of your own: the step fails with it."""

    type: Template = Field(
        description="What went wrong, for `match`.", examples=["deploy.unhealthy"]
    )
    message: Template = Field(description="What went wrong, for people; a template.")


class Rollback(Closed):
    """Run the compensation of earlier steps now."""

    steps: Annotated[list[StepId], Field(min_length=1)] = Field(
        description="The steps to undo, in the reverse order of their ends."
    )
