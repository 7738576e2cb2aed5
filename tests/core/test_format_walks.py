"""The style against documents of every shape: nothing is lost, nothing changes, once is enough."""

import re
from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.core.document import Mapping, Node, Scalar, Sequence, load
from engine.core.format import tidy
from engine.core.reader import resolve

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = [
    "a", "b c", "on", "1.10", "014", "null", "x:y", "-", "--- a", "...", "é", "http.request@1",
    "/a/**", "a # b", "a: b", "", " a", "a ", "{{ x }}", "it's", 'say "x"', "\\d", "!x", "*.md",
    "[a]", "x" * 120, "2026-01-02", "true", "y", "a,b", "\t", "a  b", "?", "&", "%", "@", "`",
]  # fmt: skip
PIECES = [
    "a", "b: ", ": ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ", ", "'", '"', "|\n",
    ">-\n", ">+\n", "|2\n", "# c\n", " # d\n", " ", "? ", "---\n", "--- ", "...\n", "\\", "\r\n",
    "é", "~", "-", "x: y\n", "\n\n", "  # e\n", "a: 1\n", "  b: 2\n", "- c\n", "  - d\n",
]  # fmt: skip


def value(node: Node) -> object:
    """Return what any reader makes of a node: types of YAML 1.2, order of keys."""
    match node:
        case Scalar():
            return resolve(node)
        case Sequence():
            return [value(each) for each in node.items]
        case Mapping():
            return [(value(key), value(each)) for key, each in node.entries]


class Author:
    """Writes documents in every style that there is; comments are numbered."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = 0

    def file(self) -> str:
        parts = [self.gap(0) + self.block(0, 0) for _ in range(self.random.choice([1, 1, 1, 2]))]
        text = (f"---{self.tail()}\n").join(parts) + self.gap(0)
        return text.rstrip("\n") if self.random.random() < 0.1 else text

    def block(self, indent: int, depth: int) -> str:
        write = self.random.choice([self.mapping, self.mapping, self.sequence])
        return write(indent, depth)

    def mapping(self, indent: int, depth: int) -> str:
        keys = self.random.sample(["a", "bb", "ccc", '"d e"', "'f'", "on", '"1"'], self.few())
        return "".join(
            self.gap(indent) + " " * indent + key + ":" + self.member(indent, depth) for key in keys
        )

    def sequence(self, indent: int, depth: int) -> str:
        return "".join(
            self.gap(indent) + " " * indent + "-" + self.member(indent, depth, dash=True)
            for _ in range(self.few())
        )

    def member(self, indent: int, depth: int, dash: bool = False) -> str:
        """Return what stands after a key or a dash, with the end of its line."""
        kind = self.random.random()
        inner = indent + self.random.randint(1, 4)
        if depth < 4 and kind < 0.35:
            if dash and self.one_in(2):
                inner = indent + self.random.randint(2, 4)
                return " " * (inner - indent - 1) + self.block(inner, depth + 1).lstrip(" \n")
            return f"{self.tail()}\n{self.block(inner, depth + 1)}"
        if kind < 0.5:
            return self.text_block(inner)
        if kind < 0.55:
            return f"{self.tail()}\n"
        before = " " * self.random.choice([1, 1, 3])
        if self.random.random() < 0.15:
            before = f"{self.tail()}\n{self.gap(inner)}{' ' * inner}"
        written = self.flow(inner, depth) if kind < 0.8 else self.scalar(inner, in_flow=False)
        return f"{before}{written}{self.tail()}\n"

    def text_block(self, indent: int) -> str:
        header = self.random.choice("|>") + self.random.choice(["", "-", "+"])
        lines = self.random.choices(["a", "b  ", "", " c", "# no comment", "{{ x }}"], k=self.few())
        written = "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in ["x", *lines])
        return f" {header}{self.tail()}\n{written}"

    def flow(self, indent: int, depth: int) -> str:
        if depth > 4:
            return self.scalar(indent, in_flow=True)
        is_mapping = self.random.random() < 0.5
        parts = []
        for key in self.random.sample(["a", "'b'", '"c d"', "eee"], self.few() - 1):
            item = self.random.choice([self.flow(indent, depth + 1), self.scalar(indent, True)])
            parts.append(f"{key}: {item}" if is_mapping else item)
        around = "{}" if is_mapping else "[]"
        spread = self.random.random() < 0.2
        comma = (lambda: f",{self.tail()}\n{' ' * indent}") if spread else (lambda: ", ")
        inner = "".join(part + comma() for part in parts)
        if not spread:
            inner = inner.removesuffix(", ")
        return f"{around[0]}{self.random.choice(['', ' '])}{inner}{around[1]}"

    def scalar(self, indent: int, in_flow: bool) -> str:
        word = self.random.choice(WORDS)
        style = self.random.random()
        if style < 0.3:
            return "'" + word.replace("'", "''") + "'"
        if style < 0.6:
            return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if style < 0.7:
            return f'"one \\\n{" " * indent}two\n\n{" " * indent}three\\ \n{" " * indent}x"'
        if style < 0.75:
            return f"one\n{' ' * indent}two  \n\n{' ' * indent}three"
        return self.random.choice(["a", "1.10", "no", "x y", "014", "'q'", "a-b", "http://x"])

    def tail(self) -> str:
        return " " * self.random.choice([1, 2, 9]) + self.comment() if self.one_in(4) else ""

    def gap(self, indent: int) -> str:
        lines = []
        while self.one_in(4):
            column = self.random.choice([indent, indent, 0, indent + 2])
            lines.append(self.random.choice(["", "\n", "\n\n"]) + " " * column + self.comment())
        return "".join(f"{line}\n" for line in lines) + self.random.choice(["", "", "\n", "\n\n\n"])

    def comment(self) -> str:
        self.count += 1
        return f"# :{self.count}:{self.random.choice(['', ' '])}"

    def few(self) -> int:
        return self.random.randint(1, 4)

    def one_in(self, number: int) -> bool:
        return self.random.random() < 1 / number


def check(source: bytes) -> bytes:
    """Hold a file against what is promised; return it in the style."""
    documents, found = load(source, "a.yaml")
    assume(not found)
    made, _ = tidy(source, "a.yaml")
    again, found = load(made, "a.yaml")

    assert [] == found
    assert [value(each.root) for each in documents] == [value(each.root) for each in again]
    assert (made, []) == tidy(made, "a.yaml")
    assert made.endswith(b"\n") or not made
    assert b"\r" not in made
    return made


@QUICK
@given(st.randoms(use_true_random=False))
def test_any_document_keeps_its_values_and_comments(random: Random) -> None:
    """
    Whatever the style was: the same values, all comments in their order, and twice is as once.
    """
    source = Author(random).file()
    made = check(source.encode()).decode()

    assert re.findall(r"# :\d+:", source) == re.findall(r"# :\d+:", made)


@QUICK
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_heap_of_yaml_that_loads_can_be_laid_out(pieces: list[str]) -> None:
    """
    What the loader takes, however odd, has a style.
    """
    check("".join(pieces).encode())
