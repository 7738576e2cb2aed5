"""What a change of specs means, told place by place."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import change
from engine.core.change import Change, Kind, Reach
from engine.core.facts import Catalogue
from engine.core.plan import Plan
from engine.operations import catalogue
from engine.source import File, compile_files

KNOWN = catalogue()
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
SHOP = """\
apiVersion: sark/v1
kind: Workflow
name: shop
inputs:
  order: {type: string}
triggers:
  nightly: {type: schedule, cron: "30 2 * * *", timezone: Europe/Oslo, with: {order: "7"}}
steps:
  pay:
    uses: http.request@1
    with: {method: PUT, url: "https://pay.example/orders/{{ inputs.order | urlencode }}"}
    retry: {max_attempts: 3}
    timeout: 30s
    outputs: {status: {from: status, type: integer}}
    compensate: {uses: http.request@1, with: {method: DELETE, url: "https://pay.example/o"}}
  ask: {approve: {by: ["group:ops"], expires: 1h}, needs: [pay]}
  told:
    needs: [ask]
    block:
      steps:
        say: {uses: echo.say@1, with: {message: "{{ inputs.order }}"}}
        more: {set: {n: {type: integer, value: 1}}}
  each:
    for_each: {over: "[1, 2]", as: n, max_items: 10, uses: echo.say@1, with: {message: "{{ n }}"}}
  which:
    switch:
      value: inputs.order
      cases: {a: {wait: {for: 1h}}, b: {emit: {type: shop.sold}}}
      else: {fail: {type: shop.no, message: which}}
  fall:
    uses: echo.say@1
    with: {message: "{{ steps.pay.outputs.status }}"}
    fallback: {outputs: {message: gone}}
on_failure:
  - match: {type: shop.no}
    emit: {type: shop.failed}
"""


def plans(text: str) -> dict[str, Plan]:
    """Return what a spec compiles to; it must be without an error."""
    compiled = compile_files([File("shop.yaml", "", text.encode())], KNOWN)
    assert [] == [each for each in compiled.diagnostics if each.severity == "error"]
    return compiled.plans


def compared(old: str, new: str) -> tuple[Change, ...]:
    return change.compare(plans(old), plans(new), Catalogue(KNOWN))


def listed(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the workflows that JSON tells of."""
    return list(told["workflows"])


def lines(*edits: tuple[str, str]) -> list[tuple[str, str, object, object]]:
    """Return what is told of a spec in which texts are put for others."""
    text = SHOP
    for was, now in edits:
        assert was in text
        text = text.replace(was, now, 1)
    (told,) = compared(SHOP, text)
    return [(each.kind.value, each.place, each.old, each.new) for each in told.lines]


