"""Arrays as PostgreSQL's wire takes them: many rows in one parameter, encoded in one sweep.

The driver's own lists are adapted element by element, which was a third of an owner's CPU.
The format is that of `array_send` (PostgreSQL, src/backend/utils/adt/arrayfuncs.c).
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.adapt import Dumper
from psycopg.pq import Format

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct("!i")


class Array:
    """Elements of one type; None is NULL."""

    oid: ClassVar[int]
    element: ClassVar[int]

    __slots__ = ("values",)

    def __init__(self, values: Sequence[object]) -> None:
        self.values = values

    def encode(self) -> bytes:
        """Return the array's wire form."""
        values = self.values
        if not values:
            return struct.pack("!iii", 0, 0, self.element)
        head = struct.pack("!iiiii", 1, 1, self.element, len(values), 1)
        return head + b"".join([_NULL if each is None else self.one(each) for each in values])

    def one(self, value: object) -> bytes:
        """Return one element: its length in bytes, then the bytes."""
        raise NotImplementedError


class Texts(Array):
    oid, element = 1009, 25

    def one(self, value: object) -> bytes:
        data = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
        return _LENGTH.pack(len(data)) + data


class Jsons(Texts):
    oid, element = 199, 114


class Ints(Array):
    oid, element = 1007, 23
    _pack = struct.Struct("!ii").pack

    def one(self, value: object) -> bytes:
        return self._pack(4, value)


class Bigs(Array):
    oid, element = 1016, 20
    _pack = struct.Struct("!iq").pack

    def one(self, value: object) -> bytes:
        return self._pack(8, value)


class Smalls(Array):
    oid, element = 1005, 21
    _pack = struct.Struct("!ih").pack

    def one(self, value: object) -> bytes:
        return self._pack(2, value)


class Bools(Array):
    oid, element = 1000, 16

    def one(self, value: object) -> bytes:
        return b"\0\0\0\x01\x01" if value else b"\0\0\0\x01\0"


class Uuids(Array):
    oid, element = 2951, 2950

    def one(self, value: object) -> bytes:
        assert isinstance(value, UUID)
        return b"\0\0\0\x10" + value.bytes


class Instants(Array):
    oid, element = 1185, 1184
    _pack = struct.Struct("!iq").pack

    def one(self, value: object) -> bytes:
        assert isinstance(value, datetime)
        span = value - _EPOCH
        return self._pack(8, (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds)


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.encode()


def register(connection: AsyncConnection[object]) -> None:
    """Teach a connection to send these arrays."""
    for kind in (Texts, Jsons, Ints, Bigs, Smalls, Bools, Uuids, Instants):
        dumper = type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.oid})
        connection.adapters.register_dumper(kind, dumper)
