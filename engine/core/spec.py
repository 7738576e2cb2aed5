"""The documents as an author writes them; the published JSON Schema is printed from here.

A description is what an editor shows when the pointer rests on a key. `patternErrorMessage` says
in words what a pattern asks for: editors show it, and so does `engine.core.reader`.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

STEP_ID = r"^[a-z][a-z0-9_]{0,62}$"
NAME = r"^[a-z][a-z0-9-]{0,62}$"
OPERATION = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+@[1-9][0-9]*$"
# What `values.parse_duration` reads; at most six digits a unit, so that no span overflows.
DURATION = (
    r"^(?=[0-9])([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$"
    r"|^P(?=.)([0-9]{1,6}D)?(T(?=.)([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,6}S)?)?$"
)


def _pattern(pattern: str, words: str, *examples: str) -> Any:
    """Return a field whose text must match; `words` end the sentence "expected ..."."""
    extra: dict[str, Any] = {"patternErrorMessage": words}
    return Field(pattern=pattern, examples=list(examples) or None, json_schema_extra=extra)


def _class(name: str) -> Any:
    return Field(json_schema_extra={"x-sark-class": name})


_IDENTIFIER = "lower case letters, digits and `_`, a letter first, at most 63"
_GLOBS = "Globs: `*` within a part, `**` over parts. A glob that begins with `!` takes out."

Duration: TypeAlias = Annotated[
    str, _pattern(DURATION, "a duration such as `30s`, `5m`, `1h30m`, `7d` or `PT5M`", "30s", "5m")
]
Expression: TypeAlias = Annotated[str, _class("expression")]
Template: TypeAlias = Annotated[str, _class("template")]
# For people alone: braces in it are just braces. Strings without a class are literal.
Prose: TypeAlias = Annotated[str, _class("prose")]
StepId: TypeAlias = Annotated[str, _pattern(STEP_ID, _IDENTIFIER)]
Name: TypeAlias = Annotated[
    str, _pattern(NAME, "lower case letters, digits and `-`, a letter first, at most 63")
]
SecretName: TypeAlias = Annotated[
    str,
    _pattern(
        r"^[a-z][a-z0-9_-]{0,62}$",
        "the name of a secret: lower case letters, digits, `_` and `-`, a letter first",
    ),
]
# A free-form area: strings in it are templates, mappings and lists go on without end.
JsonArea: TypeAlias = Any
JsonSchema: TypeAlias = dict[str, Any]


class _Closed(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, regex_engine="python-re"
    )


class Backoff(_Closed):
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


class Retry(_Closed):
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


class Timeout(_Closed):
    """The bounds on a step: waiting for a worker, one attempt, all attempts, silence."""

    queue: Duration = Field(default="1h", description="The longest wait for a worker.")
    attempt: Duration = Field(default="5m", description="The longest that one attempt may take.")
    total: Duration | None = Field(
        default=None, description="The longest for all attempts together, pauses included."
    )
    heartbeat: Duration | None = Field(
        default=None, description="The longest silence of an operation that reports progress."
    )


class Idempotency(_Closed):
    """The key sent along with every attempt, instead of the engine's own."""

    key: Template = Field(
        description="A template; equal keys stand for one effect.",
        examples=["refund-{{ inputs.order }}"],
    )
    ttl: Duration | None = Field(
        default=None, description="How long the far side remembers the key."
    )


class StepOutput(_Closed):
    """A typed projection of what the operation returned: a JSON Schema and `from`, a path."""

    model_config = ConfigDict(extra="allow")
    from_: Expression = Field(
        alias="from",
        description="An expression over what the operation returned.",
        examples=["body.id"],
    )


class TypedValue(_Closed):
    """A typed value: a JSON Schema and `value`, a template."""

    model_config = ConfigDict(extra="allow")
    value: JsonArea = Field(
        description="Any value; strings in it are templates, and `{{ x }}` alone keeps its type."
    )


NeedResult: TypeAlias = Literal["ok", "succeeded", "failed", "skipped", "done"]

VERBS = ("uses", "set")


