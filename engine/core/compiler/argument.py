"""`with` against the operation's schema: what is missing, unknown, or of the wrong type."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from engine.core import schema as schemas
from engine.core.compiler.findings import Findings, Path, Place, listed, meant
from engine.core.compiler.shape import closed
from engine.core.compiler.site import Schema
from engine.core.document import Scalar
from engine.core.frozen import frozen
from engine.core.quoting import shown
from engine.core.reader import resolve
from engine.core.schema import ANNOTATIONS
from engine.core.values import Json
from engine.core.wording import Instead, Meant, in_quotes

_OBJECT = frozenset({"type", "properties", "required", "additionalProperties"}) | ANNOTATIONS
_ARRAY = frozenset({"type", "items"}) | ANNOTATIONS
_KEYS = ANNOTATIONS | {
    "required",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
}
_COMBINED = frozenset({"allOf", "anyOf", "oneOf", "not"})


@frozen
class Area:
    """An area of values at `path`, known to a finding by `what`; `types` are of its templates.

    A schema comes with its references inlined.
    """

    findings: Findings
    what: str
    path: Path
    types: Mapping[Path, Schema]
    code: str = "bad-argument"
    noun: str = "argument"

    def place(self, pointer: Path, *, key: bool = False) -> Place:
        return Place(self.path + pointer, key)

    def check(self, value: Json, schema: Json, pointer: Path = ()) -> None:
        """Find what certainly does not fit `schema` in the value at `pointer`."""
        if not isinstance(schema, dict):
            return
        if pointer in self.types:
            self._check_template(self.types[pointer], schema, pointer)
            return
        if isinstance(value, dict) and _is_taken_apart(schema):
            self._check_object(value, schema, pointer)
            schema = _without(schema, _OBJECT)
        elif isinstance(value, list) and "items" in schema and "prefixItems" not in schema:
            for index, item in enumerate(value):
                self.check(item, schema["items"], (*pointer, index))
            schema = _without(schema, _ARRAY)
        if schema and not schemas.fits_plainly(schema, value):
            self._check_whole(value, schema, pointer)

    def _check_object(self, value: Mapping[str, Json], schema: Schema, pointer: Path) -> None:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        assert isinstance(properties, dict)
        assert isinstance(required, Sequence)
        rest = schema.get("additionalProperties", True)
        misspelt = set[str]()
        for name, item in value.items():
            if name in properties:
                self.check(item, properties[name], (*pointer, name))
            elif rest is False:
                misspelt.add(self._unknown(name, properties, pointer))
            else:
                self.check(item, rest, (*pointer, name))
        for each in map(str, required):
            if each not in value and each not in misspelt:
                self._missing(each, pointer)

    def _missing(self, name: str, pointer: Path) -> None:
        told = self.place(pointer, key=True)
        where = f" in `{_dotted(pointer)}`" if pointer else ""
        message = f'{self.what} needs the {self.noun} "{name}"{where}'
        code = f"missing-{self.noun}"
        self.findings.error(code, message, told, hint=f"add `{name}: ...`")

    def _unknown(self, name: str, known: Mapping[str, Json], pointer: Path) -> str:
        """Tell that there is no such name; return the one that was probably meant, if any."""
        place = self.place((*pointer, name), key=True)
        where = f" in `{_dotted(pointer)}`" if pointer else ""
        message = f'{self.what} has no {self.noun} "{name}"{where}'
        code, hint = f"unknown-{self.noun}", meant(name, known)
        self.findings.error(code, message, place, hint=hint, expected=listed(known))
        return hint.near if isinstance(hint, Meant) else ""

    def _check_template(self, source: Schema, target: Schema, pointer: Path) -> None:
        reason = schemas.assignable(source, target)
        if reason is not None:
            message = f"`{self._name(pointer)}` of {self.what} cannot take this value: {reason}"
            self.findings.error("wrong-type", message, self.place(pointer))

    def _check_whole(self, value: Json, schema: Schema, pointer: Path) -> None:
        """Check a value that is not taken apart.

        A constant is checked exactly, and so are the keys of a mapping, whatever stands behind
        them; any other value by its shape.
        """
        inside = {at: told for at, told in self.types.items() if at[: len(pointer)] == pointer}
        if not inside or _is_about_keys(schema):
            for at, message in schemas.validator(schema).problems(value):
                place = pointer + tuple(at)
                told = f"`{self._name(place)}` of {self.what} is not as it must be: {message}"
                hint = "" if at else self._quoting(schema, pointer)
                self.findings.error(self.code, told, self.place(place), hint=hint)
            return
        reason = schemas.assignable(_shape(value, inside, pointer), schema)
        if reason is not None:
            message = f"`{self._name(pointer)}` of {self.what} cannot take this value: {reason}"
            self.findings.error("wrong-type", message, self.place(pointer))

    def _quoting(self, schema: Schema, pointer: Path) -> str:
        """Return the hint to quote a scalar, or not to, where it fits `schema` then."""
        node = self.findings.document.node(self.path + pointer)
        if not isinstance(node, Scalar):
            return ""
        with suppress(ValueError):
            other = node.text if node.plain else resolve(node._replace(plain=True))
            if not schemas.validator(schema).problems(other):
                if node.plain:
                    return Instead(f"quote it: '{shown(node.text)}'", in_quotes(node.text))
                return Instead("take the quotes away", node.text)
        return ""

    def _name(self, pointer: Path) -> str:
        return _dotted(pointer) or str(self.path[-1])


def _is_taken_apart(schema: Schema) -> bool:
    """True if a schema tells by name what each property of a mapping must be."""
    by_name = "properties" in schema or "additionalProperties" in schema
    return by_name and "patternProperties" not in schema


def _is_about_keys(schema: Json) -> bool:
    """True if a schema asks for nothing but that some keys are there, and others not."""
    return isinstance(schema, dict) and all(
        name in _KEYS or (name in _COMBINED and all(map(_is_about_keys, _parts(told))))
        for name, told in schema.items()
    )


def _parts(told: Json) -> Sequence[Json]:
    return told if isinstance(told, list) else [told]


def _without(schema: Schema, names: frozenset[str]) -> Schema:
    """Return what is left of a schema to be checked."""
    return {name: told for name, told in schema.items() if name not in names}


def _shape(value: Json, types: Mapping[Path, Schema], pointer: Path) -> dict[str, Json]:
    """Return the shape of a value that has templates in it."""
    if pointer in types:
        return dict(types[pointer])
    if isinstance(value, dict):
        return closed({name: _shape(each, types, (*pointer, name)) for name, each in value.items()})
    if isinstance(value, list):
        items: list[Json] = [_shape(item, types, (*pointer, i)) for i, item in enumerate(value)]
        count = len(items)
        bounds: dict[str, Json] = {"items": False, "minItems": count, "maxItems": count}
        return {"type": "array", "prefixItems": items, **bounds}
    return {"const": value}


def _dotted(pointer: Path) -> str:
    return "".join(_steps(pointer)).removeprefix(".")


def _steps(pointer: Path) -> Iterator[str]:
    for each in pointer:
        yield f"[{each}]" if isinstance(each, int) else f".{each}"
