"""What the operations take, give and promise. No library is loaded to read it."""

from adapters.contract import ErrorClass, ErrorType, Json, Manifest, Role

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
DEFAULT_MAX_BYTES = 1024 * 1024
LARGEST_MAX_BYTES = 16 * 1024 * 1024
DEFAULT_FILE_BYTES = 1024 * 1024 * 1024
LARGEST_FILE_BYTES = 10 * DEFAULT_FILE_BYTES
MAX_REDIRECTS = 10
DEFAULT_REDIRECTS = 5

_SCALAR: Json = {"type": ["string", "integer", "number", "boolean", "null"]}
_FIELDS: dict[str, Json] = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "maxItems": 1000}]
    },
}
_AUTH: Json = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "description": "Who is asking; sent to the first host only, never after a redirect elsewhere.",
    "properties": {
        "bearer": {"type": "string", "minLength": 1, "description": "A token."},
        "basic": {
            "type": "object",
            "additionalProperties": False,
            "required": ["username", "password"],
            "description": "A name and its password.",
            "properties": {"username": {"type": "string"}, "password": {"type": "string"}},
        },
    },
}
_STATUS: Json = {
    "anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "pattern": "^[1-5]xx$|^[1-5][0-9]{2}-[1-5][0-9]{2}$"},
    ]
}
_PROPERTIES: dict[str, Json] = {
    "method": {"type": "string", "enum": list(METHODS), "default": "GET"},
    "url": {
        "type": "string",
        "pattern": "^https?://",
        "maxLength": 8192,
        "description": "An http or https URL without user name, password, or a part . or .. in it.",
    },
    "query": {
        "description": "Added to the URL's own query; a list repeats its name, null is left out.",
        **_FIELDS,
    },
    "headers": {
        "type": "object",
        "additionalProperties": {"type": ["string", "integer"]},
        "description": "Request headers, each once; those that frame the message are the client's.",
    },
    "auth": _AUTH,
    "json": {"description": "A JSON body. One of json, form and text may be given."},
    "form": {"description": "A form's fields, URL-encoded, lists and null as in query.", **_FIELDS},
    "text": {"type": "string", "description": "A plain body, sent as UTF-8."},
    "ok_status": {
        "type": "array",
        "minItems": 1,
        "items": _STATUS,
        "default": ["2xx"],
        "description": "Which statuses are success: `204`, `2xx`, `200-299`.",
    },
    "max_redirects": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_REDIRECTS,
        "description": f"Default {DEFAULT_REDIRECTS} for GET and HEAD, 0 for all others.",
    },
    "max_bytes": {
        "type": "integer",
        "minimum": 1,
        "maximum": LARGEST_MAX_BYTES,
        "default": DEFAULT_MAX_BYTES,
        "description": "The largest answer that is taken, counted after decompression.",
    },
}
_OUTPUTS: dict[str, Json] = {
    "status": {
        "type": "integer",
        "minimum": 100,
        "maximum": 599,
        "description": "The last answer's, after redirects.",
    },
    "headers": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "By lower-case name; repeated ones joined by a comma. No Set-Cookie.",
    },
    "body": {"description": "The JSON value if the answer says that it is JSON, otherwise text."},
    "body_base64": {
        "type": "string",
        "description": "The body where it is neither JSON nor text; `body` is null then.",
    },
}

