"""What is wrong with the settings, in a line each: where, the key, what was expected and found."""

import re
from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.settings.freeze import Freeze
from engine.settings.masking import masked
from engine.settings.model import (
    App,
    Artifacts,
    Controller,
    ForgeSettings,
    Git,
    History,
    Server,
    Settings,
    Source,
    Telemetry,
    Token,
    Worker,
)

_TABLE = re.compile(r"\s*(\[\[?)\s*([\w.\"'-]+)\s*\]")
_KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")
# What a kind of fault expected, where Pydantic's own words are not a user's.
_EXPECTED = {
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "path_type": "a path",
}
_LISTS: Mapping[str, type[BaseModel]] = {"sources": Source, "tokens": Token}
_INNER: Mapping[str, type[BaseModel]] = {
    "sources.forge": ForgeSettings, "sources.forge.app": App, "sources.freeze": Freeze,
}  # fmt: skip
_NUMBER = re.compile(r"\.\d+")


def explain(error: ValidationError, file: Path | None, origins: Mapping[str, str]) -> str:
    """Return every fault of the settings that came from `file`, and elsewhere by `origins`."""
    lines = _lines(file.read_text("utf-8")) if file else {}
    told = []
    for each in error.errors(include_url=False):
        key = ".".join(map(str, each["loc"]))
        above = _above(key)
        origin = next((origins[k] for k in above if k in origins), _below(key, origins))
        line = next((lines[k] for k in above if k in lines), 1)
        where = f"{origin}:{line}" if file and origin == str(file) else origin
        told.append(f"{where}: {_fault(key, each)}")
    return "\n".join(told)


def _fault(key: str, told: ErrorDetails) -> str:
    kind = told["type"]
    parent, _, last = key.rpartition(".")
    if kind == "extra_forbidden":
        near = get_close_matches(last, _fields(parent), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(_fields(parent))}"
        return f"unknown key {key!r}{hint}"
    if kind == "missing":
        return f"{key}: expected, and not there"
    words = told["msg"].removeprefix("Value error, ")
    words = words.replace("Input should be", "expected a value")
    if kind in _EXPECTED:
        words = f"expected {_EXPECTED[kind]}"
    if kind == "tuple_type" and key in _LISTS:
        words += f", each written [[{key}]]"
    hidden = key.startswith("secrets.") or "webhook_secrets" in key or last in ("token", "sha256")
    is_told = "found" in words or kind == "value_error" or hidden
    return f"{key}: {words}" if is_told else f"{key}: {words}, found {_found(key, told['input'])}"


def _found(key: str, value: object) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return repr(masked(key, value))


def _above(key: str) -> list[str]:
    """Return a key and every key that it lies below, the nearest first."""
    words = key.split(".")
    return [".".join(words[:end]) for end in range(len(words), 0, -1)]


def _below(key: str, origins: Mapping[str, str]) -> str:
    """Return where something below the nearest table of a key came from."""
    found = (o for above in _above(key) for k, o in origins.items() if k.startswith(f"{above}."))
    return next(found, "settings")


def _fields(parent: str) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "": Settings,
        "server": Server,
        "worker": Worker,
        "artifacts": Artifacts,
        "controller": Controller,
        "telemetry": Telemetry,
        "history": History,
        "git": Git,
    }
    model = _INNER.get(_NUMBER.sub("", parent))
    model = model or _LISTS.get(parent.partition(".")[0]) or sections.get(parent)
    return list(model.model_fields) if model else []


def _lines(text: str) -> dict[str, int]:
    """Return the line of each table and key of a TOML file, as far as lines begin with them."""
    found: dict[str, int] = {}
    table, counts = "", Counter[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if head := _TABLE.match(line):
            table = re.sub("[\"']", "", head[2])
            if head[1] == "[[":
                counts[table] += 1
                table = f"{table}.{counts[table] - 1}"
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            name = re.sub("[\"']", "", key[1])
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found
