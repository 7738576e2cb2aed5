"""What the operations on containers take, give and promise."""

from adapters.contract import ErrorClass, ErrorType, Json, Manifest, Role
from adapters.manifest.shell import ENV_NAME, MAX_OUTPUT, MOST_ARGUMENTS, OK_EXIT

_T, _P, _U = ErrorClass.TRANSIENT, ErrorClass.PERMANENT, ErrorClass.UNKNOWN
DIGEST = "sha256:[0-9a-f]{64}"
PATH_IN_REPO = "[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)*"
TAG = "[a-z0-9]+([._/-][a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
# Without a network nothing outside the machine can be changed, and nothing on it is kept but an
# image under its own digest; with one, nobody can say what a program does.
_EFFECTS = ("network", {"none": "read", "default": "write"})
_IDEMPOTENT = ("network", {"none": True, "default": False})


def _closed(required: list[str], properties: dict[str, Json]) -> dict[str, Json]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def _network(words: str) -> Json:
    return {
        "type": "string",
        "enum": ["none", "default"],
        "default": "none",
        "description": f"{words} `default` is the engine's own network.",
    }


BUILD = Manifest(
    name="container.build@1",
    title="Build an image from a commit",
    arguments=_closed(
        ["repo", "ref"],
        {
            "repo": {
                "type": "string",
                "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_.-]{1,100}$",
                "description": "A repository, `owner/name`; the setting git_url says where.",
            },
            "ref": {
                "type": "string",
                "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$",
                "description": "The commit's whole hash: a branch or tag is another one tomorrow.",
            },
            "context": {
                "type": "string",
                "pattern": f"^{PATH_IN_REPO}$",
                "maxLength": 1024,
                "description": "The folder in the repository that is built; its root without one.",
            },
            "file": {
                "type": "string",
                "pattern": f"^{PATH_IN_REPO}$",
                "maxLength": 1024,
                "description": "The Dockerfile, from the context on. `Dockerfile` without one.",
            },
            "build_args": {
                "type": "object",
                "propertyNames": {"pattern": ENV_NAME},
                "additionalProperties": {"type": ["string", "integer", "number", "boolean"]},
                "maxProperties": 100,
                "description": "Values of ARG lines. They stay in the image: no secrets.",
            },
            "network": _network("What RUN lines reach."),
            "tag": {
                "type": "string",
                "pattern": f"^{TAG}$",
                "maxLength": 255,
                "description": "A name for the image, so that a clean-up of nameless images spares "
                "it. Without it no tag is made or moved.",
            },
            "auth": {
                "type": "string",
                "minLength": 1,
                "maxLength": 4096,
                "description": "A token for a private repository; docker alone can take one.",
            },
        },
    ),
    outputs=_closed(
        ["digest"],
        {
            "digest": {
                "type": "string",
                "pattern": f"^{DIGEST}$",
                "description": "The image's id, `sha256:...`, as container.run@1 takes it.",
            },
        },
    ),
    effect="write",
    idempotent=False,
    effect_by=_EFFECTS,
    idempotent_by=_IDEMPOTENT,
    errors=(
        ErrorType("container.build", _P, "The build failed: the commit, its Dockerfile, a line."),
        ErrorType("container.timeout", _T, "The attempt's time ended."),
        ErrorType("container.timeout", _U, "The same with a network: lines may have run."),
        ErrorType("container.unavailable", _T, "The engine does not answer."),
        ErrorType("container.unavailable", _U, "The same with a network, when lines may have run."),
        ErrorType("container.invalid", _P, "The arguments make no build; nothing has run."),
    ),
    roles={
        "/repo": (Role.HOST,),
        "/context": (Role.PATH,),
        "/file": (Role.PATH,),
        "/tag": (Role.PATH,),
        "/auth": (Role.SECRET,),
    },
    sandbox="container",
    waits=True,
    progress="The engine writes a line of the build's log.",
)

RUN = Manifest(
    name="container.run@1",
    title="Run a program in a container",
    arguments=_closed(
        ["image", "argv"],
        {
            "image": {
                "type": "string",
                "pattern": f"^([A-Za-z0-9][A-Za-z0-9._:/-]{{0,254}}@)?{DIGEST}$",
                "description": "By digest, `name@sha256:...`, or by id, `sha256:...`.",
            },
            "argv": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_ARGUMENTS,
                "items": {"type": ["string", "integer", "number"]},
                "description": "The program and its arguments, executed as they are, in place of "
                "the image's own entry point.",
            },
            "env": {
                "type": "object",
                "propertyNames": {"pattern": ENV_NAME},
                "additionalProperties": {"type": ["string", "integer", "number", "boolean"]},
                "description": "Environment variables, each one line of at most 32 KiB.",
            },
            "cwd": {
                "type": "string",
                "pattern": "^/",
                "maxLength": 1024,
                "description": "A folder in the container; the image's own without one.",
            },
            "network": _network("What the program reaches."),
            "ok_exit": OK_EXIT,
            "max_output": MAX_OUTPUT,
            "limits": {
                **_closed(
                    [],
                    {
                        "memory_mib": {
                            "type": "integer",
                            "minimum": 6,
                            "description": "Memory and swap together.",
                        },
                        "cpus": {
                            "type": "number",
                            "minimum": 0.01,
                            "description": "Processors at one time.",
                        },
                        "processes": {
                            "type": "integer",
                            "minimum": 1,
                            "description": "Processes and threads at one time.",
                        },
                    },
                ),
                "description": "Lower limits than the operator's.",
            },
        },
    ),
    outputs=_closed(
        ["exit_code", "stdout", "stderr", "truncated"],
        {
            "exit_code": {"type": "integer", "description": "One of ok_exit."},
            "stdout": {"type": "string", "description": "As UTF-8; other bytes are replaced."},
            "stderr": {"type": "string", "description": "The same of standard error."},
            "truncated": {"type": "boolean", "description": "Something was left out of either."},
        },
    ),
    effect="write",
    idempotent=False,
    effect_by=_EFFECTS,
    idempotent_by=_IDEMPOTENT,
    errors=(
        ErrorType("container.exit", _P, "The exit code is not in ok_exit."),
        ErrorType("container.limit", _P, "The program needed more memory than it may have."),
        ErrorType("container.spawn", _P, "The program cannot be executed; nothing has run."),
        ErrorType("container.image", _P, "The image is not there, or may not be had."),
        ErrorType("container.image", _T, "The image cannot be fetched now."),
        ErrorType("container.timeout", _T, "The attempt's time ended, and nothing is changed."),
        ErrorType("container.timeout", _U, "It ended while the program ran with a network."),
        ErrorType("container.unavailable", _T, "The engine does not answer; nothing is changed."),
        ErrorType("container.unavailable", _U, "It was lost while the program ran with a network."),
        ErrorType("container.invalid", _P, "The arguments make no container; nothing has run."),
    ),
    roles={
        "/image": (Role.HOST,),
        "/argv/0": (Role.CODE,),
        "/cwd": (Role.PATH,),
        "/env/*": (Role.SECRET,),
    },
    sandbox="container",
    waits=True,
    resources={"cpu": "cpus", "memory": "memory_mib"},
    progress="The program writes to one of its outputs, or the engine has a part of the image.",
)
