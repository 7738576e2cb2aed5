"""The style of specs: what it makes of each thing that can be written in more than one way."""

from pathlib import Path

import pytest

from engine.core.document import MAX_BYTES, load
from engine.core.format import Unproved, proof, tidy

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs/reference" / name for name in ("style.md", "language.md")]
# The five numbered examples stand as they were given.
FILES = [*sorted((ROOT / "specs").glob("[a-z]*.yaml")), *PAGES]

STYLE: list[tuple[str, str, str]] = [
    ("nothing", "", ""),
    ("only spaces", " \n\n", ""),
    ("only comments", "\n# a\n\n\n\n# b", "# a\n\n# b\n"),
    ("an end for the last line", "a: 1", "a: 1\n"),
    ("lines of Windows", "a: 1\r\n# b\r\nc:\r\n  - 2\r\n", "a: 1\n# b\nc:\n  - 2\n"),
    ("a byte order mark", "\ufeffa: 1\n", "a: 1\n"),
    ("spaces at the end of lines", "a: 1  \n# b  \n", "a: 1\n# b\n"),
    ("empty lines", "\n\na: 1\n\n\n\nb: 2\n\n", "a: 1\n\nb: 2\n"),
    ("an empty line after a comment", "# a\n\nb:\n  # c\n\n  d: 1\n",
     "# a\n\nb:\n  # c\n\n  d: 1\n"),
    ("an empty line after a key", "a:\n\n  b: 1\n", "a:\n  b: 1\n"),
    ("indentation", "a:\n    b:\n     c: 1\n", "a:\n  b:\n    c: 1\n"),
    ("lists below their key", "a:\n- 1\n-   b: 2\n    c: 3\n", "a:\n  - 1\n  - b: 2\n    c: 3\n"),
    ("lists in lists", "-   - a\n    - b\n-\n  - c\n", "- - a\n  - b\n- - c\n"),
    ("a space after the colon", "a :  1\n", "a: 1\n"),
    ("brackets", "a: [ b,c , {d : e,} ]\n", "a: [b, c, {d: e}]\n"),
    ("brackets over lines", "a: {\n  b: 1,\n  c: 2,\n}\n", "a: {b: 1, c: 2}\n"),
    ("empty brackets", "a: [ ]\nb: { }\n", "a: []\nb: {}\n"),
    ("a pair in a list", "a: [b: c, ? d : e]\n", "a: [{b: c}, {d: e}]\n"),
    ("a value below its key", "a:\n  1\n", "a: 1\n"),
    ("brackets below their key", "a:\n  [1]\n", "a: [1]\n"),
    ("no value", "a:\nb: [{c}]\n", "a:\nb:\n  - c:\n"),
    ("no key", "?\n", "?\n:\n"),
    ("no key in brackets", "{? : a}\n", "?\n: a\n"),
    ("keys with a question mark", "? a\n: b\n? c\n", "a: b\nc:\n"),
    ("a list that is the document", "[a]\n", "[a]\n"),
    ("a text that is the document", "a\nb", "a\n  b\n"),
]  # fmt: skip

QUOTES = [
    ("words need none", "a: 'b'\nc: \"d e\"\n\"f\": /g\n", "a: b\nc: d e\nf: /g\n"),
    ("what looks like a number", "a: '1.10'\nb: \"2h\"\n", "a: '1.10'\nb: \"2h\"\n"),
    ("a plain number", "a: 1.10\nb: 014\n", "a: 1.10\nb: 014\n"),
    ("what YAML 1.1 takes for true", "a: 'on'\nb: \"n\"\n", "a: 'on'\nb: \"n\"\n"),
    ("what YAML 1.2 takes for true", "a: 'true'\nb: 'null'\n", "a: 'true'\nb: 'null'\n"),
    ("templates and patterns", "a: '{{ b }}'\nc: '^d$'\n", "a: '{{ b }}'\nc: '^d$'\n"),
    ("signs within", "a: 'b: c'\nd: 'e #f'\ng: 'h.'\n", "a: 'b: c'\nd: 'e #f'\ng: 'h.'\n"),
    ("spaces within", "a: 'b  c'\nd: ' e'\nf: ''\n", "a: 'b  c'\nd: ' e'\nf: ''\n"),
    ("a sign alone", "[-, ---, a]\n", '["-", "---", a]\n'),
    ("a separator over lines", "a: --- b\n  é\n", 'a: "--- b \\u00e9"\n'),
    ("a key over lines",
     '? |\n  a"\n  \\b\t\U0001f600\n: c\n', '"a\\"\\n\\\\b\\t\\U0001f600\\n": c\n'),
]  # fmt: skip

