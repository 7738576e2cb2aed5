"""Scalars and their types, and the shapes that keys have."""

import re
from typing import Any

import pytest

from engine.core import spec
from engine.core.document import Mapping, Scalar, Sequence, load
from engine.core.reader import CODES, is_ambiguous, resolve
from engine.core.reader.branch import Keyed, Listed, Record
from engine.core.reader.choice import Either, Tagged
from engine.core.reader.declared import Declared
from engine.core.reader.shape import Flag, Free, Number, Shape, Text, Word
from engine.core.reader.shaping import Shaping
from engine.core.reader.walk import Walk
from engine.core.values import parse_duration

SCALARS: list[tuple[str, Any, bool]] = [
    ("", None, False), ("~", None, False), ("null", None, False), ("NULL", None, False),
    ("true", True, False), ("TRUE", True, False), ("False", False, False), ("tRue", "tRue", False),
    ("0", 0, False), ("-1", -1, False), ("+12", 12, False), ("1_000", "1_000", True),
    ("014", 14, True), ("08", 8, True), ("0o14", 12, True), ("0x1F", 31, False),
    ("-0x1F", "-0x1F", True), ("0x_1", "0x_1", True), ("0b11", "0b11", True), ("1.5", 1.5, False),
    (".5", 0.5, False), ("5.", 5.0, False), ("1e3", 1000.0, True), ("1.5e3", 1500.0, True),
    ("1.5e+3", 1500.0, False), ("-.5", -0.5, False), ("1_0.5", "1_0.5", True),
    ("1.5_0", "1.5_0", True), ("1.2.3", "1.2.3", False), ("NO", "NO", True), ("y", "y", True),
    ("on", "on", True), ("Off", "Off", True), ("none", "none", False), ("12:30", "12:30", True),
    ("12:30:45", "12:30:45", True), ("80:80", "80:80", False), ("2026-01-02", "2026-01-02", True),
    ("2026-01-02T10:00:00Z", "2026-01-02T10:00:00Z", True),
    ("2026-01-02 10:00:00.5 +1:00", "2026-01-02 10:00:00.5 +1:00", True), ("=", "=", True),
    ("<<", "<<", True), ("-", "-", False), (".", ".", False), ("0xg", "0xg", False),
    ("v1.10", "v1.10", False), (str(2**64 - 1), 2**64 - 1, False), (str(-(2**63)), -(2**63), False),
    ("1_" * 40, "1_" * 40, False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "ambiguous"), SCALARS)
def test_a_plain_scalar_has_the_type_of_yaml_1_2(text: str, value: object, ambiguous: bool) -> None:
    """
    The core schema types free areas; what YAML 1.1 reads in another way is told.
    """
    scalar = Scalar(text, True, 1, 1, 1)

    assert (value, type(value)) == (resolve(scalar), type(resolve(scalar)))
    assert ambiguous == is_ambiguous(scalar)


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", ".nan", "1e999", str(2**64), "-" + "9" * 19, "9" * 5000]
)
def test_a_number_that_json_cannot_hold_is_refused(text: str) -> None:
    """
    Infinities, NaN and integers over 64 bits are no values.
    """
    with pytest.raises(ValueError, match=r"number|64 bits"):
        resolve(Scalar(text, True, 1, 1, 1))


def test_quotes_make_a_text() -> None:
    """
    A quoted scalar is a text whatever it looks like, and never ambiguous.
    """
    for text in ("", "NO", "014", "true"):
        scalar = Scalar(text, False, 1, 1, 1)
        assert (text, False) == (resolve(scalar), is_ambiguous(scalar))


@pytest.mark.parametrize("text", ["30s", "1d2h3m4s5ms", "250ms", "PT5M", "P1DT2H", "999999d"])
def test_every_duration_that_is_taken_can_be_parsed(text: str) -> None:
    """
    The pattern of the schema and the parser agree, and no span overflows.
    """
    assert re.fullmatch(spec.DURATION, text)
    assert parse_duration(text)


SCALAR, QUOTED = Scalar("3", True, 1, 1, 2), Scalar("x", False, 1, 1, 4)
LIST, MAPPING = Sequence((), 1, 1), Mapping({}, 1, 1)
KINDS = (SCALAR, QUOTED, LIST, MAPPING)
SHAPES: list[tuple[Shape, str, tuple[bool, ...]]] = [
    (Text(), "a text", (True, True, False, False)),
    (Word(("a", "b", "c")), "`a`, `b` or `c`", (True, True, False, False)),
    (Flag(), "`true` or `false`", (False, False, False, False)),
    (Number(whole=True), "a whole number", (True, False, False, False)),
    (Number(whole=False, most=1.5), "a number of 1.5 or less", (True, False, False, False)),
    (Number(whole=False, least=0), "a number of 0 or more", (True, False, False, False)),
    (
        Number(whole=True, least=1, most=9),
        "a whole number from 1 to 9",
        (True, False, False, False),
    ),
    (Free(), "a value", (True, True, True, True)),
    (Listed(Text()), "a list", (False, False, True, False)),
    (Keyed(Text(), Free()), "a mapping", (False, False, False, True)),
    (Record({}), "a mapping", (False, False, False, True)),
    (Declared(), "a mapping", (False, False, False, True)),
    (Tagged("type", {}), "a mapping", (False, False, False, True)),
    (Either((Listed(Text()), Record({}))), "a list or a mapping", (False, False, True, True)),
]


@pytest.mark.parametrize(("shape", "expected", "fits"), SHAPES)
def test_a_shape_says_what_it_takes(shape: Shape, expected: str, fits: tuple[bool, ...]) -> None:
    """
    Unions choose by the kind of a node, and messages name every choice.
    """
    assert (expected, fits) == (shape.expected, tuple(shape.fits(each) for each in KINDS))


def test_a_model_may_hold_itself() -> None:
    """
    Shapes follow references in circles: a block's steps are steps again.
    """
    tree = {"$ref": "#/$defs/Tree"}
    definitions = {"Tree": {"title": "Tree", "type": "object", "properties": {"child": tree}}}

    shape = Shaping(definitions).shape(tree)

    assert isinstance(shape, Record)
    child = shape.fields["child"]
    assert isinstance(child, Record)
    assert child.fields is shape.fields


def test_every_code_explains_itself() -> None:
    """
    Codes are kebab-case, and each has a sentence or more.
    """
    for code, text in CODES.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert text.endswith(".")


def test_a_mapping_may_hold_too_much() -> None:
    """
    What says how many parts it takes is held to it, and the number that it has is told.
    """
    [document], _ = load(b"a: 1\nb: 2\nc: 3\n", "w.yaml")
    walk = Walk(document)

    Keyed(Text(), Text(), most=2).read(walk, document.root, ("race", "branches"))

    told = [each.message for each in walk.found.all]
    assert told == ['"race.branches" takes at most 2; this has 3']
