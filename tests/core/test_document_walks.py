"""The loader against anything at all, and against ruamel.yaml's own reading."""

import json
import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from engine.core.document import Mapping, Node, Scalar, Sequence, load
from engine.core.reader import resolve
from engine.core.values import Json

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# What specs are made of, in any order: more likely to get far than random bytes.
PIECES = [
    "a", "b: ", ": ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ",", "'", '"', "|\n",
    ">-\n", "#", " ", "\t", "&x ", "*x", "!!str ", "<<: ", "? ", "---\n", "...\n", "%YAML 1.1\n",
    "{{ x }}", "\\", "\r\n", "\r", "é", "\U0001f600", "\u202e", "\x85", "\0", "\ufeff", "014", "~",
    "@", "`", "%",
]  # fmt: skip


def lines_of(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    return re.split(r"\r\n|\r|\n", text)


def check(data: bytes) -> None:
    documents, found = load(data, "a.yaml")
    lines = lines_of(data)
    spans = [each.span for each in found]
    spans += [other.span for each in found for other in each.related]
    for document in documents:
        spans += [document.place(node) for node in nodes(document.root)]
    for span in spans:
        assert 1 <= span.line <= len(lines)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1
        assert span.column <= span.end <= len(lines[span.line - 1]) + 2
    assert found == sorted(found, key=lambda each: each.span)


def nodes(node: Node) -> list[Node]:
    match node:
        case Mapping():
            keys: list[Node] = [key for key, _ in node.entries]
            return [node, *keys, *(each for _, value in node.entries for each in nodes(value))]
        case Sequence():
            return [node, *(each for item in node.items for each in nodes(item))]
        case Scalar():
            return [node]


@QUICK
@given(st.binary(max_size=200))
@example(b"[" * 40_000)
@example(b"{" * 262_144)
@example(b"\xef\xbb\xbf")
@example(b"? \n")
@example(b"a: \n  b:")
def test_any_bytes_give_findings_and_no_crash(data: bytes) -> None:
    """
    Whatever a file holds, the loader returns, and every place that it names is in the file.
    """
    check(data)


@QUICK
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_heap_of_yaml_gives_findings_and_no_crash(pieces: list[str]) -> None:
    """
    The same for what is nearly YAML.
    """
    check("".join(pieces).encode())


# Without what the loader refuses: controls, what has no width, line ends of YAML 1.1.
LETTERS = st.characters(
    max_codepoint=0xDFFFF,
    exclude_categories=["C", "Z"],
    include_characters=" \n",
    exclude_characters="\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0",
)
ODD = ["NO", "on", "~", "014", "0x1F", "1e3", "", "a: b", "- a", "#", "{{ x }}", "=", "<<", "a\tb"]
WORDS = st.from_regex(r"[a-z\u00e9][a-z0-9/._?:-]{0,12}[a-z0-9]", fullmatch=True)
TEXT = st.text(LETTERS, max_size=12) | st.sampled_from(ODD) | WORDS
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class Writer:
    """Writes a value as YAML, each part in one of the ways that YAML has for it."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def pick(self, *ways: str) -> str:
        return self.data.draw(st.sampled_from(ways))

    def scalar(self, value: Json) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        ways = ["double"]
        if re.fullmatch(r"[a-z\u00e9][a-z0-9/._?:-]*[a-z0-9]", value) and value not in KEYWORDS:
            ways.append("plain")
        if "\n" not in value:
            ways.append("single")
        match self.pick(*ways):
            case "plain":
                return value
            case "single":
                return "'" + value.replace("'", "''") + "'"
            case _:
                # YAML knows no pairs of surrogates, with which JSON writes rare characters.
                is_short = max(value, default="") < "\U00010000"
                is_ascii = is_short and self.data.draw(st.booleans())
                return json.dumps(value, ensure_ascii=is_ascii)

    def flow(self, value: Json) -> str:
        match value:
            case list():
                return "[" + ", ".join(map(self.flow, value)) + "]"
            case dict():
                pairs = (f"{self.scalar(name)}: {self.flow(each)}" for name, each in value.items())
                return "{" + ", ".join(pairs) + "}"
            case _:
                return self.scalar(value)

    def block(self, value: Json, indent: str) -> str:
        """Return what follows the key or dash, line end included."""
        deeper = indent + "  "
        if not value or not isinstance(value, list | dict) or self.pick("flow", "block") == "flow":
            return f" {self.flow(value)}\n"
        if isinstance(value, list):
            return "\n" + "".join(f"{deeper}-{self.block(each, deeper)}" for each in value)
        return "\n" + "".join(
            f"{deeper}{self.scalar(name)}:{self.block(each, deeper)}"
            for name, each in value.items()
        )


KEYWORDS = ("null", "true", "false")


@QUICK
@given(VALUE, st.data())
def test_it_reads_what_ruamel_reads(value: Json, data: st.DataObject) -> None:
    """
    A valid document is read alike by ruamel.yaml's safe loader and by ours: as it was meant.
    """
    text = f"value:{Writer(data).block(value, '')}"

    documents, found = load(text.encode(), "a.yaml")

    assert found == [], text
    assert {"value": value} == plain(documents[0].root), text
    assert {"value": value} == YAML(typ="safe", pure=True).load(text), text


def plain(node: Node) -> Json:
    match node:
        case Scalar():
            return resolve(node)
        case Sequence():
            return [plain(each) for each in node.items]
        case Mapping():
            return {name: plain(value) for name, (_, value) in node.members.items()}
