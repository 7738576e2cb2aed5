"""Whether a schema is one that a spec may hold: known keywords, local references, bounded."""

from collections.abc import Iterator
from functools import lru_cache

import orjson

from engine.core.pointer import Pointer
from engine.core.schema.keyword import KNOWN, ROOT, subschemas
from engine.core.schema.plain import is_plain
from engine.core.schema.reference import resolved
from engine.core.schema.validator import Problem, refusal
from engine.core.schema.words import word
from engine.core.values import Json, canonical
from engine.core.wording import shown, suggestion

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 65_536
MAX_DEPTH = 30
MAX_SCHEMAS = 2_000
MAX_PATTERN = 500
FORMATS = frozenset(
    {
        "date-time",
        "date",
        "time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "uri-template",
        "iri",
        "iri-reference",
        "uuid",
        "json-pointer",
        "relative-json-pointer",
        "regex",
    }
)
# What stands in the same place as the schema around it: a loop through these has no end.
_IN_PLACE = frozenset(
    {
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentSchemas",
    }
)


def check(schema: Json) -> list[Problem]:
    """Return why a schema is not allowed, each with where in it; nothing if it is.

    Allowed is JSON Schema 2020-12 without anchors, dynamic or outside references, with patterns
    that an engine without backtracking takes, and within the limits above. Many specs hold the
    same small schemas: what was found out of one is kept.
    """
    try:
        text = orjson.dumps(schema)
    except TypeError:
        return _problems(schema)
    return list(_known(text)) if len(text) <= MAX_BYTES else _problems(schema)


@lru_cache(maxsize=4096)
def _known(text: bytes) -> tuple[Problem, ...]:
    return tuple(_problems(orjson.loads(text)))


def _problems(schema: Json) -> list[Problem]:
    problems: list[Problem] = []
    pending: list[tuple[Pointer, int, Json]] = [(Pointer(), 0, schema)]
    left = MAX_SCHEMAS
    while pending:
        at, depth, each = pending.pop()
        left -= 1
        if depth > MAX_DEPTH or left < 0:
            return [(at, f"over {MAX_DEPTH} schemas deep, or over {MAX_SCHEMAS:,} in all")]
        problems.extend(_own_problems(each, at, schema))
        if isinstance(each, dict):
            inner = [(at.to(*where), depth + 1, part) for where, part in subschemas(each)]
            pending.extend(reversed(inner))
    return problems or _whole_problems(schema)


def _whole_problems(schema: Json) -> list[Problem]:
    """Return what is wrong with a schema as a whole, its parts being in order."""
    try:
        size = len(canonical(schema))
    except TypeError:
        return [(Pointer(), "expected JSON nested 250 deep at most")]
    if size > MAX_BYTES:
        return [(Pointer(), f"a schema has at most {MAX_BYTES:,} bytes")]
    if _loops(schema):
        return [(Pointer(), "a `$ref` leads back to itself with nothing in between")]
    reason = None if is_plain(schema) else refusal(schema)
    return [] if reason is None else word(reason, schema)


def _own_problems(schema: Json, at: Pointer, root: Json) -> list[Problem]:
    """Return what is wrong with one schema, the schemas inside it apart."""
    if isinstance(schema, bool):
        return []
    if not isinstance(schema, dict):
        return [(at, f"expected a schema, found {shown(schema)}")]
    problems: list[Problem] = []
    for keyword, value in schema.items():
        message = ""
        if keyword not in KNOWN and (at or keyword not in ROOT):
            message = _unknown(keyword)
        elif keyword == "$schema" and value != DIALECT:
            message = f"a schema is of {DIALECT}"
        elif keyword == "$ref":
            message = _reference(value, root)
        elif keyword == "format" and value not in FORMATS:
            message = f"there is no format {shown(value)}"
            message += _meant(str(value), FORMATS)
        elif keyword == "pattern":
            message = _pattern(value)
        elif keyword == "patternProperties" and isinstance(value, dict):
            message = next(filter(None, map(_pattern, value)), "")
        if message:
            problems.append((at.to(keyword), message))
    return problems


def _unknown(keyword: str) -> str:
    if keyword.startswith("$"):
        return f"`{keyword}` is not part of the language: a schema stands for itself"
    return f"there is no keyword `{keyword}` in JSON Schema{_meant(keyword, KNOWN)}"


def _meant(written: str, known: frozenset[str]) -> str:
    hint = suggestion(written, sorted(known))
    return f"; {hint}" if hint else ""


def _reference(value: Json, root: Json) -> str:
    if not isinstance(value, str) or not (value == "#" or value.startswith("#/")):
        return f"a `$ref` stays in its own schema (`#/$defs/...`), found {shown(value)}"
    return "" if resolved(root, value) is not None else f"there is nothing at {shown(value)}"


def _pattern(value: Json) -> str:
    if not isinstance(value, str):
        return f"expected a pattern, found {shown(value)}"
    if len(value) > MAX_PATTERN:
        return f"a pattern has at most {MAX_PATTERN} characters"
    if refusal({"pattern": value}) is None:
        return ""
    return (
        f"{shown(value)} is no pattern that is safe to run: "
        "no look-around, no back-references, no huge repetition"
    )


def _loops(root: Json) -> bool:
    """True if judging one value would never end: references in a ring, with no step inwards."""
    leads = {each: set(_in_place(resolved(root, each))) for each in _all_references(root)}
    while leads:
        ended = {each for each, onward in leads.items() if not onward & leads.keys()}
        if not ended:
            return True
        leads = {each: onward for each, onward in leads.items() if each not in ended}
    return False


def _all_references(schema: Json) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield str(schema["$ref"])
        for _, inner in subschemas(schema):
            yield from _all_references(inner)


def _in_place(schema: Json) -> Iterator[str]:
    """Give the references that judge the same value as the schema itself."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield str(schema["$ref"])
        for where, inner in subschemas(schema):
            if where[0] in _IN_PLACE:
                yield from _in_place(inner)
