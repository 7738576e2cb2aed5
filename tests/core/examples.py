"""The five example specs, and the operations that they call, as manifests tell them."""

from collections.abc import Mapping
from pathlib import Path

from engine.core.values import Json
from tests.core.catalogue import CATALOGUE as BASE
from tests.core.catalogue import Facts

FOLDER = Path(__file__).parents[2] / "specs"
NAMES = sorted(path.name for path in FOLDER.glob("[1-5]-*.yaml"))
SPECS = (*NAMES, "companions.yaml")

_STRING: Json = {"type": "string"}
_OPEN: Mapping[str, Json] = {"type": "object"}
_HTTP = BASE["http.request@1"]


def _taking(required: list[str], **properties: Json) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _facts(name: str, required: list[str], **properties: Json) -> Facts:
    return Facts(name, _taking(required, **properties), _OPEN)


CATALOGUE: Mapping[str, Facts] = {
    **BASE,
    "http.request@1": Facts(
        _HTTP.name,
        _taking(
            ["url"],
            method={"type": "string", "enum": ["GET", "PUT", "DELETE", "POST"], "default": "GET"},
            url={"type": "string", "pattern": "^https?://"},
            json={},
            auth=_taking([], bearer=_STRING),
            ok_status={"type": "array", "items": {"type": "integer"}},
        ),
        _taking(["status"], status={"type": "integer"}, body={}),
        "write",
        False,
        _HTTP.effect_by,
        _HTTP.idempotent_by,
        {"/url": ("host", "path", "secret"), "/auth/bearer": ("secret",)},
    ),
    "http.download@1": Facts(
        "http.download@1",
        _taking(["url"], url=_STRING, max_bytes={"type": "integer"}),
        _OPEN,
        "read",
        roles={"/url": ("host", "path")},
        files=("file",),
    ),
    "table.profile@1": Facts(
        "table.profile@1",
        _taking(["file"], file=_STRING),
        _taking(["rows", "nulls"], rows={"type": "integer"}, nulls=_OPEN),
        roles={"/file": ("file",)},
    ),
    "sql.query@1": Facts(
        "sql.query@1",
        _taking(["dsn", "statement"], dsn=_STRING, statement=_STRING, params=_OPEN),
        _taking(["rows"], rows={"type": "array", "items": _OPEN}),
        "read",
        roles={"/dsn": ("secret",), "/statement": ("code",)},
    ),
    "sql.load@1": Facts(
        "sql.load@1",
        _taking(["dsn", "table", "file"], dsn=_STRING, table=_STRING, file=_STRING,
                replace_where=_OPEN),
        _taking(["row_count"], row_count={"type": "integer"}),
        "write",
        True,
        roles={"/dsn": ("secret",), "/file": ("file",)},
    ),
    "sark.runs@1": Facts(
        "sark.runs@1",
        _taking([], workflow=_STRING, within=_STRING, status=_STRING, limit={"type": "integer"}),
        _taking(["items"], items={"type": "array", "items": _OPEN}),
        "read",
    ),
    "shell.run@1": Facts(
        "shell.run@1",
        _taking([], image=_STRING, argv={"type": "array", "items": _STRING}),
        _OPEN,
        "write",
        False,
        roles={"/argv/0": ("code",)},
    ),
    "smtp.send@1": Facts(
        "smtp.send@1",
        _taking(["to", "subject"], to={"type": "array", "items": _STRING}, subject=_STRING,
                text=_STRING),
        _OPEN,
        "write",
        False,
    ),
    "text.render@1": Facts(
        "text.render@1",
        _taking(["template"], template=_STRING, values=_OPEN),
        _taking(["text"], text=_STRING),
        files=("file",),
    ),
    "container.build@1": Facts(
        "container.build@1",
        _taking(["repo", "ref"], repo=_STRING, ref=_STRING, network=_STRING),
        _taking(["digest"], digest=_STRING),
    ),
    "container.run@1": Facts(
        "container.run@1",
        _taking(["image", "argv"], image=_STRING, argv={"type": "array", "items": _STRING},
                network=_STRING),
        _OPEN,
        roles={"/argv/0": ("code",)},
    ),
    "github.comment@1": Facts(
        "github.comment@1",
        _taking(["repo", "number", "body", "auth"], repo=_STRING, number={"type": "integer"},
                marker=_STRING, body=_STRING, auth=_STRING),
        _OPEN,
        "write",
        True,
        roles={"/auth": ("secret",)},
    ),
    "github.status@1": Facts(
        "github.status@1",
        _taking(["repo", "sha", "context", "state", "auth"], repo=_STRING, sha=_STRING,
                context=_STRING, state=_STRING, text=_STRING, auth=_STRING),
        _OPEN,
        "write",
        True,
        roles={"/auth": ("secret",)},
    ),
}  # fmt: skip
