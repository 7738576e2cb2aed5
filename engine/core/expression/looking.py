"""What looks up a path: a key after the other, of values that are JSON or passed by reference."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from engine.core.expression.fault import UndefinedError
from engine.core.expression.path import written
from engine.core.kind import kind, named
from engine.core.spilled import Path, Spilled
from engine.core.values import Json

Names: TypeAlias = Mapping[str, Any]
LOST = (KeyError, IndexError, TypeError)


def look_up(path: Path, take: Callable[[Spilled], Json]) -> Callable[[Names], Json]:
    """Return what looks a path up; `take` gives a value that is passed by reference."""

    def value_of(names: Names) -> Json:
        value: Any = names
        try:
            for segment in path:
                value = value[segment]
        except LOST:
            raise _undefined(names, path) from None
        return take(value) if type(value) is Spilled else value

    return value_of


def alone(value: Spilled) -> Json:
    """Open a value where an expression is nothing but its path."""
    return value.opened(is_alone=True)


def as_it_is(value: Any) -> Json:
    """Leave the reference to whoever looks it up."""
    return value  # type: ignore[no-any-return]


def _undefined(names: Names, path: Path) -> UndefinedError:
    """Return the error that tells at which segment a path was lost."""
    value: Any = names
    at = 0
    with suppress(*LOST):
        while True:
            value = value[path[at]]
            at += 1
    if at == 0:
        return UndefinedError(f"`{path[0]}` is not defined")
    reason = "has no" if isinstance(value, Mapping) else f"is {named(kind(value))}, with no"
    return UndefinedError(
        f"`{written(path)}` is not defined: `{written(path[:at])}` {reason} `{path[at]}`"
    )
