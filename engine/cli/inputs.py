"""The inputs of a run as they are given on the command line, typed by the workflow's schema."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

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
