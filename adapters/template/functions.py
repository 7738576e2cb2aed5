"""The filters and tests of templates: pure, of bounded cost, over JSON values only."""

import math
import string
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote

import orjson

from adapters.contract import Json
from adapters.template.budget import Budget, ValueFault

Filter: TypeAlias = Callable[..., Json]
MOST_NUMBER = 2**63 - 1
_UNRESERVED = frozenset(string.ascii_letters.encode() + string.digits.encode() + b"-._~")


def is_number(value: Json) -> bool:
    """True for integers and floats, and not for booleans."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_broken(text: str) -> bool:
    """True for a text with half a character in it, a surrogate that UTF-8 cannot write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def is_list(value: Json) -> bool:
    """True for lists, and not for texts."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def show(value: Json) -> str:
    """Return how a scalar looks in text, as in JSON; raise ValueFault for anything else."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Mapping | Sequence):
        what = kind(value)
        hint = "default('')" if value is None else "tojson or join"
        raise ValueFault(f"{what} is no text; use the filter {hint}")
    return orjson.dumps(value).decode() if abs(value) <= MOST_NUMBER else str(value)


def kind(value: Json) -> str:
    """Return what sort of JSON value it is, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a number" if isinstance(value, int | float) else "a list"


def number(value: float) -> Json:
    """Return `value`; raise ValueFault if it is larger than JSON numbers should be."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueFault("a number is not finite")
    if isinstance(value, int) and abs(value) > MOST_NUMBER:
        raise ValueFault("a number is over 63 bits")
    return value


def as_text(value: Json) -> str:
    """Return a string; raise ValueFault for anything else."""
    if not isinstance(value, str):
        raise ValueFault(f"a string is needed, not {kind(value)}")
    return value


def as_number(value: Json) -> float:
    """Return a number; raise ValueFault for anything else, booleans too."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueFault(f"a number is needed, not {kind(value)}")
    return value


def as_integer(value: Json, least: int, most: int) -> int:
    """Return an integer between bounds; raise ValueFault for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueFault(f"an integer from {least} to {most} is needed")
    return value


