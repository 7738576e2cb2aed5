"""A syntax tree written down again: the text that reads back to the same tree."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.core.expression import tree
from engine.core.expression.function import FUNCTIONS
from engine.core.values import Json

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPED = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"}
_MUST_ESCAPE = re.compile(r"[\\'\n\r]")
# How tight Jinja's parser binds, the loosest first; an atom never needs brackets.
_CHOICE, _OR, _AND, _NOT, _COMPARISON, _SUM, _TEXT, _PRODUCT, _ATOM = range(9)


def written(node: tree.Node) -> str:
    """Return the text of an expression, without braces."""
    return _within(node, _CHOICE)


def literal(value: Json) -> str:
    """Return the text of an expression that has this value whatever it reads."""
    match value:
        case None | bool():
            return {None: "none", True: "true", False: "false"}[value]
        case str():
            return f"'{_MUST_ESCAPE.sub(lambda each: _ESCAPED[each.group()], value)}'"
        case int() | float():
            return repr(value) if value >= 0 else f"({value!r})"
        case Mapping():
            return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
        case _:
            return f"[{', '.join(map(literal, value))}]"


def _within(node: tree.Node, least: int) -> str:
    """Return the text of a part, in brackets where it binds less than its place asks for."""
    binds, text = _WRITERS[type(node)](node)
    return text if binds >= least else f"({text})"


def _path(node: tree.Path) -> tuple[int, str]:
    root, *rest = node.path
    return _ATOM, f"{root}{''.join(map(_segment, rest))}"


def _segment(key: str | int) -> str:
    is_plain = isinstance(key, str) and _IDENTIFIER.fullmatch(key) is not None
    return f".{key}" if is_plain else f"[{literal(key)}]"


def _lookup(node: tree.Lookup) -> tuple[int, str]:
    return _ATOM, f"{_within(node.base, _ATOM)}[{written(node.key)}]"


def _slice(node: tree.Slice) -> tuple[int, str]:
    marks = ["" if each is None else written(each) for each in (node.first, node.last, node.step)]
    return _ATOM, f"{_within(node.base, _ATOM)}[{':'.join(marks)}]"


def _map(node: tree.MapOf) -> tuple[int, str]:
    entries = (f"{written(key)}: {written(value)}" for key, value in node.entries)
    return _ATOM, f"{{{', '.join(entries)}}}"


def _sign(node: tree.Negative) -> tuple[int, str]:
    return _ATOM, f"({'+' if node.keep else '-'}{_within(node.operand, _ATOM)})"


def _arithmetic(node: tree.Arithmetic) -> tuple[int, str]:
    binds = _SUM if node.operator in "+-" else _PRODUCT
    left, right = _within(node.left, binds), _within(node.right, binds + 1)
    return binds, f"{left} {node.operator} {right}"


def _comparison(node: tree.Comparison) -> tuple[int, str]:
    rest = (f" {operator} {_within(each, _SUM)}" for operator, each in node.rest)
    return _COMPARISON, f"{_within(node.first, _SUM)}{''.join(rest)}"


def _both(node: tree.Both) -> tuple[int, str]:
    return _AND, f"{_within(node.left, _AND)} and {_within(node.right, _NOT)}"


def _either(node: tree.Either) -> tuple[int, str]:
    return _OR, f"{_within(node.left, _OR)} or {_within(node.right, _AND)}"


def _choice(node: tree.Choice) -> tuple[int, str]:
    then, condition = _within(node.then, _OR), _within(node.condition, _OR)
    return _CHOICE, f"{then} if {condition} else {_within(node.otherwise, _CHOICE)}"


def _text(node: tree.Text) -> tuple[int, str]:
    return _TEXT, " ~ ".join(_within(each, _PRODUCT) for each in node.parts)


def _call(node: tree.Call) -> tuple[int, str]:
    """Return a call; what follows an argument that is left out is told by its name."""
    names = [each.name for each in FUNCTIONS[node.function].parameters]
    gap = next((at for at, each in enumerate(node.arguments) if each is None), len(names))
    told = [written(each) for each in node.arguments[:gap] if each is not None]
    told += [
        f"{name}={written(each)}"
        for name, each in zip(names[gap:], node.arguments[gap:], strict=True)
        if each is not None
    ]
    return _ATOM, f"{node.function}({', '.join(told)})"


def _default(node: tree.Default) -> tuple[int, str]:
    told: Sequence[tree.Node | None] = (node.operand, node.fallback, node.falsy)
    return _ATOM, f"default({', '.join(written(each) for each in told if each is not None)})"


_WRITERS: dict[type, Callable[[Any], tuple[int, str]]] = {
    tree.Constant: lambda node: (_ATOM, literal(node.value)),
    tree.Path: _path,
    tree.Lookup: _lookup,
    tree.Slice: _slice,
    tree.ListOf: lambda node: (_ATOM, f"[{', '.join(map(written, node.items))}]"),
    tree.MapOf: _map,
    tree.Negative: _sign,
    tree.Arithmetic: _arithmetic,
    tree.Comparison: _comparison,
    tree.Both: _both,
    tree.Either: _either,
    tree.Not: lambda node: (_NOT, f"not {_within(node.operand, _NOT)}"),
    tree.Choice: _choice,
    tree.Text: _text,
    tree.Call: _call,
    tree.Default: _default,
    tree.Defined: lambda node: (_ATOM, f"({_within(node.operand, _ATOM)} is defined)"),
    tree.Test: lambda node: (_ATOM, f"({_within(node.operand, _ATOM)} is {node.name})"),
}
