"""Plans laid into the plans that call them."""

from dataclasses import replace
from datetime import timedelta

from engine.core import codec
from engine.core.commit import Declared, Kind, Mention, Wiring
from engine.core.compiler import Laid, laid
from engine.core.diagnostic import Span
from engine.core.plan import Block, Call, Case, Plan, Scope, Set, Step, Switch, Verb

SPAN = Span("a.yaml", 1, 1)
DAY = timedelta(days=1)
EMPTY = Scope((), DAY)


def call(name: str) -> Call:
    return Call(name, {"x": 1}, {}, EMPTY)


def workflow(name: str, *verbs: Verb, calls: str = "", secrets: tuple[str, ...] = ()) -> Declared:
    steps = tuple(Step(f"s{i}", verb) for i, verb in enumerate(verbs))
    plan = Plan(name, f"{name}.yaml", {"title": name}, Scope(steps, DAY), secrets=secrets)
    mentions = tuple(Mention(each, SPAN) for each in calls.split())
    return Declared(Kind.WORKFLOW, name, SPAN, {}, "", Wiring(calls=mentions), codec.sealed(plan))


def test_a_call_holds_what_it_calls() -> None:
    """
    The callee's scope, inputs and secrets are in the caller's plan, wherever the call stands.
    """
    callee = workflow("b", Set(()), secrets=("key",))
    inner = Scope((Step("s", call("b")),), DAY)
    verbs: list[Verb] = [call("b"), Block(inner), Switch((Case(inner),))]
    caller = workflow("a", *verbs, calls="b b b", secrets=("own",))

    made = laid([caller, callee], {})

    assert callee.plan == made["b"].plan
    body = Call("b", {"x": 1}, {"title": "b"}, callee.plan.root)
    filled = Scope((Step("s", body),), DAY)
    verbs_now = [each.verb for each in made["a"].plan.root.steps]
    assert [body, Block(filled), Switch((Case(filled),))] == verbs_now
    assert ("key", "own") == made["a"].plan.secrets


def test_the_digest_covers_what_is_called() -> None:
    """
    A run is pinned to all that it may do, so a caller's plan is another when its callee is.
    """
    caller = workflow("a", call("b"), calls="b")
    old = laid([caller, workflow("b", Set(()))], {})["a"].plan
    new = laid([caller, workflow("b", Set(()), Set(()))], {})["a"].plan

    assert codec.digest(old) == old.digest
    assert old.digest != new.digest
    assert old == codec.decode(codec.encode(old))


def test_calls_go_as_deep_as_they_are_written() -> None:
    """
    What the callee calls is in its scope when that is laid into the caller's.
    """
    texts = [workflow("a", call("b"), calls="b"), workflow("b", call("c"), calls="c")]

    made = laid([*texts, workflow("c", Set(()))], {})

    [step] = made["a"].plan.root.steps
    assert isinstance(step.verb, Call)
    assert made["b"].plan.root == step.verb.body


def test_what_calls_an_error_has_no_plan() -> None:
    """
    A callee that is missing, has errors or leads back to its caller leaves the caller without.
    """
    broken = replace(workflow("broken"), plan=None)
    callers = [workflow(name, call(name), calls=name) for name in ("gone", "broken", "itself")]
    named = [replace(each, name=f"calls-{each.name}") for each in callers[:2]]

    made = laid([broken, *named, callers[2], workflow("fine")], {})

    assert ["fine"] == list(made)


def test_of_two_of_a_name_the_first_counts() -> None:
    """
    That there are two is an error; which of them a plan is made of is always the same.
    """
    first, second = workflow("a", Set(())), workflow("a")

    assert first.plan == laid([first, second], {})["a"].plan


def test_what_has_not_changed_is_not_laid_again() -> None:
    """
    A pass costs by what has changed: the very plans of the last time stand for themselves.
    """
    caller, callee = workflow("a", call("b"), calls="b"), workflow("b", Set(()))
    kept = laid([caller, callee], {})

    again = laid([caller, callee], kept)
    moved = laid([caller, replace(callee, plan=workflow("b").plan)], kept)
    alone = laid([workflow("a", call("b"), calls="b"), callee], kept)

    assert kept["a"] is again["a"]
    assert moved["a"].plan != kept["a"].plan
    assert isinstance(alone["a"], Laid)
    assert alone["a"] is not kept["a"]


def test_a_callee_that_equals_the_old_one_and_is_another_is_laid_anew() -> None:
    """
    To Python `1` is `True`: a caller does not keep what its callee no longer says.
    """
    caller, callee = workflow("a", call("b"), calls="b"), workflow("b")
    plan = callee.plan
    assert plan is not None
    old, new = (
        replace(callee, plan=codec.sealed(replace(plan, inputs={"default": value})))
        for value in (1, True)
    )
    assert old.plan == new.plan

    made = laid([caller, new], laid([caller, old], {}))["a"].plan

    assert made.digest == laid([caller, new], {})["a"].plan.digest
    assert made.digest != laid([caller, old], {})["a"].plan.digest
