"""The type of a plain scalar where no schema gives it one: the core schema of YAML 1.2."""

import math
import re
from typing import Final

from engine.core.document import Scalar
from engine.core.quoting import shown

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# https://yaml.org/spec/1.2.2/#1032-tag-resolution
_NUMBER: Final = re.compile(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<octal>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<odd>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
# What PostgreSQL's json, orjson and every client can keep without loss.
_INTEGERS: Final = range(-(2**63), 2**64)
_MOST_DIGITS: Final = 24
_BASES: Final = {"int": 10, "octal": 8, "hex": 16}

# https://yaml.org/type/ for bool, int, float, timestamp, merge and value, where they part from 1.2.
# Longer texts are not asked: nobody means a number, and the pattern would take its time.
_LONGEST: Final = 40
_DIFFERS_IN_1_1: Final = re.compile(
    r"y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|<<|="
    r"|[-+]?0b[01_]+|[-+]?0[0-7_]+|0o[0-7]+|[-+]?0x[0-9a-fA-F]*_[0-9a-fA-F_]*|[-+]0x[0-9a-fA-F]+"
    r"|[-+]?[1-9][0-9]*_[0-9_]*|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?0[0-9]*[89][0-9]*"
    r"|[-+]?[0-9][0-9_]*_[0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9]+\.[0-9]*_[0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)[eE][0-9]+"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"
)


def resolve(scalar: Scalar) -> bool | int | float | str | None:
    """Return the value of a scalar; raise ValueError if it is a number that JSON cannot hold."""
    text = scalar.text
    if not scalar.plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text) if text[0] in "+-.0123456789" else None
    return text if match is None else _number(match)


def is_null(scalar: Scalar) -> bool:
    """True for a plain scalar that stands for null."""
    return scalar.plain and scalar.text in _WORDS and _WORDS[scalar.text] is None


def is_ambiguous(scalar: Scalar) -> bool:
    """True where a reader of YAML 1.1 would have found something else than `resolve` does."""
    if not scalar.plain or len(scalar.text) > _LONGEST:
        return False
    return _DIFFERS_IN_1_1.fullmatch(scalar.text) is not None


def _number(match: re.Match[str]) -> int | float:
    kind = match.lastgroup or ""
    text = match[kind]
    if kind == "odd":
        raise ValueError(f"`{text}` is no number in JSON")
    if kind == "float":
        number = float(text)
        if math.isinf(number):
            raise ValueError(f"`{shown(text)}` is too large for a number")
        return number
    # So many digits are too large already; int() has a limit of its own on what it reads.
    if len(text) > _MOST_DIGITS or (whole := int(text, _BASES[kind])) not in _INTEGERS:
        raise ValueError(f"the number `{shown(text)}` does not fit into 64 bits")
    return whole
