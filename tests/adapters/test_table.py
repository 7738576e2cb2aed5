"""`table.profile@1`: what is in a CSV file, column by column, and where one is no table."""

import asyncio
import csv
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.contract import ErrorClass, Failed, Json, Outcome, SettingError
from adapters.manifest import table as manifest
from adapters.table import create
from adapters.table.profile import (
    LONGEST_FIELD,
    MOST_COLUMNS,
    MOST_DISTINCT,
    MOST_MEMORY,
    FormatError,
    profile,
)
from tests.adapters.offspring import offspring
from tests.adapters.speaking import call, failed, opened, outputs


def look(path: Path, timeout: float = 120, /, **arguments: Json) -> Outcome:
    """Return what a profile of a file leads to."""

    async def story() -> Outcome:
        async with opened(create({})) as operation:
            return await operation.invoke(call(timeout, file=str(path), **arguments))

    return asyncio.run(story())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def test_a_profile(path: Path) -> None:
    """
    Rows, columns, empty fields, different values, and the range of what is all numbers.
    """
    path.write_text(
        "order_id,amount,day,note\n"
        '1,10.50,2026-03-28,"a, b"\n'
        "2,-3,2026-03-28,\n"
        ',7,2026-03-29,"two\nlines"\n'
        "4,,2026-03-30,\n"
    )
    expected = {
        "rows": 4,
        "columns": ["order_id", "amount", "day", "note"],
        "nulls": {"order_id": 0.25, "amount": 0.25, "day": 0, "note": 0.5},
        "null_counts": {"order_id": 1, "amount": 1, "day": 0, "note": 2},
        "distinct": {"order_id": 3, "amount": 3, "day": 3, "note": 2},
        "min": {"order_id": 1, "amount": -3},
        "max": {"order_id": 4, "amount": 10.5},
    }

    assert expected == outputs(look(path))


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " ", "å"])
def test_delimiters(path: Path, delimiter: str) -> None:
    """
    Any one character may stand between two fields.
    """
    path.write_text(delimiter.join("ab") + "\n" + delimiter.join("1,") + "\n", "utf-8")

    assert ["a", "b"] == outputs(look(path, delimiter=delimiter))["columns"]


@pytest.mark.parametrize(
    ("content", "rows", "columns"),
    [
        (b"\xef\xbb\xbfid\n1\n", 1, ["id"]),
        (b"id", 0, ["id"]),
        (b"id\n", 0, ["id"]),
        (b"\n\nid,b\r\n1,2\r\n\r\n\r\n3,4", 2, ["id", "b"]),
        (b"id\r1\r2\r", 2, ["id"]),
        ('"n"" å",b\n1,2\n'.encode(), 1, ['n" å', "b"]),
    ],
)
def test_marks_and_lines(path: Path, content: bytes, rows: int, columns: list[str]) -> None:
    """
    A byte order mark, line ends of every kind and lines with nothing in them are no content.
    """
    path.write_bytes(content)
    found = outputs(look(path))

    assert (rows, columns) == (found["rows"], found["columns"])
    assert dict.fromkeys(columns, 0) == found["nulls"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], (1, 2)),
        (["1.0", "2.5"], (1, 2.5)),
        (["-1e3", "+7"], (-1000, 7)),
        (["", "5", ""], (5, 5)),
        ([" 1", "2 "], (1, 2)),
        (["9007199254740993"], (9007199254740992.0, 9007199254740992.0)),
        (["", ""], None),
        (["1", "x"], None),
        (["nan", "1"], None),
        (["1", "Infinity"], None),
        (["1e999"], None),
        (["1_000"], None),
        (["٣"], None),
        (["0x10"], None),
        (["2026-03-28"], None),
    ],
)
def test_what_is_a_number(
    path: Path, values: Sequence[str], expected: tuple[float, float] | None
) -> None:
    """
    A column has a range if every field that is not empty is a finite decimal number.
    """
    path.write_text("\n".join(["a,b", *(f"{each},x" for each in values)]), "utf-8")
    found = profile(path, ",")

    ranges = (found["min"], found["max"])
    assert ranges == (({"a": expected[0]}, {"a": expected[1]}) if expected else ({}, {}))


def test_a_text_late_in_a_column(path: Path) -> None:
    """
    One field after a thousand numbers makes a column one of texts.
    """
    path.write_text("a\n" + "1\n" * 5000 + "x\n" + "1\n" * 5000)
    found = outputs(look(path))

    assert (10_001, {}, {"a": 2}) == (found["rows"], found["min"], found["distinct"])


def test_the_bounds_are_those_that_are_published() -> None:
    """
    The program that looks at a file goes by the bounds that its reference page names.
    """
    published = manifest.MOST_COLUMNS, manifest.MOST_DISTINCT, manifest.MOST_MEMORY

    assert (MOST_COLUMNS, MOST_DISTINCT, MOST_MEMORY) == published


