"""What starts a workflow, one model for each type."""

from typing import Annotated, Literal, TypeAlias

from engine.core.spec.model import Model, Words, field
from engine.core.spec.modifier import Rate
from engine.core.spec.rule import exactly_one, never_both
from engine.core.spec.scalar import (
    GLOBS,
    Cron,
    Duration,
    EventType,
    Expression,
    JsonArea,
    JsonSchema,
    Name,
    Repository,
    SecretName,
    Template,
    Zone,
)


class Dedupe(Model):
    """Of events with an equal key, the first counts."""

    key: Template = field(
        description="A template over `event`, or `item` of a `fan_out`.",
        examples=["{{ event.body.id }}"],
    )
    window: Duration = field(default="24h", description="For how long a key is remembered.")


class Debounce(Model):
    """Of events with an equal key that come close together, the last starts a run."""

    key: Template | None = field(
        default=None, description="A template; without it, all events are of one kind."
    )
    for_: Duration = field(key="for", description="How long it must be quiet.")
    max_wait: Duration = field(
        default="10m",
        description="The longest wait, even if it is never quiet; at least `for`.",
    )


class Batch(Model):
    """Events with an equal key start one run together; it reads them as `event.items`.

    With a `fan_out` those are its items.
    """

    key: Template | None = field(
        default=None, description="A template; without it, all events are of one kind."
    )
    max_items: int = field(
        default=100,
        minimum=1,
        maximum=1_000,
        description="The most events, at most 1,000 (default 100).",
    )
    max_wait: Duration = field(description="The longest that the first event waits.")


class _Trigger(Model):
    with_: dict[str, JsonArea] | None = field(
        default=None,
        key="with",
        description="The run's inputs; strings are templates over `event`.",
    )


class _EventTrigger(_Trigger, rules=never_both("debounce", "batch")):
    fan_out: Expression | None = field(
        default=None,
        description="An expression that gives a list of at most 1,000: a run for each `item`.",
        examples=["event.body.alerts"],
    )
    filter: Expression | None = field(
        default=None,
        description="An expression over `event`; false starts nothing.",
        examples=["event.body.status == 'done'"],
    )
    dedupe: Dedupe | None = field(
        default=None, description="Of events with an equal key, the first counts."
    )
    rate: Rate | None = field(
        default=None,
        description="How many events may start runs; more are turned away, and none waits.",
    )
    debounce: Debounce | None = field(
        default=None, description="Of events that come close together, the last counts."
    )
    batch: Batch | None = field(default=None, description="Let one run take several events.")
    max_chain: int | None = field(
        default=None,
        minimum=1,
        maximum=16,
        description="Allow a circle of workflows that start each other, so many runs long; at "
        "most 16. Without it, a circle is refused.",
    )


class ManualTrigger(Model):
    """A person starts it: `sark run`."""

    type: Literal["manual"] = field(description="A person starts it: `sark run`.")
    backfill: bool = field(
        default=False, description="Allow `sark backfill`: a run for each interval of the past."
    )


class ApiTrigger(Model):
    """A program starts it: `POST /api/v1/workflows/{namespace}/{name}/runs`."""

    type: Literal["api"] = field(
        description="A program starts it: `POST /api/v1/workflows/{namespace}/{name}/runs`."
    )


class DaylightSaving(Model):
    """What happens to times that a change of the clocks takes out, or brings twice.

    A schedule that has a time in every hour follows the time that passes instead.
    """

    gap: Literal["run_after", "skip"] = field(
        default="run_after", description="A time that does not exist: right after it, or not."
    )
    overlap: Literal["first", "both"] = field(
        default="first", description="A time that exists twice: the first, or both."
    )


class ScheduleTrigger(_Trigger, rules=exactly_one("cron", "every")):
    """The clock starts it."""

    type: Literal["schedule"] = field(description="The clock starts it.")
    cron: Cron | None = field(
        default=None, description="Minute, hour, day of the month, month, day of the week."
    )
    every: Duration | None = field(
        default=None,
        description="The time from one start to the next, counted from midnight in whole seconds.",
    )
    timezone: Zone = field(default="UTC", description="Whose clock is meant.")
    dst: DaylightSaving = field(
        default=DaylightSaving(), description="What happens when the clocks change."
    )
    misfire: Literal["skip", "latest", "all"] = field(
        default="latest",
        description="Which of the starts are made up for that were missed by a minute or more.",
    )
    catchup_limit: int = field(
        default=100,
        minimum=1,
        maximum=1_000,
        description="How many are made up for, at most 1,000.",
    )
    overlap: Literal["allow", "queue", "skip", "cancel_running"] = field(
        default="queue", description="What happens while the run before still goes on."
    )
    jitter: Duration | None = field(
        default=None, description="Start up to so much later, always as much for one schedule."
    )
    calendar: Name | None = field(
        default=None, description="The Calendar on whose days alone it starts."
    )


class _GithubTrigger(_EventTrigger):
    repo: Repository | None = field(
        default=None, description="Only events of this repository, as `owner/name`."
    )


class GithubPushTrigger(_GithubTrigger):
    """A push that GitHub reported to `/hooks/github/<source>`."""

    type: Literal["github.push"] = field(
        description="A push that GitHub reported to `/hooks/github/<source>`."
    )
    branches: list[str] | None = field(default=None, description=f"Only these branches. {GLOBS}")
    tags: list[str] | None = field(default=None, description=f"Only these tags. {GLOBS}")
    paths: list[str] | None = field(
        default=None, description=f"Only pushes that change one of these files. {GLOBS}"
    )


