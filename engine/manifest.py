"""What `sark.runs@1`, the engine's own operation, takes, gives and promises."""

from collections.abc import Mapping

from adapters.contract import ErrorClass, ErrorType, Json, Manifest
from engine.core.state import RunStatus

DEFAULT_LIMIT, _LARGEST_LIMIT = 20, 100
_SPAN = r"^([0-9]+(ms|s|m|h|d|w))+$"

_ITEM: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "status", "commit", "created_at", "ended_at"],
    "properties": {
        "id": {"type": "string"},
        "status": {"type": "string", "enum": [each.value for each in RunStatus]},
        "commit": {"type": "string"},
        "created_at": {"type": "string", "format": "date-time"},
        "ended_at": {"type": ["string", "null"], "format": "date-time"},
    },
}

MANIFEST = Manifest(
    name="sark.runs@1",
    title="Look up earlier runs of a workflow",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["workflow"],
        "properties": {
            "workflow": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "description": "A workflow of the namespace that the run itself is in.",
            },
            "within": {
                "type": "string",
                "pattern": _SPAN,
                "maxLength": 40,
                "description": "How long ago a run may have been made at most, such as `2h`.",
            },
            "status": {
                "type": "string",
                "enum": [each.value for each in RunStatus],
                "description": "Only runs in this state.",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": _LARGEST_LIMIT,
                "default": DEFAULT_LIMIT,
                "description": "How many runs at most.",
            },
        },
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "items": _ITEM,
                "description": "The runs, newest first; the run that asks is none of them.",
            },
        },
    },
    effect="read",
    idempotent=True,
    errors=(
        ErrorType("sark.unavailable", ErrorClass.TRANSIENT, "The database does not answer."),
        ErrorType("sark.invalid", ErrorClass.PERMANENT, "`within` is no span of time."),
    ),
)
