"""Reads a CSV file once, from its beginning to its end, and tells what is in its columns.

A program of its own, which knows the standard library alone: `python -IS profile.py FILE
DELIMITER` prints one JSON value, the profile or `{"fault": ..., "kind": ...}`.
"""

import csv
import json
import math
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Reader

MOST_COLUMNS = 1_000
MOST_DISTINCT = 10_000
MOST_MEMORY = 1 << 30
LONGEST_FIELD = 128 * 1024
_BATCH = 1_000
# What `float` takes and a number in a table is not: nan, inf, infinity, 1_000.
_NO_NUMBER = frozenset("_nN")
_EXACT = 2**53


class FormatError(Exception):
    """The file is no such table; the message says where."""


class LimitError(Exception):
    """There is more in the file than is looked at."""


@dataclass(slots=True)
class Column:
    """What is known of a column so far. A hash stands for each different value."""

    name: str
    nulls: int = 0
    distinct: set[int] = field(default_factory=set)
    is_numeric: bool = True
    least: float = math.inf
    most: float = -math.inf

    def add(self, values: Sequence[str]) -> None:
        """Take in more values; an empty one is null."""
        there = [each for each in values if each]
        self.nulls += len(values) - len(there)
        if len(self.distinct) < MOST_DISTINCT:
            self.distinct.update(map(hash, there))
        if self.is_numeric and there:
            self._measure(there)

    def _measure(self, there: list[str]) -> None:
        joined = "".join(there)
        self.is_numeric = joined.isascii() and _NO_NUMBER.isdisjoint(joined)
        try:
            numbers = list(map(float, there)) if self.is_numeric else []
        except ValueError:
            numbers = []
        least, most = min(numbers, default=math.inf), max(numbers, default=-math.inf)
        self.is_numeric = math.isfinite(least) and math.isfinite(most)
        self.least, self.most = min(self.least, least), max(self.most, most)

    @property
    def has_numbers(self) -> bool:
        """True if every value is a number, and there is one."""
        return self.is_numeric and self.least <= self.most


def profile(file: Path, delimiter: str) -> dict[str, object]:
    """Return the profile of a CSV file with a header, in UTF-8.

    Raise FormatError for what is no such table, LimitError for one with too many columns, OSError
    for a file that cannot be read.
    """
    csv.field_size_limit(LONGEST_FIELD)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            return _profile(reader)
        except UnicodeDecodeError as error:
            raise FormatError(f"after line {reader.line_num}: not UTF-8: {error.reason}") from None
        except csv.Error as error:
            raise FormatError(f"line {reader.line_num}: {error}") from None


def _profile(reader: "Reader") -> dict[str, object]:
    columns = [Column(name) for name in _names(reader)]
    rows = 0
    while batch := list(_rows(reader, len(columns))):
        rows += len(batch)
        for column, values in zip(columns, zip(*batch, strict=True), strict=True):
            column.add(values)
    measured = [each for each in columns if each.has_numbers]
    return {
        "rows": rows,
        "columns": [each.name for each in columns],
        "nulls": {each.name: each.nulls / rows if rows else 0 for each in columns},
        "null_counts": {each.name: each.nulls for each in columns},
        "distinct": {each.name: min(len(each.distinct), MOST_DISTINCT) for each in columns},
        "min": {each.name: _plain(each.least) for each in measured},
        "max": {each.name: _plain(each.most) for each in measured},
    }


def _names(reader: "Reader") -> list[str]:
    """Return the names of the columns; raise FormatError unless each has one of its own."""
    header: list[str] | None = next(filter(None, reader), None)
    if header is None:
        raise FormatError("the file is empty: its first line must name the columns")
    if len(header) > MOST_COLUMNS:
        raise LimitError(f"{len(header)} columns; at most {MOST_COLUMNS} are looked at")
    taken: dict[str, int] = {}
    for position, name in enumerate(header, 1):
        told = f"line {reader.line_num}: column {position}"
        if not name or not name.isprintable():
            raise FormatError(f"{told} has no name, or one that cannot be printed")
        if name in taken:
            raise FormatError(f"{told} is called {name!r}, as column {taken[name]} is")
        taken[name] = position
    return header


def _rows(reader: "Reader", width: int) -> Iterator[list[str]]:
    """Yield the next rows, a batch at most; a line with nothing in it is none."""
    for row in islice(filter(None, reader), _BATCH):
        if len(row) != width:
            words = f"{len(row)} fields, and the header has {width}"
            raise FormatError(f"line {reader.line_num}: {words}")
        yield row


def _plain(number: float) -> int | float:
    """Return a whole number as one, as long as that is exact."""
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def main(file: str, delimiter: str) -> dict[str, object]:
    """Return the profile, or the fault; memory is bounded first."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    try:
        return profile(Path(file), delimiter)
    except FormatError as error:
        return {"kind": "format", "fault": str(error)}
    except LimitError as error:
        return {"kind": "limit", "fault": str(error)}
    except MemoryError:
        return {"kind": "limit", "fault": f"more than {MOST_MEMORY} bytes of memory for a line"}
    except OSError as error:
        return {"kind": "file", "fault": error.strerror or "it cannot be read"}


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
