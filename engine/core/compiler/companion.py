"""Files beside the specs, laid into the workflow that names them, so that its commit pins them.

`payload: {$ref: schemas/alert.json}` is the JSON Schema in that file. The `template` argument of an
operation that takes a template is the content of a file if its text is a path that ends in `.j2`:
one line, no braces, no space. Paths begin at the root, whatever the folder of the spec.
"""

import re
from typing import Any, TypeVar

import orjson

from engine.core import exposure, facts, spec
from engine.core import schema as schemas
from engine.core.commit.neighbour import Neighbours
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.facts import Catalogue
from engine.core.spec.model import Model
from engine.core.values import Json

MAX_BYTES = 256 * 1024
_TEMPLATE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.j2")
_PATH = re.compile(r"(?!.*(?:^|/)\.{0,2}(?:/|$))[^\\\0]+")
_FIELD = "template"
_MOST_EXPOSED = 10
_Model = TypeVar("_Model", bound=Model)


def laid_in(
    findings: Findings, workflow: spec.Workflow, neighbours: Neighbours, catalogue: Catalogue
) -> spec.Workflow:
    """Return the workflow with the content of every file that it names in the file's place."""
    return _Reader(findings, neighbours, catalogue).model(workflow, ())


def may_name(model: Model) -> bool:
    """True if a model, what it holds apart, may name a file."""
    held = model.__dict__
    return _reference(held.get("payload")) is not None or _template(held.get("with_")) is not None


def _reference(payload: Any) -> str | None:
    """Return the file that a payload is a reference to."""
    name = payload.get("$ref") if isinstance(payload, dict) else None
    return name if isinstance(name, str) and not name.startswith("#") else None


def _template(arguments: Any) -> str | None:
    """Return the file that an argument for a template may be."""
    text = arguments.get(_FIELD) if isinstance(arguments, dict) else None
    return text if isinstance(text, str) and _TEMPLATE.fullmatch(text) is not None else None


class _Reader:
    """Replaces the names of files all over a workflow."""

    def __init__(self, findings: Findings, neighbours: Neighbours, catalogue: Catalogue) -> None:
        self._findings = findings
        self._neighbours = neighbours
        self._catalogue = catalogue

    def model(self, model: _Model, path: Path) -> _Model:
        """Return a model with all that it holds looked through, itself where nothing changes."""
        changed: dict[str, Any] = {}
        for name, key in model.keys.items():
            old = getattr(model, name)
            new = self._field(model, name, old, (*path, key.key))
            if new is not old:
                changed[name] = new
        return model.but(**changed) if changed else model

    def _field(self, model: Model, name: str, value: Any, path: Path) -> Any:
        if name == "payload":
            return self._payload(value, path)
        if name == "with_":
            return self._arguments(getattr(model, "uses", None), value, path)
        return self._inside(value, path)

    def _inside(self, value: Any, path: Path) -> Any:
        if isinstance(value, Model):
            return self.model(value, path)
        if isinstance(value, dict):
            new = {key: self._inside(each, (*path, key)) for key, each in value.items()}
            return new if any(new[key] is not value[key] for key in value) else value
        if isinstance(value, list):
            items = [self._inside(each, (*path, index)) for index, each in enumerate(value)]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        return value

    def _payload(self, value: Any, path: Path) -> Any:
        name = _reference(value)
        if name is None:
            return value
        place = Place((*path, "$ref"))
        content = self._content(name, place)
        return {} if content is None else self._schema(name, content, place)

    def _schema(self, name: str, content: bytes, place: Place) -> Json:
        """Return the schema in a file; what is none may be anything, after a finding."""
        try:
            schema = orjson.loads(content)
        except orjson.JSONDecodeError as fault:
            told = f"line {fault.lineno}, column {fault.colno}: {fault.msg}"
            self._bad(f"{name} is not JSON: {told}", place)
            return {}
        if not isinstance(schema, dict):
            self._bad(f"{name} holds no JSON Schema: expected an object", place)
            return {}
        problems = schemas.check(schema)
        for pointer, message in problems:
            where = "/".join(map(str, ("#", *pointer)))
            self._bad(f"{name} is no JSON Schema, at {where}: {message}", place)
        return {} if problems else schema

    def _arguments(self, operation: str | None, value: Any, path: Path) -> Any:
        text = _template(value)
        known = self._catalogue.get(operation or "")
        if text is None or known is None or facts.CODE not in known.roles_at((_FIELD,)):
            return value
        place = Place((*path, _FIELD))
        content = self._content(text, place)
        if content is None:
            return value
        try:
            return {**value, _FIELD: content.decode("utf-8")}
        except UnicodeDecodeError as fault:
            self._bad(f"{text} is not UTF-8: byte {fault.start + 1}", place)
            return value

    def _content(self, name: str, place: Place) -> bytes | None:
        """Return a file's content, or nothing after a finding."""
        if _PATH.fullmatch(name) is None:
            message = f'"{name}" is no path of a file below the root'
            self._bad(message, place, "write it from the root on, without `.`, `..` and `\\`")
            return None
        content = self._neighbours.file(name)
        if content is not None:
            return self._covered(name, content, place)
        if self._neighbours.has_file(name):
            message = f"{name} is over {MAX_BYTES >> 10} KiB, and was not read"
            self._bad(message, place, "name a smaller file")
            return None
        self._findings.error(
            "missing-file", f'there is no file "{name}" below the root', place,
            hint="paths begin at the root of the source, whatever the folder of the spec",
        )  # fmt: skip
        return None

    def _covered(self, name: str, content: bytes, place: Place) -> bytes:
        """Return a file's content with the secrets in it covered, which are told."""
        text = content.decode("utf-8", "surrogateescape")
        exposed = exposure.found(text)
        for each in exposed[:_MOST_EXPOSED]:
            line = text.count("\n", 0, each.begin) + 1
            message = f"line {line} of {name} holds what looks like {each.what}"
            self._findings.error("secret-in-spec", message, place, hint="take it out of the file")
        return exposure.covered(text, exposed).encode("utf-8", "surrogateescape")

    def _bad(self, message: str, place: Place, hint: str = "") -> None:
        self._findings.error("bad-file", message, place, hint=hint)
