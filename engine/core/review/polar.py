"""Polar as far as a reader of rules needs it: words with their places, and clauses of words.

Whether a text is Polar at all, Oso says; what is told here of a text that is none is nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.core.diagnostic import Span
from engine.core.frozen import frozen

_TOKEN = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)|(?P<text>"(?:\\.|[^"\\])*"?)|(?P<number>\d[\d.]*(?:[eE][+-]?\d+)?)"""
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


def calls(tokens: Sequence[Token]) -> Iterator[tuple[Token, int]]:
    """Yield the words before brackets, with how many arguments there are in these; in one pass.

    A word behind a dot is a method's, and no call.
    """
    opened: list[_Opened] = []
    for at, token in enumerate(tokens):
        if token.text in _CLOSES and opened:
            yield from opened.pop().told()
        if token.text == "," and opened:
            opened[-1].end()
        elif opened:
            opened[-1].is_begun = True
        if token.text in _OPENS:
            opened.append(_Opened(_called(tokens, at)))
    for each in opened:
        yield from each.told()


@dataclass(slots=True)
class _Opened:
    """A bracket that is open, the word that it is a call of, and its arguments so far."""

    word: Token | None
    count: int = 0
    is_begun: bool = False

    def end(self) -> None:
        """Count the argument that has come to its end; one without a word is none."""
        self.count += self.is_begun
        self.is_begun = False

    def told(self) -> Iterator[tuple[Token, int]]:
        self.end()
        if self.word is not None:
            yield self.word, self.count


def _called(tokens: Sequence[Token], at: int) -> Token | None:
    """Return the word that is called where a bracket opens."""
    if at < 1 or tokens[at].text != "(":
        return None
    word = tokens[at - 1]
    is_method = at > 1 and tokens[at - 2].text == "."
    return word if word.kind == "word" and word.text not in KEYWORDS and not is_method else None


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
