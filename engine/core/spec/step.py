"""Steps, and the verbs that hold steps again: they stand in one file because they hold each other.

A body is what such a verb does each time: `steps`, or exactly one verb with its own keys.
"""

from typing import Annotated, Literal, TypeAlias

from engine.core.spec.model import Model, Words, field
from engine.core.spec.modifier import (
    Artifact,
    Cache,
    Concurrency,
    Idempotency,
    Priority,
    Rate,
    Resources,
    Retry,
    StepOutput,
    Timeout,
    TypedValue,
)
from engine.core.spec.rule import exactly_one, one_verb
from engine.core.spec.scalar import (
    Continue,
    Duration,
    Expression,
    JsonArea,
    Level,
    Name,
    OnlyTemplate,
    OperationName,
    Sandbox,
    StepId,
    Template,
    Variable,
)
from engine.core.spec.verb import Approve, Await, Emit, Fail, Rollback, Wait

NeedResult = Literal["ok", "succeeded", "failed", "skipped", "done"]
_STEPS = (
    "A mapping is a graph: steps start when what they need or refer to has ended. "
    "A list is a sequence: one after the other."
)


class _Action(Model):
    """One verb, and the keys that go with it wherever it stands."""

    uses: OperationName | None = field(
        default=None,
        description="Call an adapter's operation, `name@major`.",
        examples=["http.request@1"],
    )
    call: Name | None = field(
        default=None, description="Run another workflow of the same commit; 16 deep at most."
    )
    with_: dict[str, JsonArea] | None = field(
        default=None,
        key="with",
        description="The operation's arguments, or the workflow's inputs. Strings are templates.",
    )
    connection: Name | None = field(
        default=None,
        description="The Connection that the operation is called through: it gives arguments.",
    )
    detach: bool = field(
        default=False, description="Do not wait for the called workflow: `outputs.run` is its id."
    )
    block: "Block | None" = field(
        default=None, description="Steps in a scope of their own; only its `outputs` leave it."
    )
    for_each: "ForEach | None" = field(
        default=None, description="The same for every item of a list."
    )
    repeat: "Repeat | None" = field(
        default=None, description="The same again until a condition is true."
    )
    switch: "Switch | list[Choice | Else] | None" = field(
        default=None, description="One of several cases: by a value, or the first whose `if` holds."
    )
    race: "Race | None" = field(
        default=None, description="Several at once: the first success wins, the rest is cancelled."
    )
    set: dict[StepId, TypedValue] | None = field(
        default=None, description="Typed pure values: the outputs of a step that calls nothing."
    )
    wait: Wait | None = field(default=None, description="A pause; it holds no worker.")
    await_: Await | None = field(
        default=None, key="await", description="Wait for an event, or for a signed request."
    )
    approve: Approve | None = field(default=None, description="A decision of people.")
    emit: Emit | None = field(
        default=None, description="Send a CloudEvent, together with the step's result."
    )
    fail: Fail | None = field(default=None, description="Fail with an error of your own.")
    rollback: Rollback | None = field(
        default=None, description="Run the compensation of earlier steps now."
    )
    timeout: Duration | Timeout | None = field(
        default=None, description="The longest that one attempt may take, or all the bounds."
    )
    retry: Retry | None = field(
        default=None, description="When and how often a failed attempt is made again."
    )
    idempotency: Idempotency | None = field(
        default=None, description="The key sent with every attempt, instead of the engine's own."
    )
    effect: Literal["pure", "read", "write", "destructive"] | None = field(
        default=None,
        description="What this call does to the world, where the operation cannot tell by itself.",
    )
    circuit: Name | None = field(
        default=None, description="The CircuitBreaker that this call goes through."
    )
    rate: Rate | None = field(default=None, description="How often the call may be made.")
    cache: Cache | None = field(
        default=None, description="Let earlier outputs stand in; of pure and read calls alone."
    )
    pool: Name | None = field(default=None, description="The Pool whose workers make the call.")
    sandbox: Sandbox | None = field(
        default=None, description="What the call is shut in, weakest first."
    )
    resources: Resources | None = field(
        default=None, description="What the sandbox gives to the call at most."
    )
    artifacts: dict[StepId, Artifact] | None = field(
        default=None, description="Files that are kept, each under a name."
    )
    env: dict[Variable, Template] | None = field(
        default=None, description="Environment variables of the program that the call runs."
    )


