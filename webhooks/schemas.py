"""The shapes of what the API takes and tells, by name, as JSON Schema 2020-12."""

from collections.abc import Mapping

from engine.core.override import Kind
from engine.core.review import Conclusion
from engine.core.state import RunStatus, StepState
from engine.core.trigger import Said
from webhooks.address import Schema

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
UUID: Schema = {"type": "string", "format": "uuid"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
SHA: Schema = {"type": "string", "pattern": "^[0-9a-f]{4,64}$"}
ANYTHING: Schema = {}
FREE: Schema = {"type": "object"}
_KINDS = [
    "started", "succeeded", "produced", "spilled", "counted", "failed", "alarm", "arrived",
    "decided", "lost", "orphaned", "severed", "cancel", "pause", "resume",
]  # fmt: skip
_DECISION: Schema = {"type": "string", "enum": ["approved", "rejected"]}
_CONCLUSION: Schema = {"type": "string", "enum": [each.value for each in Conclusion]}
SAID: Schema = {"type": "string", "enum": [each.value for each in Said]}
OVERRIDE: Schema = {"type": "string", "enum": [each.value for each in Kind]}
STATUS: Schema = {"type": "string", "enum": [each.value for each in RunStatus]}


def ref(name: str) -> Schema:
    """Return a reference to a shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _object(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def _page(name: str) -> Schema:
    return _object({"items": _list(ref(name)), "next": _or_null(TEXT)})


_NAMED = {"namespace": TEXT, "name": TEXT}
_RUN_HEAD = {
    "id": UUID,
    "namespace": TEXT,
    "workflow": TEXT,
    "status": STATUS,
    "flags": _list(TEXT),
    "commit": TEXT,
    "plan": TEXT,
}
_RUN_TIMES = {
    "created_at": INSTANT,
    "started_at": _or_null(INSTANT),
    "ended_at": _or_null(INSTANT),
}
_WORKFLOW = {
    **_NAMED,
    "title": TEXT,
    "source": TEXT,
    "commit": TEXT,
    "plan": TEXT,
    "file": TEXT,
    "next": _or_null(INSTANT),
}
_CHECK = _object({"status": {"type": "string", "enum": ["ok", "failed", "degraded"]}},
                 reason=TEXT, digest=TEXT)  # fmt: skip

SCHEMAS: Mapping[str, Schema] = {
    "Start": _object({}, inputs=FREE),
    "Started": _object(
        {
            "id": UUID,
            "namespace": TEXT,
            "workflow": TEXT,
            "status": STATUS,
            "duplicate": FLAG,
            "links": _object({"self": TEXT, "journal": TEXT}),
        }
    ),
    "Run": _object(
        {
            **_RUN_HEAD,
            "trigger": FREE,
            "inputs": FREE,
            "outputs": _or_null(FREE),
            "error": _or_null(ref("Error")),
            "objectives": _list(ref("Objective")),
            **_RUN_TIMES,
            "paused": _or_null(
                _object({"by": TEXT, "reason": TEXT, "since": INSTANT, "until": INSTANT})
            ),
            "steps": _list(ref("Step")),
        }
    ),
    "Objective": _object({"id": TEXT, "due": INSTANT, "missed": {"type": "boolean"}}),
    "RunLine": _object(
        {**_RUN_HEAD, "error": _or_null(_object({"type": TEXT})), **_RUN_TIMES}
    ),
    "RunPage": _page("RunLine"),
    "Step": _object(
        {
            "path": TEXT,
            "status": {"type": "string", "enum": [each.value for each in StepState]},
            "reason": _or_null(TEXT),
            "attempts": NUMBER,
            "started_at": _or_null(INSTANT),
            "ended_at": _or_null(INSTANT),
            "error": _or_null(ref("Error")),
            "outputs": _or_null(FREE),
            "spilled": FREE,
            "artifacts": FREE,
            "flags": _list({"type": "string", "enum": ["degraded", "cached", "timed_out"]}),
            "waits_for": _or_null(ref("WaitsFor")),
        }
    ),
    "WaitsFor": _object(
        {
            "what": {"type": "string", "enum": ["event", "callback", "approval", "time", "worker"]},
            "event": _or_null(TEXT),
            "pool": _or_null(TEXT),
            "until": _or_null(INSTANT),
        }
    ),
    "Error": {
        "type": "object",
        "properties": {
            "type": TEXT,
            "detail": TEXT,
            "class": {"type": "string", "enum": ["transient", "permanent", "unknown"]},
            "step": TEXT,
        },
        "required": ["type", "detail"],
    },
    "JournalRow": _object(
        {
            "seq": NUMBER,
            "at": INSTANT,
            "kind": {
                "type": "string",
                "enum": _KINDS,
            },
            "path": TEXT,
            "attempt": NUMBER,
            "data": ANYTHING,
        }
    ),
    "JournalPage": _page("JournalRow"),
    "Value": ANYTHING,
    "RunPlan": _object({"digest": TEXT, "source": TEXT, "root": TEXT, "plan": FREE}),
    "Cancel": _object({}, reason=TEXT),
    "Pause": _object({}, reason=TEXT, **{"for": TEXT}),
    "Resume": _object({}, reason=TEXT),
    "Pausing": _object({"id": UUID, "until": INSTANT}),
    "Resuming": _object({"id": UUID}),
    "Cancelling": _object({"id": UUID, "status": {"const": "cancelling"}}),
    "Approval": _object(
        {
            "run": UUID,
            "path": TEXT,
            "namespace": TEXT,
            "workflow": TEXT,
            "show": TEXT,
            "by": _list(TEXT),
            "exclude": _list(TEXT),
            "min": NUMBER,
            "form": ANYTHING,
            "binds": FREE,
            "asked": TEXT,
            "decided": {"type": "object", "additionalProperties": _DECISION},
            "asked_at": INSTANT,
            "expires_at": INSTANT,
        }
    ),
    "ApprovalPage": _page("Approval"),
    "Decide": _object(
        {"decision": _DECISION, "asked": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
        form=FREE, note={"type": "string", "maxLength": 1000},
    ),
    "Decided": _object(
        {"run": UUID, "path": TEXT, "decision": _DECISION, "by": TEXT, "repeated": FLAG}
    ),
    "Callback": _object(
        {
            "path": TEXT,
            "url": {"type": "string", "format": "uri"},
            "schema": ANYTHING,
            "asked_at": INSTANT,
            "used_at": _or_null(INSTANT),
        }
    ),
    "CallbackPage": _page("Callback"),
    "Called": _object({"run": UUID, "path": TEXT}),
    "CloudEvent": {
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": TEXT,
            "source": {"type": "string", "format": "uri-reference"},
            "type": TEXT,
            "subject": TEXT,
            "time": INSTANT,
            "datacontenttype": TEXT,
            "dataschema": {"type": "string", "format": "uri"},
            "data": ANYTHING,
        },
        "required": ["specversion", "id", "source", "type"],
    },
    "Sent": _object({"id": TEXT, "source": TEXT, "duplicate": FLAG}),
    "Event": _object(
        {
            "namespace": TEXT,
            "id": TEXT,
            "type": TEXT,
            "subject": _or_null(TEXT),
            "source": TEXT,
            "data": ANYTHING,
            "at": INSTANT,
        }
    ),
    "EventPage": _page("Event"),
    "Decision": _object(
        {
            "namespace": TEXT,
            "workflow": TEXT,
            "trigger": TEXT,
            "item": NUMBER,
            "said": SAID,
            "reason": TEXT,
            "run": _or_null(UUID),
            "route": TEXT,
            "delivery": TEXT,
            "at": INSTANT,
        }
    ),
    "DecisionPage": _page("Decision"),
    "WorkflowLine": _object(_WORKFLOW),
    "WorkflowPage": _page("WorkflowLine"),
    "Workflow": _object({**_WORKFLOW, "inputs": FREE, "triggers": _list(ref("Trigger"))}),
    "Trigger": _object(
        {"id": TEXT, "type": TEXT}, route=TEXT, open=FLAG, reason=_or_null(TEXT),
        next=_or_null(INSTANT), waiting=NUMBER,
    ),
    "Schedule": _object(
        {
            "namespace": TEXT,
            "workflow": TEXT,
            "trigger": TEXT,
            "cron": _or_null(TEXT),
            "every": _or_null(TEXT),
            "timezone": TEXT,
            "next": _list(INSTANT),
            "decided": _or_null(INSTANT),
            "waiting": NUMBER,
            "run": _or_null(UUID),
        }
    ),
    "SchedulePage": _page("Schedule"),
    "Backfill": _object({"from": TEXT, "to": TEXT}, trigger=_or_null(TEXT), dry=FLAG),
    "Backfilled": _object(
        {
            "trigger": TEXT,
            "items": _list(_object({"at": INSTANT, "run": _or_null(UUID), "known": FLAG})),
        }
    ),
    "Source": _object(
        {
            **_NAMED,
            "environment": TEXT,
            "url": TEXT,
            "ref": TEXT,
            "root": TEXT,
            "observed": _or_null(TEXT),
            "attempted": _or_null(TEXT),
            "active": _or_null(TEXT),
            "pinned": _or_null(TEXT),
            "overrides": _list(ref("Override")),
            "conditions": _list(ref("Condition")),
            "generation": NUMBER,
            "generation_handled": NUMBER,
            "updated_at": INSTANT,
        }
    ),
    "SourcePage": _page("Source"),
    "Review": _object(
        {
            "source": TEXT, "number": NUMBER, "title": TEXT, "author": TEXT, "open": FLAG,
            "head": _or_null(TEXT), "base": _or_null(TEXT), "conclusion": _or_null(_CONCLUSION),
            "plan": _or_null(TEXT), "workflows": _list(TEXT),
            "approvals": _list(_object({"rule": TEXT, "team": TEXT})),
            "live": _or_null(TEXT), "waits": FLAG, "fault": _or_null(TEXT), "updated_at": INSTANT,
        },
        text=TEXT, notes=TEXT,
    ),
    "ReviewPage": _page("Review"),
    "Condition": _object(
        {
            "type": TEXT,
            "status": FLAG,
            "reason": TEXT,
            "message": TEXT,
            "revision": _or_null(TEXT),
            "since": INSTANT,
        }
    ),
    "Override": _object(
        {
            "kind": OVERRIDE,
            "commit": _or_null(TEXT),
            "reason": TEXT,
            "actor": TEXT,
            "since": INSTANT,
            "until": _or_null(INSTANT),
        }
    ),
    "Overriding": _object({"reason": TEXT}, **{"for": TEXT, "commit": TEXT}),
    "Overridden": _object(
        {"name": TEXT, "generation": NUMBER, "override": _or_null(ref("Override"))}
    ),
    "Asked": _object({"name": TEXT, "generation": NUMBER}),
    "Commit": _object(
        {
            "source": TEXT,
            "sha": TEXT,
            "state": TEXT,
            "reason": TEXT,
            "author": TEXT,
            "subject": TEXT,
            "committed_at": _or_null(INSTANT),
            "history": _list(_object({"state": TEXT, "at": INSTANT, "reason": TEXT})),
            "findings": _list(ref("Finding")),
            "seen_at": INSTANT,
            "active": _or_null(TEXT),
            "active_since": _or_null(INSTANT),
        }
    ),
    "CommitPage": _page("Commit"),
    "Finding": _object(
        {
            "code": TEXT,
            "severity": {"type": "string", "enum": ["error", "warning"]},
            "message": TEXT,
            "file": TEXT,
            "line": NUMBER,
            "column": NUMBER,
            "hint": TEXT,
        }
    ),
    "Delivered": _object(
        {"delivery": TEXT, "runs": _list(UUID), "duplicate": FLAG}
    ),
    "Woken": _object(
        {
            "delivery": TEXT,
            "woke": {"type": "string", "enum": ["reconciler", "reviews", "nobody"]},
        }
    ),
    "Alive": _object({"status": {"const": "ok"}}),
    "Ready": _object(
        {
            "status": {"type": "string", "enum": ["ready", "degraded", "unready"]},
            "checks": {"type": "object", "additionalProperties": _CHECK},
        }
    ),
    "Problem": _object(
        {
            "type": {"type": "string", "format": "uri"},
            "title": TEXT,
            "status": NUMBER,
            "detail": TEXT,
            "instance": TEXT,
            "code": TEXT,
            "request_id": TEXT,
        },
        errors=_list(_object({"pointer": TEXT, "message": TEXT})),
    ),
    "Description": FREE,
}  # fmt: skip