TOLD: list[tuple[str, str, list[tuple[str, str, object, object]]]] = [
    ("max_attempts: 3", "max_attempts: 5", [
        ("changed", "steps.pay.retry.max_attempts", 3, 5),
        ("changed", "at worst, adapter calls", 61, 63),
    ]),
    ("timeout: 30s", "timeout: 2m", [("changed", "steps.pay.timeout.attempt", "30s", "2m")]),
    ('"30 2 * * *"', '"30 3 * * *"', [
        ("changed", "triggers.nightly.cron", "30 2 * * *", "30 3 * * *"),
    ]),
    ("by: [\"group:ops\"]", "by: [\"group:ops\", \"group:dev\"]", [
        ("changed", "steps.ask.approve.by", ["group:ops"], ["group:ops", "group:dev"]),
    ]),
    ("max_items: 10", "max_items: 20", [
        ("changed", "steps.each.for_each.max_items", 10, 20),
        ("changed", "at worst, adapter calls", 61, 101),
    ]),
    ("needs: [pay]}", "needs: []}", [("removed", "steps.ask.needs", ["pay: ok"], None)]),
    ("needs: [ask]\n", "needs: [ask, pay]\n", [
        ("changed", "steps.told.needs", ["ask: ok"], ["pay: ok", "ask: ok"]),
    ]),
    ("    fallback: {outputs: {message: gone}}\n", "", [
        ("removed", "steps.fall.fallback.outputs.message", "gone", None),
    ]),
    ("n: {type: integer, value: 1}", "n: {type: integer, value: 2}", [
        ("changed", "steps.told.more.set.n.value", 1, 2),
    ]),
    ("order: {type: string}", "order: {type: string, default: a}", [
        ("added", "inputs.order.default", None, "a"),
        ("removed", "inputs.order.required", True, None),
    ]),
    ("match: {type: shop.no}", "match: {type: shop.never}", [
        ("changed", "on_failure[1].type", "shop.no", "shop.never"),
    ]),
    ("a: {wait: {for: 1h}}", "a: {wait: {for: 2h}}", [
        ("changed", "steps.which[1].wait.duration", "1h", "2h"),
    ]),
    ("name: shop\n", "name: shop\ntitle: Sell\n", [("added", "title", None, "Sell")]),
    ('        say: {uses: echo.say@1, with: {message: "{{ inputs.order }}"}}\n', "", [
        ("removed", "steps.told.say", "echo.say@1", None),
        ("changed", "at worst, adapter calls", 61, 57),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("was", "now", "expected"), TOLD)
def test_a_change_is_told_by_its_place(
    was: str, now: str, expected: list[tuple[str, str, object, object]]
) -> None:
    """
    What an author changes is told under the names that he gave, with what it was and is.
    """
    told = [each for each in lines((was, now)) if not each[1].endswith(("duration", "at once"))
            or each[1].startswith("steps")]  # fmt: skip

    assert expected == told


def test_a_step_that_comes_or_goes_is_told_as_a_whole():
    """
    A block that is gone is one line, whatever was in it, and so is one that is new.
    """
    start, end = SHOP.index("  told:\n"), SHOP.index("  each:\n")
    block = SHOP[start:end]

    assert ("removed", "steps.told", "block", None) in lines((block, ""))
    (grown,) = compared(SHOP.replace(block, ""), SHOP)
    assert [("steps.told", "block")] == [
        (each.place, each.new) for each in grown.lines if each.kind is Kind.ADDED
    ]


@given(st.integers(0, len(SHOP.splitlines())), st.sampled_from(["# no\n", "\n", "   # why not\n"]))
def test_what_is_no_change_is_told_as_none(line: int, more: str):
    """
    Comments, empty lines and the file's name change no workflow.
    """
    written = SHOP.splitlines(keepends=True)
    text = "".join([*written[:line], more, *written[line:]])

    assert () == compared(SHOP, text)


def test_that_nothing_changes_is_said():
    """
    A reader is told that there is nothing to read.
    """
    assert "No workflow changes.\n" == change.as_text((), NOW)
    assert "no workflow changes" == change.summary(())


def test_the_order_of_steps_is_a_change_of_its_own():
    """
    What no place tells is still told: a plan that differs is never no change.
    """
    ask = SHOP[SHOP.index("  ask:") : SHOP.index("  told:")]
    moved = SHOP.replace(ask, "").replace("  pay:\n", f"{ask}  pay:\n", 1)
    (told,) = compared(SHOP, moved)

    assert ["plan"] == [each.place for each in told.lines]
    assert told.lines[0].old != told.lines[0].new


def test_what_is_newly_reached_stands_out():
    """
    A host, a secret, an event and a step that destroys are told; what other workflows have had is
    told apart from what none has.
    """
    text = SHOP.replace(
        "steps:\n  pay", "secrets: [other]\nsteps:\n"
        '  wipe: {uses: http.request@1, with: {method: DELETE, url: "https://old.example/{{'
        ' inputs.order | urlencode }}", auth: {bearer: "{{ secrets.other }}"}}}\n'
        "  hear: {await: {event: shop.paid, within: 1h}}\n"
        "  back: {await: {callback: {schema: {type: object}}, within: 1h}}\n  pay", 1
    )  # fmt: skip
    (told,) = compared(SHOP, text)
    other = SHOP.replace("name: shop", "name: other").replace("pay.example", "old.example")
    both = {**plans(SHOP), **plans(other)}
    (second,) = change.compare(both, {**both, **plans(text)}, Catalogue(KNOWN))

    assert (
        Reach(secrets=("other",), hosts=("old.example",), awaits=("shop.paid",), destroys=("wipe",))
        == told.gains
    )
    assert ("old.example",) == told.first.hosts
    assert () == second.first.hosts
    assert ("other",) == second.first.secrets
    assert Reach() == told.loses


HOSTS = [
    ("https://a.example/{{ inputs.order }}", "a.example"),
    ("https://a.example:8443/x", "a.example"),
    ("https://{{ inputs.order }}.example/x", "https://{{ inputs.order }}.example/x"),
    ("https://a.{{ inputs.order }}/x", "https://a.{{ inputs.order }}/x"),
    ("{{ secrets.dsn }}", "{{ secrets.dsn }}"),
    ("acme/shop", "acme/shop"),
    ("https://[x/", "https://[x/"),
]


@pytest.mark.parametrize(("address", "host"), HOSTS)
def test_a_host_is_told_as_far_as_it_is_known(address: str, host: str) -> None:
    """
    Where a run decides the host, its template is told and never half a name.
    """
    from engine.core.plan import Effect, Step, Uses
    from tests.core.runs import plan, scope

    call = Uses("http.request@1", {"url": address}, Effect.READ, True)
    unknown = Uses("no.such@1", {}, Effect.READ, True)
    other = Uses("http.request@1", {"url": 7}, Effect.READ, True)
    made = plan(scope(Step("a", call), Step("b", unknown), Step("c", other)))

    assert (host,) == change.reach(made, Catalogue(KNOWN)).hosts


def test_workflows_that_come_and_go_are_told_whole():
    """
    A new one is told with its steps, triggers and first starts, one that is gone with what that
    means; the text for people and the JSON say the same.
    """
    added = change.compare({}, plans(SHOP), Catalogue(KNOWN))
    removed = change.compare(plans(SHOP), {}, Catalogue(KNOWN))
    text = change.as_text(added, NOW)
    gone = change.as_text(removed, NOW)
    (told,) = listed(change.as_json(added, NOW))

    assert "  + shop                               shop.yaml\n" in text
    assert "steps      pay, each, which, ask, fall, told" in text
    assert "trigger    schedule 30 2 * * *  Europe/Oslo\n" in text
    assert "hosts      + pay.example  no workflow has had it before" in text
    assert "next       nightly: 2026-03-29T03:00:00+02:00, 2026-03-30T02:30:00+02:00" in text
    assert "1 added; change " in text
    assert "  - shop" in gone
    assert "its triggers stop; runs in flight go on" in gone
    assert ("added", None, []) == (told["kind"], told["old"], told["lines"])
    assert {"nightly"} == set(told["next"])
    assert Kind.REMOVED is removed[0].kind
    assert "shop.yaml" == removed[0].file


def test_a_change_has_a_name_that_commits_do_not_change():
    """
    The same change of the same plans is called the same, another one otherwise.
    """
    one = compared(SHOP, SHOP.replace("30s", "1m"))
    same = compared("# other\n" + SHOP, SHOP.replace("timeout: 30s", "timeout: 1m # more"))
    other = compared(SHOP, SHOP.replace("30s", "2m"))

    assert change.digest(one) == change.digest(same) != change.digest(other)


def test_a_called_workflow_that_changes_is_told_where_it_is_called():
    """
    Of a workflow that is called the caller tells that it changed, and not once more how.
    """
    head = "apiVersion: sark/v1\nkind: Workflow\nname: "
    callee = f"{head}in\nsteps:\n  a: {{set: {{n: {{type: integer, value: 1}}}}}}\n"
    caller = f"---\n{head}out\nsteps:\n  b: {{call: in}}\n"
    inner, outer = compared(callee + caller, callee.replace("value: 1", "value: 2") + caller)

    assert ["steps.a.set.n.value"] == [each.place for each in inner.lines]
    assert ["steps.b.call.plan"] == [each.place for each in outer.lines]
    assert ("in",) == change.reach(plans(callee + caller)["out"], Catalogue(KNOWN)).workflows


def test_long_changes_are_cut_for_people_alone():
    """
    At most 200 lines of a workflow and 60 characters of a value are shown; JSON has all of it.
    """
    many = "".join(f"  s{n}: {{set: {{n: {{type: integer, value: 0}}}}}}\n" for n in range(250))
    head = "apiVersion: sark/v1\nkind: Workflow\nname: long\nsteps:\n"
    changes = compared(head + many, head + many.replace("value: 0", "value: 1"))
    wide = compared(SHOP, SHOP.replace("type: shop.sold", "type: " + "shop." + "x" * 90))
    whole = change.as_text(change.compare({}, plans(head + many), Catalogue(KNOWN)), NOW)
    titled = change.as_text(compared(SHOP, SHOP.replace("inputs:", "title: Sell\ninputs:")), NOW)

    assert "and 50 more; --json has them all" in change.as_text(changes, NOW)
    assert 250 == len(listed(change.as_json(changes, NOW))[0]["lines"])
    assert "x…" in change.as_text(wide, NOW)
    assert "s11, and 238 more" in whole
    assert "    + title                            Sell\n" in titled
