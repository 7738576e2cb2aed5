"""How values of every type come out of PostgreSQL, and how JSON goes in."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.contract import Json
from tests.adapters.querying import answer, database
from tests.adapters.speaking import outputs

TYPES: list[tuple[str, Json]] = [
    ("null::int", None),
    ("true", True),
    ("(-32768)::int2", -32768),
    ("9007199254740993::int8", 9007199254740993),
    ("'{1,2,null}'::int4[]", [1, 2, None]),
    ("1.5::float4", 1.5),
    ("0.1::float8", 0.1),
    ("'NaN'::float8", "NaN"),
    ("'-Infinity'::float4", "-Infinity"),
    ("1.50::numeric", 1.5),
    ("2.00::numeric", 2),
    ("sum(1::int8)", 1),
    ("0.1::numeric", 0.1),
    ("9223372036854775807::numeric", 9223372036854775807),
    ("9223372036854775808::numeric", "9223372036854775808"),
    ("12345678901234567.89::numeric", "12345678901234567.89"),
    ("1e-400::numeric", "0." + "0" * 399 + "1"),
    ("'NaN'::numeric", "NaN"),
    ("'Infinity'::numeric", "Infinity"),
    ("'{1.5,2}'::numeric[]", [1.5, 2]),
    ("'a\"b'::text", 'a"b'),
    ("'ab'::char(4)", "ab  "),
    ("'ab'::varchar", "ab"),
    ("'ab'::name", "ab"),
    ("'x'::\"char\"", "x"),
    ('\'{a,null,"b c","null"}\'::text[]', ["a", None, "b c", "null"]),
    ("'{{1,2},{3,4}}'::int[]", [[1, 2], [3, 4]]),
    ("'{}'::text[]", []),
    ("date '2026-03-29'", "2026-03-29"),
    ("date 'infinity'", "infinity"),
    ("date '0044-03-15 BC'", "0044-03-15 BC"),
    ("array[date '2026-03-29']", ["2026-03-29"]),
    ("time '02:30:00.25'", "02:30:00.25"),
    ("timetz '02:30+02'", "02:30:00+02"),
    ("timestamp '2026-03-29 02:30:00.123456'", "2026-03-29T02:30:00.123456"),
    ("timestamptz '2026-03-29 02:30+02'", "2026-03-29T00:30:00Z"),
    ("timestamptz '12026-03-29 02:30+00'", "12026-03-29T02:30:00Z"),
    ("timestamptz '-infinity'", "-infinity"),
    ("timestamptz '0044-03-15 10:00+00 BC'", "0044-03-15 10:00:00+00 BC"),
    ("interval '1 day 2 hours -3 seconds'", "P1DT1H59M57S"),
    ("'\\x00ff61'::bytea", "AP9h"),
    ("'\\x'::bytea", ""),
    ("array['\\x00'::bytea]", ["AA=="]),
    ("'7e3a8d5e-0000-4000-8000-000000000001'::uuid", "7e3a8d5e-0000-4000-8000-000000000001"),
    ('\'{"a": [1, null, "x"]}\'::json', {"a": [1, None, "x"]}),
    ("'null'::jsonb", None),
    ("'\"x\"'::jsonb", "x"),
    ("array['1'::jsonb, '[2]']", [1, [2]]),
    ("inet '10.0.0.1/8'", "10.0.0.1/8"),
    ("macaddr '08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
    ("'1.5'::money", "$1.50"),
    ("b'101'", "101"),
    ("int4range(1, 5)", "[1,5)"),
    ("array[int4range(1, 5)]", ["[1,5)"]),
    ("row(1, 'a')", "(1,a)"),
    ("point(1, 2)", "(1,2)"),
    ("'cat'::tsvector", "'cat'"),
    ("'pg_class'::regclass", "pg_class"),
    ("to_tsquery('simple', 'a & b')", "'a' & 'b'"),
    ("'sad'::mood", "sad"),
    ("array['sad', 'ok']::mood[]", "{sad,ok}"),
    ("5::positive", 5),
]


def test_every_type(database_url: str):
    """
    Each type of PostgreSQL comes as the reference page says, exactly, and never rounded.
    """

    async def story() -> list[Any]:
        async with database(database_url, max_connections=1) as asking:
            await asking("create type mood as enum ('sad', 'ok')", effect="write")
            await asking("create domain positive as int check (value > 0)", effect="write")
            found = [outputs(await asking(f"select {each} as x")) for each, _ in TYPES]
            return [rows[0]["x"] for rows in (each["rows"] for each in found)]  # type: ignore[index, call-overload]

    found = asyncio.run(story())

    wrong = [
        (name, expected, got)
        for (name, expected), got in zip(TYPES, found, strict=True)
        if (type(expected), expected) != (type(got), got)
    ]
    assert [] == wrong


def test_what_the_server_is_set_to_changes_nothing(database_url: str):
    """
    Values look the same whatever time zone, date style or output the database was given.
    """

    async def story() -> Json:
        async with database(database_url) as asking:
            name = database_url.rpartition("/")[2]
            for each in (
                "timezone = 'Asia/Kathmandu'", "datestyle = 'German'", "bytea_output = 'escape'",
                "intervalstyle = 'sql_standard'", "extra_float_digits = -15",
            ):  # fmt: skip
                await asking(f"alter database {name} set {each}", effect="write")
        async with database(database_url) as asking:
            statement = (
                "select now()::timestamptz(0) - now()::timestamptz(0) + interval '1 day' as i, "
                "timestamptz '2026-03-29 00:00+00' as t, date '2026-03-29' as d, "
                "'\\x61'::bytea as b, 0.1::float8 + 0.2::float8 as f"
            )
            return outputs(await asking(statement))["rows"]

    expected = {"i": "P1D", "t": "2026-03-29T00:00:00Z", "d": "2026-03-29", "b": "YQ==",
                "f": 0.1 + 0.2}  # fmt: skip
    assert [expected] == asyncio.run(story())


def test_json_that_is_nested_too_deeply_is_text(database_url: str):
    """
    What could not be kept as a value is not lost.
    """
    deep = "[" * 300 + "]" * 300

    assert [{"x": deep}] == answer(database_url, f"select '{deep}'::json as x")["rows"]


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
# jsonb keeps a number as the decimal that it is; from 1e16 on JSON writes another one.
FLOATS = st.floats(-1e15, 1e15)
SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


def test_what_goes_in_comes_out(database_url: str):
    """
    A mapping sent as a parameter comes back as it was, and so does an array of any texts.
    """
    with asyncio.Runner() as runner:
        opening = database(database_url)
        asking = runner.run(opening.__aenter__())

        @given(st.dictionaries(WORDS, VALUES, max_size=3), st.lists(st.none() | WORDS, max_size=5))
        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        def holds(value: Any, texts: Any) -> None:
            params = {"value": value, "texts": texts}
            statement = "select %(value)s::json as value, %(texts)s::text[] as texts"
            found = outputs(runner.run(asking(statement, params=params)))

            assert [params] == found["rows"]

        holds()
        runner.run(opening.__aexit__(None, None, None))