_T, _P, _U = ErrorClass.TRANSIENT, ErrorClass.PERMANENT, ErrorClass.UNKNOWN
_ERRORS = (
    ErrorType("http.status", _P, "A status that is not in ok_status, and is none of those below."),
    ErrorType("http.status", _T, "408, 425, 429 or 503; any 5xx of an idempotent method."),
    ErrorType("http.declined", _P, "402: the far side understood, and declined to pay or be paid."),
    ErrorType("http.connect", _T, "No connection came about; nothing was sent."),
    ErrorType("http.disconnected", _T, "The connection broke before the answer was whole."),
    ErrorType("http.timeout", _T, "The attempt's time ended."),
    ErrorType("http.tls", _P, "The certificate or the handshake is not acceptable."),
    ErrorType("http.blocked", _P, "The rules for addresses, hosts and ports forbid it."),
    ErrorType("http.redirect", _P, "Too many redirects, or one that must not be followed."),
    ErrorType("http.too_large", _P, "The answer is larger than max_bytes."),
    ErrorType("http.protocol", _P, "The answer cannot be read as what it says it is."),
    ErrorType("http.invalid", _P, "The arguments make no request; nothing was sent."),
)
_SENT = "The same once POST or PATCH was sent: it may have taken effect."
_NEVER_UNKNOWN = frozenset({"http.invalid", "http.declined"})
_UNKNOWN = tuple(
    ErrorType(
        kind,
        _U,
        "Another 5xx of POST or PATCH, or what its redirect led to: it may be done.",
    )
    if kind == "http.status"
    else ErrorType(kind, _U, _SENT)
    for kind in dict.fromkeys(each.type for each in _ERRORS)
    if kind not in _NEVER_UNKNOWN
)
_ROLES = {
    "/url": (Role.HOST, Role.PATH, Role.SECRET),
    "/headers/*": (Role.HEADER, Role.SECRET),
    "/auth/bearer": (Role.SECRET,),
    "/auth/basic/username": (Role.SECRET,),
    "/auth/basic/password": (Role.SECRET,),
}

MANIFEST = Manifest(
    name="http.request@1",
    title="Send an HTTP request and read the answer",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["url"],
        "properties": _PROPERTIES,
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["status", "headers", "body"],
        "properties": _OUTPUTS,
    },
    effect="write",
    idempotent=False,
    effect_by=(
        "method",
        {each: "read" if each in {"GET", "HEAD", "OPTIONS"} else "write" for each in METHODS}
        | {"DELETE": "destructive"},
    ),
    idempotent_by=("method", {each: each in IDEMPOTENT for each in METHODS}),
    errors=_ERRORS + _UNKNOWN,
    roles=_ROLES,
)

_EXPECT: Json = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "description": "What the file must be; it is not taken for the right one otherwise.",
    "properties": {
        "sha256": {
            "type": "string",
            "pattern": "^[0-9a-fA-F]{64}$",
            "description": "The digest of its content.",
        },
        "media_type": {
            "type": "string",
            "minLength": 1,
            "description": "As in `text/csv`, without parameters: no page that asks for a login.",
        },
    },
}
_DOWNLOADED: dict[str, Json] = {
    "status": {"type": "integer", "enum": [200], "description": "No other comes with a file."},
    "headers": _OUTPUTS["headers"],
    "bytes": {"type": "integer", "minimum": 0, "description": "The size of the file."},
    "sha256": {"type": "string", "description": "The digest of its content, 64 hex digits."},
    "media_type": {
        "type": "string",
        "description": "What the answer says that it is; `application/octet-stream` if nothing.",
    },
}
_MAX_FILE_BYTES: Json = {
    "type": "integer",
    "minimum": 1,
    "maximum": LARGEST_FILE_BYTES,
    "default": DEFAULT_FILE_BYTES,
    "description": "The largest file that is taken, counted after decompression.",
}

DOWNLOAD = Manifest(
    name="http.download@1",
    title="Download a file",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["url"],
        "properties": {
            **{name: _PROPERTIES[name] for name in ("url", "query", "headers", "auth")},
            "max_bytes": _MAX_FILE_BYTES,
            "expect": _EXPECT,
        },
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": list(_DOWNLOADED),
        "properties": _DOWNLOADED,
    },
    effect="read",
    idempotent=True,
    errors=(
        ErrorType("http.status", _P, "A status other than 200, and none of those below."),
        ErrorType("http.status", _T, "408, 425, 429 or any 5xx."),
        *(each for each in _ERRORS if each.type != "http.status"),
        ErrorType("http.unexpected", _P, "The file is not what `expect` says."),
        ErrorType("http.storage", _T, "The file cannot be written here; the disk may be full."),
    ),
    roles=_ROLES,
    files=("file",),
    progress="A piece of the file comes in.",
)
