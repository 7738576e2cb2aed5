"""What policies are told of a change."""

from typing import Any

import pytest

from engine.core import change
from engine.core.facts import Catalogue
from engine.core.plan import Plan
from engine.core.review import facts
from engine.core.review.facts import CHANGE, THING, WHOLE, Pull
from engine.operations import catalogue
from engine.source import File, compile_files
from tests.core.test_change import SHOP, plans

OPERATIONS = Catalogue(catalogue())
DELETE = 'uses: http.request@1, with: {method: DELETE, url: "https://a.example/o"}'
HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: a\n"


def told(old: dict[str, Plan], new: dict[str, Plan], pull: Pull | None = None) -> dict[str, Any]:
    """Return the facts of the only workflow that changes."""
    (changed,) = change.compare(old, new, OPERATIONS)
    (found,) = facts.of_changes([changed], OPERATIONS, "shop", "production", pull)
    return found


def edited(*edits: tuple[str, str]) -> dict[str, Plan]:
    """Return the shop with some words put otherwise."""
    text = SHOP
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return plans(text)


def of_steps(steps: str) -> dict[str, Any]:
    """Return the facts of a new workflow."""
    return told({}, plans(f"{HEAD}steps:\n{steps}"))


@pytest.mark.parametrize(
    ("old", "new"),
    [({}, plans(SHOP)), (plans(SHOP), {}), (plans(SHOP), plans(SHOP + "owners: [a]\n"))],
)
def test_every_fact_is_there(old: dict[str, Plan], new: dict[str, Plan]) -> None:
    """
    A rule finds each fact of the table, whether a workflow comes, goes or changes, of its shape.
    """
    found = told(old, new)

    assert set(CHANGE) == set(found)
    for name, fact in CHANGE.items():
        for each in found[name] if fact.keys else ():
            assert set(fact.keys) == set(each)
            assert set(each) <= set(THING)
    for name, fact in CHANGE.items():
        kinds = {"a text": str, "a number": int, "true or false": bool}
        assert kinds.get(fact.shape, list) is type(found[name]), name
        assert not fact.choices or found[name] in fact.choices


def test_a_new_workflow() -> None:
    """
    All that a new workflow reaches is new, and first where no other does the same.
    """
    found = told({}, plans(SHOP + "owners: [pay]\nlabels: {tier: gold}\n"))

    assert ("added", "shop", "shop.yaml") == (found["kind"], found["name"], found["file"])
    assert (["pay"], [], False) == (found["owners"], found["owners_before"], found["is_unowned"])
    assert ["tier=gold"] == found["labels"]
    assert ["pay.example"] == found["new_hosts"] == found["first_hosts"] == found["hosts"]
    assert (61, 0) == (found["worst_calls"], found["worst_calls_before"])
    assert ["", False, [], False] == [
        found[each] for each in ("author", "is_pull", "author_teams", "is_fork")
    ]


def test_a_workflow_that_changes() -> None:
    """
    What a rule may want to compare stands beside what it was before.
    """
    found = told(plans(SHOP), edited(("timeout: 30s", "timeout: 90s"), ("30 2", "31 2")))

    pay = {"name": "steps.pay.timeout.attempt", "seconds": 90, "seconds_before": 30}
    assert [pay] == found["timeouts"]
    (schedule,) = found["schedules"]
    assert "nightly" == schedule["name"]
    assert "cron=30 2 * * *" in schedule["before"]
    assert "cron=31 2 * * *" in schedule["after"]
    assert "triggers.nightly.cron" in found["places"]
    assert found["is_unowned"]


def test_what_goes() -> None:
    """
    A workflow that goes reaches nothing, destroys nothing, and needs no owner.
    """
    found = told(plans(SHOP), {})

    assert ("removed", False) == (found["kind"], found["is_unowned"])
    assert [[], [], []] == [found[each] for each in ("hosts", "destroys", "lost_approvals")]
    assert (0, 61) == (found["worst_calls"], found["worst_calls_before"])


def test_an_approval_that_goes() -> None:
    """
    A step that asked people and is gone is told by its path.
    """
    found = told(
        plans(SHOP), edited(('approve: {by: ["group:ops"], expires: 1h}', "wait: {for: 1h}"))
    )

    assert ["ask"] == found["lost_approvals"]


ASK = "  ask: {approve: {by: ['group:a'], expires: 1h}}\n"
DESTROY = f"  x: {{{DELETE}}}\n"
BLOCK = "  b: {block: {steps: {ask: {approve: {by: ['group:a'], expires: 1h}}}}}\n"


def destroy(needs: str) -> str:
    return f"  x: {{{DELETE}, needs: {needs}}}\n"


