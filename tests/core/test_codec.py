"""Plans written down and read back."""

import dataclasses
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import codec
from engine.core.plan import (
    FORMAT,
    Assignment,
    Block,
    Call,
    Edge,
    Effect,
    Handler,
    Plan,
    Projection,
    Requirement,
    Retry,
    Scope,
    Set,
    Step,
    Timeout,
    Trigger,
    Uses,
)
from engine.core.values import Json, canonical

SPANS = st.integers(0, 10**10).map(lambda count: timedelta(milliseconds=count))
MAYBE_SPANS = st.none() | SPANS
WORDS = st.text(max_size=5)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS
JSON: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
ASSIGNMENTS = st.builds(Assignment, WORDS, JSON, st.just({"type": "string"}))
PROJECTIONS = st.builds(Projection, WORDS, WORDS, JSON)
VERBS = st.builds(
    Uses,
    WORDS,
    JSON,
    st.sampled_from(Effect),
    st.booleans(),
    st.none() | WORDS,
) | st.builds(Set, st.tuples(ASSIGNMENTS))
EDGES = st.builds(
    Edge, st.integers(0, 9), st.sampled_from(Requirement), st.booleans(), st.booleans()
)
RETRIES = st.builds(
    Retry,
    st.integers(1, 100),
    SPANS,
    st.sampled_from([1.0, 1.5, 2.0]),
    SPANS,
    st.booleans(),
    MAYBE_SPANS,
    st.none() | WORDS,
)
TIMEOUTS = st.builds(Timeout, SPANS, SPANS, MAYBE_SPANS, MAYBE_SPANS)
STEPS = st.builds(
    Step,
    WORDS,
    VERBS,
    st.lists(EDGES, max_size=2).map(tuple),
    st.lists(st.integers(0, 9), max_size=2).map(tuple),
    st.integers(0, 3),
    st.none() | WORDS,
    st.booleans(),
    RETRIES,
    TIMEOUTS,
    st.tuples(PROJECTIONS),
    line=st.integers(0, 99),
)
FLAT = st.builds(Scope, st.lists(STEPS, max_size=2).map(tuple), SPANS)
NESTED = st.builds(Step, WORDS, st.builds(Block, FLAT), line=st.integers(0, 99))
SCOPES = st.builds(
    Scope,
    st.lists(STEPS | NESTED, max_size=2).map(tuple),
    SPANS,
    st.lists(ASSIGNMENTS, max_size=1).map(tuple),
    st.lists(st.builds(Handler, FLAT, WORDS), max_size=1).map(tuple),
    st.none() | FLAT,
)
PLANS = st.builds(
    Plan,
    name=WORDS,
    file=WORDS,
    inputs=JSON,
    root=SCOPES,
    triggers=st.tuples(st.builds(Trigger, WORDS, WORDS, JSON, st.none() | WORDS, JSON)),
    secrets=st.lists(WORDS, max_size=2).map(tuple),
    title=WORDS,
    owners=st.lists(WORDS, max_size=2).map(tuple),
    labels=st.lists(st.tuples(WORDS, WORDS), max_size=2).map(tuple),
    digest=WORDS,
)
SMALL = Plan("demo", "a.yaml", {}, Scope((Step("s", Set(())),), timedelta(hours=1)))


@given(PLANS)
def test_a_plan_read_back_is_the_plan(plan: Plan) -> None:
    """
    Whatever a plan holds, it survives the way through JSON bytes, its digest included.
    """
    back = codec.decode(orjson.loads(canonical(codec.encode(plan))))

    assert (plan, plan.digest) == (back, back.digest)


@given(PLANS)
def test_where_a_plan_is_written_does_not_change_its_digest(plan: Plan) -> None:
    """
    A file that is moved, or steps that move down a line, give the digest that they gave.
    """
    steps = tuple(dataclasses.replace(each, line=each.line + 1) for each in plan.root.steps)
    moved = dataclasses.replace(
        plan, file="other.yaml", digest="", root=dataclasses.replace(plan.root, steps=steps)
    )

    assert codec.digest(plan) == codec.digest(moved)