LONG = "x" * 99
WIDTH = [
    ("a hundred columns", f"a: [{LONG[:95]}]\n", f"a: [{LONG[:95]}]\n"),
    ("one more", f"a: [{LONG[:96]}]\n", f"a:\n  - {LONG[:96]}\n"),
    ("one more in a list", f"- {{a: {LONG}, b: 1}}\n", f"- a: {LONG}\n  b: 1\n"),
    ("one more as the document", f"{{a: {LONG}}} # b\n", f"a: {LONG}\n# b\n"),
    ("the outer alone", f"a: [[b, c], {{d: {LONG[:90]}}}]\n",
     f"a:\n  - [b, c]\n  - {{d: {LONG[:90]}}}\n"),
    ("the comment at its bracket", f"a: [{LONG}] # b\n", f"a: # b\n  - {LONG}\n"),
    ("both comments", f"a: # b\n  [{LONG}] # c\n", f"a: # b\n  - {LONG}\n  # c\n"),
    ("a text below its key", f"a:\n  {LONG}\n", f"a:\n  {LONG}\n"),
    ("a text beside its key", f"a: {LONG}\n", f"a: {LONG}\n"),
    ("a key too long for a key", f"- ? {LONG * 11}\n  : a\n", f"- ? {LONG * 11}\n  : a\n"),
]  # fmt: skip

TEXTS = [
    ("a text as it is", "a: |\n    b\n      c\n\n    d\n", "a: |\n  b\n    c\n\n  d\n"),
    ("a folded text as it is", "a: >-\n    b\n    c\n\n\n    d\n", "a: >-\n  b\n  c\n\n\n  d\n"),
    ("spaces at its beginning", "a: |3\n     b\n   c\n", "a: |2\n    b\n  c\n"),
    ("spaces folded", "a: >1\n   b\n c\n", "a: >2\n    b\n  c\n"),
    ("lines that it keeps", "a: |+\n  b\n\n\nc: >+\n  d\n\n", "a: |+\n  b\n\n\nc: >+\n  d\n\n"),
    ("lines that it does not keep", "a: |\n  b\n\n\nc: 1\n", "a: |\n  b\n\nc: 1\n"),
    ("a sign for nothing", "a: |+\n  b\nc: >+\n  d\n", "a: |\n  b\nc: >\n  d\n"),
    ("no end", "a: |\n  b", "a: |-\n  b\n"),
    ("nothing in it", "a: |\nb: >\n", "a: |-\nb: |-\n"),
    ("nothing but lines", "a: >+\n\n\n", "a: |+\n\n\n"),
    ("a comment beside it", "a: | # b\n  c\n", "a: | # b\n  c\n"),
    ("a sign below its key", "a:\n  # b\n  |\n    c\n", "a:\n  # b\n  |\n  c\n"),
    ("in a list", "a:\n- |\n c\n", "a:\n  - |\n    c\n"),
    ("as the document", "--- |\n  c\n", "|\n  c\n"),
    ("quotes over lines", "a: 'b  \n\n      c'\n", "a: 'b\n\n  c'\n"),
    ("an escaped end", 'a: "b\\\n      c \\ \n\n  d"\n', 'a: "b\\\n  c \\ \n\n  d"\n'),
    ("over lines in brackets", "a: [b\n c]\n", "a:\n  - b\n    c\n"),
    ("over lines below its key", "a:\n      b\n      c\n", "a:\n  b\n  c\n"),
]  # fmt: skip

