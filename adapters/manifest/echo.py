"""What `echo.say@1` takes, gives and promises."""

from adapters.contract import ErrorClass, ErrorType, Manifest

MANIFEST = Manifest(
    name="echo.say@1",
    title="Hand back a message",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["message"],
        "properties": {
            "message": {"description": "Any value; it comes back as it is."},
            "delay": {
                "type": "string",
                "pattern": r"^\d{1,5}(s(\d{1,5}ms)?|ms)$",
                "default": "0s",
                "description": "How long to wait before answering: `250ms`, `2s`; at most 60 s.",
            },
        },
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["message"],
        "properties": {"message": {"description": "The message, as it was given."}},
    },
    effect="pure",
    idempotent=True,
    errors=(
        ErrorType("echo.invalid", ErrorClass.PERMANENT, "The delay is no span up to 60 s."),
        ErrorType("echo.timeout", ErrorClass.TRANSIENT, "The delay is longer than the attempt."),
    ),
)
