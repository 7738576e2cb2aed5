"""What one evaluation may cost, and how it is counted.

A tree is finite and has no loops, so only functions and operators over data need counting. A unit
of work is one element of a list or mapping, or 64 characters of a string.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.expression.fault import EvaluationError
from engine.core.spilled import ByReference, Spilled
from engine.core.values import Json

MAX_OUTPUT = 1 << 20  # bytes of text or JSON that one evaluation gives
MAX_WORK = 250_000  # each takes some microsecond


class Meter:
    """The work that is left to one evaluation, and how much it has made."""

    __slots__ = ("left", "made")

    def __init__(self) -> None:
        self.left = MAX_WORK
        self.made = 0

    def make(self, value: Json) -> None:
        """Count a value as part of the output; raise EvaluationError past the limit."""
        if isinstance(value, str):
            self.made += len(value)
        elif isinstance(value, (Mapping, Sequence)):
            self.made += weigh(value, self)
        check_output(self.made)

    def spend(self, units: int) -> None:
        """Take `units` off; raise EvaluationError when there are none left."""
        self.left -= units
        if self.left < 0:
            raise EvaluationError("budget", f"the expression needs over {MAX_WORK:,} units of work")

    def take(self, value: object) -> None:
        """Spend what it costs to go over a value once, not into it."""
        if isinstance(value, str):
            self.spend(1 + (len(value) >> 6))
        elif isinstance(value, (Mapping, Sequence)):
            self.spend(1 + len(value))


def check_output(size: int) -> None:
    """Raise EvaluationError if `size` bytes or characters are more than one value may have."""
    if size > MAX_OUTPUT:
        raise EvaluationError("budget", f"the value is larger than {MAX_OUTPUT:,} bytes")


def weigh(value: Json, meter: Meter) -> int:
    """Return about how many bytes of JSON a value takes; raise EvaluationError past the limit.

    Raise ByReference if something within it is passed so.
    """
    size = 0
    pending: list[Any] = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            size += 2 + byte_length(each)
        elif isinstance(each, Mapping):
            size += 2 + sum(4 + byte_length(key) for key in each)
            meter.spend(len(each))
            pending.extend(each.values())
        elif isinstance(each, Sequence):
            size += 2 + len(each)
            meter.spend(len(each))
            pending.extend(each)
        elif type(each) is Spilled:
            raise ByReference(each)
        else:
            size += 4
        check_output(size)
    meter.spend(size >> 6)
    return size


def byte_length(text: str) -> int:
    """Return how many bytes a string takes in UTF-8; lone surrogates count too."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
