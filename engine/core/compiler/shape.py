"""The shapes of what an expression may read, as JSON Schemas: `inputs`, `steps`, `run`, `event`."""

from collections.abc import Iterable, Mapping

from engine.core import facts, forge, spec
from engine.core.compiler.site import Schema
from engine.core.state import RunStatus, StepState
from engine.core.values import Json

ANYTHING: Schema = {}
STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
_INSTANT: Schema = {"type": "string", "format": "date-time"}
SCALAR: Schema = {"type": ["string", "boolean", "number"]}
_NULLABLE_STRING: Schema = {"type": ["string", "null"]}


def closed(properties: Mapping[str, Json], optional: Iterable[str] = ()) -> dict[str, Json]:
    """Return the schema of an object that has these properties and no others."""
    left_out = set(optional)
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in left_out],
        "additionalProperties": False,
    }


def opened(properties: Mapping[str, Json], required: Iterable[str] = ()) -> dict[str, Json]:
    """Return the schema of an object that has these properties, and perhaps others."""
    return {"type": "object", "properties": properties, "required": list(required)}


RUN: Schema = closed(
    {
        "id": STRING,
        "namespace": STRING,
        "workflow": STRING,
        "commit": STRING,
        "spec": closed({"commit": STRING}),
        "status": {"type": "string", "enum": [each.value for each in RunStatus]},
        "compensated": BOOLEAN,
        "started_at": _INSTANT,
    }
)

_ERROR_PROPERTIES: Schema = {
    "type": STRING,
    "detail": STRING,
    "message": STRING,
    "class": {"type": "string", "enum": ["transient", "permanent", "unknown"]},
    "step": STRING,
    "attempt": {"type": "integer"},
    "retry_after": {"type": "number"},
}
_ERROR_REQUIRED = ("type", "detail", "message", "class")
ERROR: Schema = opened(_ERROR_PROPERTIES, _ERROR_REQUIRED)
LAST_ERROR: Schema = {**ERROR, "type": ["object", "null"]}
"""In `finally`: null where nothing has failed."""

_PERSON: Schema = opened({"name": STRING, "email": _NULLABLE_STRING, "username": STRING})
_COMMIT: Schema = opened(
    {
        "id": STRING,
        "message": STRING,
        "timestamp": STRING,
        "url": STRING,
        "author": _PERSON,
        "committer": _PERSON,
        "added": {"type": "array", "items": STRING},
        "modified": {"type": "array", "items": STRING},
        "removed": {"type": "array", "items": STRING},
    }
)
_REPOSITORY: Schema = opened(
    {
        "id": {"type": "integer"},
        "name": STRING,
        "full_name": STRING,
        "html_url": STRING,
        "clone_url": STRING,
        "default_branch": STRING,
        "private": BOOLEAN,
    }
)
_SENDER: Schema = opened({"login": STRING, "id": {"type": "integer"}, "type": STRING})
PUSH: Schema = opened(
    {
        "ref": STRING,
        "branch": _NULLABLE_STRING,  # ours: null for a tag
        "before": STRING,
        "after": STRING,
        "base_ref": _NULLABLE_STRING,
        "compare": STRING,
        "created": BOOLEAN,
        "deleted": BOOLEAN,
        "forced": BOOLEAN,
        "commits": {"type": "array", "items": _COMMIT},
        "head_commit": {**_COMMIT, "type": ["object", "null"]},
        "repository": _REPOSITORY,
        "pusher": _PERSON,
        "sender": _SENDER,
    },
    ["ref", "branch", "before", "after", "commits", "head_commit", "repository", "pusher"],
)
"""GitHub's `push` payload as its documentation words it, with `branch` added."""

_REPORTED: Schema = {"action": STRING, "repository": _REPOSITORY, "sender": _SENDER}
REPORT: Schema = opened(_REPORTED)
"""Any payload of GitHub's: what most of them have in common."""

_SIDE: Schema = {"ref": STRING, "sha": STRING, "repo": _NULLABLE_STRING}
_PULL: Schema = {
    "number": {"type": "integer"},
    **dict.fromkeys(("title", "url", "author"), STRING),
    **dict.fromkeys(("draft", "merged"), BOOLEAN),
    "labels": {"type": "array", "items": STRING},
    "head": closed({**_SIDE, "is_fork": BOOLEAN}),
    "base": closed(_SIDE),
}
_FILES: Schema = {"type": "array", "items": STRING}
PULL_REQUEST: Schema = opened(
    {**_REPORTED, **_PULL, "files": _FILES, "pull_request": ANYTHING},
    ["action", "repository", "pull_request", *_PULL],
)
"""GitHub's `pull_request` payload, with what `engine.core.forge.pulled` puts at its top.

`files` is there where a trigger with `paths` had them asked for.
"""

