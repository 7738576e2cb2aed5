"""How a function of the expression language is described: once, for running and for typing."""

from collections.abc import Callable, Sequence

from engine.core.frozen import frozen
from engine.core.values import Json

ANY: frozenset[str] = frozenset()


@frozen
class Parameter:
    """An argument by name; `accepts` are the JSON types it takes, every one if empty.

    `otherwise` is what a function is handed where an argument is left out.
    """

    name: str
    accepts: frozenset[str] = ANY
    required: bool = True
    otherwise: object = None


@frozen
class Function:
    """A listed function.

    `apply` is handed the meter, then a value for each parameter.
    `result` gives the JSON Schema of the value from those of the arguments (None: left out).
    It raises ValueError, with the reason, where no value can come of them.
    """

    name: str
    parameters: tuple[Parameter, ...]
    apply: Callable[..., Json]
    result: Callable[[Sequence[Json]], Json]


def one(name: str, *accepts: str) -> Parameter:
    """Return a parameter that must be given; `number` takes integers too."""
    return Parameter(name, _widened(accepts))


def maybe(name: str, *accepts: str, otherwise: object = None) -> Parameter:
    """Return a parameter that may be left out."""
    return Parameter(name, _widened(accepts), required=False, otherwise=otherwise)


def always(kind: str) -> Callable[[Sequence[Json]], Json]:
    """Return the result type of a function that gives the same type whatever it takes."""
    schema: Json = {"type": kind}
    return lambda _: schema


def _widened(accepts: tuple[str, ...]) -> frozenset[str]:
    return frozenset((*accepts, "integer") if "number" in accepts else accepts)
