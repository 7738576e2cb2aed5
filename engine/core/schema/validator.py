"""The verdict on a value: jsonschema-rs gives it, with a regex engine that cannot run away."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from engine.core.kind import named
from engine.core.pointer import Pointer
from engine.core.schema.shape import types
from engine.core.schema.words import word
from engine.core.spilled import ByReference, Spilled
from engine.core.spilled import found as found_in
from engine.core.values import Json, canonical

if TYPE_CHECKING:
    import jsonschema_rs

MAX_PROBLEMS = 20
MAX_PATTERN_BYTES = 1 << 20  # of a compiled pattern

# What says no more of a value than its type.
_TYPE_ALONE = frozenset({"type", "title", "description"})

Problem = tuple[Pointer, str]


class Validator:
    """A schema made ready to judge values. It fetches nothing and fills nothing in."""

    __slots__ = ("_compiled", "_is_valid", "_schema")

    def __init__(self, schema: Json, compiled: "jsonschema_rs.Validator") -> None:
        self._schema = schema
        self._compiled = compiled
        self._is_valid: Callable[[object], bool] = compiled.is_valid

    def problems(self, value: Any) -> list[Problem]:
        """Return what is wrong with a value, each with where; nothing if it fits.

        What cannot be written as JSON is refused first: a deep enough value would overflow the
        stack of the validator, which takes the process along. The words show what was found,
        cut to 80 characters: whoever handles secrets masks them.
        """
        if type(value) is Spilled:
            return self._by_type(value)
        if isinstance(value, dict | list):
            try:
                orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS)
            except TypeError:
                for _, each in found_in(value):
                    return [(Pointer(), str(ByReference(each)))]
                return [(Pointer(), "expected JSON nested 250 deep at most")]
        if self._is_valid(value):
            return []
        found: list[Problem] = []
        for error in self._compiled.iter_errors(value):
            found.extend(word(error, self._schema))
            if len(found) >= MAX_PROBLEMS:
                break
        return found[:MAX_PROBLEMS]

    def _by_type(self, value: Spilled) -> list[Problem]:
        """Return what is wrong with what is passed by reference: its type alone is known."""
        told = self._schema if isinstance(self._schema, Mapping) else {}
        if told.keys() - _TYPE_ALONE:
            words = "nothing but its type can be checked of what is passed by reference"
            return [(Pointer(), f"{words}: {ByReference(value)}")]
        wanted = types(self._schema)
        if value.kind in wanted:
            return []
        return [(Pointer(), f"expected {named(wanted)}, found {named(value.kind)}")]


def validator(schema: Json) -> Validator:
    """Return the validator of a schema, compiled once for all equal schemas.

    Raise ValueError for a schema that `check` would not pass.
    """
    return _compiled(canonical(schema))


def refusal(schema: Json) -> "jsonschema_rs.ValidationError | None":
    """Return why a schema is none, nothing if it is one."""
    from jsonschema_rs import ValidationError

    try:
        _made(schema)
    except ValidationError as error:
        return error
    return None


@lru_cache(maxsize=4096)
def _compiled(schema: bytes) -> Validator:
    loaded: Json = orjson.loads(schema)
    return Validator(loaded, _made(loaded))


def _made(schema: Json) -> "jsonschema_rs.Validator":
    """Return a schema compiled; what does so is loaded for the first that is not plain."""
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(
        orjson.loads(canonical(schema)),
        validate_formats=True,
        retriever=_deny,
        pattern_options=jsonschema_rs.RegexOptions(
            size_limit=MAX_PATTERN_BYTES, dfa_size_limit=MAX_PATTERN_BYTES
        ),
    )


def _deny(uri: str, /) -> bool:
    raise ValueError(f"a schema refers to nothing outside of itself, not to {uri}")
