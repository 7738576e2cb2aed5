"""The documents as an author writes them; the published JSON Schema is printed from here."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from engine.core.values import DURATION_PATTERN

STEP_ID = r"^[a-z][a-z0-9_]{0,62}$"
NAME = r"^[a-z][a-z0-9-]{0,62}$"
OPERATION = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+@[1-9][0-9]*$"

Duration: TypeAlias = Annotated[str, Field(pattern=DURATION_PATTERN, examples=["30s", "5m"])]
Expression: TypeAlias = Annotated[str, Field(json_schema_extra={"x-sark-class": "expression"})]
Template: TypeAlias = Annotated[str, Field(json_schema_extra={"x-sark-class": "template"})]
StepId: TypeAlias = Annotated[str, Field(pattern=STEP_ID)]
Name: TypeAlias = Annotated[str, Field(pattern=NAME)]
# A free-form area: strings in it are templates, mappings and lists go on without end.
JsonArea: TypeAlias = Any
JsonSchema: TypeAlias = dict[str, Any]


class _Closed(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, regex_engine="python-re"
    )


class Backoff(_Closed):
    """How long to wait between attempts."""

    initial: Duration = "1s"
    factor: float = Field(default=2.0, ge=1, le=10)
    max: Duration = "30s"
    jitter: Literal["full", "none"] = "full"


class Retry(_Closed):
    """When and how often a failed attempt is made again."""

    max_attempts: int = Field(default=4, ge=1, le=100)
    backoff: Backoff = Backoff()
    max_elapsed: Duration | None = None
    if_: Expression | None = Field(default=None, alias="if")
    unsafe: bool = False


class Timeout(_Closed):
    """The bounds on a step: waiting for a worker, one attempt, all attempts, silence."""

    queue: Duration = "1h"
    attempt: Duration = "5m"
    total: Duration | None = None
    heartbeat: Duration | None = None


class Idempotency(_Closed):
    """The key sent along with every attempt, instead of the engine's own."""

    key: Template
    ttl: Duration | None = None


class StepOutput(_Closed):
    """A typed projection of what the operation returned: a JSON Schema and `from`, a path."""

    model_config = ConfigDict(extra="allow")
    from_: Expression = Field(alias="from")


class TypedValue(_Closed):
    """A typed value: a JSON Schema and `value`, a template."""

    model_config = ConfigDict(extra="allow")
    value: JsonArea


NeedResult: TypeAlias = Literal["ok", "succeeded", "failed", "skipped", "done"]


class Step(_Closed):
    """One step. It has exactly one verb: `uses` (with `with`) or `set`."""

    id: StepId | None = Field(default=None, description="Only in a sequence; a graph has keys.")
    name: str | None = None
    uses: str | None = Field(default=None, pattern=OPERATION, examples=["http.request@1"])
    with_: dict[str, JsonArea] | None = Field(default=None, alias="with")
    set: dict[StepId, TypedValue] | None = None
    needs: list[StepId] | dict[StepId, NeedResult] | None = None
    join: Literal["all", "any"] | int = "all"
    if_: Expression | None = Field(default=None, alias="if")
    optional: bool = False
    timeout: Duration | Timeout | None = None
    retry: Retry | None = None
    effect: Literal["pure", "read", "write", "destructive"] | None = None
    idempotency: Idempotency | None = None
    outputs: dict[StepId, StepOutput] | None = None


Steps: TypeAlias = dict[StepId, Step] | list[Step]


class Finally(_Closed):
    """Steps that run once at the end, whatever happened."""

    steps: Steps
    timeout: Duration = "10m"


class ManualTrigger(_Closed):
    """A person starts it: `sark run`."""

    type: Literal["manual"]


class ApiTrigger(_Closed):
    """A program starts it: `POST /api/v1/workflows/{namespace}/{name}/runs`."""

    type: Literal["api"]


class _EventTrigger(_Closed):
    filter: Expression | None = None
    with_: dict[str, JsonArea] | None = Field(default=None, alias="with")


class GithubPushTrigger(_EventTrigger):
    """A push that GitHub reported to `/hooks/github/<source>`."""

    type: Literal["github.push"]
    repo: str | None = Field(default=None, pattern=r"^[^/\s]+/[^/\s]+$", examples=["acme/web"])
    branches: list[str] | None = Field(default=None, description="Globs; `!` takes out.")
    tags: list[str] | None = Field(default=None, description="Globs; `!` takes out.")
    paths: list[str] | None = Field(default=None, description="Globs; `!` takes out.")


class HmacAuth(_Closed):
    """A keyed hash of the raw body in a header."""

    hmac: Name | StepId = Field(description="The secret's name in the namespace.")
    header: str = "X-Signature-256"
    algorithm: Literal["sha256", "sha512"] = "sha256"
    previous: Name | StepId | None = Field(default=None, description="Also taken: rotation.")


class StandardWebhooksAuth(_Closed):
    """The signature of standardwebhooks.com: id, timestamp and body."""

    standard: Name | StepId = Field(description="The secret's name in the namespace.")
    previous: Name | StepId | None = None
    tolerance: Duration = "5m"


class WebhookTrigger(_EventTrigger):
    """A signed request to `/hooks/<namespace>/<path>`."""

    type: Literal["webhook"]
    path: str = Field(pattern=r"^(/hooks)?/?[a-z0-9][a-z0-9/_-]{0,99}$")
    auth: HmacAuth | StandardWebhooksAuth
    payload: JsonSchema | None = None


Trigger: TypeAlias = Annotated[
    ManualTrigger | ApiTrigger | GithubPushTrigger | WebhookTrigger, Field(discriminator="type")
]


class Defaults(_Closed):
    """What every step of the workflow has unless it says otherwise."""

    retry: Retry | None = None
    timeout: Duration | Timeout | None = None


class Workflow(_Closed):
    """A workflow: what starts it, what it takes, what it does and what it gives."""

    apiVersion: Literal["sark/v1"]
    kind: Literal["Workflow"]
    name: Name
    title: str | None = None
    description: str | None = None
    owners: list[str] = []
    labels: dict[str, str] = {}
    triggers: dict[StepId, Trigger] = {}
    inputs: dict[StepId, JsonSchema] = {}
    secrets: list[StepId] = []
    timeout: Duration = "24h"
    defaults: Defaults = Defaults()
    steps: Steps
    finally_: Finally | None = Field(default=None, alias="finally")
    outputs: dict[StepId, TypedValue] = {}


Document: TypeAlias = Workflow
