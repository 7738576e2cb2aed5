"""What most expressions are, read by hand: a path, or a path and an operand with an operator.

`steps.build.outputs.image`, `inputs.count > 2`, `event.body.status == 'done'`: Jinja's parser
takes ten times as long for them, and to load it a tenth of the time in which a file is checked.
"""

import re
from typing import Final

from engine.core.expression import tree

MAX_LENGTH: Final = 16_384  # of any expression, in characters

_PATH: Final = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_ALONE: Final = re.compile(rf"\s*({_PATH})\s*")
# An integer of so many digits is below the limit; a text here has no escape and is plain ASCII.
_PAIR: Final = re.compile(
    rf" *(?P<left>{_PATH}) *(?P<operator>[=!]=|[<>]=?|[-+*/%]) *"
    rf"(?:(?P<path>{_PATH})|(?P<integer>0|[1-9][0-9]{{0,17}})"
    r"""|(?P<text>'[ -&(-\[\]-~]*'|"[ !#-\[\]-~]*")) *"""
)
_COMPARISONS: Final = frozenset(("==", "!=", "<", "<=", ">", ">="))
# What begins no path.
_RESERVED: Final = frozenset(
    ("true", "false", "none", "True", "False", "None", "not", "and", "or", "if", "else", "in", "is")
)


def read(text: str, base: int = 0) -> tree.Node | None:
    """Return the syntax tree of such an expression, None for any other.

    It is the tree that `syntax.parse` gives for it.
    """
    if len(text) > MAX_LENGTH or "__" in text:
        return None
    alone = _ALONE.fullmatch(text)
    return _path(alone, 1, base) if alone is not None else _pair(text, base)


def _pair(text: str, base: int) -> tree.Node | None:
    match = _PAIR.fullmatch(text)
    left = match and _path(match, "left", base)
    right = match and _operand(match, base)
    if match is None or left is None or right is None:
        return None
    operator = match["operator"]
    if operator in _COMPARISONS:
        return tree.Comparison(left, ((operator, right),), start=left.start, end=right.end)
    return tree.Arithmetic(operator, left, right, start=left.start, end=right.end)


def _operand(match: re.Match[str], base: int) -> tree.Node | None:
    group = str(match.lastgroup)
    if group == "path":
        return _path(match, group, base)
    written = match[group]
    value = int(written) if group == "integer" else written[1:-1]
    return tree.Constant(value, start=base + match.start(group), end=base + match.end(group))


def _path(match: re.Match[str], group: str | int, base: int) -> tree.Path | None:
    path = tuple(match[group].split("."))
    if path[0] in _RESERVED:
        return None
    return tree.Path(path, start=base + match.start(group), end=base + match.end(group))
