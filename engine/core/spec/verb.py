"""Verbs that hold no steps: waiting, people, events, errors."""

from typing import Annotated, Literal

from engine.core.spec.model import Model, Words, field
from engine.core.spec.rule import exactly_one, goes_with
from engine.core.spec.scalar import (
    Actor,
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


class Wait(Model, rules=exactly_one("for", "until")):
    """A pause that holds no worker: `for` a span or `until` an instant."""

    for_: Span | None = field(
        default=None, key="for", description="A span, or a template of one.", examples=["7d"]
    )
    until: InstantTemplate | None = field(
        default=None, description="An instant, or a template of one."
    )


class Callback(Model):
    """A signed address for a single request, in place of an event."""

    schema_: JsonSchema = field(key="schema", description="The JSON Schema of the body.")


_AWAIT_RULES = {
    **exactly_one("event", "callback"),
    **goes_with(match=("event",), lookback=("event",)),
}


class Await(Model, rules=_AWAIT_RULES):
    """Wait for an event, or for a request to a signed address."""

    event: EventType | None = field(default=None, description="The type of the event.")
    match: Expression | None = field(
        default=None,
        description="An expression over `event`; an equality with a value of the run is looked up "
        "in an index.",
        examples=["event.data.order == inputs.order"],
    )
    callback: Callback | None = field(
        default=None, description="Give a signed address that takes one request."
    )
    within: Duration = field(description="The longest wait; there is no endless one.")
    lookback: Duration | None = field(
        default=None,
        description="How far back an event counts that came before the wait; to the run's start "
        "unless it is said.",
    )
    on_timeout: Continue = field(
        default="fail", description="What becomes of the step when nothing came."
    )


class Approve(Model):
    """A decision of people. Without one, the answer is no."""

    by: Annotated[list[Actor], Words(minItems=1)] = field(
        description="Who may decide: `group:NAME`, `user:NAME` or `initiator`."
    )
    min: int = field(
        default=1, minimum=1, maximum=100, description="How many must say yes, at most 100."
    )
    exclude: list[Actor] = field(
        default=["initiator"], description="Who may not; by default whoever started the run."
    )
    expires: Duration = field(description="The longest wait; there is no endless one.")
    on_expiry: Literal["reject", "fail"] = field(
        default="reject", description="What an expired question counts as."
    )
    on_reject: Continue = field(default="fail", description="What becomes of the step on a no.")
    form: dict[StepId, JsonSchema] = field(
        default={}, description="What a decision brings: a JSON Schema for each field."
    )
    show: Template = field(default="", description="What the people are asked, a template.")
    binds: dict[StepId, JsonArea] = field(
        default={}, description="Values that the decision is for: it is void if one changes."
    )


class Emit(Model):
    """A CloudEvent, sent with the result of the step."""

    type: EventType = field(description="Its type.")
    subject: Template | None = field(
        default=None, description="What it is about, a template.", examples=["{{ inputs.order }}"]
    )
    data: JsonArea | None = field(default=None, description="What it tells; strings are templates.")


class Fail(Model):
    """An error of your own: the step fails with it."""

    type: Template = field(
        description="What went wrong, for `match`.", examples=["deploy.unhealthy"]
    )
    message: Template = field(description="What went wrong, for people; a template.")


class Rollback(Model):
    """Run the compensation of earlier steps now."""

    steps: Annotated[list[StepId], Words(minItems=1)] = field(
        description="The steps to undo, in the reverse order of their ends."
    )