@given(PLANS, PLANS)
def test_different_plans_have_different_digests(first: Plan, second: Plan) -> None:
    """
    Two plans share a digest only if they do the same.
    """
    alike = codec.digest(first) == codec.digest(second)

    assert alike == (_bare(first) == _bare(second))


def test_a_sealed_plan_carries_its_digest() -> None:
    """
    Sealing fills in the digest and nothing else.
    """
    sealed = codec.sealed(SMALL)

    assert (SMALL, codec.digest(SMALL)) == (sealed, sealed.digest)


def test_the_digest_of_a_plan_stays() -> None:
    """
    This digest has been stored: it may only change together with the format.
    """
    expected = (2, "10a90665d8d515c0b13683be0d0afbd7f8cc978a44317fc471189f4822ce40fe")

    assert expected == (FORMAT, codec.digest(SMALL))


def test_defaults_are_part_of_the_format() -> None:
    """
    What stands at its default is not written, so changing a default changes what a plan means.
    """
    assert Retry() == Retry(1, timedelta(seconds=1), 2.0, timedelta(seconds=30), True, None, None)
    assert Timeout() == Timeout(timedelta(hours=1), timedelta(minutes=5), None, None)
    assert Edge(0) == Edge(0, Requirement.DONE, False, False)
    assert Step("s", Set(())) == Step("s", Set(()), (), (), 0, None, False, Retry(), Timeout(), ())
    assert Scope((), timedelta(1)) == Scope((), timedelta(1), (), (), None, False)


@pytest.mark.parametrize("told", [1, 3, 0, "2", None])
def test_a_plan_of_another_format_is_refused(told: Json) -> None:
    """
    A plan of a newer or older format is named as such, and not misread.
    """
    body = {**codec.encode(SMALL), "format": told}

    with pytest.raises(codec.UnknownFormat, match=f"format {told!r}; this program reads 2"):
        codec.decode(body)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"format": FORMAT},
        {**codec.encode(SMALL), "speed": 3},
        {**codec.encode(SMALL), "root": {"steps": [{"id": "s", "verb": {"fly": {}}}]}},
        {**codec.encode(SMALL), "root": {"steps": [], "timeout": "1h"}},
        {**codec.encode(SMALL), "root": {"steps": [], "timeout": 10**30}},
        {**codec.encode(SMALL), "root": 7},
    ],
)
def test_what_is_no_plan_is_refused(body: Json) -> None:
    """
    JSON that is no plan gives one kind of error, whatever is wrong in it.
    """
    with pytest.raises(codec.Undecodable):
        codec.decode(body)


def _bare(plan: Plan) -> bytes:
    """Return a plan's canonical bytes without what the digest leaves out."""
    bare = dataclasses.replace(plan, file="", digest="", root=_unplaced(plan.root))
    return canonical(codec.encode(bare))


def _unplaced(value: Any) -> Any:
    """Return a part of a plan with no step's line in it."""
    if isinstance(value, tuple):
        return tuple(map(_unplaced, value))
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    held = {each.name: _unplaced(getattr(value, each.name)) for each in dataclasses.fields(value)}
    return dataclasses.replace(value, **(held | ({"line": 0} if "line" in held else {})))


def test_what_is_of_no_more_use_is_read_over() -> None:
    """
    A plan that a version before has written, with the secrets of each call, runs on.
    """
    callee = Scope((), timedelta(days=1))
    call = Call("other", {}, {}, callee)
    plan = Plan("a", "a.yaml", {}, Scope((Step("s", call),), timedelta(days=1)))
    body: Any = codec.encode(plan)
    body["root"]["steps"][0]["verb"]["call"]["secrets"] = ["key"]

    assert plan == codec.decode(body)
