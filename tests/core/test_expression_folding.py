"""Constants in the place of names that are known before anything runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.expression import (
    EvaluationError,
    compile_value,
    folded_expression,
    folded_template,
    guarded,
    parse_expression,
)
from engine.core.values import Json

KNOWN: dict[str, Json] = {
    "variables": {
        "A": "x'y\n\\é{{",
        "N": -3,
        "F": 1.5,
        "L": [1, 2],
        "M": {"a": {"b": 1}, "é k": True},
        "Z": None,
        "E": "",
    }
}
OTHERS: dict[str, Json] = {
    "inputs": {"x": True, "n": 4, "s": "q", "l": [1]},
    "steps": {"a": {"outputs": {"k": 5}}},
}


def outcome(area: Json, names: dict[str, Json], *, is_bare: bool) -> Json:
    """Return what a text gives, or the code of the error."""
    try:
        made = parse_expression(str(area)) if is_bare else compile_value(area)
        return made.evaluate(names)
    except EvaluationError as error:
        return {"error": error.code}


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("variables.N", "(-3)"),
        ("variables.N > 1", "false"),
        ("variables.A == 'q' and inputs.x", "false and inputs.x"),
        ("not (variables.N > inputs.n) or inputs.x", "not (-3) > inputs.n or inputs.x"),
        ("(inputs.n - 1) * (variables.N - inputs.n)", "(inputs.n - 1) * ((-3) - inputs.n)"),
        ("inputs.n - (inputs.n + variables.F)", "inputs.n - (inputs.n + 1.5)"),
        ("variables.GONE | default(inputs.s)", "inputs.s"),
        ("variables.GONE | default('q') ~ inputs.s", "'q' ~ inputs.s"),
        ("(variables.GONE is defined) and inputs.x", "false and inputs.x"),
        ("inputs.s | default(variables.N, true)", "default(inputs.s, (-3), true)"),
        ("variables.E | default(inputs.s, true)", "default('', inputs.s, true)"),
        ("variables.N | default(inputs.s, true)", "(-3)"),
        ("variables.N | default(inputs.s)", "(-3)"),
        ("variables.GONE ~ inputs.s", "variables.GONE ~ inputs.s"),
        ("(variables.GONE ~ inputs.s) | default(1)", "default(variables.GONE ~ inputs.s, 1)"),
        ("(inputs.s ~ variables.N) | default(1)", "default(inputs.s ~ (-3), 1)"),
        ("inputs.gone | default(variables.N)", "default(inputs.gone, (-3))"),
        ("variables.L[inputs.n - 4]", "[1, 2][inputs.n - 4]"),
        ("inputs.l[0:variables.F | int]", "inputs.l[0:1:]"),
        ("steps.a['outputs'].k + variables.N", "steps.a.outputs.k + (-3)"),
        ("inputs['é k'] == variables.Z", "inputs['é k'] == none"),
        ("inputs.s | replace('q', 'w', count=variables.N)", "replace(inputs.s, 'q', 'w', (-3))"),
        ("sort(inputs.l, reverse=variables.M['é k'])", "sort(inputs.l, reverse=true)"),
        ("{'a': variables.L, inputs.s: [-inputs.n, +inputs.n]}",
         "{'a': [1, 2], inputs.s: [(-inputs.n), (+inputs.n)]}"),
        ("variables.N if inputs.x else inputs.n", "(-3) if inputs.x else inputs.n"),
        ("(variables.N if inputs.x else 1) | abs", "abs((-3) if inputs.x else 1)"),
        ("1 < inputs.n < 5 - variables.N", "1 < inputs.n < 8"),
        ("inputs.n is number and variables.N is string", "(inputs.n is number) and false"),
        ("inputs.gone is defined or variables.M", "(inputs.gone is defined) or {'a': {'b': 1}, "
         "'é k': true}"),
        ("variables.N // 0 + inputs.n", "(-3) // 0 + inputs.n"),
        ("inputs.n", "inputs.n"),
    ],
)  # fmt: skip
def test_a_folded_expression_means_what_it_meant(text: str, folded: str) -> None:
    """
    Whatever is known beforehand stands in it as a constant, and the rest as it was.
    """
    assert folded == folded_expression(text, KNOWN)
    assert outcome(text, KNOWN | OTHERS, is_bare=True) == outcome(folded, OTHERS, is_bare=True)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("{{ variables.L }}", [1, 2]),
        ("{{ variables.M.a.b + 1 }}", 2),
        ("a-{{ variables.F }}-{{ inputs.n }}", "a-1.5-{{ inputs.n }}"),
        ("{{ inputs.n }}", "{{ inputs.n }}"),
        ("{{ variables.L }} of it", "{{ [1, 2] }} of it"),
        ("{{ variables.GONE }}", "{{ variables.GONE }}"),
        ("{{ [variables.A, {'k': variables.A}] | length }}", 2),
        ("{{ variables.A | truncate(1, '') }}", "x"),
    ],
)
def test_a_folded_template_gives_what_it_gave(text: str, folded: Json) -> None:
    """
    A template that is known as a whole is its value, of whatever type.
    """
    assert folded == folded_template(text, KNOWN)
    assert outcome(text, KNOWN | OTHERS, is_bare=False) == outcome(folded, OTHERS, is_bare=False)


def test_what_looks_like_a_template_within_a_value_stays_text() -> None:
    """
    However deep it stands, a text of a value is no template of ours.
    """
    value: Json = {"a": ["{{ inputs.n }}", 1], "b": "plain"}
    known: dict[str, Json] = {"variables": {"V": value}}

    folded = folded_template("{{ variables.V }}", known)

    assert value == outcome(folded, OTHERS, is_bare=False)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text("a'\"\\{}%#\n\ré", max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("a'\\é", max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(value=_VALUES)
@pytest.mark.parametrize(
    "text",
    [
        "{{ variables.V }}",
        "{{ [variables.V, inputs.n] }}",
        "{{ '{' }}{{ variables.V }}{{ inputs.n }}",
        "a{{ variables.V }}{{ inputs.n }}",
    ],
)
def test_no_value_is_taken_for_a_template(text: str, value: Json) -> None:
    """
    Braces, quotes and backslashes of a value are its own, wherever it is read.
    """
    known: dict[str, Json] = {"variables": {"V": value}}

    folded = folded_template(text, known)

    expected = outcome(text, known | OTHERS, is_bare=False)
    assert expected == outcome(folded, OTHERS, is_bare=False)


def test_what_stands_right_before_a_default_is_guarded() -> None:
    """
    A default that stands further away answers for more than the name.
    """
    text = (
        "variables.A | default(1) and variables.B is defined and (variables.C ~ 'x') | default(2)"
    )

    assert {0, text.index("variables.B")} == guarded(parse_expression(text))