class GithubPullRequestTrigger(_GithubTrigger):
    """Something happened to a pull request."""

    type: Literal["github.pull_request"] = field(
        description="Something happened to a pull request."
    )
    actions: list[str] = field(
        default=["opened", "reopened", "synchronize"],
        description="Only these actions, as GitHub names them.",
    )
    branches: list[str] | None = field(
        default=None, description=f"Only pull requests into these branches. {GLOBS}"
    )
    paths: list[str] | None = field(
        default=None, description=f"Only pull requests that change one of these files. {GLOBS}"
    )
    spec_from: Literal["base"] = field(
        default="base",
        description="Whose spec runs: always that of the branch into which it goes.",
    )


class GithubEventTrigger(_GithubTrigger):
    """Any other event that GitHub reported."""

    type: Literal[
        "github.branch_protection_rule", "github.check_run", "github.check_suite",
        "github.code_scanning_alert", "github.commit_comment", "github.create",
        "github.delete", "github.dependabot_alert", "github.deployment",
        "github.deployment_status", "github.discussion", "github.discussion_comment",
        "github.fork", "github.issue_comment", "github.issues", "github.label",
        "github.member", "github.merge_group", "github.milestone", "github.package",
        "github.page_build", "github.public", "github.pull_request_review",
        "github.pull_request_review_comment", "github.release", "github.repository",
        "github.repository_dispatch", "github.secret_scanning_alert", "github.star",
        "github.status", "github.watch", "github.workflow_dispatch", "github.workflow_job",
        "github.workflow_run",
    ] = field(description="An event that GitHub reported, by its name.")  # fmt: skip
    actions: list[str] | None = field(
        default=None, description="Only these actions, as GitHub names them."
    )


class HmacAuth(Model):
    """A keyed hash of the raw body in a header."""

    hmac: SecretName = field(description="The secret's name in the namespace.")
    header: str = field(default="X-Signature-256", description="The header with the signature.")
    algorithm: Literal["sha256", "sha512"] = field(
        default="sha256", description="The hash under the HMAC."
    )
    previous: SecretName | None = field(
        default=None, description="A second secret that is taken too, while you rotate."
    )


class StandardWebhooksAuth(Model):
    """The signature of standardwebhooks.com: id, timestamp and body."""

    standard: SecretName = field(description="The secret's name in the namespace.")
    previous: SecretName | None = field(
        default=None, description="A second secret that is taken too, while you rotate."
    )
    tolerance: Duration = field(
        default="5m", description="How far its timestamp may lie from the server's clock."
    )


class BearerAuth(Model):
    """`Authorization: Bearer` and a secret; it does not cover the body."""

    bearer: SecretName = field(description="The secret's name in the namespace.")
    previous: SecretName | None = field(
        default=None, description="A second secret that is taken too, while you rotate."
    )


Auth: TypeAlias = HmacAuth | StandardWebhooksAuth | BearerAuth


class WebhookTrigger(_EventTrigger):
    """A signed request to `/hooks/<namespace>/<path>`."""

    type: Literal["webhook"] = field(description="A signed request to `/hooks/<namespace>/<path>`.")
    path: Annotated[
        str,
        Words(
            pattern=r"^(/hooks)?/?[a-z0-9][a-z0-9/_-]{0,99}$",
            examples=["orders/paid"],
            patternErrorMessage="a path of lower case letters, digits, `/`, `_` and `-`",
        ),
    ] = field(description="The last part of its address, `/hooks/<namespace>/<path>`.")
    auth: Auth = field(
        description="How the sender proves who it is; a route without a secret is refused."
    )
    payload: JsonSchema | None = field(
        default=None, description="The JSON Schema of the body; another body is refused."
    )


class EventTrigger(_EventTrigger):
    """A CloudEvent: one that a workflow emitted, or that came in from outside."""

    type: Literal["event"] = field(description="A CloudEvent of this namespace.")
    event: EventType = field(description="The type of the event.")
    payload: JsonSchema | None = field(
        default=None, description="The JSON Schema of `event.data`; another event is refused."
    )


class WorkflowTrigger(_EventTrigger):
    """A run of another workflow has ended."""

    type: Literal["workflow"] = field(description="A run of another workflow has ended.")
    workflow: Name = field(description="The workflow, of this namespace.")
    states: list[Literal["succeeded", "failed", "cancelled", "compensated"]] = field(
        default=["succeeded"], description="How it must have ended; by default, well."
    )


class FileTrigger(_EventTrigger):
    """A file appeared, changed or went where a connection leads."""

    type: Literal["file"] = field(description="A file appeared, changed or went.")
    connection: Name = field(description="The Connection that leads there.")
    paths: list[str] = field(description=f"Only these files. {GLOBS}")
    changes: Annotated[list[Literal["created", "changed", "deleted"]], Words(minItems=1)] = field(
        default=["created"], description="What must have happened to them."
    )
    every: Duration = field(
        default="1m",
        description="How often it is looked at, in whole seconds. A file counts once it was the "
        "same twice in a row.",
    )


class AbsentTrigger(_Trigger):
    """An event that should have come did not."""

    type: Literal["absent"] = field(description="An event that should have come did not.")
    event: EventType = field(description="The type of the event.")
    match: Expression | None = field(
        default=None, description="An expression over `event`: only such events count."
    )
    within: Duration = field(description="Start when none has come for so long.")
    repeat: bool = field(
        default=False, description="Start again after each such span, until one has come."
    )


Trigger: TypeAlias = Annotated[
    ManualTrigger
    | ApiTrigger
    | ScheduleTrigger
    | GithubPushTrigger
    | GithubPullRequestTrigger
    | GithubEventTrigger
    | WebhookTrigger
    | EventTrigger
    | WorkflowTrigger
    | FileTrigger
    | AbsentTrigger,
    Words(discriminator="type"),
]
