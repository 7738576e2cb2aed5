"""What `sql.query@1` and `sql.load@1` take, give and promise. No library is loaded to read it."""

from adapters.contract import ErrorClass, ErrorType, Json, Manifest, Role

DEFAULT_MAX_ROWS = 1000
LARGEST_MAX_ROWS = 10_000
LARGEST_STATEMENT = 64 * 1024

_SCALAR: Json = {"type": ["string", "integer", "number", "boolean", "null"]}
_DSN: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 8192,
    "description": "Where and as whom: postgresql://user:password@host/database.",
}
_T, _P, _U = ErrorClass.TRANSIENT, ErrorClass.PERMANENT, ErrorClass.UNKNOWN
_ERRORS = (
    ErrorType("sql.connection", _T, "No connection, or it broke before COMMIT: nothing changed."),
    ErrorType("sql.timeout", _T, "The attempt's time ended before COMMIT: nothing has changed."),
    ErrorType("sql.serialization", _T, "It could not be serialized with other transactions."),
    ErrorType("sql.deadlock", _T, "It and other transactions waited for each other."),
    ErrorType("sql.busy", _T, "PostgreSQL is short of connections, memory, disk or a lock."),
    ErrorType("sql.denied", _P, "The login is refused, or the role may not do this."),
    ErrorType("sql.tls", _P, "The certificate or the handshake is not acceptable."),
    ErrorType("sql.blocked", _P, "The rules for hosts and addresses forbid it."),
    ErrorType("sql.constraint", _P, "A constraint of the database forbids it."),
    ErrorType("sql.statement", _P, "PostgreSQL refuses it; `error.sqlstate` says why."),
    ErrorType("sql.read_only", _P, "It writes where only reading is allowed."),
    ErrorType("sql.invalid", _P, "The arguments make no statement; nothing was sent."),
)
_LOST = "COMMIT was sent and its reply was lost: it may have taken effect."

QUERY = Manifest(
    name="sql.query@1",
    title="Run one SQL statement",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["dsn", "statement"],
        "properties": {
            "dsn": _DSN,
            "statement": {
                "type": "string",
                "minLength": 1,
                "maxLength": LARGEST_STATEMENT,
                "description": "One statement; `%(name)s` or `%s` is where a value of params goes.",
            },
            "params": {
                "type": ["object", "array"],
                "description": "Values by name, or in order.",
            },
            "max_rows": {
                "type": "integer",
                "minimum": 1,
                "maximum": LARGEST_MAX_ROWS,
                "default": DEFAULT_MAX_ROWS,
                "description": "A statement that gives more rows fails.",
            },
        },
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["rows", "row_count", "columns"],
        "properties": {
            "rows": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Each row's values by column.",
            },
            "row_count": {
                "type": "integer",
                "minimum": 0,
                "description": "How many rows were given, inserted, updated or deleted.",
            },
            "columns": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The columns' names in their order.",
            },
        },
    },
    effect="read",
    idempotent=True,
    errors=(
        *_ERRORS,
        ErrorType("sql.too_large", _P, "It gives more than max_rows, or 16 MiB: nothing changed."),
        ErrorType("sql.commit", _U, _LOST),
    ),
    roles={"/dsn": (Role.SECRET, Role.HOST), "/statement": (Role.CODE,)},
)

LOAD = Manifest(
    name="sql.load@1",
    title="Load a CSV file into a table",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["dsn", "table", "file"],
        "oneOf": [
            {"required": ["replace_where"]},
            {"required": ["mode"], "properties": {"mode": {"const": "append"}}},
        ],
        "properties": {
            "dsn": _DSN,
            "table": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "description": "`table` or `schema.table`, spelled as the catalogue has it.",
            },
            "file": {
                "type": "string",
                "description": "A CSV file in UTF-8 whose first line names the columns.",
            },
            "mode": {
                "type": "string",
                "enum": ["replace", "append"],
                "default": "replace",
                "description": "`replace` deletes what `replace_where` says and can be repeated; "
                "`append` only adds.",
            },
            "replace_where": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 16,
                "additionalProperties": _SCALAR,
                "description": "Rows with these values are deleted first; loaded rows get them "
                "where the file lacks the column, and must have them where it does not.",
            },
            "columns": {
                "type": "object",
                "maxProperties": 1600,
                "additionalProperties": {"type": "string", "minLength": 1},
                "description": "The table's column by the name that the file has for it.",
            },
            "delimiter": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1,
                "default": ",",
                "description": "What stands between two values.",
            },
            "null": {
                "type": "string",
                "maxLength": 64,
                "default": "",
                "description": "What stands, without quotes, for no value.",
            },
        },
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["row_count", "deleted"],
        "properties": {
            "row_count": {"type": "integer", "minimum": 0, "description": "Rows loaded."},
            "deleted": {"type": "integer", "minimum": 0, "description": "Rows deleted before."},
        },
    },
    effect="write",
    idempotent=False,
    idempotent_by=("mode", {"replace": True, "append": False}),
    errors=(
        *_ERRORS,
        ErrorType("sql.file", _P, "The file is not the CSV that it must be."),
        ErrorType("sql.commit", _T, "The reply to COMMIT was lost; with `mode: replace`."),
        ErrorType("sql.commit", _U, "The reply to COMMIT was lost; with `mode: append`."),
    ),
    roles={
        "/dsn": (Role.SECRET, Role.HOST),
        "/table": (Role.PATH,),
        "/file": (Role.FILE,),
        "/columns": (Role.PATH,),
    },
    progress="A piece of the file has been sent; what PostgreSQL then does is silent.",
)