@pytest.mark.parametrize(
    ("steps", "is_asked"),
    [
        (DESTROY, False),
        (ASK + DESTROY, False),
        (ASK + destroy("[ask]"), True),
        (ASK.replace("h}}", "h}, if: 1 > 2}") + destroy("[ask]"), False),
        (ASK.replace("1h", "1h, on_reject: continue") + destroy("[ask]"), False),
        (ASK + destroy("{ask: done}"), False),
        (BLOCK + destroy("[b]"), True),
        (ASK + "  n: {wait: {for: 1h}, needs: [ask]}\n" + destroy("[n]"), True),
        (ASK + "  n: {wait: {for: 1h}}\n" + destroy("[n, ask], join: any"), False),
        (destroy("[n]") + "  n: {wait: {for: 1h}, needs: [ask]}\n" + ASK, True),
    ],
)
def test_who_is_asked_before_something_is_destroyed(steps: str, is_asked: bool) -> None:
    """
    An approval counts if no run comes to the step without a yes.
    """
    (found,) = of_steps(steps)["destroys"]

    assert ("x", is_asked, False) == (found["name"], found["is_asked"], found["is_undo"])


def test_what_stands_within() -> None:
    """
    An approval before a block counts for all in it; what undoes is told to be no more than that.
    """
    put = 'uses: http.request@1, with: {method: PUT, url: "https://a.example"}'
    found = of_steps(
        f"{ASK}  b: {{needs: [ask], block: {{steps: {{x: {{{DELETE}}}}}}}}}\n"
        f"  p: {{{put}, compensate: {{{DELETE}}}}}\n"
        f"on_failure:\n  - {{match: {{type: http.status}}, {DELETE}}}"
    )["destroys"]

    assert [
        ("b.x", True, False),
        ("on_failure[1]", False, False),
        ("p.compensate", False, True),
    ] == sorted((each["name"], each["is_asked"], each["is_undo"]) for each in found)
    assert [6, 7, 9] == sorted(each["line"] for each in found)


def test_a_retry_that_may_do_harm() -> None:
    """
    A write that is tried again without a key is told, with the line it is written at.
    """
    post = 'uses: http.request@1, with: {method: POST, url: "https://a.example"}'
    steps = f"  x: {{{post}, retry: {{max_attempts: 3, unsafe: true}}}}\n  y: {{{post}}}"
    compiled = compile_files([File("a.yaml", "", f"{HEAD}steps:\n{steps}".encode())], catalogue())
    found = told({}, compiled.plans)["unsafe_retries"]

    known = {"name": "x", "operation": "http.request@1", "line": 5, "is_new": True, "attempts": 3}
    assert [known] == found
    again = compile_files(
        [File("a.yaml", "", f"{HEAD}title: b\nsteps:\n{steps}".encode())], catalogue()
    )
    assert [False] == [
        each["is_new"] for each in told(compiled.plans, again.plans)["unsafe_retries"]
    ]


def test_what_a_called_workflow_does() -> None:
    """
    A step of a workflow that is called counts for the caller; its line is of another file: 0.
    """
    files = [
        File("a.yaml", "", f"{HEAD}steps:\n  go: {{call: b}}".encode()),
        File(
            "b.yaml", "", f"{HEAD.replace('name: a', 'name: b')}steps:\n  x: {{{DELETE}}}".encode()
        ),
    ]
    compiled = compile_files(files, catalogue())
    assert {"a", "b"} == set(compiled.plans)
    changes = change.compare({}, compiled.plans, OPERATIONS)
    caller, called = facts.of_changes(changes, OPERATIONS, "", "")

    assert [("go.x", 0)] == [(e["name"], e["line"]) for e in caller["destroys"]]  # type: ignore[union-attr, index, call-overload]
    assert [("x", 5)] == [(e["name"], e["line"]) for e in called["destroys"]]  # type: ignore[union-attr, index, call-overload]


def test_the_whole_change() -> None:
    """
    Of the whole change, a rule hears what comes and goes, and who brings it.
    """
    changes = change.compare(
        plans(SHOP), plans(SHOP.replace("name: shop", "name: kiosk")), OPERATIONS
    )
    found = facts.of_whole(
        changes, "shop", "staging", Pull("dana", ("acme/pay",), True), ["policies/a.polar"]
    )

    assert set(WHOLE) == set(found)
    assert (["kiosk"], [], ["shop"], 2, 1) == (
        found["added"], found["changed"], found["removed"], found["count"], found["count_removed"],
    )  # fmt: skip
    assert (True, "dana", ["acme/pay"], True) == (
        found["is_pull"], found["author"], found["author_teams"], found["is_fork"],
    )  # fmt: skip
    assert ["policies/a.polar"] == found["policies"]
