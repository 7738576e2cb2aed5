"""What `smtp.send@1` takes, gives and promises. No library is loaded to read it."""

from adapters.contract import ErrorClass, ErrorType, Json, Manifest, Role

MOST_RECIPIENTS = 100
LONGEST_SUBJECT = 500
LARGEST_BODY = 1024 * 1024

_T, _P, _U = ErrorClass.TRANSIENT, ErrorClass.PERMANENT, ErrorClass.UNKNOWN
_ADDRESS: dict[str, Json] = {"type": "string", "minLength": 3, "maxLength": 320}


def _addresses(description: str, least: int = 0) -> Json:
    return {
        "type": "array",
        "minItems": least,
        "maxItems": MOST_RECIPIENTS,
        "items": _ADDRESS,
        "description": description,
    }


SERVER: dict[str, Json] = {
    "host": {
        "type": "string",
        "minLength": 1,
        "maxLength": 253,
        "description": "A mail server instead of the operator's, one of its `allow_hosts`; mostly "
        "a Connection names it.",
    },
    "port": {
        "type": "integer",
        "minimum": 1,
        "maximum": 65535,
        "description": "587 with `starttls`, 465 with `tls`, 25 with `none`, if not given.",
    },
    "security": {
        "type": "string",
        "enum": ["none", "starttls", "tls"],
        "description": "How the server is spoken to; `starttls`, if not given.",
    },
    "username": {
        "type": "string",
        "minLength": 1,
        "maxLength": 320,
        "description": "A login, never sent without TLS.",
    },
    "password": {"type": "string", "minLength": 1, "maxLength": 8192, "description": "Its word."},
    "from": {**_ADDRESS, "description": "Who the message is from."},
}
"""What names a server; all of it belongs to the `host`."""
_PROPERTIES: dict[str, Json] = {
    **SERVER,
    "to": _addresses("Addresses: `sre@acme.example`, or `On call <sre@acme.example>`.", 1),
    "cc": _addresses("Others who get it, and are seen to."),
    "bcc": _addresses("Others who get it, and are not seen to."),
    "reply_to": _addresses("Where answers go, if not to the sender."),
    "subject": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_SUBJECT,
        "description": "One line.",
    },
    "text": {
        "type": "string",
        "maxLength": LARGEST_BODY,
        "description": "The message as plain text.",
    },
    "html": {
        "type": "string",
        "maxLength": LARGEST_BODY,
        "description": "The message as HTML; beside `text` a reader chooses.",
    },
}

MANIFEST = Manifest(
    name="smtp.send@1",
    title="Send an e-mail",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["to", "subject"],
        "anyOf": [{"required": ["text"]}, {"required": ["html"]}],
        "dependentRequired": {
            "host": ["from"],
            **{key: ["host"] for key in ("port", "security", "from")},
            "username": ["host", "password"],
            "password": ["host", "username"],
        },
        "properties": _PROPERTIES,
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["message_id", "reply"],
        "properties": {
            "message_id": {
                "type": "string",
                "description": "The same for every attempt of a step, as it follows from its key.",
            },
            "reply": {
                "type": "string",
                "description": "What the server said when it took the message.",
            },
        },
    },
    effect="write",
    idempotent=False,
    errors=(
        ErrorType("smtp.connect", _T, "No connection, or no greeting; nothing was sent."),
        ErrorType("smtp.disconnected", _T, "The connection broke before the message was sent."),
        ErrorType("smtp.disconnected", _U, "It broke before the message was answered."),
        ErrorType("smtp.timeout", _T, "The attempt's time ended before the message was sent."),
        ErrorType("smtp.timeout", _U, "It ended before the message was answered."),
        ErrorType("smtp.refused", _T, "The server says 4xx: not now."),
        ErrorType("smtp.refused", _P, "The server says 5xx to the sender or the message."),
        ErrorType("smtp.recipient", _T, "It says 4xx to a recipient; nobody gets the message."),
        ErrorType("smtp.recipient", _P, "It says 5xx to a recipient; nobody gets the message."),
        ErrorType("smtp.login", _T, "It says 4xx to the login."),
        ErrorType("smtp.login", _P, "It does not take user name and password."),
        ErrorType("smtp.tls", _P, "There is no TLS, or the certificate is not acceptable."),
        ErrorType("smtp.protocol", _P, "What answers is no SMTP server; nothing was sent."),
        ErrorType("smtp.protocol", _U, "The answer to the message is not SMTP."),
        ErrorType("smtp.settings", _P, "[adapters.smtp] names no server, or its password is gone."),
        ErrorType("smtp.blocked", _P, "The rules for hosts and addresses forbid it."),
        ErrorType("smtp.invalid", _P, "The arguments make no message; nothing was sent."),
    ),
    roles={
        **dict.fromkeys(("/to", "/cc", "/bcc", "/reply_to", "/from"), (Role.HEADER,)),
        "/host": (Role.HOST,),
        "/username": (Role.SECRET,),
        "/password": (Role.SECRET,),
    },
)
