"""Specs made to keep the compiler busy: what it says of them, and that it soon has."""

import time

import pytest

from engine.core.compiler import compile_file
from engine.core.diagnostic import MAX_FINDINGS, Severity
from engine.core.facts import Catalogue
from engine.core.schema import assignable
from engine.core.values import Json
from engine.core.wording import nearest
from tests.core.catalogue import CATALOGUE

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\n"
OPERATIONS = Catalogue(CATALOGUE)
SECONDS = 20  # far beyond what it takes: the tests run beside others, and traced
LONG = "s" * 50


def steps(count: int, step: str) -> str:
    return "steps:\n" + "".join(
        f"  {LONG}_{i}: {step.replace('I', str(i))}\n" for i in range(count)
    )


def inputs(count: int) -> str:
    return "inputs:\n" + "".join(f"  i{i}: {{type: string}}\n" for i in range(count))


def branching(depth: int) -> Json:
    inner: Json = {"type": "object", "properties": {"a": {"type": "string"}}}
    for _ in range(depth):
        inner = {"anyOf": [inner, inner]}
    return inner


HOSTILE = {
    "names that are nearly right": steps(1500, "{set: {}, needs: [" + "s" * 49 + "x_I]}"),
    "large values compared": inputs(2000) + steps(1000, "{if: inputs == inputs, set: {}}"),
    "large values handed on": inputs(2000)
    + steps(1000, "{set: {x: {type: object, value: '{{ inputs }}'}}}"),
    "many triggers, one event": "triggers:\n"
    + "".join(f"  t{i}: {{type: webhook, path: p{i}, auth: {{hmac: k}}}}\n" for i in range(1500))
    + steps(500, "{set: {x: {value: '{{ trigger.event.body.x }}'}}}"),
    "rings": "steps:\n"
    + "".join(f"  s{i}: {{set: {{}}, needs: [s{i ^ 1}]}}\n" for i in range(2000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_spec_keeps_the_compiler_busy(name: str) -> None:
    """
    Whatever a pull request holds, its check is soon done and the next one has its turn.
    """
    begun = time.process_time()

    unit = compile_file("demo.yaml", (HEAD + HOSTILE[name]).encode(), OPERATIONS)

    assert time.process_time() - begun < SECONDS
    assert len(unit.diagnostics) <= 2 * (MAX_FINDINGS + 1)


def test_schemas_that_branch_without_end_are_given_up() -> None:
    """
    What takes too long to tell apart might fit, and is judged when the value is there.
    """
    wide: Json = {"type": "object", "properties": {"a": {"type": "integer"}}}

    assert assignable(branching(2), wide) == "`a`: expected an integer, and it is a string"
    assert assignable(branching(14), branching(14)) is None


def test_a_hundred_errors_are_enough() -> None:
    """
    The first hundred are told, that there are more is told last, and later documents wait.
    """
    wrong = HEAD + steps(150, "{set: {}, needs: [nobody]}")
    text = f"{wrong}---\n{HEAD.replace('demo', 'other')}steps: {{a: {{set: {{}}}}}}\n"

    unit = compile_file("demo.yaml", text.encode(), OPERATIONS)

    assert len(unit.diagnostics) == MAX_FINDINGS + 1
    assert unit.diagnostics[-1].message == "more than 100 errors; the others are not shown"
    assert [(each.name, each.plan) for each in unit.workflows] == [("demo", None), ("other", None)]


def test_warnings_never_hide_an_error() -> None:
    """
    However many warnings stand above it, an error is told and forbids activation.
    """
    text = HEAD + "labels: {a: {}}\n" + "steps: {a: {set: {x: {value: [" + "014, " * 300 + "]}}}}\n"

    unit = compile_file("demo.yaml", text.encode(), OPERATIONS)

    severities = [each.severity for each in unit.diagnostics]
    assert severities.count(Severity.ERROR) == 1
    assert severities.count(Severity.WARNING) == MAX_FINDINGS + 1


def test_findings_of_a_file_come_in_the_order_of_its_lines() -> None:
    """
    A mistake of the YAML, one of a key and one of the order are read from top to bottom.
    """
    text = HEAD + "steps:\n  a: {set: {}, needs: [b]}\n---\nname: x\nname: y\nkind: Workflow\n"

    lines = [
        each.span.line for each in compile_file("a.yaml", text.encode(), OPERATIONS).diagnostics
    ]

    assert len(lines) > 2
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("buld", ["test", "build"], "build"),
        ("BUILD", [f"step_{i}" for i in range(500)] + ["build"], "build"),
        ("buld", [f"step_{i}" for i in range(500)] + ["build"], "build"),
        ("b" * 65, ["b" * 64], None),
        ("zebra", ["test", "build"], None),
    ],
)
def test_the_nearest_word_is_found_among_many(word: str, known: list[str], expected: str) -> None:
    """
    A typo is recognised in a workflow of any size; no word is too long to be looked at.
    """
    assert nearest(word, known) == expected


def test_a_long_circle_is_told_in_short() -> None:
    """
    Of two thousand steps in a circle a person sees both ends, and how many are between.
    """
    ring = "".join(f"  s{i}: {{set: {{}}, needs: [s{(i + 1) % 2000}]}}\n" for i in range(2000))

    [found] = compile_file("demo.yaml", f"{HEAD}steps:\n{ring}".encode(), OPERATIONS).diagnostics

    assert found.message.startswith("steps wait for each other: s0 -> s1999 -> s1998")
    assert found.message.endswith("-> 1,989 others -> s5 -> s4 -> s3 -> s2 -> s1 -> s0")
    assert len(found.related) == 11
