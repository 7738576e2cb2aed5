"""What `table.profile@1` takes, gives and promises."""

from adapters.contract import ErrorClass, ErrorType, Json, Manifest, Role

# As in `adapters.table.profile`, a program that imports nothing of this one; a test compares.
MOST_COLUMNS, MOST_DISTINCT, MOST_MEMORY = 1_000, 10_000, 1 << 30
_P, _T = ErrorClass.PERMANENT, ErrorClass.TRANSIENT


def _by_column(schema: Json, description: str) -> Json:
    return {"type": "object", "additionalProperties": schema, "description": description}


_COUNT: dict[str, Json] = {"type": "integer", "minimum": 0}
_NUMBER: Json = {"type": "number"}
_OUTPUTS: dict[str, Json] = {
    "rows": {**_COUNT, "description": "How many rows follow the header."},
    "columns": {
        "type": "array",
        "items": {"type": "string"},
        "description": "The names of the columns, in their order.",
    },
    "nulls": _by_column(
        {"type": "number", "minimum": 0, "maximum": 1},
        "The share of empty fields by column, from 0 to 1; 0 where there are no rows.",
    ),
    "null_counts": _by_column(_COUNT, "How many fields are empty, by column."),
    "distinct": _by_column(
        {**_COUNT, "maximum": MOST_DISTINCT},
        f"How many different values, by column; {MOST_DISTINCT} stands for that many or more.",
    ),
    "min": _by_column(_NUMBER, "The least, of each column whose values are all numbers."),
    "max": _by_column(_NUMBER, "The greatest, of each column whose values are all numbers."),
}

MANIFEST = Manifest(
    name="table.profile@1",
    title="Tell what is in the columns of a CSV file",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {
            "file": {
                "type": "string",
                "minLength": 1,
                "description": "A CSV file in UTF-8, whose first line names its columns.",
            },
            "delimiter": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1,
                "pattern": r'^[^"\r\n]$',
                "default": ",",
                "description": "What stands between two fields.",
            },
        },
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": list(_OUTPUTS),
        "properties": _OUTPUTS,
    },
    effect="pure",
    idempotent=True,
    errors=(
        ErrorType("table.format", _P, "The file is no such table; the message says the line."),
        ErrorType(
            "table.limit",
            _P,
            f"Over {MOST_COLUMNS} columns, or {MOST_MEMORY} bytes of memory.",
        ),
        ErrorType("table.file", _P, "The file cannot be read."),
        ErrorType("table.timeout", _T, "The attempt's time ended."),
        ErrorType("table.lost", _T, "The process that read the file was not started, or ended."),
        ErrorType("table.invalid", _P, "The arguments are no file and delimiter."),
    ),
    roles={"/file": (Role.FILE,)},
)
