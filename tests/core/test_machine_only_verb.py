"""A body that is one verb, and that verb opens a scope of its own: each keeps its own end."""

from dataclasses import replace

import pytest

from engine.core.plan import (
    Block,
    Branch,
    Call,
    Case,
    Fallback,
    ForEach,
    Handler,
    Plan,
    Race,
    Repeat,
    Scope,
    Step,
    Switch,
    Verb,
)
from tests.core.runs import (
    SECOND,
    alarm,
    begin,
    error,
    launched,
    no,
    ok,
    only,
    plan,
    scope,
    states,
    step,
    tell,
    whole,
)

INNER = scope(step("x"))
VERBS: dict[str, Verb] = {
    "block": Block(INNER),
    "call": Call("other", {}, {"type": "object"}, INNER),
    "switch": Switch((Case(INNER, condition="true"),)),
}


def holder(name: str, body: Scope) -> Plan:
    """Return a plan whose step `s`, or what follows its failure, has this body."""
    verbs: dict[str, Verb] = {
        "case": Switch((Case(body, condition="true"),)),
        "item": ForEach("[1]", "each", body, 5),
        "turn": Repeat(body, "true", 3),
        "branch": Race((Branch("a", body),)),
    }
    if name in verbs:
        return plan(scope(step("s", verb=verbs[name])))
    if name == "fallback":
        return plan(scope(step("s", fallback=Fallback(body=body))))
    if name == "handler":
        return whole(step("s"), handlers=(Handler(body, recover=True),))
    undone: Step = step("s", compensation=body)
    return plan(scope(undone, step("t")))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "name", ["case", "item", "turn", "branch", "fallback", "handler", "compensation"]
)
def test_the_only_verb_of_a_body_may_hold_steps(name: str, verb: str) -> None:
    """
    Wherever a body may stand it may be just a block, a call or a switch: it runs, and ends.
    """
    run, decision = begin(holder(name, only(VERBS[verb])))
    if name in ("fallback", "handler"):
        decision = tell(run, no("s"))
    elif name == "compensation":
        tell(run, ok("s"))
        decision = tell(run, no("t"))
    (path,) = launched(decision)

    assert path.endswith(".x")
    assert tell(run, ok(path)).ended
    assert "running" not in states(run).values()
    assert {} == run.scopes


def test_each_of_two_scopes_at_one_path_has_its_own_time() -> None:
    """
    A block in an item has less time than the item: its alarm ends the block, and says so.
    """
    short = Block(replace(INNER, timeout=SECOND))
    run, decision = begin(plan(scope(step("s", verb=ForEach("[1]", "each", only(short), 5)))))
    told = tell(run, alarm(decision, "s[0].."))

    assert ["s[0].x"] == told.revoked
    assert "the time of s[0] is over" == (run.steps["s[0]"].error or {})["detail"]
    assert "sark.timeout" == error(run)["type"]
