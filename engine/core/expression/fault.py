"""What an expression is to the rest of the house: its references, its faults, its errors."""

from collections.abc import Mapping
from typing import Protocol

from engine.core.frozen import frozen
from engine.core.pointer import Pointer
from engine.core.values import Json

_HERE = Pointer()


@frozen
class Reference:
    """A path that an expression reads: the root name, then the constant segments after it.

    `has_default`: what is undefined here raises nothing, it stands under `default` or `is defined`.
    `offset` and `length` mark it in the text. `through` names the functions whose operand it is
    part of, innermost first: a sanitizer such as `urlencode` is found there.
    """

    path: tuple[str | int, ...]
    has_default: bool
    offset: int
    length: int
    through: tuple[str, ...] = ()


@frozen
class Fault:
    """What is wrong in a text, `length` characters from `offset`; `hint` says how to mend it."""

    code: str
    message: str
    offset: int
    length: int
    hint: str = ""


class FaultError(Exception):
    """The text is no expression or template that we take.

    `pointer` leads to the text within a Json area; it is empty for a lone text.
    """

    def __init__(self, fault: Fault, pointer: Pointer = _HERE) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.pointer = pointer


class EvaluationError(Exception):
    """An expression gives no value: `code` is undefined, type, value or budget.

    The message names references and types and never shows a value, which may be a secret.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UndefinedError(EvaluationError):
    """Something that was read is not there; `default` answers to this alone."""

    def __init__(self, message: str) -> None:
        super().__init__("undefined", message)


class Compiled(Protocol):
    """A text, or a whole Json area, made ready to evaluate over and over."""

    @property
    def source(self) -> str:
        """The text as written; the canonical JSON of an area."""
        ...

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every path read, in the order written."""
        ...

    def evaluate(self, names: Mapping[str, object]) -> Json:
        """Return the value over `names`; raise EvaluationError where there is none.

        `names` holds JSON values. What the value shares with them is not copied.
        """
        ...
