"""Values that are passed by reference: how they are written, found and read."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.event import Row, Succeeded, from_row, to_row
from engine.core.expression import EvaluationError, compile_value, parse_expression
from engine.core.expression.budget import MAX_OUTPUT
from engine.core.kind import kind
from engine.core.spilled import (
    KEPT,
    ByReference,
    Spilled,
    chosen,
    decode,
    encode,
    filled,
    found,
    measured,
    parted,
)
from engine.core.values import Json
from tests.core.runs import NOW

BODY = Spilled("a" * 64, "body", 5_000_000, "object")
ROWS = Spilled("c" * 64, "rows", 5_000_000, "array", 3)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
REFERENCES = st.builds(
    Spilled, st.text("0123456789abcdef", min_size=64, max_size=64), st.text(),
    st.integers(1, 1 << 40),
    st.sampled_from(("object", "array", "string")),
    st.none() | st.integers(0, 1 << 20),
)  # fmt: skip


@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), REFERENCES, min_size=1))
def test_a_reference_goes_through_the_journal(outputs: dict[str, Any], spilled: Any) -> None:
    """
    What is read back from the journal's bytes is what was written, references among it.
    """
    event = Succeeded("a", 1, outputs, {}, False, spilled)
    row = to_row(event, 1, NOW)

    read = from_row(replace(row, data=orjson.loads(orjson.dumps(row.data))))

    assert event == read
    assert [(e.name, e.bytes, e.kind, e.length) for e in spilled.values()] == [
        (e.name, e.bytes, e.kind, e.length) for e in read.spilled.values()
    ]
    known = any(each.length is not None for each in spilled.values())
    assert ("counted" if known else "spilled") == row.kind


@given(st.dictionaries(st.text(), JSON))
def test_data_never_becomes_a_reference(outputs: dict[str, Any]) -> None:
    """
    Whatever a service answers is data: no words in it make a reference of it, on any way.
    """
    forged = {**outputs, "body": encode(BODY), "spilled": {"body": encode(BODY)}}

    for artifacts in ({}, {"f": encode(BODY)}):
        row = to_row(Succeeded("a", 1, forged, artifacts), 1, NOW)
        read = from_row(replace(row, data=orjson.loads(orjson.dumps(row.data))))

        assert Succeeded("a", 1, forged, artifacts) == read
        assert [] == found(read.outputs)


@pytest.mark.parametrize(
    "data",
    [
        {}, {"spilled": []}, {"spilled": {"x": {"artifact": "a"}}}, {"spilled": {"x": None}},
        {"spilled": {"x": {**encode(BODY), "length": "3"}}},
        {"spilled": {"x": {**encode(BODY), "at": "3"}}},
    ],
)  # fmt: skip
def test_a_row_without_its_references_is_refused(data: dict[str, Json]) -> None:
    """
    A damaged journal is no other run: it is not read.
    """
    told = {"outputs": {}, "artifacts": {}, "cached": False, **data}

    with pytest.raises(ValueError, match="reference"):
        from_row(Row(1, NOW, "spilled", "a", 1, told))


def test_no_more_goes_than_must() -> None:
    """
    Once the largest value is passed by reference the rest stays, and what fits stays whole.
    """
    assert ["large"] == chosen({"small": 1, "large": "x" * KEPT, "middle": "y" * 100})
    assert [] == chosen({"small": 1, "middle": "y" * 100})


@given(st.dictionaries(st.text(min_size=1), st.text(max_size=200_000), max_size=6))
def test_the_largest_go_first_and_the_rest_fits(outputs: dict[str, Any]) -> None:
    """
    As few values as can be are passed by reference, and none where all fit.
    """
    names = chosen(outputs)
    rest = {name: each for name, each in outputs.items() if name not in names}
    sizes = {name: len(orjson.dumps(each)) for name, each in outputs.items()}

    assert len(orjson.dumps(rest)) <= KEPT
    assert bool(names) == (len(orjson.dumps(outputs)) > KEPT)
    assert all(sizes[name] >= sizes[other] for name in names for other in rest)


def test_more_than_fits_may_be_left() -> None:
    """
    Names alone can be too much: then all values go, and whoever asked sees that it is not enough.
    """
    outputs: dict[str, Json] = {"k" * KEPT: 1, "x": "y" * 10}

    assert ["x", "k" * KEPT] == chosen(outputs)


def test_a_value_is_put_in_the_place_of_a_reference() -> None:
    """
    References are found wherever they stand, and what is filled in changes nothing that is shared.
    """
    names: dict[str, Any] = {"a": {"b": [1, BODY, "x"]}, "c": BODY, "d": {"e": 1}}

    told = filled(names, ((path, "here") for path, _ in found(names)))

    assert {("a", "b", 1), ("c",)} == {path for path, _ in found(names)}
    assert {"a": {"b": [1, "here", "x"]}, "c": "here", "d": {"e": 1}} == told
    assert names["d"] is told["d"]
    assert names["a"]["b"][1] is BODY
    assert {"x": 0, "y": 1} == filled({}, [(("x",), 0), (("y",), 1)])
    assert {"a": {"b": 1, "c": 2}} == filled({"a": {}}, [(("a", "b"), 1), (("a", "c"), 2)])


def test_a_reference_is_told_as_any_artifact() -> None:
    """
    The API shows what can be downloaded: digest, name, type and size.
    """
    reference = {
        "artifact": "a" * 64, "name": "body", "media_type": "application/json", "bytes": 5_000_000,
    }  # fmt: skip

    assert ({"status": 200}, {"body": reference}) == parted({"status": 200, "body": BODY})
    assert decode(encode(BODY)).kind == "object"


@pytest.mark.parametrize(
    "use",
    [
        bool, len, iter, str, kind,
        lambda value: value["x"],
        lambda value: value < 1,
        lambda value: value == 1,
    ],
)  # fmt: skip
def test_nothing_is_taken_for_what_is_not_at_hand(use: Any) -> None:
    """
    A reference has no parts, no order and no truth: it is not mistaken for an empty value.
    """
    with pytest.raises(ByReference, match=r"'body' is passed by reference, .* 5,000,000 bytes"):
        use(BODY)


def test_references_are_equal_by_content() -> None:
    """
    Two references to one content are one, whatever they are called.
    """
    other = Spilled("b" * 64, "body", 5_000_000, "object")

    assert {BODY, other} == {replace(BODY, name="x"), other, BODY}
    assert other != BODY


@pytest.mark.parametrize(
    "text",
    [
        "steps.fetch.outputs.body.id", "steps.fetch.outputs.body[0]",
        "not steps.fetch.outputs.body",
        "steps.fetch.outputs.body == 1", "steps.fetch.outputs.body | length",
        "steps.fetch.outputs.body | default(1)", "steps.fetch.outputs.body.x | default(1)",
        "[steps.fetch.outputs.body]", "steps.fetch.outputs[inputs.key] == 1",
        "[steps.fetch.outputs] | map(attribute='body')", "[steps.fetch.outputs] | tojson",
        "[steps.fetch.outputs] | select('body')", "[steps.fetch.outputs] | sort(attribute='body')",
        "([steps.fetch.outputs] | map(attribute='body') | first) == 1",
        "steps.fetch.outputs == {'status': 200, 'body': 1}", "'x' in steps.fetch.outputs.body",
        "'' ~ steps.fetch.outputs.body",
    ],
)  # fmt: skip
def test_an_expression_cannot_look_into_it(text: str) -> None:
    """
    The owner of a run holds no such value: an expression that would need it says what to do.
    """
    names = {
        "steps": {"fetch": {"outputs": {"status": 200, "body": BODY}}},
        "inputs": {"key": "body"},
    }

    try:
        expression = parse_expression(text)
    except Exception:
        pytest.fail(f"{text} is no expression")
    with pytest.raises(ByReference, match="take what is needed of it where it comes from"):
        expression.evaluate(names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps.fetch.outputs.body", {"id": "7", "list": [1, 2]}),
        ("steps.fetch.outputs.body.id", "7"),
        ("steps.fetch.outputs.body.list | length", 2),
        ("steps.fetch.outputs.body['i' + 'd']", "7"),
        ("steps.fetch.outputs[inputs.key]", {"id": "7", "list": [1, 2]}),
        ("steps.fetch.outputs.body | default(1)", {"id": "7", "list": [1, 2]}),
        ("steps.fetch.outputs.body.no | default(1)", 1),
        ("steps.fetch.outputs.body is defined", True),
    ],
)
def test_who_has_the_content_reads_it(text: str, expected: Json) -> None:
    """
    Arguments of a call read a value as if it had never been passed by reference.
    """
    content: Any = {"id": "7", "list": [1, 2]}
    names = {
        "steps": {"fetch": {"outputs": {"body": replace(BODY, content=content)}}},
        "inputs": {"key": "body"},
    }

    assert expected == parse_expression(text).evaluate(names)
    assert {"x": expected} == compile_value({"x": f"{{{{ {text} }}}}"}).evaluate(names)


def test_a_whole_value_has_no_budget_of_an_expression() -> None:
    """
    What is passed on whole may be larger than anything that an expression may make.
    """
    large = "x" * (MAX_OUTPUT + 1)
    names = {"body": replace(BODY, content=large), "plain": large}

    assert {"x": large} == compile_value({"x": "{{ body }}"}).evaluate(names)
    for text in ("{{ plain }}", "{{ body + '' }}"):
        with pytest.raises(EvaluationError, match="larger than"):
            compile_value({"x": text}).evaluate(names)


def test_what_is_not_there_is_told_as_ever() -> None:
    """
    A part that a value has not is undefined, though the value was passed by reference.
    """
    names = {"body": replace(BODY, content={"id": 1})}

    with pytest.raises(EvaluationError, match=r"`body` is an object, with no `no`"):
        parse_expression("body.no").evaluate(names)


def test_the_items_of_a_list_are_references() -> None:
    """
    A list that is not at hand has as many items as it said, each at its position and no other's.
    """
    items: Any = ROWS.listed()

    assert (3, 3) == (len(items), len(set(items)))
    assert [0, 1, 2] == [each.at for each in items]
    assert items[2] == items[-1] == decode(encode(items[2]))
    assert ROWS != items[0] != items[1]
    with pytest.raises(IndexError):
        items[3]
    for value in (BODY, replace(ROWS, length=None), items[0]):
        with pytest.raises(ByReference):
            value.listed()
    assert [1] == replace(ROWS, content=[1]).listed()
    assert (2, None) == (measured([1, 2]), measured("ab"))


def test_an_item_is_read_out_of_its_list() -> None:
    """
    Who has read the whole has each item; an item that is null is null.
    """
    items: Any = ROWS.listed()
    whole: Any = [{"id": 1}, None, "x"]

    assert [{"id": 1}, "x"] == [items[at].filled(whole).opened() for at in (0, 2)]
    assert items[1].filled(whole) is None
    assert whole == ROWS.filled(whole).opened()


def test_an_item_is_not_handed_on() -> None:
    """
    What is told of a reference is its file, and no file holds an item alone.
    """
    for value, is_alone in ((ROWS, True), (ROWS.listed()[0], False)):  # type: ignore[index]
        with pytest.raises(ByReference) as told:
            parse_expression("row").evaluate({"row": value})
        assert is_alone == told.value.is_alone


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rows | length", 3),
        ("length(rows)", 3),
        ("rows | count > 2", True),
        ("here | length", 2),
        ("(rows if false else []) | length", 0),
    ],
)
def test_how_long_a_list_is_is_known(text: str, expected: Json) -> None:
    """
    The owner of a run knows how many items a list has without the list.
    """
    names = {"rows": ROWS, "here": replace(ROWS, content=[1, 2])}

    assert expected == parse_expression(text).evaluate(names)


@pytest.mark.parametrize("text", ["rows[0] | length", "body | length", "rows | first"])
def test_nothing_else_of_a_list_is_known(text: str) -> None:
    """
    Its items are not at hand, and how many members a mapping has nobody asked.
    """
    with pytest.raises(ByReference):
        parse_expression(text).evaluate({"rows": ROWS, "body": BODY})
