"""From `did you mean ...?` to an edit, and which edits a program may make unasked."""

import pytest

from engine.core.compiler import compile_file
from engine.core.diagnostic import Edit, Span
from engine.core.mending import fix_at, is_slip
from engine.core.wording import Meant
from tests.core.catalogue import CATALOGUE

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\n"
SAY = "steps:\n  a: {uses: echo.say@1, with: {message: hi}}\n"


def fixes(body: str) -> list[Edit | None]:
    unit = compile_file("a.yaml", (HEAD + body).encode(), CATALOGUE)
    return [each.fix for each in unit.diagnostics]


def edit(line: int, column: int, end: int, text: str, *, sure: bool = True) -> Edit:
    return Edit(Span("a.yaml", line, column, end), text, sure)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("stepz:" + SAY.removeprefix("steps:"), edit(4, 1, 6, "steps")),
        ("'stepz':" + SAY.removeprefix("steps:"), edit(4, 2, 7, "steps")),
        (SAY.replace("echo.say@1", "echo.sya@1"), edit(5, 13, 23, "echo.say@1")),
        (SAY.replace("echo.say@1", '"echo.sya@1"'), edit(5, 14, 24, "echo.say@1")),
        (SAY.replace("hi", '"{{ run.sttus }}"'), edit(5, 49, 54, "status")),
        (
            "steps:\n  a: {uses: echo.say@1, with: {message: hi}, when: x}\n",
            edit(5, 46, 50, "if", sure=False),
        ),
        (
            "steps:\n  a:\n    uses: echo.say@1\n    with:\n      message: |\n"
            "        {{ run.sttus }}\n",
            edit(9, 16, 21, "status"),
        ),
        (
            "steps:\n  a:\n    uses: echo.say@1\n    with:\n      message: >\n"
            "        {{ run.sttus }}\n",
            None,
        ),
        ('steps: {a: {uses: echo.say@1, with: {message: "\\t{{ run.sttus }}"}}}\n', None),
    ],
    ids=[
        "key",
        "quoted key",
        "operation",
        "quoted operation",
        "reference",
        "other word",
        "block",
        "folded block",
        "escapes",
    ],
)
def test_the_wrong_word_alone_is_replaced(body: str, expected: Edit | None) -> None:
    """
    A fix replaces the misspelt word where it stands, quotes and all else left alone.
    """
    assert [expected] == fixes(body)


def test_a_word_that_occurs_twice_is_left_to_a_person() -> None:
    """
    Where it is not plain which of two equal words is meant, nothing is replaced.
    """
    body = SAY.replace("a: {", "fetch: {") + (
        "  b: {uses: echo.say@1, with: {message: '{{ steps.fecth.outputs.fecth }}'}}\n"
    )

    assert [None] == fixes(body)


@pytest.mark.parametrize(
    ("word", "near", "expected"),
    [
        ("mesage", "message", True),
        ("messagge", "message", True),
        ("massage", "message", True),
        ("emssage", "message", True),
        ("needs_", "needs", True),
        ("Needs", "needs", True),
        ("on-failure", "on_failure", True),
        ("build1", "build2", False),
        ("build1", "build", False),
        ("iff", "if", False),
        ("fetch", "patch", False),
        ("timeouts_", "timeout", False),
        ("abcd", "badc", False),
    ],
)
def test_a_slip_is_one_letter_off(word: str, near: str, expected: bool) -> None:
    """
    `sark check --fix` mends slips of the finger, and never turns one name into another.
    """
    assert expected == is_slip(word, near)


@pytest.mark.parametrize(
    ("hint", "span", "expected"),
    [
        (Meant("sloww", "slow"), Span("a.yaml", 1, 7, 12), edit(1, 7, 12, "slow")),
        (Meant("sloww", "slow"), Span("a.yaml", 1, 7, 14), edit(1, 8, 13, "slow")),
        (Meant("sloww", "slow"), Span("a.yaml", 1, 7, 15), None),
        (Meant("sloww", "slow"), Span("a.yaml", 1, 7, 16), None),
        (Meant("sloww", "slow: x"), Span("a.yaml", 1, 7, 12), None),
        ("write another", Span("a.yaml", 1, 7, 12), None),
    ],
)
def test_a_name_of_a_document_is_replaced(hint: str, span: Span, expected: Edit | None) -> None:
    """
    A name that leads to another document is replaced whole, if it is written without escapes.
    """
    assert expected == fix_at(hint, span)


def test_a_fix_moves_with_its_file() -> None:
    """
    What is known of a content at one path is fixed at another path there.
    """
    unit = compile_file("a.yaml", (HEAD + "stepz: {}\n").encode(), CATALOGUE).at("b.yaml")
    fix = unit.diagnostics[0].fix

    assert fix is not None
    assert "b.yaml" == fix.span.file
