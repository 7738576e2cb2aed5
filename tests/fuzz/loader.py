"""The loader under fire, with ruamel.yaml's own Python reading as a second opinion."""

import re
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from engine.core import document
from engine.core.diagnostic import Diagnostic
from engine.core.document import Document, Mapping, Node, Scalar
from tests.fuzz import grammar
from tests.fuzz.mutation import mutated

ROOT = Path(__file__).parents[2]
_COMPARED = 3_000  # bytes; Python reads slowly
_FENCED = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
# ruamel.yaml reads `[?x]` and `[:x]` as mappings where YAML 1.2 has a text (ns-plain-first).
_MISREAD = re.compile(rb"(?:^|[\s\[{,])[?:]\S", re.MULTILINE)
_DIGITS = re.compile(r"\d[\d,]*|[`\"].*[`\"]")

PIECES = [
    each.encode()
    for each in (
        "a", "b: ", ": ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ",", "'", '"', "|\n",
        ">-\n", "|2-\n", ">+\n", "#", " #", " ", "\t", "&x ", "*x", "!!str ", "!<x> ", "<<: ",
        "? ", "---\n", "...\n", "--- ", "%YAML 1.1\n", "%TAG ! x\n", "{{ x }}", "\\", "\\u0041",
        "\\x", "\\\n", "\r\n", "\r", "é", "\U0001f600", "\u202e", "\x85", "\u2028", "\0", "\ufeff",
        "014", "~", "@", "`", "%", "=", "?", ":", "::", "?x", "x:y", "https://a/b?c", "''", '""',
        "null", "1e3", "\ufdd0",
    )
]  # fmt: skip
HOSTILE = [
    b"[" * 5_000, b"{" * 5_000, b"- " * 3_000, b"{a: " * 3_000, b"? " * 3_000, b"a: " * 3_000,
    b"&a [" * 500, b"a: &a [*a, *a]\nb: *a\n", b"%TAG !a! b\n" * 15, b"'" * 9_000, b'"' * 9_000,
    b'"\\' * 9_000, b"a: |\n" + b" \n" * 9_000, b"a: >\n" + b" x\n\n" * 5_000, b"\n" * 200_000,
    b"a:\n" + b" " * 100_000 + b"b", b"!" * 9_000, b"a" * 100_000, b"a " * 100_000,
    b"a: b\n" * 9_000, b"- a\n" * 60_000, b"\t" * 200_000, b"#\t" * 100_000, b"---\n" * 50_000,
    b"k: [" + b"a, " * 50_000 + b"]", b"{" + b"a: , " * 50_000 + b"}", b"'\\" * 9_000,
    b"a: {b: [x:y, ?z, c?, https://u/v?w=1:2]}\n", b"[?" * 5_000, b"a:" * 50_000,
]  # fmt: skip

_Loaded: TypeAlias = tuple[list[Document], list[Diagnostic]]


class Loader:
    """Bytes in; documents and findings out, whatever the bytes are."""

    def seeds(self) -> list[bytes]:
        files = [*ROOT.glob("specs/**/*.yaml"), *ROOT.glob("tests/**/*.yaml")]
        found = [each.read_bytes() for each in sorted(files)]
        for page in sorted((ROOT / "docs").rglob("*.md")):
            found += [each.encode() for each in _FENCED.findall(page.read_text())]
        return found + HOSTILE + [b"", b"a: b", b"- a", b"'a'"]

    def breed(self, chance: Random, corpus: Sequence[bytes]) -> bytes:
        kind = chance.random()
        if kind < 0.3:
            written = grammar.yaml(chance).encode()
            return written if kind < 0.2 else mutated(chance, [written], PIECES)
        if kind < 0.5:
            return b"".join(chance.choices(PIECES, k=chance.randint(1, 40)))
        return mutated(chance, corpus, PIECES)

    def attempt(self, data: bytes) -> _Loaded:
        return document.load(data, "fuzzed.yaml")

    def judge(self, data: bytes, result: _Loaded) -> Hashable:
        documents, findings = result
        lines = re.split(r"\r\n|\r|\n", data.decode("utf-8", "replace").removeprefix("\ufeff"))
        spans = [each.span for each in findings]
        spans += [other.span for each in findings for other in each.related]
        for each in documents:
            spans += [each.place(node) for node in _nodes(each.root)]
        for span in spans:
            assert 1 <= span.line <= len(lines), span
            width = len(lines[span.line - 1])
            assert 1 <= span.column <= width + 1, span
            assert span.column <= span.end <= width + 2, span
        told = {(each.code, _DIGITS.sub("", each.message)[:60]) for each in findings}
        kinds = {(type(node), getattr(node, "plain", None)) for each in documents
                 for node in _nodes(each.root)}  # fmt: skip
        return frozenset(told), frozenset(kinds), len(documents).bit_length()

    def compare(self, data: bytes, result: _Loaded) -> bool:
        """Compare texts and places where both read the file.

        A lone text as a document is left out: libyaml and ruamel.yaml differ in how far a block
        without indentation goes, and no spec is one.
        """
        if len(data) > _COMPARED or _MISREAD.search(data):
            return False
        documents, findings = result
        if findings or not documents or any(isinstance(each.root, Scalar) for each in documents):
            return False
        try:
            text = data.decode().removeprefix("\ufeff")
            theirs = list(YAML(typ="safe", pure=True).compose_all(text))
        except Exception:
            return False
        theirs = [each for each in theirs if not _is_nothing(each)]
        assert [_ours(each.root) for each in documents] == list(map(_told, theirs))
        return True


def _nodes(node: Node) -> Iterator[Node]:
    pending = [node]
    while pending:
        each = pending.pop()
        yield each
        if isinstance(each, Mapping):
            for key, value in each.entries:
                pending += (key, value)
        elif not isinstance(each, Scalar):
            pending += each.items


def _ours(node: Node) -> object:
    """Return the text and place of a node and of all below it; nothing stands nowhere."""
    if isinstance(node, Scalar):
        return None if node.is_empty else (node.text, node.plain, node.line, node.column)
    if isinstance(node, Mapping):
        return [(_ours(key), _ours(value)) for key, value in node.entries], node.line, node.column
    return [_ours(each) for each in node.items], node.line, node.column


def _told(node: object) -> object:
    """Return the same of a node of ruamel.yaml."""
    assert isinstance(node, ScalarNode | MappingNode | SequenceNode)
    place = node.start_mark.line + 1, node.start_mark.column + 1
    if isinstance(node, ScalarNode):
        return None if _is_nothing(node) else (node.value, not node.style, *place)
    if isinstance(node, MappingNode):
        return [(_told(key), _told(value)) for key, value in node.value], *place
    return [_told(each) for each in node.value], *place


def _is_nothing(node: object) -> bool:
    return node is None or (isinstance(node, ScalarNode) and not node.style and not node.value)
