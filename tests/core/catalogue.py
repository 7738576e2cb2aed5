"""Operations to compile against: small, made up, and with every property that counts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.core.facts import Reads
from engine.core.values import Json


@dataclass(frozen=True, slots=True)
class Facts:
    """What a manifest tells the core."""

    name: str
    arguments: Mapping[str, Json]
    outputs: Mapping[str, Json]
    effect: str = "pure"
    idempotent: bool = True
    effect_by: tuple[str, Mapping[str, str]] | None = None
    idempotent_by: tuple[str, Mapping[str, bool]] | None = None
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Sequence[str] = ()
    progress: str = ""
    sandbox: str = "none"
    sandbox_by: tuple[str, str] | None = None
    resources: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Callable[[str], Iterable[tuple[int, str]]]] = field(default_factory=dict)
    reads: Mapping[str, Reads] = field(default_factory=dict)


def _object(required: Sequence[str], **properties: Json) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_STRING: Json = {"type": "string"}
_TEXTS: Json = {"type": "object", "additionalProperties": _STRING}
_SAFE = ("GET", "PUT", "DELETE")

_HTTP = Facts(
    "http.request@1",
    _object(
        ["url"],
        method={"type": "string", "enum": [*_SAFE, "POST"], "default": "GET"},
        url={"type": "string", "pattern": "^https?://"},
        headers=_TEXTS,
        query={"type": "object"},
        json={"description": "Any value."},
        auth=_object([], bearer=_STRING, basic={"$ref": "#/$defs/basic"}),
        expect={"type": "array", "items": {"type": "integer", "minimum": 100, "maximum": 599}},
    )
    | {"$defs": {"basic": _object(["user", "password"], user=_STRING, password=_STRING)}},
    _object(["status", "headers"], status={"type": "integer"}, headers=_TEXTS, body={}),
    effect="write",
    idempotent=False,
    effect_by=("method", {"GET": "read", "PUT": "write", "DELETE": "destructive"}),
    idempotent_by=("method", dict.fromkeys(_SAFE, True)),
    roles={
        "/url": ("host", "path"),
        "/headers/*": ("header",),
        "/auth/bearer": ("secret",),
        "/auth/basic/password": ("secret",),
    },
)
_SHELL = Facts(
    "shell.run@1",
    _object(
        [],
        script=_STRING,
        argv={"type": "array", "items": _STRING, "minItems": 1},
        env=_TEXTS,
        cwd=_STRING,
        image=_STRING,
        limits=_object([], memory_mib={"type": "integer", "minimum": 1}),
    )
    | {"oneOf": [{"required": ["script"]}, {"required": ["argv"]}]},
    _object(["code", "stdout"], code={"type": "integer"}, stdout=_STRING),
    effect="write",
    idempotent=False,
    roles={"/script": ("code",), "/argv/0": ("code",), "/cwd": ("path",), "/env/*": ("secret",)},
    progress="The program writes something.",
    sandbox="process",
    sandbox_by=("image", "container"),
    resources={"memory": "memory_mib"},
)
_ECHO = Facts(
    "echo.say@1",
    _object(["message"], message={}, times={"type": "integer", "minimum": 1}),
    _object(["message"], message={}),
)
_COUNT = Facts(
    "count.up@2",
    _object(["by"], by={"type": "integer"}),
    _object(["total"], total={"type": "integer"}, note=_STRING),
    effect="write",
    idempotent=True,
)
_PICK = Facts(
    "pick.one@1",
    _object(
        [],
        only={"const": "this"},
        target={"anyOf": [_object(["a"], a=_STRING), {"type": "array", "items": _STRING}, _STRING]},
        open={"type": "object", "properties": {"a": _STRING}},
        named={"type": "object", "patternProperties": {"^x_": _STRING}, "minProperties": 1},
        both={"type": "object", "not": {"required": ["a", "b"]}},
    ),
    {"type": "object"},
)
_FETCH = Facts(
    "file.fetch@1",
    _object(["url"], url=_STRING),
    _object(["bytes"], bytes={"type": "integer"}),
    effect="read",
    roles={"/url": ("host", "path")},
    files=("file", "log"),
)
_PROFILE = Facts(
    "file.profile@1",
    _object(
        [],
        file=_STRING,
        more={"type": "array", "items": _STRING},
        named={"type": "object", "additionalProperties": _STRING},
        note=_STRING,
    ),
    _object(["rows"], rows={"type": "integer"}),
    roles={"/file": ("file",), "/more/*": ("file",), "/named/*": ("file",), "/gone/x": ("file",)},
)
_LIST = Facts(
    "file.list@1",
    _object(
        ["root"],
        root=_STRING,
        folder=_STRING,
        paths={"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        limit={"type": "integer", "minimum": 1},
        after=_STRING,
    ),
    _object(["files", "next"], files={"type": "array"}, next={"type": ["string", "null"]}),
    effect="read",
    roles={"/root": ("host",), "/folder": ("path",), "/paths/*": ("path",)},
)
_DROP = Facts("table.drop@1", _object(["name"], name=_STRING), _object([]), effect="destructive")

CATALOGUE: Mapping[str, Facts] = {
    each.name: each
    for each in (_HTTP, _SHELL, _ECHO, _COUNT, _PICK, _FETCH, _PROFILE, _LIST, _DROP)
}
