"""The loader: what it reads, where it says things stand, and what it refuses."""

import re

import pytest

from engine.core.diagnostic import MAX_FINDINGS, Diagnostic, Span
from engine.core.document import (
    CODES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DOCUMENTS,
    MAX_NODES,
    MAX_SCALAR,
    Document,
    Mapping,
    Node,
    Scalar,
    Sequence,
    load,
)
from engine.core.document.fault import fault_of
from engine.core.document.node import Path


def told(text: str | bytes) -> list[tuple[str, int, int]]:
    """Return the code, line and column of each finding."""
    _, found = load(text if isinstance(text, bytes) else text.encode(), "a.yaml")
    assert {each.code for each in found} <= CODES.keys()
    return [(each.code, each.span.line, each.span.column) for each in found]


def only(text: str) -> Document:
    documents, found = load(text.encode(), "a.yaml")
    assert found == []
    assert len(documents) == 1
    return documents[0]


def finding(text: str | bytes) -> Diagnostic:
    _, found = load(text if isinstance(text, bytes) else text.encode(), "a.yaml")
    assert len(found) == 1, found
    return found[0]


def test_every_key_and_value_keeps_its_text_and_place() -> None:
    """
    Plain scalars stay as written, quoted ones are told apart, and columns count characters.
    """
    root = only("é: 014\nlist: [NO, 'x']\n").root

    first = Scalar("é", True, 1, 1, 2), Scalar("014", True, 1, 4, 7)
    items = (Scalar("NO", True, 2, 8, 10), Scalar("x", False, 2, 12, 15))
    second = Scalar("list", True, 2, 1, 5), Sequence(items, 2, 7)
    assert Mapping({"é": first, "list": second}, 1, 1) == root
    assert isinstance(root, Mapping)
    assert (first, second) == root.entries


PLACES: list[tuple[str, Path, bool, tuple[int, int, int]]] = [
    ("a: {b: [x, y]}", ("a", "b", 1), False, (1, 12, 13)),
    ("a: {b: [x, y]}", ("a", "b", 1), True, (1, 12, 13)),
    ("a: {b: [x, y]}", ("a", "b"), True, (1, 5, 6)),
    ("a: {b: [x, y]}", ("a", "b"), False, (1, 8, 9)),
    ("a: {b: [x, y]}", ("a", "none", "deeper"), False, (1, 1, 2)),
    ("a: {b: [x, y]}", ("a", "b", 2), True, (1, 5, 6)),
    ("a: {b: [x, y]}", ("a", "b", -1), True, (1, 5, 6)),
    ("a: {b: [x, y]}", ("a", "b", "x"), True, (1, 5, 6)),
    ("a: {b: [x, y]}", ("a", 0), True, (1, 1, 2)),
    ("a: {b: [x, y]}", ("a",), False, (1, 4, 5)),
    ("steps:\n  one:\n    two: 3", ("steps",), False, (2, 3, 6)),
    ("steps:\n  one:\n    two: 3", (), False, (1, 1, 6)),
    ("steps:\n  one:\n    two: 3", (), True, (1, 1, 6)),
    ("steps:\n  one:\n    two: 3", ("else",), True, (1, 1, 6)),
    ("- a: 1\n- b: 2", (1,), True, (2, 3, 4)),
    ("- {}", (0,), False, (1, 3, 4)),
    ("- {}\n", (7,), False, (1, 1, 2)),
    ("text: |\n  one\n  two\n", ("text",), False, (1, 7, 8)),
    ("text: >-\n  one\n  two\n", ("text",), False, (1, 7, 8)),
    ('text: "one\n  two"\n', ("text",), False, (1, 7, 11)),
    ("text: one\n  two\nx: y", ("text",), False, (1, 7, 10)),
    ("text:\r\n  one\r\n  two", ("text",), False, (2, 3, 6)),
    ("empty:\nx: y", ("empty",), False, (1, 7, 7)),
    ("\ufeffa: b", ("a",), False, (1, 4, 5)),
    ("a: \U0001f600x\nb: c", ("a",), False, (1, 4, 6)),
]


