"""The one table of the API's and the hooks' addresses."""

from collections.abc import Mapping

from engine.core.override import Kind
from webhooks import forges, health, inbound, openapi
from webhooks.address import Address, Answer, Body, Parameter
from webhooks.api import (
    approvals,
    callbacks,
    decisions,
    events,
    overrides,
    pauses,
    reviews,
    runs,
    schedules,
    sources,
    workflows,
)
from webhooks.schemas import FLAG, SAID, SHA, STATUS, TEXT, UUID

_V1 = "/api/v1"
_COMMON = ("auth.missing", "auth.unknown", "sark.unavailable", "sark.defect")
_READ = (*_COMMON, "sark.invalid")
_ONE = (*_READ, "sark.not_found")
_TAKES_BODY = (
    "http.content_type", "http.content_encoding", "http.cut_off", "http.not_json",
    "http.slow_body", "http.too_deep", "http.too_large", "sark.invalid",
)  # fmt: skip
_CHANGE = (*_ONE, *_TAKES_BODY[:-1], "sark.denied")
_HOOK = (*_TAKES_BODY, "http.delivery_id", "webhook.unsigned", "sark.unavailable", "sark.defect")

_PAGING: Mapping[str, Parameter] = {
    "limit": Parameter(
        {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        "How many items a page has.",
    ),
    "cursor": Parameter(TEXT, "`next` of the page before."),
}
_NAMESPACE = {"namespace": Parameter(TEXT, "Only this namespace.")}
_LOCATION = {"Location": Parameter(TEXT, "Where the run is.")}
_KEY = Parameter(
    {"type": "string", "minLength": 1, "maxLength": 255},
    "The same key with the same body gives the first answer again and starts nothing, for as long "
    "as the run is kept.",
)

_RUNS = (
    Address(
        "GET", f"{_V1}/runs", runs.listed, "List runs, newest first",
        {200: Answer("RunPage", "A page of runs.")}, ("run.read",), _READ,
        {
            "status": Parameter(STATUS, "Only runs of this status."),
            "workflow": Parameter(TEXT, "Only runs of this workflow."),
            **_NAMESPACE, **_PAGING,
        },
    ),
    Address(
        "GET", f"{_V1}/runs/{{id}}", runs.shown, "Show a run and its steps",
        {200: Answer("Run", "The run.")}, ("run.read",), _ONE, {},
    ),
    Address(
        "GET", f"{_V1}/runs/{{id}}/journal", runs.history, "List what has happened in a run",
        {200: Answer("JournalPage", "A page of the journal, in its order.")}, ("run.read",), _ONE,
        {
            "after": Parameter({"type": "integer", "minimum": 0}, "Only rows behind this `seq`."),
            **_PAGING,
        },
    ),
    Address(
        "GET", f"{_V1}/runs/{{id}}/plan", runs.plan, "Show the plan that a run follows",
        {200: Answer("RunPlan", "The plan, and the source that it came from.")}, ("run.read",),
        _ONE, {},
    ),
    Address(
        "GET", f"{_V1}/runs/{{id}}/values/{{digest}}", runs.value,
        "Download an output of a step that is passed by reference",
        {200: Answer("Value", "The value, any JSON.")}, ("run.read",), _ONE, {},
    ),
    Address(
        "POST", f"{_V1}/runs/{{id}}/cancel", runs.cancel, "Ask a run to end",
        {202: Answer("Cancelling", "It was asked, now or before.")},
        ("run.read", "run.cancel"), (*_CHANGE, "sark.conflict"), {},
        body=Body("Cancel", required=False),
    ),
    Address(
        "POST", f"{_V1}/runs/{{id}}/pause", pauses.pause, "Let a run begin nothing new",
        {202: Answer("Pausing", "It was asked; `until` is when it goes on by itself.")},
        ("run.read", "run.pause"), (*_CHANGE, "sark.conflict"), {},
        body=Body("Pause", required=False),
    ),
    Address(
        "POST", f"{_V1}/runs/{{id}}/resume", pauses.resume, "Let a paused run go on",
        {202: Answer("Resuming", "It was asked.")},
        ("run.read", "run.pause"), (*_CHANGE, "sark.conflict"), {},
        body=Body("Resume", required=False),
    ),
)  # fmt: skip
_ASKED = (
    Address(
        "GET", f"{_V1}/approvals", approvals.listed, "List what waits for people, oldest first",
        {200: Answer("ApprovalPage", "A page of approvals.")}, ("run.read",), _READ,
        {**_NAMESPACE, **_PAGING},
    ),
    Address(
        "GET", f"{_V1}/runs/{{id}}/approvals", approvals.of_run,
        "List what of a run waits for people",
        {200: Answer("ApprovalPage", "A page of approvals.")}, ("run.read",), _ONE, _PAGING,
    ),
    Address(
        "POST", f"{_V1}/runs/{{id}}/approvals/{{path:path}}", approvals.decide,
        "Approve or reject what was shown",
        {202: Answer("Decided", "It is durable; `repeated` if you had said so before.")},
        ("run.read", "approval.decide"), (*_CHANGE, "sark.conflict"), {}, body=Body("Decide"),
    ),
    Address(
        "GET", f"{_V1}/runs/{{id}}/callbacks", callbacks.of_run,
        "List where a run waits for requests",
        {200: Answer("CallbackPage", "A page of callbacks; their addresses are secrets.")},
        ("run.read", "callback.read"), (*_ONE, "sark.denied"), _PAGING,
    ),
    Address(
        "POST", "/callbacks/{token}", callbacks.take, "Give a step the request that it waits for",
        {202: Answer("Called", "It is durable.")}, (),
        (*_TAKES_BODY, "callback.unknown", "sark.conflict", "sark.unavailable", "sark.defect"),
        body=Body(),
    ),
)  # fmt: skip
_EVENTS = (
    Address(
        "GET", f"{_V1}/events", events.listed, "List events, newest first",
        {200: Answer("EventPage", "A page of events; they are kept for 7 days.")},
        ("event.read",), _READ,
        {"type": Parameter(TEXT, "Only events of this type."), **_NAMESPACE, **_PAGING},
    ),
    Address(
        "POST", f"{_V1}/namespaces/{{namespace}}/events", events.send,
        "Send a CloudEvent to a namespace",
        {202: Answer("Sent", "It is durable; `duplicate` if it had come before.")},
        ("event.send",), _CHANGE, {}, body=Body("CloudEvent"),
    ),
    Address(
        "GET", f"{_V1}/namespaces/{{namespace}}/decisions", decisions.listed,
        "List what events came to, newest first",
        {200: Answer("DecisionPage", "A page of decisions, one for each event and trigger.")},
        ("decision.read",), _ONE,
        {
            "said": Parameter(SAID, "Only decisions of this word, such as `error`."),
            "workflow": Parameter(TEXT, "Only decisions of this workflow."), **_PAGING,
        },
    ),
)  # fmt: skip
_WORKFLOWS = (
    Address(
        "GET", f"{_V1}/workflows", workflows.listed, "List the active workflows",
        {200: Answer("WorkflowPage", "A page of workflows.")}, ("workflow.read",), _READ,
        {**_NAMESPACE, **_PAGING},
    ),
    Address(
        "GET", f"{_V1}/workflows/{{namespace}}/{{name}}", workflows.shown,
        "Show a workflow, what it takes and what starts it",
        {200: Answer("Workflow", "The workflow.")}, ("workflow.read",), _ONE, {},
    ),
    Address(
        "POST", f"{_V1}/workflows/{{namespace}}/{{name}}/runs", workflows.start, "Start a run",
        {
            202: Answer(
                "Started",
                "The run is durable; a `duplicate` is one that an earlier start has made, as the "
                "`idempotency` of the workflow says.",
                _LOCATION,
            )
        },
        ("run.start",), (*_CHANGE, "sark.conflict"), {}, {"Idempotency-Key": _KEY},
        Body("Start", required=False),
    ),
    Address(
        "GET", f"{_V1}/schedules", schedules.listed, "List what the clock starts, and when",
        {200: Answer("SchedulePage", "A page of schedules of active workflows.")},
        ("workflow.read",), _READ,
        {
            "count": Parameter(
                {"type": "integer", "minimum": 1, "maximum": schedules.MOST, "default": 1},
                "How many of the next starts are told.",
            ),
            "workflow": Parameter(TEXT, "Only schedules of this workflow."),
            **_NAMESPACE, **_PAGING,
        },
    ),
    Address(
        "POST", f"{_V1}/workflows/{{namespace}}/{{name}}/backfill", schedules.backfill,
        "Start what a schedule would have started in a span of the past",
        {
            200: Answer("Backfilled", "With `dry`: what would be started."),
            202: Answer("Backfilled", "The runs are durable; `known` were decided on before."),
        },
        ("run.start",), (*_CHANGE, "sark.conflict"), {}, body=Body("Backfill"),
    ),
)  # fmt: skip
_SOURCES = (
    Address(
        "GET", f"{_V1}/sources", sources.listed, "List the sources",
        {200: Answer("SourcePage", "A page of sources.")}, ("source.read",), _READ, _PAGING,
    ),
    Address(
        "GET", f"{_V1}/sources/{{name}}", sources.shown, "Show a source",
        {200: Answer("Source", "The source.")}, ("source.read",), _ONE, {},
    ),
    Address(
        "POST", f"{_V1}/sources/{{name}}/sync", sources.sync, "Ask for a look at a source",
        {202: Answer("Asked", "Wait until `generation_handled` has come as far.")},
        ("source.read", "source.sync"), (*_ONE, "sark.denied", "sark.conflict"), {},
    ),
    Address(
        "GET", f"{_V1}/commits/{{sha}}", sources.commit, "Say what became of a commit",
        {200: Answer("CommitPage", "The commit, for each source that has shown it.")},
        ("commit.read",), _ONE, {},
    ),
)  # fmt: skip
_PUT: Mapping[Kind, str] = {
    Kind.SUSPEND: "Hold every commit of a source",
    Kind.THAW: "Let commits through the freeze of a source",
    Kind.CONFIRM: "Let a held commit remove workflows",
    Kind.ROLLBACK: "Go back to an earlier commit, and stay there",
}
_DROP: Mapping[Kind, str] = {
    Kind.SUSPEND: "Resume a suspended source",
    Kind.THAW: "Let the freeze of a source hold again",
    Kind.CONFIRM: "Take a confirmation back",
    Kind.PIN: "Let a source that was rolled back go on",
}
_OVERRIDDEN = {202: Answer("Overridden", "Wait until `generation_handled` has come as far.")}
_OVERRIDES = (
    *(
        Address(
            "PUT", f"{_V1}/sources/{{name}}/overrides/{kind}", overrides.put(kind), meaning,
            _OVERRIDDEN, ("source.read", overrides.action(kind)), (*_CHANGE, "sark.conflict"), {},
            body=Body("Overriding"),
        )
        for kind, meaning in _PUT.items()
    ),
    *(
        Address(
            "DELETE", f"{_V1}/sources/{{name}}/overrides/{kind}", overrides.drop(kind), meaning,
            _OVERRIDDEN, ("source.read", overrides.action(kind)), (*_ONE, "sark.denied"), {},
        )
        for kind, meaning in _DROP.items()
    ),
)  # fmt: skip
_REVIEWS = (
    Address(
        "GET", f"{_V1}/reviews", reviews.listed, "List the reviews of pull requests",
        {200: Answer("ReviewPage", "A page of reviews.")}, ("source.read",), _READ,
        {
            "source": Parameter(TEXT, "Only reviews of this source."),
            "all": Parameter(FLAG, "Those of pull requests that are closed, too."), **_PAGING,
        },
    ),
    Address(
        "GET", f"{_V1}/reviews/{{source}}/{{number}}", reviews.shown,
        "Show what a pull request would change",
        {200: Answer("Review", "The review.")}, ("source.read",), _ONE, {},
    ),
)  # fmt: skip
_HOOKS = (
    Address(
        "POST", "/hooks/github/{source}", inbound.github, "Take a webhook of GitHub's",
        {202: Answer("Delivered", "It is recorded, now or before.")}, ("run.start",),
        (*_HOOK, "github.payload"),
        headers={
            "X-Hub-Signature-256": Parameter(TEXT, "`sha256=` and the HMAC of the raw body."),
            "X-GitHub-Event": Parameter(TEXT, "`push` starts workflows; others are recorded."),
            "X-GitHub-Delivery": Parameter(TEXT, "The delivery's id, taken once."),
        },
        body=Body(),
    ),
    Address(
        "POST", "/hooks/gitlab/{source}", forges.gitlab, "Take a webhook of GitLab's",
        {202: Answer("Woken", "Whoever is to look at it will.")}, (), (*_HOOK, "forge.payload"),
        headers={
            "X-Gitlab-Token": Parameter(TEXT, "The secret token of the source."),
            "Idempotency-Key": Parameter(TEXT, "The delivery's id."),
        },
        body=Body(),
    ),
    Address(
        "POST", "/hooks/gitea/{source}", forges.gitea, "Take a webhook of Gitea's or Forgejo's",
        {202: Answer("Woken", "Whoever is to look at it will.")}, (), (*_HOOK, "forge.payload"),
        headers={
            "X-Gitea-Signature": Parameter(TEXT, "The HMAC-SHA256 of the raw body."),
            "X-Gitea-Event": Parameter(TEXT, "Pushes, pull requests, reviews, comments."),
            "X-Gitea-Delivery": Parameter(TEXT, "The delivery's id."),
        },
        body=Body(),
    ),
    Address(
        "POST", "/hooks/{namespace}/{path:path}", inbound.webhook, "Take a webhook of a trigger's",
        {202: Answer("Delivered", "It is recorded, now or before.")}, ("run.start",), _HOOK,
        headers={
            "webhook-id": Parameter(TEXT, "The delivery's id, taken once (Standard Webhooks)."),
            "webhook-timestamp": Parameter(TEXT, "When it was signed (Standard Webhooks)."),
            "webhook-signature": Parameter(TEXT, "Its signatures (Standard Webhooks)."),
        },
        body=Body(),
    ),
)  # fmt: skip
_HEALTH = (
    Address(
        "GET", "/livez", health.alive, "Is the process alive",
        {200: Answer("Alive", "The event loop turns.")},
    ),
    Address(
        "GET", "/readyz", health.ready, "Is the process ready",
        {
            200: Answer(
                "Ready",
                "Requests are served; `degraded` without Redis, a worker or somebody who leads.",
            ),
            503: Answer("Ready", "A request would fail, and why; with `Retry-After`."),
        },
    ),
    Address(
        "GET", "/metrics", health.metrics, "What the process has counted",
        {200: Answer("", "Prometheus' text format.")}, ("metrics.read",), (*_COMMON, "sark.denied"),
    ),
    Address(
        "GET", "/api/openapi.json", openapi.shown, "This description, as OpenAPI 3.1",
        {200: Answer("Description", "The document.")}, (), _COMMON[:2], {},
    ),
)  # fmt: skip
TABLE: tuple[Address, ...] = (
    *_WORKFLOWS, *_RUNS, *_ASKED, *_EVENTS, *_SOURCES, *_OVERRIDES, *_REVIEWS, *_HOOKS, *_HEALTH,
)  # fmt: skip

PATHS: Mapping[str, Parameter] = {
    "digest": Parameter(SHA, "The SHA-256 of a value, as a step tells it."),
    "id": Parameter(UUID, "The run's id."),
    "name": Parameter(TEXT, "The name of the workflow or source."),
    "namespace": Parameter(TEXT, "The namespace."),
    "number": Parameter({"type": "integer", "minimum": 1}, "The pull request's number."),
    "path": Parameter(TEXT, "The `path` of the trigger or of the step; it may hold slashes."),
    "sha": Parameter(SHA, "The beginning of the commit's hash."),
    "source": Parameter(TEXT, "The source's name."),
    "token": Parameter(TEXT, "The last part of the address that was handed out."),
}
