"""A statement with places for values, as its author writes it and as PostgreSQL takes it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.contract import Json

_MOST_VALUES = 10_000
_PLACE = re.compile(r"%(?:\((?P<name>[^)\n]*)\)s|(?P<other>.)?)", re.DOTALL)


class InvalidError(Exception):
    """The arguments make no statement; the message shows no value."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` has `$1`, `$2` and so on where `values` go."""

    text: str
    values: tuple[Json, ...]


def read(text: str, params: Json) -> Statement:
    """Return the statement and its values in order; raise InvalidError where they do not fit.

    Without `params` the text is sent as it is: `%` means nothing in it. With them `%%` is one.
    """
    if "\0" in text:
        raise InvalidError("statement holds a NUL character")
    if params is None:
        return Statement(text, ())
    if isinstance(params, Mapping):
        return _named(text, params)
    if isinstance(params, Sequence) and not isinstance(params, str):
        return _numbered(text, params)
    raise InvalidError("params must be a mapping or a list")


def _named(text: str, params: Mapping[str, Json]) -> Statement:
    order: dict[str, int] = {}

    def put(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return _percent(text, match, "`%(name)s`, for params is a mapping")
        if name not in params:
            raise InvalidError(f"{_where(text, match)} names %({name})s, which params lacks")
        return f"${order.setdefault(name, len(order) + 1)}"

    made = _PLACE.sub(put, text)
    unused = sorted(set(params) - set(order))
    if unused:
        raise InvalidError(f'params has "{unused[0]}", which the statement does not name')
    return Statement(made, _bounded([params[name] for name in order]))


def _numbered(text: str, params: Sequence[Json]) -> Statement:
    count = 0

    def put(match: re.Match[str]) -> str:
        nonlocal count
        if match["other"] != "s":
            return _percent(text, match, "`%s`, for params is a list")
        count += 1
        return f"${count}"

    made = _PLACE.sub(put, text)
    if count != len(params):
        raise InvalidError(f"the statement has {count} places for values, params {len(params)}")
    return Statement(made, _bounded(params))


def _percent(text: str, match: re.Match[str], expected: str) -> str:
    if match["other"] != "%":
        message = f"{_where(text, match)} has {match[0]!r}: expected {expected}"
        raise InvalidError(f"{message}; a percent sign itself is `%%`")
    return "%"


def _where(text: str, match: re.Match[str]) -> str:
    return f"line {text.count(chr(10), 0, match.start()) + 1} of the statement"


def _bounded(values: Sequence[Json]) -> tuple[Json, ...]:
    if len(values) > _MOST_VALUES:
        raise InvalidError(f"params are {len(values)} values; at most {_MOST_VALUES} are sent")
    return tuple(values)