COMMENTS = [
    ("beside", "a:   1 # b\n", "a: 1 # b\n"),
    ("its distance", "a: '1'   # b\nc: 'd'   # e\n", "a: '1'   # b\nc: d     # e\n"),
    ("its column", "a: # b\n    c: 'd'  # e\n    ff: g   # h\n",
     "a: # b\n  c: d   # e\n  ff: g  # h\n"),
    ("no distance", "a: [# b\n1]\n", "a: [1] # b\n"),
    ("at a bracket of the document", "[# b\n1]\n", "# b\n- 1\n"),
    ("above", "a:\n# b\n   # c\n   d: 1\n", "a:\n  # b\n  # c\n  d: 1\n"),
    ("below", "a:\n   b: 1\n   # c\n # d\n\n# e\nf: 2\n",
     "a:\n  b: 1\n  # c\n  # d\n\n# e\nf: 2\n"),
    ("below, then further out", "a:\n  b:\n    c: 1\n  # d\n    # e\nf: 2\n",
     "a:\n  b:\n    c: 1\n  # d\n  # e\nf: 2\n"),
    ("in place of a value", "a:\n    # b\nc: 1\n", "a:\n  # b\nc: 1\n"),
    ("at the end", "a:\n- b\n# c\n", "a:\n  - b\n# c\n"),
    ("after a dash", "- # a\n    b: 1\n-\n  # c\n  d: 2\n", "- # a\n  b: 1\n-\n  # c\n  d: 2\n"),
    ("before a value", "a: # b\n    1\nc:\n    # d\n    [2] # e\n",
     "a: 1 # b\nc:\n  # d\n  - 2\n  # e\n"),
    ("two before a value", "a: # b\n    # c\n    1 # d\n", "a: # b\n  # c\n  1 # d\n"),
    ("before no value", "? a\n# b\n:\n", "a:\n  # b\n"),
    ("in brackets", "a: [ # b\n  c,  # d\n  # e\n  f\n  # g\n] # h\n",
     "a: # b\n  - c  # d\n  # e\n  - f\n  # g\n  # h\n"),
    ("in empty brackets", "a: [\n  # b\n]\n", "a:\n  # b\n  []\n"),
    ("after a comma", "a: [b # c\n  , d\n  , # e\n  [f]]\n",
     "a:\n  - b # c\n  - d # e\n  - [f]\n"),
    ("around a question mark", "? # a\n  b # c\n: # d\n  e: 1\n", "# a\nb: # c\n  # d\n  e: 1\n"),
    ("between documents", "# a\n--- # b\n# c\nd: 1\n# e\n...\n# f\n--- # g\n# h\n[i] # j\n# k\n",
     "# a\n# b\n# c\nd: 1\n# e\n\n# f\n--- # g\n# h\n[i] # j\n# k\n"),
    ("of empty documents", "---\n# a\n--- # b\n---\nc: 1\n--- # d\n", "# a\n# b\nc: 1\n# d\n"),
    ("of an empty document within", "a: 1\n--- # b\n# c\n--- # d\ne: 2\n",
     "a: 1\n---\n# b\n# c\n# d\ne: 2\n"),
    ("not in a text", "a: 'b # c'\nd: e#f\n", "a: 'b # c'\nd: e#f\n"),
]  # fmt: skip

