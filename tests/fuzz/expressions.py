"""Expressions and templates under fire, over names that hold much and odd data."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

from engine.core import schema
from engine.core.expression import (
    Compiled,
    EvaluationError,
    Fault,
    FaultError,
    has_template,
    inspect,
    parse_expression,
    parse_template,
    parts,
    type_of,
)
from engine.core.expression.budget import MAX_OUTPUT
from engine.core.values import Json
from tests.fuzz import grammar
from tests.fuzz.mutation import mutated

ROOT = Path(__file__).parents[2]
_LONGEST_SCHEMA = 2_000  # validators are kept, and would be taken for the target's memory
_DOORS = (parse_expression, parse_template)
_CODES = frozenset(("", "undefined", "type", "value", "budget"))
_QUOTED = re.compile(r"`.*?`|\d+|\".*?\"", re.DOTALL)
_EXAMPLE = re.compile(r"`([^`\n]+)`")

PIECES = [
    each.encode()
    for each in (
        "a", "b", "inputs", ".", "|", "(", ")", "[", "]", "{", "}", "{{", "}}", "{%", "%}", "{#",
        "#}", "{{-", "-}}", "+", "*", "**", "/", "//", "%", "~", "==", "=", "<", "in", "not", "is",
        "if", "else", "and", "or", ",", ":", "'", '"', "1", "1.5", "0x1f", "1e9", "1_0", "none",
        "true", "default", "upper", "sum", "join", "map", "\\", "\n", "\r", "#", ";", "@", "$", "é",
        "²", "\u2028", "\0", "`", " ",
        *grammar.HOSTILE_NAMES,
        " | default(1)", "[0]", "[::-1]", " if x else ", "is defined", "'{{'", "\\'", '\\"',
    )
]  # fmt: skip

_ROW: dict[str, Json] = {"id": "x", "k": 1, "copy": {"loaded": 2}}
NAMES: dict[str, Json] = {
    "inputs": {
        "env": "staging", "n": 3, "f": 2.5, "yes": True, "nothing": None, "tags": ["b", "a"],
        "words": {"b": 2, "a": 1},
    },
    "rows": [{**_ROW, "id": f"r{each}", "k": each % 7} for each in range(3_000)],
    "numbers": list(range(20_000)),
    "big": "a" * 250_000,
    "long": "é\"\\\U0001f600 \n" * 20_000,
    "map": {f"k{each}": each for each in range(10_000)},
    "words": ["the same beginning " * 20 + str(each) for each in range(500)],
    "deep": [[[[[[[[[[1], {"a": [2]}]]]]]]]]],
    "t": "2026-03-29T02:30:00+02:00",
    "day": "2026-03-29",
    "json": '{"a": [1, 2.5, "x", null]}',
    "half": "a\ud800b",
    "huge": 10**30,
    "empty": "",
    "x": {"__class__": "data", "format": "data", "copy": 1},
}  # fmt: skip
SHAPES: dict[str, Json] = {
    "inputs": {
        "type": "object",
        "properties": {
            "env": {"type": "string", "enum": ["staging", "production"]},
            "n": {"type": "integer"},
            "f": {"type": "number"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    },
    "rows": {"type": "array", "items": {"type": "object", "required": ["id"]}},
    "big": {"type": "string"},
    "t": {"type": "string", "format": "date-time"},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    **{name: {} for name in ("numbers", "long", "words", "deep", "day", "json", "half", "huge")},
    **{name: {} for name in ("empty", "x", "gone")},
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one door made of a text: a fault, or what was compiled and what came of it."""

    fault: Fault | None = None
    compiled: Compiled | None = None
    code: str = ""
    message: str = ""
    value: Json = None
    schema: Json = None
    faults: tuple[Fault, ...] = ()


Answers: TypeAlias = list[Answer]