NO_EVENT: Schema = closed({})


def event(trigger: spec.Trigger, payload: Json = None) -> Schema:
    """Return the shape of one `event` for a trigger; nothing comes with a start by hand.

    `payload` is what may be read of a webhook's body, of a CloudEvent's data, or of the outputs
    of a run that has ended.
    """
    body = ANYTHING if payload is None else payload
    match trigger:
        case spec.GithubPushTrigger():
            return PUSH
        case spec.WebhookTrigger():
            headers: Schema = {"type": "object", "additionalProperties": STRING}
            return closed({"id": STRING, "headers": headers, "body": body})
        case spec.EventTrigger():
            return happened(trigger.event, body)
        case spec.WorkflowTrigger():
            return _ended(trigger, body)
        case spec.FileTrigger():
            return closed(
                {
                    "path": STRING,
                    "change": {"type": "string", "enum": list(trigger.changes)},
                    "size": {"type": "integer"},
                    "modified": _INSTANT,
                    "version": STRING,
                }
            )
        case spec.GithubPullRequestTrigger():
            return PULL_REQUEST
        case spec.GithubEventTrigger():
            return REPORT
        case _:
            return NO_EVENT


def _ended(trigger: spec.WorkflowTrigger, outputs: Json) -> Schema:
    """Return the shape of the end of a run; only one that has succeeded has outputs."""
    is_sure = trigger.states == ["succeeded"]
    told = outputs if isinstance(outputs, Mapping) else ANYTHING
    return closed(
        {
            **dict.fromkeys(("workflow", "run", "commit"), STRING),
            "state": {"type": "string", "enum": list(trigger.states)},
            "flags": {"type": "array", "items": STRING},
            "outputs": told if is_sure or not told else {**told, "type": ["object", "null"]},
            "error": LAST_ERROR,
            "started_at": {**_INSTANT, "type": ["string", "null"]},
            "ended_at": _INSTANT,
        }
    )


def gathered(trigger: spec.Trigger, event: Schema) -> Schema:
    """Return the shape of `event` for a run: of all that a batch gathers, where there is one.

    With a `fan_out` those are its items.
    """
    if getattr(trigger, "batch", None) is None:
        return event
    return closed({"items": {"type": "array", "items": event, "minItems": 1}})


def trigger(triggers: Mapping[str, spec.Trigger], events: Mapping[str, Schema]) -> Schema:
    """Return the shape of `trigger`: its `event` is known where all triggers agree on it."""
    first, *others = events.values()
    event = first if all(each == first for each in others) else ANYTHING
    types = {each.type for each in triggers.values()}
    words: dict[str, Json] = {"id": _one_of(triggers), "type": _one_of(types), "event": event}
    backfill = {"backfill"} if any(map(_may_backfill, triggers.values())) else set()
    words["kind"] = _one_of(types | backfill)
    if backfill or types & {"schedule", "absent"}:
        words["interval"] = closed({"start": _INSTANT, "end": _INSTANT})
    if "schedule" in types:
        words["scheduled_at"] = _INSTANT
    return closed(words)


def _may_backfill(trigger: spec.Trigger) -> bool:
    return isinstance(trigger, spec.ManualTrigger) and trigger.backfill


def _one_of(words: Iterable[str]) -> Schema:
    return {"type": "string", "enum": sorted(words)}


ARTIFACT: Schema = facts.ARTIFACT
"""A file that a step has kept: only an argument that is a file takes one."""


def happened(name: str, data: Json = None) -> Schema:
    """Return the shape of an event: one of GitHub's as it came, any other as a CloudEvent."""
    if name.startswith(forge.PREFIX):
        return {forge.PUSH: PUSH, forge.PULL: PULL_REQUEST}.get(forge.names(name)[-1], REPORT)
    words = dict.fromkeys(("id", "source", "type"), STRING)
    return closed({**words, "subject": _NULLABLE_STRING, "data": data or ANYTHING})


_STATUS: Schema = {"type": "string", "enum": [each.value for each in StepState]}


def undone(outputs: Json) -> Schema:
    """Return the shape of `self` in a compensation, for a step with these outputs."""
    return closed(
        {"idempotency_key": STRING, "outputs": outputs, "status": _STATUS, "error": LAST_ERROR}
    )


def view(outputs: Json, artifacts: Iterable[str] = ()) -> Schema:
    """Return the shape of `steps.<id>` for a step with these outputs and artifacts."""
    words = ("succeeded", "failed", "skipped", "timed_out", "degraded", "cached")
    return closed(
        {
            "outputs": outputs,
            "artifacts": closed(dict.fromkeys(artifacts, ARTIFACT)),
            "status": _STATUS,
            **dict.fromkeys(words, BOOLEAN),
            "error": LAST_ERROR,
        }
    )