COLUMNS = [
    ("lined up", "a:   [1]\nbbb: [2]\n", "a:   [1]\nbbb: [2]\n"),
    ("as far as needed", "a:      [1]\nbbb:    [2]\n", "a:   [1]\nbbb: [2]\n"),
    ("one alone", "a:    1\nbbb: 2\n", "a: 1\nbbb: 2\n"),
    ("a paragraph", "aa: 1\n\nb:  2\n", "aa: 1\n\nb: 2\n"),
    ("over a block", "aa: 1\nb:  |\n  c\nd:  2\n", "aa: 1\nb: |\n  c\nd: 2\n"),
    ("too wide", f"a:  1\nbb: {LONG}\n", f"a: 1\nbb: {LONG}\n"),
    ("one that opens", f"a:  1\nbb: [{LONG}]\n", f"a: 1\nbb:\n  - {LONG}\n"),
]


@pytest.mark.parametrize(
    ("before", "after"),
    [each[1:] for each in [*STYLE, *QUOTES, *WIDTH, *TEXTS, *COMMENTS, *COLUMNS]],
    ids=[each[0] for each in [*STYLE, *QUOTES, *WIDTH, *TEXTS, *COMMENTS, *COLUMNS]],
)
def test_the_style(before: str, after: str) -> None:
    """
    One way to write a thing; what is in the style already stays as it is.
    """
    made, found = tidy(before.encode(), "a.yaml")

    assert ([], after) == (found, made.decode())
    assert (made, []) == tidy(made, "a.yaml")


@pytest.mark.parametrize("file", FILES, ids=[each.name for each in FILES])
def test_the_specs_of_this_repository_are_in_the_style(file: Path) -> None:
    """
    What a reader meets first is in the style, the page that describes it above all.
    """
    text = file.read_text()
    text = text if file.suffix == ".yaml" else text.split("```yaml\n")[1].split("```")[0]

    assert text == tidy(text.encode(), "a.yaml")[0].decode()


def test_a_file_that_does_not_load_is_left_alone() -> None:
    """
    What is no spec as YAML is told, as `sark check` tells it, and not touched.
    """
    source = b"a:   1\na: *x\n"
    made, found = tidy(source, "a.yaml")

    assert source == made
    assert load(source, "a.yaml")[1] == found


def test_a_file_that_would_be_too_large_is_left_alone() -> None:
    """
    The style may need more room than a spec may have; then the file stays as it is.
    """
    source = f"{'[' * 30}{'a, ' * 20_000}{']' * 30}\n".encode()
    made, found = tidy(source, "a.yaml")

    assert source == made
    assert ["file-too-large"] == [each.code for each in found]
    assert f"{MAX_BYTES:,}" in found[0].message


WRONG = [
    ("no YAML", "a: [", "line 1"),
    ("a document less", "", "a value"),
    ("another value", "a: ['1', {b: y}] # c\n", "a value"),
    ("another key", "a: ['1', {x: c}] # c\n", "a value"),
    ("another order", "a: [{b: c}, '1'] # c\n", "a value"),
    ("an item less", "a: ['1'] # c\n", "a value"),
    ("a key more", "a: ['1', {b: c, d: e}] # c\n", "a value"),
    ("a type", "a: [1, {b: c}] # c\n", "a value"),
    ("a comment less", "a: ['1', {b: c}]\n", "a comment"),
    ("a comment changed", "a: ['1', {b: c}] # d\n", "a comment"),
]


@pytest.mark.parametrize(("made", "words"), [e[1:] for e in WRONG], ids=[e[0] for e in WRONG])
def test_what_says_something_else_is_not_written(made: str, words: str) -> None:
    """
    Were there a mistake in the style, no file would suffer: the values and comments are compared.
    """
    documents, _ = load(b"a: ['1', {b: c}] # c\n", "a.yaml")
    comments = [] if not made else ["# c"]

    with pytest.raises(Unproved, match=words):
        proof.check_values(documents, comments, made.encode())


def test_quotes_that_change_nothing_are_no_other_value() -> None:
    """
    The comparison is of what any reader would read.
    """
    documents, _ = load(b"a: ['1', {b: c}] # c\n", "a.yaml")

    proof.check_values(documents, ["# c"], b"a: [\"1\", {'b': 'c'}] # c\n")