class _Body(_Action, rules=one_verb("steps")):
    """`steps`, or exactly one verb with its keys."""

    steps: "Steps | None" = field(default=None, description=_STEPS)


class _Giving(_Body):
    outputs: dict[StepId, StepOutput | TypedValue] | None = field(
        default=None,
        description="What leaves it: `from` over what the verb gave, or `value` over its `steps`.",
    )


class Compensate(_Body):
    """How to undo a step. It must do no harm where there is nothing to undo."""


class ForEach(_Giving):
    """The same for every item of a list, several at once."""

    over: Expression = field(
        description="An expression that gives a list.", examples=["inputs.regions"]
    )
    as_: StepId = field(default="item", key="as", description="What an item is read as.")
    key: Expression | None = field(
        default=None,
        description="An expression over the item that tells it from the others, whatever their "
        "order; its position unless it is said.",
        examples=["region.code"],
    )
    max_parallel: int = field(
        default=8,
        minimum=1,
        maximum=1_000,
        description="How many at once, at most 1,000 (default 8).",
    )
    max_items: int | None = field(
        default=None,
        minimum=1,
        maximum=10_000,
        description="The most items, at most 10,000; needed unless the list's schema says so.",
    )
    tolerate: "Tolerate | None" = field(
        default=None, description="How many items may fail; none unless it is said."
    )
    fail_fast: bool = field(
        default=True, description="Cancel what is under way once too many items have failed."
    )
    collect: dict[StepId, TypedValue] | None = field(
        default=None,
        description="The step's outputs: values over `items`, what each gave, and `failures`, "
        "errors by key.",
    )
    compensate: Compensate | None = field(default=None, description="How to undo one item.")


class Tolerate(Model, rules=exactly_one("failures", "percent")):
    """How many items may fail before the step does."""

    failures: int | None = field(
        default=None, minimum=0, maximum=10_000, description="So many items."
    )
    percent: float | None = field(
        default=None, minimum=0, maximum=100, description="So many of a hundred."
    )


class Repeat(_Giving):
    """The same again until a condition is true; it holds no worker between turns."""

    until: Expression = field(
        description="An expression over `self`, what this turn gave.",
        examples=["self.outputs.state == 'ready'"],
    )
    every: Duration = field(default="0s", description="The pause between two turns.")
    max_times: int = field(minimum=1, maximum=10_000, description="The most turns, at most 10,000.")
    on_exhausted: Continue = field(
        default="fail", description="What becomes of the step after the last turn."
    )


class Case(_Giving):
    """What is done in one case; `steps: []` does nothing."""


class Switch(Model):
    """One of several cases, by a value."""

    value: Expression = field(description="An expression that gives a string.")
    cases: "dict[str, Case]" = field(
        description="What is done for each value; all values of an `enum`, or an `else` too."
    )
    else_: Case | None = field(
        default=None, key="else", description="What is done for any other value."
    )


class Choice(Case):
    """What is done if a condition is true, and none before it was."""

    if_: Expression = field(key="if", description="An expression; the first that is true wins.")


class Else(Model):
    """What is done if no condition is true; it stands last."""

    else_: Case = field(key="else", description="What is done if no condition is true.")


class Branch(_Giving):
    """One way to the same end."""

    compensate: Compensate | None = field(
        default=None, description="How to undo it, if another branch won."
    )


class Race(Model):
    """Several at once; the first success wins, the others are cancelled and undone."""

    branches: Annotated[dict[StepId, Branch], Words(minProperties=2, maxProperties=100)] = field(
        description="From 2 to 100 ways to the same end, each under a name."
    )


class Fallback(_Body, rules=one_verb("steps", alone="outputs")):
    """What stands in once all attempts have failed, or the circuit is open: `degraded`."""

    outputs: dict[StepId, JsonArea] | None = field(
        default=None, description="The step's outputs then: values, strings are templates."
    )


