"""From `did you mean ...?` to an edit, and which edits a program may make unasked."""

import pytest

from engine.cli.fixing import apart, edited
from engine.core.compiler import compile_file
from engine.core.diagnostic import Diagnostic, Edit, Span
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

    assert ["b.yaml"] == [each.fix.span.file for each in unit.diagnostics if each.fix]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("if: \"{{ inputs.who == 'x' }}\"", "if: \"inputs.who == 'x'\""),
        ('if: "{{ inputs.who == \\"x\\" }}"', None),
        ("if: inputs.who == 'x' && run.id != ''", "if: inputs.who == 'x' and run.id != ''"),
        ("if: (inputs.who=='x')||(run.id=='')", "if: (inputs.who=='x') or (run.id=='')"),
        ("if: \"!(inputs.who == 'x')\"", None),
        ('if: "!inputs.sure"', 'if: "not inputs.sure"'),
        ("if: inputs.who === '&&' && true", "if: inputs.who == '&&' and true"),
        ("if: inputs.who !== '<>'", "if: inputs.who != '<>'"),
        ("if: inputs.who = 'x'", "if: inputs.who == 'x'"),
        ("if: inputs.who <> 'x'", "if: inputs.who != 'x'"),
        ("if: inputs.maybe != null", "if: inputs.maybe != none"),
        ("if: who == 'x'", "if: inputs.who == 'x'"),
        ("if: inputs.who == 'x && true", None),
        ("optional: yes", "optional: true"),
        ("optional: 'false'", "optional: false"),
        ('optional: "off"', "optional: false"),
        ("optional: perhaps", None),
        ("timeout:\t5m", "timeout: 5m"),
        ("with: {message: {{ inputs.who }}}", 'with: {message: "{{ inputs.who }}"}'),
        ('with: {message: {{ inputs.who ~ "x" }}}', "with: {message: '{{ inputs.who ~ \"x\" }}'}"),
        ("with: {message: {{ inputs.who ~ \"x\" ~ 'y' }}}", None),
        ('retry: {max_attempts: "3"}', "retry: {max_attempts: 3}"),
        ("retry: {max_attempts: 'three'}", None),
        ("with: {message: NO}", "with: {message: 'NO'}"),
        ("with: {message: 014}", None),
        ("with: {message: a, times: '2'}", "with: {message: a, times: 2}"),
    ],
)
def test_what_can_be_meant_in_one_way_is_written(wrong: str, right: str | None) -> None:
    """
    What is wrong in but one way is put right, in its place and quotes; nothing is guessed.

    Comments and all else stay, and what is right is not touched again.
    """
    spec = HEAD + INPUTS + STEP
    text = f"{spec}    {wrong}   # said\n{'' if 'with:' in wrong else SAID}"

    mended, rounds = text, 0
    while (edits := sure(mended)) and rounds < 9:
        mended, rounds = edited(mended, edits), rounds + 1

    assert mended == (text if right is None else text.replace(wrong, right))
    assert (right is None) == any(each.code not in UNUSED for each in found(mended))


INPUTS = (
    "inputs:\n  who: {type: string}\n  sure: {type: boolean}\n  maybe: {type: [string, 'null']}\n"
)
STEP = "steps:\n  a:\n    uses: echo.say@1\n"
SAID = "    with: {message: hi}  # to whom\n"
UNUSED = ("unused-input", "constant-condition", "misplaced-key")


def found(text: str) -> tuple[Diagnostic, ...]:
    return compile_file("a.yaml", text.encode(), CATALOGUE).diagnostics


def sure(text: str) -> list[Edit]:
    return apart(each.fix for each in found(text) if each.fix is not None and each.fix.is_sure)


PAIR = "steps:\n  a: {set: {x: {value: 1}}}\n  b: {set: {x: {value: 1}}, "


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"{PAIR}needs: a}}\n", [edit(6, 36, 37, "[a]")]),
        (f"{PAIR}needs: 'a'}}\n", [None]),
        (f"{PAIR}timeout: 5 minutes}}\n", [edit(6, 38, 47, "5m")]),
        (f"{PAIR}timeout: '90 Sec'}}\n", [edit(6, 38, 46, "90s")]),
        (f"{PAIR}timeout: 90}}\n", [None]),
        (f"inputs: {{x: string}}\n{SAY}", [edit(4, 13, 19, "{type: string}")]),
        ("labels: {a: b}\nowners: a b\n" + SAY, [None]),
        ("owners: '@a/b'\n" + SAY, [None]),
        ("owners: group:a/b\n" + SAY, [edit(4, 9, 18, "[group:a/b]")]),
    ],
)
def test_what_is_written_another_way_is_rewritten(body: str, expected: list[Edit | None]) -> None:
    """
    One thing where a list of them stands, a span of time in words, and a type where its schema
    stands: nothing else can be meant.
    """
    found = [each for each in fixes(body) if each is not None or None in expected]

    assert expected == found[: len(expected)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# hi\nkind: Workflow\nname: demo\n", edit(2, 1, 1, "apiVersion: sark/v1\n")),
        ("---\n  kind: Workflow\n  name: demo\n", edit(2, 3, 3, "apiVersion: sark/v1\n  ")),
        ("{kind: Workflow, name: demo}\n", None),
    ],
)
def test_a_key_that_can_only_be_one_thing_is_added(text: str, expected: Edit | None) -> None:
    """
    Before the first key, in the same column; a mapping on one line is left to its author.
    """
    found = compile_file("a.yaml", text.encode(), CATALOGUE).diagnostics

    [told] = [each for each in found if "apiVersion" in each.message]
    assert expected == told.fix
    if told.fix is not None:
        made = edited(text, [told.fix]).encode()
        found = compile_file("a.yaml", made, CATALOGUE).diagnostics
        assert not any("apiVersion" in each.message for each in found)
