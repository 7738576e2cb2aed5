"""Code that its operation can read before anything runs, and where its faults are told."""

import re
from collections.abc import Collection, Iterator

import pytest

from engine.core.commit import Commit, Unit
from engine.core.compiler import compile_survey, survey
from engine.core.facts import Catalogue
from tests.core.beside import Files
from tests.core.catalogue import CATALOGUE, Facts


def _faults(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if "{% bad" in line or line == "very bad":
            yield number, "bad is no word"


def _reads(text: str) -> Iterator[tuple[int, str, bool, Collection[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        for word in re.findall(r"<(\w+)>", line):
            yield number, word, True, ["each"]
        for word in re.findall(r"\[(\w+)\]", line):
            yield number, word, False, ()
    if text.startswith("odd"):
        yield 1, "unseen", True, ()


TEXT = Facts(
    "text.render@1",
    {"type": "object"},
    {"type": "object"},
    roles={"/template": ("code",), "/more/template": ("code",)},
    faults={"/template": _faults, "/more/template": _faults},
    reads={"/template": _reads, "/more/template": _reads},
)
OPERATIONS = Catalogue({**CATALOGUE, TEXT.name: TEXT})
SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: demo
steps:
  a:
    uses: text.render@1
    with:
"""
WORDS = "`template` of text.render@1 is not as it must be: "


def compiled(argument: str, **files: bytes) -> Unit:
    beside = Files({f"{name}.j2": text for name, text in files.items()})
    surveyed = survey("demo.yaml", (SPEC + argument).encode())
    return compile_survey(surveyed, OPERATIONS, Commit(surveyed.documents, beside))


@pytest.mark.parametrize(
    ("argument", "place", "words"),
    [
        ("      template: very bad\n", (8, 17, 25), "bad is no word"),
        ("      template: 'x {% bad %}'\n", (8, 18, 29), "bad is no word"),
        ("      template: |\n\n        Hi\n          {% bad %}\n", (11, 11, 20), "bad is no word"),
        ("      template: |2-\n         {% bad %} \n", (9, 10, 19), "bad is no word"),
        (
            "      template: >\n        Hi\n\n        {% bad %}\n",
            (8, 7, 15),
            "line 2: bad is no word",
        ),
        ('      template: "Hi\\n{% bad %}"\n', (8, 7, 15), "line 2: bad is no word"),
    ],
    ids=["no braces", "one line", "block", "indented block", "folded", "escapes"],
)
def test_a_fault_in_code_is_told_at_its_line(
    argument: str, place: tuple[int, int, int], words: str
) -> None:
    """
    Where the text of a spec shows it, a fault is marked there; else its line is said in words.
    """
    [found] = compiled(argument).diagnostics

    assert ("bad-code", WORDS + words) == (found.code, found.message)
    assert place == (found.span.line, found.span.column, found.span.end)


def test_a_fault_in_a_file_is_told_by_its_name_and_line() -> None:
    """
    Code that a file holds is read like code of the spec.
    """
    [found] = compiled("      template: note.j2\n", note=b"Hi\n\n{% bad %}\n").diagnostics

    assert ("bad-code", f"{WORDS}note.j2 line 3: bad is no word") == (found.code, found.message)
    assert (8, 17, 24) == (found.span.line, found.span.column, found.span.end)


@pytest.mark.parametrize(
    ("template", "words"),
    [('"{% bad %}"', "bad is no word"), ('"Hi\\n{% bad %}"', "line 2: bad is no word")],
)
def test_a_fault_in_the_code_of_a_connection_is_told_at_its_step(template: str, words: str) -> None:
    """
    What a connection gives to a call is checked where it is called.
    """
    spec = SPEC.removesuffix("    with:\n") + "    connection: notes\n"
    head = "apiVersion: sark/v1\nkind: Connection\nname: notes\nadapter: text\n"
    lent = f"{head}with: {{template: {template}}}\n"
    surveyed = survey("demo.yaml", f"{spec}---\n{lent}".encode())

    unit = compile_survey(surveyed, OPERATIONS, Commit(surveyed.documents))
    [found] = [each for each in unit.diagnostics if each.code == "bad-code"]

    assert ("bad-code", WORDS + words) == (found.code, found.message)
    assert (5, 3) == (found.span.line, found.span.column)


def test_code_without_a_fault_is_let_be() -> None:
    """
    Only code that an operation can read is read, and only what is wrong is told.
    """
    more = "      more: {{template: {}}}\n"

    assert () == compiled("      template: '{% good %}'\n").diagnostics
    assert () == compiled(more.format("3") + "      other: 'bad'\n").diagnostics
    assert () == compiled("      more: very bad\n").diagnostics
    [found] = compiled(more.format("'{% bad %}'")).diagnostics
    assert WORDS + "bad is no word" == found.message


def test_a_fault_in_the_code_of_a_connection_is_told_at_its_step_in_a_list() -> None:
    """
    A step of a list has no key of its own: what its connection gives is told where it begins.
    """
    spec = SPEC.removesuffix("  a:\n    uses: text.render@1\n    with:\n")
    step = "  - {id: a, uses: text.render@1, connection: notes}\n"
    head = "---\napiVersion: sark/v1\nkind: Connection\nname: notes\nadapter: text\n"
    surveyed = survey("demo.yaml", f"{spec}{step}{head}with: {{template: very bad}}\n".encode())

    unit = compile_survey(surveyed, OPERATIONS, Commit(surveyed.documents))
    [found] = [each for each in unit.diagnostics if each.code == "bad-code"]

    assert ("bad-code", 5, 5) == (found.code, found.span.line, found.span.column)


@pytest.mark.parametrize(
    ("argument", "code", "place", "words"),
    [
        ("template: 'a <ecah> b'", "unknown-name", (8, 21, 25), 'there is no "ecah" in `values`'),
        ("template: 'a <run> b'", "template-in-code", (8, 21, 24), "`template` of text.render@1"),
        ("template: 'a [run] b'", "template-in-code", (8, 21, 24), "`template` of text.render@1"),
        ("more: {template: '<x>'}", "unknown-name", (8, 26, 27), 'there is no "x" in `values`'),
        ("template: odd", "unknown-name", (8, 17, 20), 'there is no "unseen" in `values`'),
        ("template: file.j2", "unknown-name", (8, 17, 24), 'file.j2 line 2: there is no "y"'),
    ],
)
def test_a_name_that_code_reads_is_told_at_its_place(
    argument: str, code: str, place: tuple[int, int, int], words: str
) -> None:
    """
    What code reads must be among its `values`, and no name of the run is.
    """
    [found] = compiled(f"      {argument}\n", file=b"x\n<y>\n").diagnostics

    assert (code, place) == (found.code, (found.span.line, found.span.column, found.span.end))
    assert found.message.startswith(words)


def test_a_name_that_may_be_there_is_let_be() -> None:
    """
    What `values` has is read, and what code only asks for, or nobody knows yet, may be away.
    """
    assert () == compiled("      template: '<x> [y]'\n      values: {x: 1}\n").diagnostics
    later = "      template: '<x> [y]'\n      values: '{{ run }}'\n"
    assert () == compiled(later).diagnostics
    [found] = compiled("      template: '<ecah>'\n      values: {x: 1}\n").diagnostics
    assert ('did you mean "each"?', "each, x") == (found.hint, found.expected)
