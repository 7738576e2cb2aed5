"""What hostile expressions may cost: little, whoever wrote them and whatever they are given."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf

import pytest

from engine.core.expression import (
    EvaluationError,
    FaultError,
    parse_expression,
    parse_template,
    type_of,
)
from engine.core.expression.compiled import MAX_TEMPLATE
from engine.core.expression.simple import MAX_LENGTH
from engine.core.values import Json
from tests.fuzz.drive import patience

TEXTS = [
    "{{ '" + "\\'" * 130_000,
    '{{ "' + '\\"' * 130_000 + "}}",
    "{{ " + "'" * 250_000 + " }}",
    "{{1}}" * 50_000,
    "{{a}}" * 50_000,
    ("{{[" + "1," * 990 + "1]}}") * 130,
    "{{" * 130_000,
    "{{ {" + "(" * 200_000,
    "{" * MAX_TEMPLATE,
    "'" + "\\'" * 8_000,
    "'" + "\\'" * 500_000,
    "1_" * 8_000,
    "9" * MAX_LENGTH,
    "a." * 8_000,
    "a|" * 8_000,
    "not " * 4_000,
    "[" * MAX_LENGTH,
    "a if b else " * 1_300,
    "{ " * 19 + "1" + ": 1}" * 19,
    "a" + " ~ a" * 990,
]


# In bare loops; the costliest here come to five, and more where coverage counts every line.
MOST = 20 * patience()


def loop() -> None:
    """Turn a million times, and do next to nothing: what any machine has in the same process."""
    total = 0
    for each in range(1_000_000):
        total += each


def cost(work: Callable[[], None]) -> float:
    """Return the CPU of work as so many bare loops, measured beside it: the least of three."""
    least = inf
    for _ in range(3):
        begun = time.thread_time()
        work()
        between = time.thread_time()
        loop()
        least = min(least, (between - begun) / (time.thread_time() - between))
        if least < MOST:
            break
    return least


@pytest.mark.parametrize("text", TEXTS, ids=[text[:12] for text in TEXTS])
def test_no_text_takes_long_to_read(text: str) -> None:
    """
    What is read, or refused, costs no more than twenty million turns of a bare loop, as large and
    as twisted as it may be.
    """

    def read() -> None:
        for door in (parse_expression, parse_template):
            with suppress(FaultError):
                type_of(door(text), {"a": {}, "b": {}})

    assert cost(read) < MOST


LONG = "a" * 250_000
DATA: dict[str, Json] = {
    "x": LONG,
    "y": LONG[1:] + "b",
    "pair": [LONG, LONG[1:] + "b"] * 500,
    "letters": "".join(map(chr, range(0x100, 0xD000))),
    "numbers": list(range(30_000)),
    "floats": [float(each) for each in range(30_000)],
    "pairs": [[each, each * 7] for each in range(20_000)],
    "rows": [{"a": {"b": each}} for each in range(20_000)],
    "map": {f"k{each}": each for each in range(20_000)},
    "others": {f"k{each}": float(each) for each in range(20_000)},
    "words": "a b " * 60_000,
    "json": "[" + "0," * 100_000 + "0]",
    "t": "2026-03-29T02:30:00+02:00",
}
ONES = [
    "x | trim('b' ~ letters)", "x | urlencode", "x | urlpath", "numbers | sum", "rows | sum('a.b')",
    "rows | map('a.b')", "rows | select('a.b', 3)", "rows | unique('a')", "numbers | sort",
    "numbers == floats", "pairs == pairs[::1]", "pairs | unique", "map | keys", "map == others",
    "map | items", "map | tojson", "words | split", "words | split(' ')", "json | fromjson",
    "numbers | join(',')",
    "floats | tojson", "x | replace('a', 'bbbb')", "'aaaab' in x", "y in pair", "pair | max",
    "pair | sort", "(pair + pair + pair) | sort", "x | sha256", "x | b64encode", "x | upper",
    "t | strftime('%Y%m%d')", "t | date('Europe/Oslo')", "x[::-1]", "x == y", "x ~ y",
]  # fmt: skip


@pytest.mark.parametrize("one", ONES)
def test_no_evaluation_takes_long(one: str) -> None:
    """
    The same costly thing over and over ends within twenty million turns of a bare loop, in a value
    or in the budget.
    """
    times = min(100 // (1 + one.count("+")), 1_900 // (len(re.findall(r"\w+|\S", one)) + 1))
    compiled = parse_expression("[" + ", ".join([one] * times) + "] | length")

    codes = set()

    def evaluate() -> None:
        try:
            compiled.evaluate(DATA)
        except EvaluationError as error:
            codes.add(error.code)

    assert cost(evaluate) < MOST
    assert codes <= {"budget"}


def test_long_texts_are_not_kept() -> None:
    """
    A stream of ever new texts does not fill the memory: only short ones are remembered, a few.
    """
    short, long = "[" + "a, " * 10 + "a]", "[" + "a, " * 900 + "a]"

    assert parse_expression(short) is parse_expression(short)
    assert parse_expression(long) is not parse_expression(long)
    assert parse_template(f"{{{{ {long} }}}}") is not parse_template(f"{{{{ {long} }}}}")
