"""What the operators do to values: JSON in, JSON out, every size checked before it is made."""

import operator as python
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, TypeGuard

from engine.core.expression.budget import Meter, check_output
from engine.core.expression.fault import EvaluationError
from engine.core.kind import NUMBERS, kind, named
from engine.core.values import Json

Number = int | float
_BIGGEST = (1 << 63) - 1
_ARITHMETIC: dict[str, Callable[[Any, Any], Number]] = {
    "+": python.add,
    "-": python.sub,
    "*": python.mul,
    "/": python.truediv,
    "//": python.floordiv,
    "%": python.mod,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": python.lt,
    "<=": python.le,
    ">": python.gt,
    ">=": python.ge,
}


def arithmetic(operator: str, left: Json, right: Json, meter: Meter) -> Json:
    """Return `left operator right` over two numbers; `+` also joins two strings or two lists."""
    if _is_number(left) and _is_number(right):
        return number(_calculate(operator, left, right))
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        check_output(len(left) + len(right))
        meter.take(left)
        meter.take(right)
        return left + right
    if operator == "+" and kind(left) == kind(right) == "array":
        assert isinstance(left, Sequence)
        assert isinstance(right, Sequence)
        meter.take(left)
        meter.take(right)
        return [*left, *right]
    message = f"`{operator}` does not take {named(kind(left))} and {named(kind(right))}"
    raise EvaluationError("type", message)


def number(value: Number) -> Number:
    """Return the number; raise EvaluationError if JSON as others read it cannot hold it."""
    if isinstance(value, float):
        if not isfinite(value):
            raise EvaluationError("value", "the number is too large")
    elif not -_BIGGEST - 1 <= value <= _BIGGEST:
        raise EvaluationError("value", "the integer does not fit in 64 bits")
    return value


def negative(value: Json, keep: bool) -> Json:
    """Return the number with its sign turned, unless it is kept."""
    if not _is_number(value):
        raise EvaluationError("type", f"a sign does not go with {named(kind(value))}")
    return value if keep else number(-value)


def equal(left: Json, right: Json, meter: Meter) -> bool:
    """True if two values are the same JSON: 1 is 1.0, and true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) or isinstance(right, str):
        if isinstance(left, str) and isinstance(right, str) and len(left) == len(right):
            meter.spend(len(left) >> 6)
        return left == right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        meter.take(left)
        meter.take(right)
        return left.keys() == right.keys() and all(
            equal(each, right[key], meter) for key, each in left.items()
        )
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        meter.take(left)
        meter.take(right)
        return len(left) == len(right) and all(
            one is other or equal(one, other, meter) for one, other in zip(left, right, strict=True)
        )
    return left == right  # of what is passed by reference, this raises ByReference


def compare(operator: str, left: Json, right: Json, meter: Meter) -> bool:
    """Return what `left operator right` says."""
    match operator:
        case "==":
            return equal(left, right, meter)
        case "!=":
            return not equal(left, right, meter)
        case "in":
            return contains(right, left, meter)
        case "not in":
            return not contains(right, left, meter)
    if _is_number(left) and _is_number(right):
        return _ORDER[operator](left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _ORDER[operator](left, right)
    message = f"`{operator}` does not order {named(kind(left))} and {named(kind(right))}"
    raise EvaluationError("type", message)


def contains(place: Json, value: Json, meter: Meter) -> bool:
    """True if a string holds a part, a mapping a key, or a list an equal value."""
    meter.take(place)
    if isinstance(place, str) and isinstance(value, str):
        return value in place
    if isinstance(place, Mapping) and isinstance(value, str):
        return value in place
    if isinstance(place, Sequence) and not isinstance(place, str):
        return any(equal(each, value, meter) for each in place)
    message = f"{named(kind(value))} cannot be `in` {named(kind(place))}"
    raise EvaluationError("type", message)


def key_of(value: Json) -> object:
    """Return what stands for a value in a set: equal values give equal keys.

    That of a list or mapping is a text, whose hash cannot be foreseen: Python's hashes of numbers
    can, and whoever wrote the data could make them all the same.
    """
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        return value
    return (repr(_plain(value)),)


def _plain(value: Json) -> object:
    """Return a value so that equal ones are written alike."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return [[key, _plain(value[key])] for key in sorted(value)], "object"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value


def _is_number(value: object) -> TypeGuard[Number]:
    return kind(value) in NUMBERS


def _calculate(operator: str, left: Number, right: Number) -> Number:
    try:
        return _ARITHMETIC[operator](left, right)
    except ZeroDivisionError:
        raise EvaluationError("value", f"`{operator}` by zero") from None
    except OverflowError:
        raise EvaluationError("value", "the number is too large") from None
