"""Specs broken at random: the reader never falls over, and agrees with the published schema."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from engine.core.diagnostic import has_errors
from engine.core.document import load
from engine.core.published import json_schema
from engine.core.reader import read

FOLDER = Path(__file__).parents[2] / "specs"
SPECS: list[Any] = [
    json.loads(json.dumps(YAML(typ="safe", pure=True).load(file), default=str))
    for file in sorted(FOLDER.glob("[1-5]-*.yaml"))
]
PUBLISHED = jsonschema_rs.validator_for(json_schema({}))
# Texts alone: where a text belongs, the reader takes a plain `3` or `true` as it is written.
VALUES: list[Any] = [{}, [], "word", "3d"]
WORDS = ["steps", "uses", "with", "if", "outputs", "retry", "zzz", "value", "else", "wait", "type"]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in the value."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        found = [(value, key) for key in value]
    elif isinstance(value, list):
        found = [(value, index) for index in range(len(value))]
    return [*found, *(inner for box, key in found for inner in places(box[key]))]


def broken(data: st.DataObject) -> Any:
    value = copy.deepcopy(data.draw(st.sampled_from(SPECS)))
    for _ in range(data.draw(st.integers(1, 3))):
        box, key = data.draw(st.sampled_from(places(value)))
        what = data.draw(st.sampled_from(["drop", "replace", "add"]))
        if what == "drop":
            del box[key]
        elif what == "replace":
            box[key] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
        elif isinstance(box, dict):
            added = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
            box[data.draw(st.sampled_from(WORDS))] = added
        if not places(value):
            break
    return value


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_the_reader_and_the_schema_agree_on_what_is_broken(data: st.DataObject) -> None:
    """
    Whatever is left out, put in or exchanged: an editor and `sark check` give one verdict.
    """
    value = broken(data)

    [document], found = load(json.dumps(value).encode(), "w.yaml")
    made, told = read(document)

    assert found == []
    assert (made is None) == has_errors(told)
    assert PUBLISHED.is_valid(value) == (made is not None), told
