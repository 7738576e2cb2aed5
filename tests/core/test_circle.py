"""Names that lead to each other: circles, and the order of all others."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.commit.circle import circles, settled
from engine.core.commit.lookalike import skeleton

_NAMES = st.sampled_from("abcdefg")
GRAPHS = st.dictionaries(_NAMES, st.lists(_NAMES, max_size=3, unique=True))


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({}, []),
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["a"]}, ["a"]),
        ({"a": ["b"], "b": ["a"]}, ["ab"]),
        ({"c": ["a"], "a": ["b"], "b": ["c", "x"]}, ["abc"]),
        ({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c", "a"]}, ["ab", "cd"]),
        ({"z": ["a"], "a": ["b"], "b": ["b"]}, ["b"]),
    ],
)
def test_circles_are_told_from_their_least_name(
    edges: Mapping[str, list[str]], expected: list[str]
) -> None:
    """
    Whatever leads back to itself is found, and what only leads there is not part of it.
    """
    assert expected == ["".join(each) for each in circles(edges)]


@given(GRAPHS)
def test_what_leads_into_no_circle_comes_after_all_that_it_leads_to(
    edges: Mapping[str, list[str]],
) -> None:
    """
    A callee is always ready before its caller, in whatever order files are read.
    """
    order = settled(edges)

    for index, name in enumerate(order):
        assert {each for each in edges[name] if each in edges} <= set(order[:index])
    assert (len(order) == len(edges)) == (not list(circles(edges)))


@given(GRAPHS)
def test_a_circle_is_one(edges: Mapping[str, list[str]]) -> None:
    """
    Each name of a circle leads to the next, and the last to the first.
    """
    for circle in circles(edges):
        for name, after in zip(circle, [*circle[1:], circle[0]], strict=True):
            assert after in edges[name]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("job-0", "job-o", True),
        ("w1", "wl", True),
        ("form", "forrn", True),
        ("vvait", "wait", True),
        ("job-1", "job-2", False),
        ("load", "laod", False),
    ],
)
def test_names_that_a_reader_takes_for_each_other(one: str, other: str, expected: bool) -> None:
    """
    Two names look alike if the letters in which they differ do.
    """
    assert expected == (skeleton(one) == skeleton(other))
