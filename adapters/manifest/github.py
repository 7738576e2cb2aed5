"""What the operations on GitHub take, give and promise. No library is loaded to read it."""

from adapters.contract import ErrorClass, ErrorType, Json, Manifest, Role

_T, _P = ErrorClass.TRANSIENT, ErrorClass.PERMANENT
_ERRORS = (
    ErrorType("github.status", _P, "GitHub refused: the token, the place or the content. 4xx."),
    ErrorType("github.status", _T, "408, 425 or any 5xx."),
    ErrorType("github.rate_limit", _T, "A primary or secondary limit; GitHub says how long."),
    ErrorType("github.connect", _T, "No connection came about; nothing was sent."),
    ErrorType("github.disconnected", _T, "The connection broke before the answer was whole."),
    ErrorType("github.timeout", _T, "The attempt's time ended."),
    ErrorType("github.tls", _P, "The certificate or the handshake is not acceptable."),
    ErrorType("github.blocked", _P, "The host of api_url may not be asked, or led elsewhere."),
    ErrorType("github.redirect", _P, "The repository has moved: write its new name."),
    ErrorType("github.too_large", _P, "An answer or a list is larger than what is read."),
    ErrorType("github.protocol", _P, "The answer is not what GitHub's documentation says."),
    ErrorType("github.invalid", _P, "The arguments make no request; nothing was sent."),
)
_REPO: Json = {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}$",
    "description": "A repository, `owner/name`.",
}
_AUTH: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 4096,
    "description": "A token: of an app's installation, fine-grained, or classic.",
}
_ROLES = {"/repo": (Role.HOST,), "/auth": (Role.SECRET,)}


def _closed(required: list[str], properties: dict[str, Json]) -> dict[str, Json]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


COMMENT = Manifest(
    name="github.comment@1",
    title="Keep one comment on an issue or pull request up to date",
    arguments=_closed(
        ["repo", "number", "marker", "body", "auth"],
        {
            "repo": _REPO,
            "number": {
                "type": "integer",
                "minimum": 1,
                "description": "Of the issue or pull request.",
            },
            "marker": {
                "type": "string",
                "pattern": "^[A-Za-z0-9]+([._/-][A-Za-z0-9]+)*$",
                "maxLength": 100,
                "description": "Names the comment among all others; its first line hides it.",
            },
            "body": {
                "type": "string",
                "minLength": 1,
                "description": "Markdown, at most 65,536 characters with the marker's line.",
            },
            "author": {
                "type": "string",
                "minLength": 1,
                "maxLength": 100,
                "description": "Only this login's comments count, as in `sark-acme[bot]`; "
                "without it, every comment with the marker does.",
            },
            "auth": _AUTH,
        },
    ),
    outputs=_closed(
        ["id", "url", "changed"],
        {
            "id": {"type": "integer", "description": "Of the comment."},
            "url": {"type": "string", "description": "Where it is read."},
            "changed": {"type": "boolean", "description": "It was made or edited."},
        },
    ),
    effect="write",
    idempotent=True,
    errors=_ERRORS,
    roles=_ROLES,
)

FILES = Manifest(
    name="github.files@1",
    title="List the files that a pull request changes",
    arguments=_closed(
        ["repo", "number", "auth"],
        {
            "repo": _REPO,
            "number": {"type": "integer", "minimum": 1, "description": "Of the pull request."},
            "auth": _AUTH,
        },
    ),
    outputs=_closed(
        ["files", "cut"],
        {
            "files": {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": 6_000,
                "description": "Paths in the repository; a file that moved is there by both.",
            },
            "cut": {
                "type": "boolean",
                "description": "The pull request changes more than the 3,000 files that GitHub "
                "lists.",
            },
        },
    ),
    effect="read",
    idempotent=True,
    errors=_ERRORS,
    roles=_ROLES,
)

STATUS = Manifest(
    name="github.status@1",
    title="Set the state of a commit",
    arguments=_closed(
        ["repo", "sha", "context", "state", "auth"],
        {
            "repo": _REPO,
            "sha": {
                "type": "string",
                "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$",
                "description": "The commit's whole hash.",
            },
            "context": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "description": "What the state is about, as in `sark/preview`. The last one set "
                "for a commit and a context counts.",
            },
            "state": {"type": "string", "enum": ["pending", "success", "failure", "error"]},
            "text": {
                "type": "string",
                "description": "A short description; of more than 140 characters, the beginning.",
            },
            "url": {
                "type": "string",
                "pattern": "^https?://",
                "maxLength": 2048,
                "description": "Where the details are.",
            },
            "auth": _AUTH,
        },
    ),
    outputs=_closed(
        ["id", "url", "state"],
        {
            "id": {"type": "integer", "description": "Of the status."},
            "url": {"type": "string", "description": "Of the status, in the API."},
            "state": {"type": "string", "description": "As GitHub keeps it."},
        },
    ),
    effect="write",
    idempotent=True,
    errors=_ERRORS,
    roles=_ROLES,
)