class Step(_Closed):
    """One step. It has exactly one verb: `uses` (with `with`) or `set`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [verb]} for verb in VERBS]},
    )
    id: StepId | None = Field(
        default=None,
        description="The name by which other steps know it. Only in a list; in a mapping, its key.",
    )
    name: str | None = Field(default=None, description="A title for people.")
    uses: (
        Annotated[
            str, _pattern(OPERATION, "an operation as `name@major`, such as `http.request@1`")
        ]
        | None
    ) = Field(
        default=None,
        description="The adapter operation to call, as `name@major`.",
        examples=["http.request@1"],
    )
    with_: dict[str, JsonArea] | None = Field(
        default=None,
        alias="with",
        description="The operation's arguments. Strings in it are templates.",
    )
    set: dict[StepId, TypedValue] | None = Field(
        default=None, description="Typed pure values: the outputs of a step that calls nothing."
    )
    needs: list[StepId] | dict[StepId, NeedResult] | None = Field(
        default=None,
        description="Steps that must end before this one: a list, or a mapping to the result asked "
        "for. `ok` is succeeded or skipped, `done` is any end.",
        examples=[["build", "test"], {"deploy": "failed"}],
    )
    join: Literal["all", "any"] | Annotated[int, Field(ge=1)] = Field(
        default="all", description="How many of `needs` suffice: `all`, `any` or a number."
    )
    if_: Expression | None = Field(
        default=None,
        alias="if",
        description="An expression; false skips the step, an error in it fails the step.",
        examples=["inputs.env == 'production'"],
    )
    optional: bool = Field(
        default=False, description="Its failure does not fail the run, which is then `degraded`."
    )
    timeout: Duration | Timeout | None = Field(
        default=None, description="The longest that one attempt may take, or all the bounds."
    )
    retry: Retry | None = Field(
        default=None, description="When and how often a failed attempt is made again."
    )
    effect: Literal["pure", "read", "write", "destructive"] | None = Field(
        default=None,
        description="What this call does to the world, where the operation cannot tell by itself.",
    )
    idempotency: Idempotency | None = Field(
        default=None, description="The key sent with every attempt, instead of the engine's own."
    )
    outputs: dict[StepId, StepOutput] | None = Field(
        default=None,
        description="Typed projections of what the operation returned; without it, all of that.",
    )


_InGraph: TypeAlias = Annotated[Step, Field(json_schema_extra={"properties": {"id": False}})]
_InSequence: TypeAlias = Annotated[Step, Field(json_schema_extra={"required": ["id"]})]
Steps: TypeAlias = dict[StepId, _InGraph] | list[_InSequence]

_STEPS = (
    "A mapping is a graph: steps start when what they need or refer to has ended. "
    "A list is a sequence: one after the other."
)


class Finally(_Closed):
    """Steps that run once at the end, whatever happened."""

    steps: Steps = Field(description=_STEPS)
    timeout: Duration = Field(default="10m", description="The longest that they may take together.")


class ManualTrigger(_Closed):
    """A person starts it: `sark run`."""

    type: Literal["manual"] = Field(description="A person starts it: `sark run`.")


class ApiTrigger(_Closed):
    """A program starts it: `POST /api/v1/workflows/{namespace}/{name}/runs`."""

    type: Literal["api"] = Field(
        description="A program starts it: `POST /api/v1/workflows/{namespace}/{name}/runs`."
    )


class _EventTrigger(_Closed):
    filter: Expression | None = Field(
        default=None,
        description="An expression over `event`; false starts nothing.",
        examples=["event.body.status == 'done'"],
    )
    with_: dict[str, JsonArea] | None = Field(
        default=None,
        alias="with",
        description="The run's inputs; strings are templates over `event`.",
    )


class GithubPushTrigger(_EventTrigger):
    """A push that GitHub reported to `/hooks/github/<source>`."""

    type: Literal["github.push"] = Field(
        description="A push that GitHub reported to `/hooks/github/<source>`."
    )
    repo: (
        Annotated[str, _pattern(r"^[^/\s]+/[^/\s]+$", "a repository as `owner/name`", "acme/web")]
        | None
    ) = Field(default=None, description="Only pushes to this repository, as `owner/name`.")
    branches: list[str] | None = Field(default=None, description=f"Only these branches. {_GLOBS}")
    tags: list[str] | None = Field(default=None, description=f"Only these tags. {_GLOBS}")
    paths: list[str] | None = Field(
        default=None, description=f"Only pushes that change one of these files. {_GLOBS}"
    )


class HmacAuth(_Closed):
    """A keyed hash of the raw body in a header."""

    hmac: SecretName = Field(description="The secret's name in the namespace.")
    header: str = Field(default="X-Signature-256", description="The header with the signature.")
    algorithm: Literal["sha256", "sha512"] = Field(
        default="sha256", description="The hash under the HMAC."
    )
    previous: SecretName | None = Field(
        default=None, description="A second secret that is taken too, while you rotate."
    )


class StandardWebhooksAuth(_Closed):
    """The signature of standardwebhooks.com: id, timestamp and body."""

    standard: SecretName = Field(description="The secret's name in the namespace.")
    previous: SecretName | None = Field(
        default=None, description="A second secret that is taken too, while you rotate."
    )
    tolerance: Duration = Field(
        default="5m", description="How far its timestamp may lie from the server's clock."
    )


class WebhookTrigger(_EventTrigger):
    """A signed request to `/hooks/<namespace>/<path>`."""

    type: Literal["webhook"] = Field(description="A signed request to `/hooks/<namespace>/<path>`.")
    path: Annotated[
        str,
        _pattern(
            r"^(/hooks)?/?[a-z0-9][a-z0-9/_-]{0,99}$",
            "a path of lower case letters, digits, `/`, `_` and `-`",
            "orders/paid",
        ),
    ] = Field(description="The last part of its address, `/hooks/<namespace>/<path>`.")
    auth: HmacAuth | StandardWebhooksAuth = Field(
        description="How the sender proves who it is; a route without a secret is refused."
    )
    payload: JsonSchema | None = Field(
        default=None, description="The JSON Schema of the body; another body is refused."
    )


Trigger: TypeAlias = Annotated[
    ManualTrigger | ApiTrigger | GithubPushTrigger | WebhookTrigger, Field(discriminator="type")
]


class Defaults(_Closed):
    """What every step of the workflow has unless it says otherwise."""

    retry: Retry | None = Field(default=None, description="The `retry` of steps without their own.")
    timeout: Duration | Timeout | None = Field(
        default=None, description="The `timeout` of steps without their own."
    )


class Workflow(_Closed):
    """A workflow: what starts it, what it takes, what it does and what it gives."""

    apiVersion: Literal["sark/v1"] = Field(description="The version of the language.")
    kind: Literal["Workflow"] = Field(description="What this document is.")
    name: Name = Field(description="Its name, unique among the workflows of a namespace.")
    title: str | None = Field(default=None, description="A title for people.")
    description: Prose | None = Field(default=None, description="What it is for, in prose.")
    owners: list[str] = Field(default=[], description="The teams that answer for it.")
    labels: dict[str, str] = Field(
        default={}, description="Free labels, for finding it and for policy."
    )
    triggers: dict[StepId, Trigger] = Field(
        default={}, description="What starts it, each under a name of its own."
    )
    inputs: dict[StepId, JsonSchema] = Field(
        default={},
        description="What a run takes: a JSON Schema for each input. Unknown inputs are refused.",
        examples=[{"env": {"type": "string", "enum": ["staging", "production"]}}],
    )
    secrets: list[StepId] = Field(
        default=[], description="The secrets that its steps may read, as `secrets.NAME`."
    )
    timeout: Duration = Field(default="24h", description="The longest that a run may take.")
    defaults: Defaults = Field(
        default=Defaults(), description="What every step has unless it says otherwise."
    )
    steps: Steps = Field(description=_STEPS)
    finally_: Finally | None = Field(
        default=None,
        alias="finally",
        description="Steps that run once at the end: after success, failure, cancel and timeout.",
    )
    outputs: dict[StepId, TypedValue] = Field(
        default={}, description="What a run gives: a JSON Schema with `value` for each output."
    )


Document: TypeAlias = Workflow
