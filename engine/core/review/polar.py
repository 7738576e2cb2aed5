"""Polar as far as a reader of rules needs it: words with their places, and clauses of words.

Whether a text is Polar at all, Oso says; what is told here of a text that is none is nothing.
"""

import re
from collections.abc import Iterator, Sequence

from engine.core.diagnostic import Span
from engine.core.frozen import frozen

_TOKEN = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)|(?P<text>"(?:\\.|[^"\\])*")|(?P<number>\d[\d.eE]*)"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)"""
    r"""|(?P<sign>\?=|==|!=|<=|>=|:=|.)""",
    re.DOTALL,
)
KEYWORDS = frozenset(
    ("if", "and", "or", "not", "in", "forall", "true", "false", "mod", "rem", "cut", "debug",
     "print", "new", "matches", "isa")
)  # fmt: skip
_OPENS, _CLOSES = "([{", ")]}"


@frozen
class Token:
    """A word, text, number or sign, as it is written."""

    kind: str
    text: str
    span: Span

    @property
    def value(self) -> str:
        """What a text says."""
        return re.sub(r"\\(.)", r"\1", self.text[1:-1])


@frozen
class Clause:
    """A head and what it holds `if`; `arguments` are the words of each argument of the head."""

    tokens: tuple[Token, ...]

    @property
    def head(self) -> Token:
        return self.tokens[0]

    @property
    def arguments(self) -> list[tuple[Token, ...]]:
        return arguments(self.tokens, 1)

    @property
    def has_body(self) -> bool:
        return any(each.text == "if" and each.kind == "word" for each in self.tokens)


def clauses(file: str, text: str) -> tuple[list[Clause], list[Token]]:
    """Return the clauses of a source, and the words behind the last of them."""
    found: list[Clause] = []
    held: list[Token] = []
    for token in _tokens(file, text):
        if token.text != ";":
            held.append(token)
        elif held:
            found.append(Clause(tuple(held)))
            held = []
    return found, held


def arguments(tokens: Sequence[Token], opened: int) -> list[tuple[Token, ...]]:
    """Return the arguments in the brackets that are opened at a position; none opened, none."""
    told: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[opened:]:
        depth += (token.text in _OPENS) - (token.text in _CLOSES)
        if depth < 1:
            break
        if depth == 1 and token.text in (",", "("):
            told += [[]] if token.text == "," else []
        else:
            told[-1].append(token)
    return [tuple(each) for each in told if each]


def _tokens(file: str, text: str) -> Iterator[Token]:
    line, begins = 1, 0
    for found in _TOKEN.finditer(text):
        kind, word = str(found.lastgroup), found[0]
        if kind != "blank":
            column = found.start() - begins + 1
            yield Token(kind, word, Span(file, line, column, column + len(word)))
        if "\n" in word:
            line += word.count("\n")
            begins = found.start() + word.rindex("\n") + 1