def test_different_values_are_counted_up_to_a_bound(path: Path) -> None:
    """
    10,000 stands for that many or more, so that a profile's memory has a bound.
    """
    path.write_text("a,b\n" + "".join(f"{n},{n % 9_999}\n" for n in range(30_000)))

    assert 10_000 == MOST_DISTINCT
    assert {"a": 10_000, "b": 9_999} == outputs(look(path))["distinct"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\n1,2\n1\n", "line 3: 1 fields, and the header has 2"),
        (b"a,b\n1,2,3\n", "line 2: 3 fields, and the header has 2"),
        (b"a,a\n1,2\n", "line 1: column 2 is called 'a', as column 1 is"),
        (b"a,,c\n", "line 1: column 2 has no name"),
        (b"a,b\x00\n", "line 1: column 2 has no name, or one that cannot be printed"),
        (b'a,b\n1,"2\n', "line 2: unexpected end of data"),
        (b'a,b\n1,"2"x\n', "line 2: ',' expected after '\"'"),
        (b"a,b\n1,\xff\n", "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "not UTF-8"),
        (b"a\n" + b"x" * (LONGEST_FIELD + 1), "line 2: field larger than field limit"),
    ],
)
def test_what_is_no_table(path: Path, content: bytes, sentence: str) -> None:
    """
    The error says in which line the file is no table, and why.
    """
    path.write_bytes(content)
    found = failed(look(path))

    assert ("table.format", ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert sentence in found.message


@pytest.mark.parametrize(
    "content",
    [",".join(f"c{n}" for n in range(MOST_COLUMNS + 1)), None],
    ids=["columns", "one line"],
)
def test_what_is_too_much(path: Path, content: str | None) -> None:
    """
    A thousand columns are looked at, and a line has to fit into memory.
    """
    if content is None:
        with path.open("wb") as file:
            file.truncate(4 << 30)
    else:
        path.write_text(content)
    found = failed(look(path))

    assert ("table.limit", ErrorClass.PERMANENT) == (found.type, found.error_class)


def test_the_widest_table(path: Path) -> None:
    """
    A thousand columns of different values stay within the memory that one file is given.
    """
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(f"c{n}" for n in range(MOST_COLUMNS))
        for row in range(500):
            rows.writerow(f"{row}-{n}" for n in range(MOST_COLUMNS))

    assert 500 == outputs(look(path))["rows"]


def test_a_file_that_is_not_there(path: Path) -> None:
    """
    The error says why it cannot be read.
    """
    found = failed(look(path))

    assert ("table.file", "No such file or directory") == (found.type, found.message)


@pytest.mark.parametrize("arguments", [{"delimiter": ",,"}, {"delimiter": '"'}, {"delimiter": 1}])
def test_arguments_that_are_refused(path: Path, arguments: dict[str, Json]) -> None:
    """
    A delimiter is one character that can stand between two fields.
    """
    assert "table.invalid" == failed(look(path, **arguments)).type


def test_settings_that_cannot_be() -> None:
    """
    At least one file can be read at a time.
    """
    with pytest.raises(SettingError, match="parallel"):
        create({"parallel": 0})


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_program_that_is_killed_is_lost(path: Path, run: object) -> None:
    """
    Whoever kills the process, as the system does when memory is short: the step may try again.
    """
    os.mkfifo(path)

    async def story() -> Failed:
        before = offspring()
        async with opened(create({})) as operation:
            task = asyncio.create_task(operation.invoke(call(file=str(path))))
            while not (found := offspring() - before):
                await asyncio.sleep(0.01)
            for each in found:
                os.kill(each, 9)
            return failed(await task)

    assert callable(run)
    found = run(story())
    assert ("table.lost", ErrorClass.TRANSIENT) == (found.type, found.error_class)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_cancellation_at_every_moment(path: Path, run: object) -> None:
    """
    Whenever a call is cancelled, it ends by that, and no process is left.
    """
    os.mkfifo(path)

    async def story() -> None:
        before = offspring()
        async with opened(create({})) as operation:
            for turn in range(15):
                task = asyncio.create_task(operation.invoke(call(file=str(path))))
                await asyncio.sleep(turn * 0.002)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        assert frozenset() == offspring() - before

    assert callable(run)
    run(story())


def test_files_wait_for_each_other(path: Path) -> None:
    """
    `parallel` bounds how many are read at a time; who waits too long has not been read.
    """
    os.mkfifo(path)

    async def story() -> Failed:
        async with opened(create({"parallel": 1})) as operation:
            slow = asyncio.create_task(operation.invoke(call(file=str(path))))
            await asyncio.sleep(0.1)
            found = failed(await operation.invoke(call(0.2, file=str(path))))
            slow.cancel()
            return found

    assert "table.timeout" == asyncio.run(story()).type


FIELD = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=5)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(FIELD, min_size=width, max_size=width), min_size=1, max_size=20
        )
    )
)
def test_any_table_that_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:  # fmt: skip
    """
    What a CSV writer wrote is counted as it was written.
    """
    path = tmp_path_factory.mktemp("table") / "file.csv"
    names = [f"c{n}" for n in range(len(table[0]))]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([names, *table])
    found = profile(path, ",")

    columns = dict(zip(names, zip(*table, strict=True), strict=True))
    nulls = {name: sum(not each for each in values) for name, values in columns.items()}
    distinct = {name: len({*values} - {""}) for name, values in columns.items()}
    assert (len(table), nulls) == (found["rows"], found["null_counts"])
    assert distinct == found["distinct"]
    for name, least in _mapping(found["min"]).items():
        numbers = [float(each) for each in columns[name] if each]
        assert math.isclose(min(numbers), float(str(least)))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_told(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """
    Whatever a file holds there is a profile or a sentence, and no crash.
    """
    path = tmp_path_factory.mktemp("table") / "file.csv"
    path.write_bytes(content)
    with suppress(FormatError):
        assert isinstance(profile(path, ",")["rows"], int)


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value