@pytest.mark.parametrize(("text", "path", "key", "place"), PLACES)
def test_a_path_leads_to_a_place(
    text: str, path: Path, key: bool, place: tuple[int, int, int]
) -> None:
    """
    A path finds its value or key; one that leads nowhere finds the nearest thing around it.
    """
    assert Span("a.yaml", *place) == only(text).span(path, key)


REFUSED: list[tuple[str, str | bytes, list[tuple[str, int, int]]]] = [
    ("duplicate", "a: 1\nb: 2\na: 3\n", [("duplicate-key", 3, 1)]),
    ("duplicate in flow", "{a: 1, 'a': 2}", [("duplicate-key", 1, 8)]),
    ("duplicate with a mapping", "a: 1\na: {b: c}\nd: 2", [("duplicate-key", 2, 1)]),
    ("tab as indentation", "a:\n\tb: 1\n", [("tab", 2, 1)]),
    ("tab after a colon", "a:\tb\n", [("tab", 1, 3)]),
    ("tabs twice in a line", "a:\tb\t# c\td\n", [("tab", 1, 3), ("tab", 1, 5)]),
    ("tab before an error", "a:\tb\nc: 'x", [("tab", 1, 3), ("yaml-syntax", 2, 4)]),
    ("tab after a text", "a: 'x'\t\n", [("tab", 1, 7)]),
    ("tab in a block's indent", "a: |\n\tx\n", [("tab", 2, 1)]),
    ("tag", "a: !!str 1\n", [("tag", 1, 4)]),
    ("tag of one's own", "a: !x [1]\n", [("tag", 1, 4)]),
    ("glob that is a tag", "a: [!main]\n", [("tag", 1, 5)]),
    ("broken tag", "a: !<x\n", [("tag", 1, 4)]),
    ("merge key", "a:\n  <<: {b: 1}\n", [("merge-key", 2, 3)]),
    ("merge with alias", "<<: *x\na: 1", [("merge-key", 1, 1)]),
    ("anchor", "a: &x 1\n", [("anchor", 1, 4)]),
    ("anchor and tag", "a: &x !!map {}\n", [("anchor", 1, 4), ("tag", 1, 4)]),
    ("alias", "a: *x\n", [("alias", 1, 4)]),
    ("alias as root", "*x\n", [("alias", 1, 1)]),
    ("alias as key", "*x : 1\n", [("alias", 1, 1)]),
    ("version", "%YAML 1.1\n---\na: 1\n", [("directive", 1, 1)]),
    ("tag handle", "%TAG !x! tag:x\n---\na: 1\n", [("directive", 1, 1)]),
    ("other directive", "%FOO\n---\na: 1\n", [("directive", 1, 1)]),
    ("many directives", "".join(f"%TAG !{i}! x\n" for i in range(30)), [("directive", 1, 1)]),
    ("later directives", "#" + "\n%TAG ! x" * 30, [("directive", 2, 1)]),
    ("list as key", "? [a]\n: b\n", [("complex-key", 1, 3)]),
    ("mapping as key", "{ {a: b}: c}\n", [("complex-key", 1, 3)]),
    ("template", "a: {{ x }}\n", [("unquoted-template", 1, 4)]),
    ("template with more", "a: {{ x }}/y\n", [("unquoted-template", 1, 4)]),
    ("deep flow", "[" * 41, [("too-deep", 1, 41)]),
    ("deep block", "- " * 41 + "x", [("too-deep", 1, 81)]),
    ("very deep", "[" * 40_000, [("too-deep", 1, 41)]),
    ("very deep mapping", "{a: " * 40_000, [("too-deep", 1, 161)]),
    ("large file", b"#" * (MAX_BYTES + 1), [("file-too-large", 1, 1)]),
    ("nodes", "[" + "a," * MAX_NODES + "]", [("too-many-nodes", 1, 100_000)]),
    ("containers", "[" + "[]," * MAX_NODES + "]", [("too-many-nodes", 1, 149_999)]),
    ("long text", "a: " + "x" * (MAX_SCALAR + 1), [("scalar-too-long", 1, 4)]),
    ("documents", "a: 1\n---\n" * 101, [("too-many-documents", 200, 1)]),
    ("NUL", b"a: \x00", [("nul-character", 1, 4)]),
    ("NUL by escape", 'a: "\\0"', [("nul-character", 1, 4)]),
    ("UTF-16", "a: b".encode("utf-16"), [("not-utf-8", 1, 1)]),
    ("UTF-16 without mark", "a: b".encode("utf-16-le"), [("not-utf-8", 1, 1)]),
    ("UTF-16 the other way", "a: b".encode("utf-16-be"), [("not-utf-8", 1, 1)]),
    ("latin-1", b"a: 1\nb: caf\xe9\n", [("not-utf-8", 2, 7)]),
    ("bidi", "a: 1\nb: x\u202ey\n", [("invisible-character", 2, 5)]),
    ("zero width", "a\u200b: 1", [("invisible-character", 1, 2)]),
    ("tag characters", "a: \U000e0041", [("invisible-character", 1, 4)]),
    ("byte order mark within", "a: \ufeffb", [("invisible-character", 1, 4)]),
    ("escape", "a: \x1b[2J", [("control-character", 1, 4)]),
    ("next line", "a: b\x85c: d", [("control-character", 1, 5)]),
    ("line separator", "a: b\u2028c: d", [("control-character", 1, 5)]),
    ("two of them", "\x07\r\u200b", [("control-character", 1, 1), ("invisible-character", 2, 1)]),
]


