"""Values on their way: JSON to PostgreSQL, and what PostgreSQL writes to JSON.

PostgreSQL sends text. What JSON has no type for stays text, and nothing is ever rounded.
"""

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.types.json import Jsonb

from adapters.contract import Json
from adapters.sql.statement import InvalidError
from adapters.values import parsed

# How a session writes values, so that it is the same whatever the server's configuration says.
SESSION = (
    "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = iso_8601; "
    "SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1;"
)
_AS_THEY_ARE = frozenset({"bool", "int2", "int4", "int8", "oid"})
_LEAST, _MOST = -(2**63), 2**63 - 1


class _Text(Loader):
    """Any type: what PostgreSQL writes. Bytes that are no UTF-8 (SQL_ASCII) are replaced."""

    def load(self, data: Buffer) -> Json:
        return bytes(data).decode("utf-8", "replace")


class _Float(Loader):
    def load(self, data: Buffer) -> Json:
        number = float(bytes(data))
        return number if math.isfinite(number) else bytes(data).decode()


class _Numeric(Loader):
    """A number where JSON's holds it exactly, else the text of it."""

    def load(self, data: Buffer) -> Json:
        text = bytes(data).decode()
        exact = Decimal(text)
        if not exact.is_finite():
            return text
        if exact == exact.to_integral_value():
            whole = int(exact)
            return whole if _LEAST <= whole <= _MOST else text
        near = float(exact)
        return near if math.isfinite(near) and Decimal(repr(near)) == exact else text


class _Instant(Loader):
    """RFC 3339; `infinity` and years before Christ as PostgreSQL writes them."""

    def load(self, data: Buffer) -> Json:
        text = bytes(data).decode()
        if text.endswith("BC"):
            return text
        return f"{text[:-3]}Z".replace(" ", "T") if text.endswith("+00") else text.replace(" ", "T")


class _Bytes(Loader):
    def load(self, data: Buffer) -> Json:
        return base64.b64encode(bytes.fromhex(bytes(data)[2:].decode())).decode()


class _Json(Loader):
    """The value itself; as text where it is nested too deeply to be kept."""

    def load(self, data: Buffer) -> Json:
        try:
            return parsed(bytes(data))
        except ValueError:
            return bytes(data).decode("utf-8", "replace")


_LOADERS: Mapping[str, type[Loader]] = {
    "float4": _Float,
    "float8": _Float,
    "numeric": _Numeric,
    "timestamp": _Instant,
    "timestamptz": _Instant,
    "bytea": _Bytes,
    "json": _Json,
    "jsonb": _Json,
}


@lru_cache(1)
def adapters() -> AdaptersMap:
    """Return how a connection reads values; arrays of known types are lists of them."""
    made = AdaptersMap(psycopg.adapters)
    for each in psycopg.adapters.types:
        if each.name not in _AS_THEY_ARE:
            made.register_loader(each.oid, _LOADERS.get(each.name, _Text))
    return made


def sendable(value: Json) -> object:
    """Return a value of params as the driver takes it; raise InvalidError if it cannot be sent.

    A list of plain values is an array; a mapping, and a list that holds anything else, is jsonb.
    """
    for each in texts(value):
        if "\0" in each or any("\ud800" <= letter <= "\udfff" for letter in each):
            raise InvalidError("params hold a NUL or half a character, which PostgreSQL refuses")
    match value:
        case str():
            return value
        case Sequence() if not any(isinstance(each, Mapping | list | tuple) for each in value):
            return _array(value)
        case Sequence() | Mapping():
            return Jsonb(value)
        case _:
            return value


def texts(value: Json) -> Iterator[str]:
    """Yield every text in a value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield name
            yield from texts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from texts(each)


def _array(items: Sequence[Json]) -> list[object]:
    """Return the items of an array, which are of one type; numbers are if one has a fraction."""
    kinds = {type(each) for each in items if each is not None}
    if kinds == {int, float}:
        return [float(each) if isinstance(each, int) else each for each in items]
    if len(kinds) > 1:
        raise InvalidError("params hold a list of several types, and an array has one")
    return list(items)
