"""The tokens of an expression, by Jinja's lexer, each with its offset in the text.

Jinja's nodes know their line alone. A token's line number is handed to the parser as its offset,
so every node that Jinja's parser makes carries a place to the character.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from math import isfinite

from jinja2 import Environment, TemplateSyntaxError
from jinja2.lexer import Lexer, Token

from engine.core.expression.fault import Fault, FaultError
from engine.core.expression.simple import MAX_LENGTH

MAX_TOKENS = 2_000
MAX_BRACKETS = 20  # within each other; each costs Jinja's parser some 14 frames
MAX_PREFIXES = 100  # `not`, `-`, `+` and `if`: each may cost a frame
MAX_INTEGER = 1 << 63

# Nothing is rendered with it: it lends its lexer and the settings of its parser.
ENVIRONMENT = Environment(autoescape=True, keep_trailing_newline=True)

# Python only warns of an unknown escape, and a named character depends on its Unicode version.
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = frozenset("\\'\"abfnrtvxuU01234567\n")
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
# Operators of other languages that no expression holds, and the words for them.
_WORDS = {"&": "and", "!": "not"}
_PREFIXES = frozenset(("not", "if", "-", "+"))


@dataclass(slots=True)
class Tokens:
    """Tokens in order. Offsets: `ends` of a token, of the one `after` it, of its `closing` mate."""

    all: list[Token] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)
    closing: dict[int, int] = field(default_factory=dict)


def tokenize(text: str, base: int) -> Tokens:
    """Return the tokens of an expression that begins at offset `base` of its text.

    Raise FaultError for what is no token, and for more than the parser may be given.
    """
    if len(text) > MAX_LENGTH:
        raise _limit(f"an expression has at most {MAX_LENGTH:,} characters", base, len(text))
    if "\r" in text:
        message = "a raw carriage return in an expression"
        raise _syntax(message, base + text.index("\r"), 1, r"write \r inside quotes")
    tokens = Tokens()
    open_: list[int] = []
    prefixes = 0
    last: int | None = None
    for start, kind, written in _raw(text, base):
        end = start + len(written)
        if kind == "whitespace":
            continue
        tokens.ends[start] = end
        if last is not None:
            tokens.after[last] = end
        last = start
        if written in _OPENING:
            open_.append(start)
        elif written in _CLOSING:
            tokens.closing[open_.pop()] = end
        prefixes += written in _PREFIXES
        tokens.all.append(_token(start, kind, written))
        if len(open_) > MAX_BRACKETS:
            raise _limit(f"brackets nest deeper than {MAX_BRACKETS}", start, 1)
        if len(tokens.all) > MAX_TOKENS or prefixes > MAX_PREFIXES:
            raise _limit("the expression has too many parts", base, len(text))
    return tokens


@cache
def _lexer() -> Lexer:
    """Return the lexer; the environment looks for it anew each time that it is asked."""
    return ENVIRONMENT.lexer


def _raw(text: str, base: int) -> Iterator[tuple[int, str, str]]:
    """Give every token as written; those of an expression follow each other without a gap."""
    offset = base
    try:
        for _, kind, written in _lexer().tokeniter(text, None, state="variable"):
            if kind == "variable_end":
                raise _syntax(f"unexpected `{written}`", offset, len(written))
            if written == "|" and text.startswith("||", offset - base):
                raise _syntax("unexpected `||`", offset, 2, "write `or`")
            yield offset, kind, written
            offset += len(written)
    except TemplateSyntaxError as error:
        message, hint = str(error.message), ""
        if "unexpected char" in message:
            character = text[offset - base]
            is_quote = character in "'\""
            message = "the string is never closed" if is_quote else "unexpected character"
            hint = f"write `{_WORDS[character]}`" if character in _WORDS else ""
        raise _syntax(message.replace("'", "`"), offset, 1, hint) from None


def _token(start: int, kind: str, written: str) -> Token:
    """Return the token as Jinja's parser takes it; raise FaultError for what is no JSON value."""
    length = len(written)
    if kind == "string":
        for match in _ESCAPE.finditer(written):
            if match[1] not in _ESCAPES:
                message = f"unknown escape `{match[0]}` in a string"
                raise _syntax(message, start + match.start(), 2, f"write `\\{match[0]}`")
    try:
        (token,) = _lexer().wrap([(start, kind, written)])
    except TemplateSyntaxError as error:
        raise _syntax(str(error.message), start, length) from None
    except ValueError:
        raise _limit("the number is too large", start, length) from None
    value: object = token.value
    if isinstance(value, str) and not _is_text(value):
        raise _syntax("a lone surrogate is no character", start, length)
    if isinstance(value, float) and not isfinite(value):
        raise _limit("the number is too large", start, length)
    if isinstance(value, int) and value >= MAX_INTEGER:
        raise _limit("the number is too large", start, length)
    return token


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value)


def _syntax(message: str, offset: int, length: int, hint: str = "") -> FaultError:
    return FaultError(Fault("expression-syntax", message, offset, length, hint))


def _limit(message: str, offset: int, length: int) -> FaultError:
    return FaultError(Fault("expression-limit", message, offset, length))