@pytest.mark.parametrize(
    ("text", "codes"), [each[1:] for each in REFUSED], ids=[e[0] for e in REFUSED]
)
def test_what_is_refused(text: str | bytes, codes: list[tuple[str, int, int]]) -> None:
    """
    Each thing that specs do not have is refused under its own code, at its own place.
    """
    assert codes == told(text)


SYNTAX = [
    ("a: @x", 1, 4, "cannot begin with `@`"),
    ("a: `x`", 1, 4, "a backtick"),
    ("a: %x", 1, 4, "`%`"),
    ("a: *.md", 1, 4, "`*`"),
    ("a: &", 1, 4, "`&`"),
    ("a: b: c", 1, 5, "a `:` stands"),
    ("a: 'x", 1, 4, "never closed"),
    ("a: 'x\n---\n", 1, 4, "never closed"),
    ('a: "\\q"', 1, 5, "escape"),
    ('a: "\\xzz"', 1, 7, "escape"),
    ('a: "\\ud800"', 1, 7, "escape"),
    ("a: [b", 1, 4, "`[`"),
    ("a: {b: c", 1, 4, "`{`"),
    ("a: {b: c\nd: e\n", 1, 4, "`{`"),
    ("a: | x\n y", 1, 6, "the line must end"),
    ("a: |0\n y", 1, 5, "`|`"),
    ("a: 1\nb\n", 2, 1, "no `:` follows"),
    ("a: - b", 1, 4, "list"),
    ("- a\nb: 1", 2, 1, "no item"),
    ("a:\n  b: 1\n c: 2", 3, 2, "no key"),
    ("a: 1\n}", 2, 1, "no key"),
    ("a: [}]", 1, 5, "value"),
    ("'a'\nb", 2, 1, "had ended"),
    ("x: {a: 12:30, b:}", 1, 16, "`:`"),
    ("a: ? b", 1, 4, "`?`"),
    ("a: 1\n\n\n[", 4, 1, ""),
]


@pytest.mark.parametrize(("text", "line", "column", "words"), SYNTAX)
def test_what_is_no_yaml_is_told_in_plain_words(
    text: str, line: int, column: int, words: str
) -> None:
    """
    A syntax error stands where the author can mend it and says what is wrong there.
    """
    fault = finding(text)

    assert ("yaml-syntax", line, column) == (fault.code, fault.span.line, fault.span.column)
    assert words in fault.message
    assert fault.hint


