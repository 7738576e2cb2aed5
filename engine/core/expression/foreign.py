"""Operators of other languages, and what they are here: `&&` is `and`."""

import re
from collections.abc import Mapping
from typing import Final

from engine.core.expression.fault import Fault, FaultError
from engine.core.expression.scan import STRING
from engine.core.wording import Extent, Instead

_HERE: Final[Mapping[str, str]] = {
    "&&": "and", "||": "or", "!": "not", "===": "==", "!==": "!=", "<>": "!=", "=": "==",
}  # fmt: skip
# Strings are passed over; a quote alone is one that is never closed, and nothing is read behind it.
_MARK: Final = re.compile(rf"{STRING}|&&|\|\||===|!==|<>|[<>=!]=|[=!]", re.DOTALL)
_COMPARED: Final = re.compile(r"[<>]|==|!=|\bin\b|\bis\b")


def explained(error: FaultError, text: str, base: int) -> FaultError:
    """Return a better word for a fault of syntax, where an operator of another language is it."""
    fault = error.fault
    if fault.code != "expression-syntax":
        return error
    for match in _MARK.finditer(text):
        written, offset = match.group(), base + match.start()
        if written in ("'", '"'):
            break
        here = _HERE.get(written)
        # A lone `=` is good in `default(x, boolean=true)`: it is the fault only where that is told.
        if here is None or (written == "=" and offset != fault.offset):
            continue
        message = f"`{written}` is no operator here: write `{here}`"
        hint = f"write `{here}`"
        # `!a == b` is `(not a) == b` elsewhere, and `not a == b` is `not (a == b)` here.
        if written != "!" or _COMPARED.search(text) is None:
            hint = Instead(hint, _spaced(here, text, match), Extent.MARK)
        return FaultError(Fault(fault.code, message, offset, len(written), hint))
    return error


def _spaced(here: str, text: str, match: re.Match[str]) -> str:
    """Return an operator that is a word with the blanks that it needs to stay one."""
    if not here.isalpha():
        return here
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    return " " * (before.isalnum() or before in tuple("_)]'\"")) + here + " " * (after != " ")
