"""What `file.list@1` takes, gives and promises."""

from adapters.contract import ErrorClass, ErrorType, Json, Manifest, Role

# As in `adapters.file.walk`, a program that imports nothing of this one; a test compares.
MOST_DEPTH, MOST_NAMES, MOST_BYTES = 32, 100_000, 192 * 1024
MOST_GLOBS, LONGEST_GLOB = 50, 200
MOST_FILES, DEFAULT_FILES = 1_000, 1_000
_LONGEST_PATH = 4_096
_P, _T = ErrorClass.PERMANENT, ErrorClass.TRANSIENT
_GLOBS = "`*` within a part, `**` over parts; one that begins with `!` takes out."

_FILE: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path", "size", "modified", "version"],
    "properties": {
        "path": {"type": "string"},
        "size": {"type": "integer", "minimum": 0},
        "modified": {"type": "string", "format": "date-time"},
        "version": {"type": "string"},
    },
}

LIST = Manifest(
    name="file.list@1",
    title="List the files of a folder",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["root"],
        "properties": {
            "root": {
                "type": "string",
                "minLength": 1,
                "maxLength": 100,
                "description": "One of the folders that `[adapters.file]` names.",
            },
            "folder": {
                "type": "string",
                "maxLength": _LONGEST_PATH,
                "default": "",
                "description": "A folder below it, as in `in/orders`: paths begin there.",
            },
            "paths": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_GLOB},
                "minItems": 1,
                "maxItems": MOST_GLOBS,
                "default": ["**"],
                "description": f"Only these files, by globs: {_GLOBS}",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_FILES,
                "default": DEFAULT_FILES,
                "description": "How many files a page has at most.",
            },
            "after": {
                "type": "string",
                "maxLength": _LONGEST_PATH,
                "default": "",
                "description": "The `next` of the page before.",
            },
        },
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["files", "next"],
        "properties": {
            "files": {
                "type": "array",
                "items": _FILE,
                "description": "Each with its `path` from the folder on, its `size` in bytes, when "
                "it was `modified`, and a `version`, which is another one once either of the two "
                "has changed; by path.",
            },
            "next": {
                "type": ["string", "null"],
                "description": "Where the next page begins; null on the last.",
            },
        },
    },
    effect="read",
    idempotent=True,
    errors=(
        ErrorType("file.root", _P, "`[adapters.file]` names no such root."),
        ErrorType("file.unreachable", _T, "The folder is not there, or cannot be read just now."),
        ErrorType("file.denied", _P, "The folder, or one below it, may not be read."),
        ErrorType("file.limit", _P, f"Over {MOST_NAMES} names, or {MOST_DEPTH} folders deep."),
        ErrorType("file.timeout", _T, "The attempt's time ended."),
        ErrorType("file.lost", _T, "The process that reads the folder was not started, or ended."),
        ErrorType("file.invalid", _P, "The arguments name no folder below the root, or no globs."),
    ),
    roles={"/root": (Role.HOST,), "/folder": (Role.PATH,), "/paths/*": (Role.PATH,)},
)