class Step(_Action, rules=one_verb()):
    """One step: exactly one verb, its keys, and its place in the order."""

    id: StepId | None = field(
        default=None,
        description="The name by which other steps know it. Only in a list; in a mapping, its key.",
    )
    name: str | None = field(default=None, description="A title for people.")
    needs: list[StepId] | dict[StepId, NeedResult] | None = field(
        default=None,
        description="Steps that must end before this one: a list, or a mapping to the result asked "
        "for. `ok` is succeeded or skipped, `done` is any end.",
        examples=[["build", "test"], {"deploy": "failed"}],
    )
    join: Literal["all", "any"] | Annotated[int, Words(minimum=1)] = field(
        default="all", description="How many of `needs` suffice: `all`, `any` or a number."
    )
    if_: Expression | None = field(
        default=None,
        key="if",
        description="An expression; false skips the step, an error in it fails the step.",
        examples=["inputs.env == 'production'"],
    )
    optional: bool = field(
        default=False, description="Its failure does not fail the run, which is then `degraded`."
    )
    outputs: dict[StepId, StepOutput] | None = field(
        default=None,
        description="Typed projections of what the verb gave; without it, all of that.",
    )
    fallback: Fallback | None = field(
        default=None, description="What stands in once all attempts have failed."
    )
    compensate: Compensate | None = field(
        default=None, description="How to undo it, should a later step fail."
    )
    pivot: bool = field(
        default=False, description="Once it has succeeded, nothing is undone any more."
    )
    concurrency: Concurrency | None = field(
        default=None, description="How many of a group may be under way at once."
    )
    priority: Level | OnlyTemplate | Priority | None = field(
        default=None, description="Who goes first where workers are short."
    )


_InGraph = Annotated[Step, Words(properties={"id": False})]
_InSequence = Annotated[Step, Words(required=["id"])]
Steps: TypeAlias = Annotated[
    dict[StepId, _InGraph] | list[_InSequence], Words("Steps", description=_STEPS)
]


class Finally(Model):
    """Steps that run once at the end, whatever happened."""

    steps: Steps = field(description=_STEPS)
    timeout: Duration = field(default="10m", description="The longest that they may take together.")


class Match(Model):
    """Which errors are meant: all that is said must be so."""

    any: Literal[True] | None = field(default=None, description="`true`: any error at all.")
    type: str | None = field(
        default=None, description="The error's type.", examples=["http.declined"]
    )
    step: StepId | None = field(default=None, description="The step that failed.")
    class_: Literal["transient", "permanent", "unknown"] | None = field(
        default=None, key="class", description="Whether trying again might have helped."
    )
    if_: Expression | None = field(
        default=None, key="if", description="An expression over `error`."
    )


class Handler(_Body):
    """What is done about a failure; the first that matches."""

    match: Match = field(description="Which errors it is for; `{any: true}` is for all.")
    then: Literal["fail", "recover"] = field(
        default="fail", description="`recover`: nothing is undone, and `outputs` take their place."
    )
    outputs: dict[StepId, JsonArea] | None = field(
        default=None, description="With `recover`, the outputs: values, strings are templates."
    )


class Scope(Model):
    """Steps that begin and end together, and what happens when one fails."""

    steps: Steps = field(description=_STEPS)
    on_step_failure: Literal["finish", "cancel"] = field(
        default="finish", description="What becomes of the steps that run when another fails."
    )
    on_failure: list[Handler] = field(
        default=[], description="What is done about a failure; the first that matches."
    )
    finally_: Finally | None = field(
        default=None,
        key="finally",
        description="Steps that run once at the end: after success, failure, cancel and timeout.",
    )
    outputs: dict[StepId, TypedValue] = field(
        default={}, description="What leaves it: a JSON Schema with `value` for each output."
    )


class Block(Scope):
    """Steps in a scope of their own; only its `outputs` leave it."""

    timeout: Duration | None = field(
        default=None, description="The longest that they may take together."
    )