class Expressions:
    """A text in; through both doors a fault, a value or an error, and a type."""

    def seeds(self) -> list[bytes]:
        found = [each.encode() for each in grammar.HOSTILE]
        found += [f"{{{{ {each} }}}}".encode() for each in grammar.HOSTILE]
        page = (ROOT / "docs/reference/expressions.md").read_text()
        found += [each.encode() for each in _EXAMPLE.findall(page)]
        for file in sorted(ROOT.glob("tests/core/**/*.yaml")):
            found += [each.encode() for each in file.read_text().splitlines() if "{{" in each]
        return found

    def breed(self, chance: Random, corpus: Sequence[bytes]) -> bytes:
        kind = chance.random()
        if kind < 0.4:
            return grammar.expression(chance, chance.randint(1, 5)).encode()
        if kind < 0.55:
            return grammar.template(chance).encode()
        return mutated(chance, corpus, PIECES)

    def attempt(self, data: bytes) -> Answers:
        text = data.decode(errors="replace")
        return [_answer(door, text) for door in range(len(_DOORS))]

    def judge(self, data: bytes, result: Answers) -> Hashable:
        text = data.decode(errors="replace")
        signs: list[Hashable] = []
        for door, answer in enumerate(result):
            if answer.fault is not None:
                _check_place(answer.fault, text)
                signs.append((answer.fault.code, _QUOTED.sub("", answer.fault.message)))
                continue
            _check_value(answer)
            for each in answer.faults:
                _check_place(each, text)
            signs.append((answer.code, _QUOTED.sub("", answer.message), type(answer.value)))
            if len(text) < 2_000:
                again = _answer(door, text)
                assert (again.code, again.message) == (answer.code, answer.message)
                assert repr(again.value) == repr(answer.value)
            self._check_parts(text, door, answer)
        return tuple(signs)

    def compare(self, data: bytes, result: Answers) -> bool:
        """Compare the value with its foretold type."""
        compared = False
        for answer in result:
            known = answer.compiled is not None and not answer.code and not answer.faults
            small = known and len(repr(answer.schema)) < _LONGEST_SCHEMA
            if small and answer.schema != {} and _is_json(answer.value):
                assert [] == schema.validator(answer.schema).problems(answer.value)
                compared = True
        return compared

    def _check_parts(self, text: str, door: int, answer: Answer) -> None:
        assert answer.compiled is not None
        for reference in answer.compiled.references:
            piece = text[reference.offset : reference.offset + reference.length]
            assert piece.startswith(str(reference.path[0])), (piece, reference)
        for each in inspect(answer.compiled, SHAPES):
            assert 0 <= each.offset <= each.offset + each.length <= len(text)
        if door == 1 and has_template(text):
            assert text == "".join(each.written for each in parts(text))


def _answer(door: int, text: str) -> Answer:
    try:
        compiled = _DOORS[door](text)
    except FaultError as error:
        return Answer(error.fault)
    told, faults = type_of(compiled, SHAPES)
    try:
        value = compiled.evaluate(NAMES)
    except EvaluationError as error:
        return Answer(None, compiled, error.code, error.message, None, told, tuple(faults))
    return Answer(None, compiled, "", "", value, told, tuple(faults))


def _check_place(fault: Fault, text: str) -> None:
    assert 0 <= fault.offset <= fault.offset + fault.length <= len(text) + 1, fault
    assert fault.message


def _check_value(answer: Answer) -> None:
    assert answer.code in _CODES
    assert answer.code or answer.value is None or _is_small(answer.value)


def _is_small(value: Json) -> bool:
    """True if a value is within the limit of output, or was there before and is looked up."""
    if any(value is each for each in NAMES.values()):
        return True
    size = len(repr(value))
    return size <= 12 * MAX_OUTPUT  # in Python's writing, with escapes


def _is_json(value: Json) -> bool:
    """True for what JSON can hold and is soon checked."""
    text = repr(value)
    return len(text) < 10_000 and "\\ud800" not in text and str(NAMES["huge"]) not in text
