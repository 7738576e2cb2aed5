"""What `shell.run@1` takes, gives and promises."""

from adapters.contract import ErrorClass, ErrorType, Json, Manifest, Role

DEFAULT_KEEP = 64 * 1024
LARGEST_KEEP = 1024 * 1024
ENV_NAME = "^[A-Za-z_][A-Za-z0-9_]{0,127}$"
MOST_ARGUMENTS = 1000
IN_CONTAINER = ("argv", "env", "ok_exit", "max_output")
OK_EXIT: Json = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "integer", "minimum": 0, "maximum": 255},
    "default": [0],
    "description": "Which exit codes are success.",
}
MAX_OUTPUT: Json = {
    "type": "integer",
    "minimum": 256,
    "maximum": LARGEST_KEEP,
    "default": DEFAULT_KEEP,
    "description": "How many bytes of each output are kept; all of it is read.",
}

_P, _U, _T = ErrorClass.PERMANENT, ErrorClass.UNKNOWN, ErrorClass.TRANSIENT


def _most(description: str, least: int = 1) -> Json:
    return {"type": "integer", "minimum": least, "description": description}


_PROPERTIES: dict[str, Json] = {
    "argv": {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_ARGUMENTS,
        "items": {"type": ["string", "integer", "number"]},
        "description": "A program and its arguments, executed as they are: no shell reads them.",
    },
    "image": {
        "type": "string",
        "pattern": "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}@sha256:[0-9a-f]{64}$",
        "description": "A container image by digest, `name@sha256:...`: argv runs in it as "
        "`container.run@1` with `network: default` runs it. Beside it only argv, env, ok_exit and "
        "max_output are given.",
    },
    "script": {
        "type": "string",
        "minLength": 1,
        "maxLength": 65536,
        "description": 'A script for `sh -eu`. Values reach it by env, as "$NAME", or by args, '
        'as "$1".',
    },
    "args": {
        "type": "array",
        "maxItems": MOST_ARGUMENTS,
        "items": {"type": ["string", "integer", "number"]},
        "description": "Positional parameters of the script.",
    },
    "env": {
        "type": "object",
        "propertyNames": {"pattern": ENV_NAME},
        "additionalProperties": {"type": ["string", "integer", "number", "boolean"]},
        "description": "Environment variables. Names that change how programs load or read code "
        "are refused: LD_*, PATH, IFS, BASH_ENV, PYTHON*, GIT_* and their like.",
    },
    "cwd": {
        "type": "string",
        "description": "A folder inside the call's own temporary folder; made if it is not there.",
    },
    "stdin": {"type": "string", "description": "What the program reads; nothing by default."},
    "parse": {
        "type": "string",
        "enum": ["text", "json"],
        "default": "text",
        "description": "json: standard output must be one JSON value, given as output `json`.",
    },
    "ok_exit": OK_EXIT,
    "max_output": MAX_OUTPUT,
    "limits": {
        "type": "object",
        "additionalProperties": False,
        "description": "Lower limits than the operator's.",
        "properties": {
            "cpu_seconds": _most("Processor time of one process."),
            "memory_mib": _most("Private memory of one process."),
            "file_mib": _most("Size of one file."),
            "open_files": _most("Open files of one process.", 8),
            "processes": _most("Processes at one time."),
        },
    },
}

MANIFEST = Manifest(
    name="shell.run@1",
    title="Run a program or a script",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "oneOf": [{"required": ["argv"]}, {"required": ["script"]}],
        "dependentSchemas": {
            "image": {"propertyNames": {"enum": ["image", *IN_CONTAINER]}},
        },
        "properties": _PROPERTIES,
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["exit_code", "stdout", "stderr", "truncated"],
        "properties": {
            "exit_code": {"type": "integer", "description": "One of ok_exit."},
            "stdout": {"type": "string", "description": "As UTF-8; other bytes are replaced."},
            "stderr": {"type": "string", "description": "The same of standard error."},
            "truncated": {"type": "boolean", "description": "Something was left out of either."},
            "json": {"description": "The parsed output, with `parse: json`."},
        },
    },
    effect="write",
    idempotent=False,
    waits=True,
    errors=(
        ErrorType("shell.exit", _P, "The exit code is not in ok_exit."),
        ErrorType("shell.signal", _P, "A signal ended the program, as in a crash."),
        ErrorType("shell.limit", _P, "The program went past one of its limits."),
        ErrorType("shell.output", _P, "Standard output is not the JSON that was asked for."),
        ErrorType("shell.timeout", _U, "The attempt's time ended; the program was killed."),
        ErrorType("shell.lost", _U, "The program's guard died, and the program with it."),
        ErrorType("shell.spawn", _P, "The program cannot be executed; nothing has run."),
        ErrorType("shell.spawn", _T, "The machine had no room for a process; nothing has run."),
        ErrorType("shell.image", _P, "The image is not there, or may not be had."),
        ErrorType("shell.image", _T, "The image cannot be fetched now."),
        ErrorType("shell.timeout", _T, "The attempt's time ended before the container's program."),
        ErrorType("shell.unavailable", _T, "The container engine does not answer."),
        ErrorType("shell.unavailable", _U, "It was lost while the program ran."),
        ErrorType("shell.invalid", _P, "The arguments make no command; nothing has run."),
    ),
    roles={
        "/script": (Role.CODE,),
        "/image": (Role.HOST,),
        "/argv/0": (Role.CODE,),
        "/cwd": (Role.PATH,),
        "/env/*": (Role.SECRET,),
        "/stdin": (Role.SECRET,),
    },
    sandbox="process",
    sandbox_by=("image", "container"),
    resources={"memory": "memory_mib"},
    progress="The program writes to one of its outputs.",
)
