"""The inputs of a run as they are given on the command line, typed by the workflow's schema."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from engine.core.schema import types
from engine.core.values import Json
from engine.errors import Invalid


def read(file: str | None) -> dict[str, Json]:
    """Return the inputs in a file of JSON (`-` is stdin); raise Invalid if it holds no object."""
    if file is None:
        return {}
    try:
        told = json.loads(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
    except ValueError as error:
        raise Invalid(f"{file} is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise Invalid(f"{file} must hold a JSON object, not {type(told).__name__}")
    return told


def pairs(told: Sequence[str], option: str = "-i") -> dict[str, str]:
    """Return what `-i K=V`, or another option, was given, each value as written."""
    found = {}
    for pair in told:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.UsageError(f"{option} takes K=V, as in {option} name=world, not {pair!r}")
        found[name] = value
    return found


def typed(texts: Mapping[str, str], schema: Json) -> dict[str, Json]:
    """Return the values that texts mean to the schema of a workflow's inputs.

    What takes text alone gets the text as it is written, whatever it looks like.
    """
    known = schema.get("properties") if isinstance(schema, Mapping) else None
    properties = known if isinstance(known, Mapping) else {}
    return {name: _value(text, properties.get(name, True)) for name, text in texts.items()}


def _value(text: str, schema: Json) -> Json:
    wanted = types(schema)
    if wanted == {"string"}:
        return text
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value if _kind(value) in wanted or "string" not in wanted else text


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case _:
            return "array"