def as_list(value: Json) -> Sequence[Json]:
    """Return a list; raise ValueFault for anything else."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueFault(f"a list is needed, not {kind(value)}")
    return value


def as_mapping(value: Json) -> Mapping[str, Json]:
    """Return a mapping; raise ValueFault for anything else."""
    if not isinstance(value, Mapping):
        raise ValueFault(f"a mapping is needed, not {kind(value)}")
    return value


def _length(_: Budget, value: Json) -> Json:
    if not isinstance(value, str | Mapping | Sequence):
        raise ValueFault(f"{kind(value)} has no length")
    return len(value)


def _join(budget: Budget, value: Json, by: Json = "") -> Json:
    items, separator = as_list(value), as_text(by)
    budget.spend(len(items))
    texts = [show(each) for each in items]
    budget.text(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _replace(budget: Budget, value: Json, old: Json, new: Json) -> Json:
    text, this, that = as_text(value), as_text(old), as_text(new)
    budget.text(len(text))
    budget.text(len(text) + text.count(this) * max(0, len(that) - len(this)))
    return text.replace(this, that)


def _split(budget: Budget, value: Json, by: Json) -> Json:
    text, separator = as_text(value), as_text(by)
    if not separator:
        raise ValueFault("a separator is needed")
    budget.text(len(text))
    budget.spend(text.count(separator))
    return list(text.split(separator))


def _indent(budget: Budget, value: Json, width: Json = 4) -> Json:
    text, margin = as_text(value), " " * as_integer(width, 0, 64)
    budget.text(len(text) + text.count("\n") * len(margin))
    first, *rest = text.split("\n")
    return "\n".join([first, *(margin + line if line else line for line in rest)])


def _truncate(budget: Budget, value: Json, length: Json = 255) -> Json:
    text, most = as_text(value), as_integer(length, 1, 1_000_000)
    budget.text(min(len(text), most))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _sort(budget: Budget, value: Json, attribute: Json = None) -> Json:
    items = as_list(value)
    keys = [_field(each, attribute) for each in items]
    budget.spend(len(items) * max(1, len(items).bit_length()))
    if not all(is_number(each) for each in keys) and not all(isinstance(k, str) for k in keys):
        raise ValueFault("all numbers, or all strings, are needed")
    order = sorted(range(len(items)), key=lambda index: keys[index])  # type: ignore[arg-type,return-value]
    return [items[index] for index in order]


def _unique(budget: Budget, value: Json) -> Json:
    items = as_list(value)
    budget.spend(4 * len(items))
    seen: dict[bytes, Json] = {}
    for each in items:
        seen.setdefault(_dumps(budget, each), each)
    return list(seen.values())


def _map(budget: Budget, value: Json, attribute: Json) -> Json:
    items = as_list(value)
    budget.spend(len(items))
    return [_field(each, attribute) for each in items]


def _field(value: Json, attribute: Json) -> Json:
    """Return `value.a.b` for the attribute `a.b`, and `value` itself without one."""
    if attribute is None:
        return value
    for name in as_text(attribute).split("."):
        fields = as_mapping(value)
        if name not in fields:
            raise ValueFault(f"an item has no {name!r}")
        value = fields[name]
    return value


def _items(budget: Budget, value: Json) -> list[list[Json]]:
    fields = as_mapping(value)
    budget.spend(len(fields))
    return [[name, each] for name, each in fields.items()]


def _extreme(pick: Callable[..., Json]) -> Filter:
    def find(budget: Budget, value: Json) -> Json:
        items = as_list(value)
        budget.spend(len(items))
        if not items:
            raise ValueFault("an empty list has no least and no greatest")
        if not all(map(is_number, items)) and not all(isinstance(each, str) for each in items):
            raise ValueFault("only numbers, or only strings, can be compared")
        return pick(items)

    return find


def _sum(budget: Budget, value: Json, attribute: Json = None) -> Json:
    items = as_list(value)
    budget.spend(len(items))
    return number(sum(as_number(_field(each, attribute)) for each in items))


def _edge(index: int) -> Filter:
    def find(_: Budget, value: Json) -> Json:
        items = value if isinstance(value, str) else as_list(value)
        if not items:
            raise ValueFault("it is empty; there is no first and no last")
        return items[index]

    return find


def _round(_: Budget, value: Json, digits: Json = 0) -> Json:
    rounded = round(as_number(value), as_integer(digits, 0, 15))
    return int(rounded) if digits == 0 else rounded


def _int(_: Budget, value: Json) -> Json:
    try:
        given = value if isinstance(value, str) else as_number(value)
        return number(int(given[:40] if isinstance(given, str) else given))
    except (ValueError, OverflowError):
        raise ValueFault("it is no integer") from None


def _float(_: Budget, value: Json) -> Json:
    try:
        return number(float(value if isinstance(value, str) else as_number(value)))
    except ValueError:
        raise ValueFault("it is no number") from None


def _dumps(budget: Budget, value: Json, indent: bool = False) -> bytes:
    budget.whole(value)
    try:
        data = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0)
    except orjson.JSONEncodeError:
        raise ValueFault("it cannot be written as JSON") from None
    budget.text(len(data))
    return data


def _texts(change: Callable[[str], str]) -> Filter:
    def apply(budget: Budget, value: Json) -> Json:
        text = as_text(value)
        budget.text(len(text))
        return change(text)

    return apply


def _urlencode(budget: Budget, value: Json) -> Json:
    text = as_text(value)
    if is_broken(text):
        raise ValueFault("it holds half a character")
    data = text.encode()
    budget.text(len(data))
    budget.text(len(data) + 2 * sum(byte not in _UNRESERVED for byte in data))
    return quote(data, safe="")


def _reverse(budget: Budget, value: Json) -> Json:
    budget.spend(1 + len(as_list(value)))
    return list(reversed(as_list(value)))


def _tojson(budget: Budget, value: Json, indent: Json = 0) -> Json:
    return _dumps(budget, value, as_integer(indent, 0, 2) == 2).decode()


FILTERS: Mapping[str, Filter] = {
    "abs": lambda _, value: number(abs(as_number(value))),
    "capitalize": _texts(str.capitalize),
    "count": _length,
    "first": _edge(0),
    "float": _float,
    "indent": _indent,
    "int": _int,
    "items": _items,
    "join": _join,
    "keys": lambda budget, value: [name for name, _ in _items(budget, value)],
    "last": _edge(-1),
    "length": _length,
    "lower": _texts(str.lower),
    "map": _map,
    "max": _extreme(max),
    "min": _extreme(min),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "sort": _sort,
    "split": _split,
    "string": lambda _, value: show(value),
    "sum": _sum,
    "title": _texts(str.title),
    "tojson": _tojson,
    "trim": _texts(str.strip),
    "truncate": _truncate,
    "unique": _unique,
    "upper": _texts(str.upper),
    "urlencode": _urlencode,
    "values": lambda budget, value: [each for _, each in _items(budget, value)],
}

TESTS: Mapping[str, Callable[[Json], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "even": lambda value: as_number(value) % 2 == 0,
    "mapping": lambda value: isinstance(value, Mapping),
    "none": lambda value: value is None,
    "number": is_number,
    "odd": lambda value: as_number(value) % 2 == 1,
    "sequence": is_list,
    "string": lambda value: isinstance(value, str),
}
