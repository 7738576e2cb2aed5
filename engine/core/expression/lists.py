"""Functions over lists and mappings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.core.expression.budget import Meter, weigh
from engine.core.expression.fault import EvaluationError, UndefinedError
from engine.core.expression.operator import arithmetic, equal, key_of
from engine.core.expression.path import at_path, split_path
from engine.core.expression.signature import Function, always, maybe, one
from engine.core.kind import NUMBERS, kind, named
from engine.core.schema.shape import Absent, element, member, project, types, union, values
from engine.core.values import Json

_ANYTHING: Any = object()


def _keys(_: Meter, value: Mapping[str, Json]) -> Json:
    return sorted(value)


def _values(_: Meter, value: Mapping[str, Json]) -> Json:
    return [value[key] for key in sorted(value)]


def _items(_: Meter, value: Mapping[str, Json]) -> Json:
    return [[key, value[key]] for key in sorted(value)]


def _first(_: Meter, value: Sequence[Json]) -> Json:
    if not value:
        raise UndefinedError("`first` of what is empty is not defined")
    return value[0]


def _last(_: Meter, value: Sequence[Json]) -> Json:
    if not value:
        raise UndefinedError("`last` of what is empty is not defined")
    return value[-1]


def _sum(meter: Meter, value: Sequence[Json], path: str | None) -> Json:
    total: Json = 0
    for part in at_path(value, path, meter):
        if kind(part) not in NUMBERS:
            raise EvaluationError("type", f"`sum` was given {named(kind(part))}")
        total = arithmetic("+", total, part, meter)
    return total


def _map(meter: Meter, value: Sequence[Json], path: str) -> Json:
    return at_path(value, path, meter)


def _select(meter: Meter, value: Sequence[Json], path: str, wanted: Json, keep: bool) -> Json:
    found = []
    for each, part in zip(value, at_path(value, path, meter), strict=True):
        matches = bool(part) if wanted is _ANYTHING else equal(part, wanted, meter)
        if matches is keep:
            found.append(each)
    return found


def _sort(meter: Meter, value: Sequence[Json], path: str | None, reverse: bool) -> Json:
    keys = _ordered(meter, value, path, "sort", len(value).bit_length())
    order = sorted(range(len(value)), key=keys.__getitem__, reverse=reverse)
    return [value[position] for position in order]


def _extreme(name: str, pick: Callable[..., int]) -> Callable[..., Json]:
    def apply(meter: Meter, value: Sequence[Json], path: str | None) -> Json:
        if not value:
            raise UndefinedError(f"`{name}` of an empty list is not defined")
        keys = _ordered(meter, value, path, name, 1)
        return value[pick(range(len(value)), key=keys.__getitem__)]

    return apply


def _unique(meter: Meter, value: Sequence[Json], path: str | None) -> Json:
    found: dict[object, Json] = {}
    meter.spend(weigh(value, meter) >> 1)
    for each, part in zip(value, at_path(value, path, meter), strict=True):
        found.setdefault(key_of(part), each)
    return list(found.values())


def _ordered(
    meter: Meter, value: Sequence[Json], path: str | None, name: str, times: int
) -> Sequence[Any]:
    """Return what elements are ordered by, each to be compared some `times`.

    Raise EvaluationError for what has no order.
    """
    keys: Sequence[Any] = at_path(value, path, meter)
    kinds = set(map(kind, keys))
    if not (kinds <= NUMBERS or kinds <= {"string"}):
        raise EvaluationError("type", f"`{name}` takes all numbers or all strings")
    letters = sum(map(len, keys)) if kinds == {"string"} else 0
    meter.spend((len(keys) + (letters >> 6)) * times)
    return keys


def _same(arguments: Sequence[Json]) -> Json:
    """Return the type of a list that holds some elements of the first argument."""
    return {"type": "array", "items": element(arguments[0])}


def _part_type(arguments: Sequence[Json]) -> Json:
    """Return the type of what the path (the second argument) leads to in every element."""
    paths = values(arguments[1]) if arguments[1] is not None else None
    if paths is None or not isinstance(paths[0], str):
        return {} if arguments[1] is not None else element(arguments[0])
    found = project(element(arguments[0]), split_path(paths[0]))
    if isinstance(found, Absent):
        hint = f": {found.hint}" if found.hint else ""
        raise ValueError(f"in an element, {found.message}{hint}")
    return found


def _map_type(arguments: Sequence[Json]) -> Json:
    return {"type": "array", "items": _part_type(arguments)}


def _sum_type(arguments: Sequence[Json]) -> Json:
    known = types(_part_type(arguments)) & NUMBERS
    if not known:
        raise ValueError("what is summed up are no numbers")
    return {"type": "integer" if known == {"integer"} else "number"}


def _kept_type(arguments: Sequence[Json]) -> Json:
    _part_type(arguments)
    return _same(arguments)


def _one_type(arguments: Sequence[Json]) -> Json:
    if len(arguments) > 1:
        _part_type(arguments)
    strings = "string" in types(arguments[0])
    lists = "array" in types(arguments[0])
    return union(*[{"type": "string"}] * strings, *[element(arguments[0])] * lists)


def _values_type(arguments: Sequence[Json]) -> Json:
    return {"type": "array", "items": member(arguments[0])}


_LIST = one("value", "array")
_MAPPING = one("value", "object")
_PATH = one("attribute", "string")
_MAYBE_PATH = maybe("attribute", "string")

LISTS = (
    Function(
        "length",
        (one("value", "string", "array", "object"),),
        lambda _, value: len(value),
        always("integer"),
    ),
    Function("first", (one("value", "array", "string"),), _first, _one_type),
    Function("last", (one("value", "array", "string"),), _last, _one_type),
    Function("keys", (_MAPPING,), _keys, lambda _: {"type": "array", "items": {"type": "string"}}),
    Function("values", (_MAPPING,), _values, _values_type),
    Function("items", (_MAPPING,), _items, lambda _: {"type": "array", "items": {"type": "array"}}),
    Function("sum", (_LIST, _MAYBE_PATH), _sum, _sum_type),
    Function("map", (_LIST, _PATH), _map, _map_type),
    Function(
        "select",
        (_LIST, _PATH, maybe("equals", otherwise=_ANYTHING)),
        lambda meter, value, path, wanted: _select(meter, value, path, wanted, True),
        _kept_type,
    ),
    Function(
        "reject",
        (_LIST, _PATH, maybe("equals", otherwise=_ANYTHING)),
        lambda meter, value, path, wanted: _select(meter, value, path, wanted, False),
        _kept_type,
    ),
    Function(
        "sort",
        (_LIST, _MAYBE_PATH, maybe("reverse", "boolean", otherwise=False)),
        _sort,
        _kept_type,
    ),
    Function("min", (_LIST, _MAYBE_PATH), _extreme("min", min), _one_type),
    Function("max", (_LIST, _MAYBE_PATH), _extreme("max", max), _one_type),
    Function("unique", (_LIST, _MAYBE_PATH), _unique, _kept_type),
)