PLAIN = [
    ("{a: https://x.y/z?q=1#w}", {"a": "https://x.y/z?q=1#w"}),
    ("[a:b, ::1, :x, ?x, a?, a? b]", ["a:b", "::1", ":x", "?x", "a?", "a? b"]),
    ('{"a":"x:y?z", \'b\':c}', {"a": "x:y?z", "b": "c"}),
    ("a:b: c?d", {"a:b": "c?d"}),
    ("a: |\n  x:y [?z]\n", {"a": "x:y [?z]\n"}),
    ("- ?a", ["?a"]),
    ('a: "\\ufdd0:b"', {"a": "\ufdd0:b"}),
]


@pytest.mark.parametrize(("text", "value"), PLAIN)
def test_colons_and_question_marks_belong_to_plain_texts(text: str, value: object) -> None:
    """
    A URL in a flow mapping is a text, as YAML 1.2 has it, whatever the scanner below thinks.
    """
    assert value == texts(only(text).root)


def texts(node: Node) -> object:
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [texts(each) for each in node.items]
        case Mapping():
            return {name: texts(value) for name, (_, value) in node.members.items()}


def test_a_duplicate_names_both_places_and_keeps_the_first() -> None:
    """
    Two equal keys are one finding with two places; the first value stays.
    """
    documents, found = load(b"steps: 1\nsteps: 2\n", "a.yaml")

    assert texts(documents[0].root) == {"steps": "1"}
    assert [Span("a.yaml", 1, 1, 6)] == [each.span for each in found[0].related]
    assert Span("a.yaml", 2, 1, 6) == found[0].span


def test_tabs_in_texts_and_comments_are_nobodys_business() -> None:
    """
    A tab is refused only where its width could matter.
    """
    only("# a\tb\na: 'x\ty' # c\td\nb: |\n  if\tthen\nc: x # y\tz\rd: \"#\t\"\n")


def test_documents_with_nothing_in_them_are_passed_over() -> None:
    """
    An empty file, comments and stray separators say nothing, which is no mistake.
    """
    for text in ("", "# only\n", "---\n", "---\n---\n...\n"):
        assert load(text.encode(), "a.yaml") == ([], [])
    documents, found = load(b"a: 1\n---\n---\nb: 2\n", "a.yaml")
    assert (len(documents), found) == (2, [])


def test_a_document_that_nobody_meant_is_left_out() -> None:
    """
    An alias, a key that is no text or a syntax error spoils its own document and no other.
    """
    documents, found = load(b"a: 1\n---\nb: *x\n---\nc: 3\n---\nd: 'x\n", "a.yaml")

    assert [texts(each.root) for each in documents] == [{"a": "1"}, {"c": "3"}]
    assert [each.code for each in found] == ["alias", "yaml-syntax"]


def test_the_limits_themselves_are_allowed() -> None:
    """
    What is exactly as deep, as long or as many as the limit says is read.
    """
    only("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    only("a: " + "x" * MAX_SCALAR)
    only("[" + "a," * (MAX_NODES - 1) + "]")
    documents, found = load(b"a: 1\n---\n" * (MAX_DOCUMENTS - 1) + b"a: 1\n", "a.yaml")
    assert (len(documents), found) == (MAX_DOCUMENTS, [])


def test_findings_are_bounded() -> None:
    """
    A file of nothing but mistakes costs a bounded number of findings, and says so.
    """
    _, found = load(b"a: 1\n" * 20_000, "a.yaml")

    assert len(found) == MAX_FINDINGS + 1
    assert found[-1].code == "too-many-findings"


def test_a_fault_that_is_not_known_is_told_in_the_scanner_s_words() -> None:
    """
    Whatever a later scanner complains of, the author sees it.
    """
    assert "a new complaint" in fault_of("while scanning", "a new complaint", "x").message


def test_every_code_explains_itself() -> None:
    """
    Codes are kebab-case, and each has a sentence or more.
    """
    for code, text in CODES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
        assert text.endswith(".")


def test_a_merge_key_in_quotes_is_a_key() -> None:
    """
    Who quotes `<<` means the text.
    """
    documents, found = load(b"'<<': 1\n", "a.yaml")

    assert [] == found
    assert isinstance(documents[0].root, Mapping)
    assert ["<<"] == list(documents[0].root.members)
