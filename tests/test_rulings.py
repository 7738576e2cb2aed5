"""What policies say of a change, as a reviewer is told it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import rulings
from engine.core import change
from engine.core.facts import Catalogue
from engine.core.plan import Plan
from engine.core.review import Effect, Ruling, Rulings
from engine.core.review.facts import CHANGE, THING, WHOLE, Fact, Pull
from engine.operations import catalogue
from engine.rulings import Case
from engine.source import File, compile_files

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "review-policies.md"
OPERATIONS = Catalogue(catalogue())
PAY = """\
apiVersion: sark/v1
kind: Workflow
name: pay
secrets: [pay_key]
steps:
  charge:
    uses: http.request@1
    with:
      method: POST
      url: https://pay.example/charges
      auth: {bearer: "{{ secrets.pay_key }}"}
    retry: {max_attempts: 3, unsafe: true}
"""
RULE = 'rule("a", "What it is for.");\n'
TEAM = RULE + 'approval("a", change, "acme/pay", ["calls", one]) if one in change.new_hosts;'
WARN = RULE + 'warn("a", change, ["calls", one]) if one in change.new_hosts;'


ONE_MORE = 'deny("a", change, "x") if change.name = "w299";'


def plans(*texts: str) -> dict[str, Plan]:
    files = [File(f"{n}.yaml", "", text.encode()) for n, text in enumerate(texts)]
    return compile_files(files, catalogue()).plans


def case(old: Mapping[str, Plan], new: Mapping[str, Plan], pull: Pull | None = None) -> Case:
    return Case(change.compare(old, new, OPERATIONS), OPERATIONS, "shop", "production", pull)


def many(count: int) -> dict[str, Plan]:
    """Return workflows that differ by their names alone."""
    (plan,) = plans(PAY).values()
    return {f"w{n}": replace(plan, name=f"w{n}", digest=f"d{n}") for n in range(count)}


def policy(text: str) -> dict[str, bytes]:
    return {"policies/a.polar": text.encode()}


def judged(text: str) -> Rulings:
    return rulings.rulings(case({}, plans(PAY)), policy(text))


def table(facts: Mapping[str, Fact]) -> str:
    """Return facts as the reference shows them."""
    rows = ["| fact | is | says |", "| --- | --- | --- |"]
    for name, fact in facts.items():
        keys = f"; each has {', '.join(f'`{key}`' for key in fact.keys)}" if fact.keys else ""
        choices = f": {', '.join(f'`{each}`' for each in fact.choices)}" if fact.choices else ""
        rows.append(f"| `{name}` | {fact.shape}{choices} | {fact.meaning}{keys} |")
    return "\n".join(rows)


@pytest.mark.parametrize("facts", [CHANGE, WHOLE, THING], ids=["change", "whole", "things"])
def test_the_reference_lists_every_fact(facts: Mapping[str, Fact]) -> None:
    """
    Whoever writes a rule finds each fact in the reference, as it is.
    """
    assert f"\n\n{table(facts)}\n\n" in PAGE.read_text()


def test_the_policy_of_the_reference_judges() -> None:
    """
    The policy that the reference shows is one, and says what the page says.
    """
    (text,) = re.findall(r"```polar\n(.*?)```", PAGE.read_text(), re.DOTALL)
    told = judged(text)

    assert [
        Ruling(
            "prod-secrets-need-owner", Effect.APPROVAL, "reads the secret pay_key", "pay",
            team="acme/payments",
        )
    ] == list(told.rulings)  # fmt: skip
    assert ("prod-secrets-need-owner", "few-removals") == told.rules
    assert ("few-removals",) == told.silent


@pytest.mark.parametrize(("about", "facts"), [("change", CHANGE), ("whole", WHOLE)])
def test_every_fact_can_be_asked_for(about: str, facts: Mapping[str, Fact]) -> None:
    """
    Each fact, and each key of a thing, is a word that a rule may write.
    """
    word = "rule" if about == "change" else "whole_rule"
    asked = [f"_x{n} = {about}.{name}" for n, name in enumerate(facts)]
    asked += [
        f"forall(_y{n} in {about}.{name}, _z{n} = _y{n}.{key})"
        for n, (name, key) in enumerate((name, key) for name in facts for key in facts[name].keys)
    ]
    text = f'{word}("a", "x");\nwarn("a", {about}, "x") if {" and ".join(asked)};'
    told = judged(text)

    assert ["x"] == [each.reason for each in told.rulings]


def test_what_is_built_in_warns() -> None:
    """
    A source without policies is told what is worth a look, and where.
    """
    told = rulings.rulings(case({}, plans(PAY)), {})

    assert {Effect.WARN} == {each.effect for each in told.rulings}
    assert ["new-host", "new-secret", "owner", "unsafe-retry"] == [e.rule for e in told.rulings]
    assert [
        "calls pay.example, which no workflow has called before",
        "reads the secret pay_key, which no workflow has read before",
        "has no owner: write `owners: [...]`",
        "tries step charge again, which may do harm twice",
    ] == [each.reason for each in told.rulings]
    assert [("", 0), ("", 0), ("", 0), ("0.yaml", 6)] == [(e.file, e.line) for e in told.rulings]


def test_a_file_without_rules_turns_off_what_is_built_in() -> None:
    """
    A source's own policies, even if there is no rule in them, are all that judges.
    """
    assert Rulings() == judged("# Nothing is asked of us.\n")


def test_the_worst_comes_first() -> None:
    """
    What forbids stands above what warns, whatever the order of the rules.
    """
    told = judged(
        WARN + 'rule("b", "x"); deny("b", change, "no") if change.is_unowned;'
        'rule("c", "x"); allow("c", change, ["may", change.worst_calls, change.is_fork]) if'
        ' change.kind = "added";'
    )

    assert [("b", "no"), ("a", "calls pay.example"), ("c", "may 3 false")] == [
        (each.rule, each.reason) for each in told.rulings
    ]
    assert ("c",) == told.silent


def test_names_of_others_are_shown_and_not_obeyed() -> None:
    """
    A hostile name in a reason is one line of visible letters, and no longer than is read.
    """
    told = judged(
        RULE + 'deny("a", change, ["a\\u{202e}", "' + "x" * 600 + '"]) if change.is_unowned;'
    )
    case_ = case({}, plans(PAY.replace("pay.example/charges", "pay.example/{{ run.id }}")))
    reason = rulings.rulings(case_, policy(WARN)).rulings[0].reason

    assert 500 >= len(told.rulings[0].reason)
    assert told.rulings[0].reason.endswith("…")
    assert "calls pay.example" == reason


def test_facts_of_the_pull_request() -> None:
    """
    A rule may ask who has opened it, and whether it comes from a fork.
    """
    text = RULE + (
        'deny("a", change, [change.author, "is a stranger"]) if\n'
        '  change.is_fork and not "acme/pay" in change.author_teams;'
    )
    whose = [Pull("eve", (), True), Pull("dana", ("acme/pay",), True), None]
    told = [rulings.rulings(case({}, plans(PAY), each), policy(text)).rulings for each in whose]

    assert [1, 0, 0] == [len(each) for each in told]
    assert "eve is a stranger" == told[0][0].reason


FAULTS = {
    "fact": (RULE + 'deny("a", change, "x") if change.ownr = [];', 2, 'did you mean "owners"?'),
    "polar": (RULE + 'deny("a", change, "x") if and;', 2, "did not expect to find the token"),
    "typo": (RULE + "deny(\"a\", change, 'x');", 2, "is not a valid character"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_policies_that_cannot_be_used_deny(name: str) -> None:
    """
    A mistake in a policy is a denial that says where it is, and never a change let through.
    """
    text, line, word = FAULTS[name]
    told = judged(text).rulings

    assert [(Effect.DENY, "policies", "policies/a.polar", line)] == [
        (each.effect, each.rule, each.file, each.line) for each in told[:1]
    ]
    assert word in told[0].reason


def test_a_policy_that_is_no_text_denies() -> None:
    """
    Bytes that are no UTF-8 are found where they stand.
    """
    told = rulings.findings({"policies/a.polar": b"# a\n#  \xff"})

    assert [(2, 4, "policy-syntax")] == [(e.span.line, e.span.column, e.code) for e in told]


def test_columns_are_those_of_an_editor() -> None:
    """
    A column counts letters, though Oso counts bytes.
    """
    told = rulings.findings(policy(RULE + 'deny("a", change, "é€") if change.is_fork and or;'))

    assert [(2, 47)] == [(each.span.line, each.span.column) for each in told]


def test_a_rule_that_fails_denies_its_workflow() -> None:
    """
    A rule that loops denies what it was asked about, by its name, and hides nothing.
    """
    text = WARN + 'rule("b", "x"); deny("b", change, "x") if deny("b", change, "x");'
    told = judged(text).rulings

    assert [("policies", "pay", "the rule b failed: a rule does not come to an end")] == [
        (each.rule, each.workflow, each.reason) for each in told if each.effect is Effect.DENY
    ]
    assert ["a"] == [each.rule for each in told if each.effect is Effect.WARN]


def test_a_change_of_policies_tells_what_it_turns() -> None:
    """
    The policies of the base judge; what those of the pull request would decide is told beside.
    """
    live = plans(PAY.replace("name: pay", "name: live"))
    told = rulings.rulings(case({}, plans(PAY)), policy(TEAM), policy(WARN), live)

    assert [Effect.APPROVAL] == [each.effect for each in told.rulings]
    assert (
        "pay: needs approval (a: acme/pay) -> warn (a)",
        "live, if it were new: needs approval (a: acme/pay) -> warn (a)",
    ) == told.flips


def test_a_large_source_is_asked_about_until_enough_is_known() -> None:
    """
    Where more flips than are told, the rest of what is live is not asked about, and is counted.
    """
    live = many(500)
    told = rulings.rulings(case({}, {}), policy("# none"), policy(WARN), live).flips
    few = rulings.rulings(case({}, {}), policy(WARN), policy(WARN + ONE_MORE), live).flips

    assert 21 == len(told)
    assert "and 180 more; 300 live workflows were not asked about" == told[-1]
    assert ("w299, if it were new: warn (a) -> deny (a)",) == few


def test_what_a_change_of_policies_does_not_touch_is_not_asked() -> None:
    """
    Words about a rule, and rules of the whole change, flip nothing: no workflow is looked at.
    """
    head = WARN.replace("What it is for", "What for") + 'whole_rule("w", "x");warn("w", _whole, 1);'
    told = rulings.rulings(case({}, {}), policy(WARN), policy(head), {"w": None})  # type: ignore[dict-item]

    assert ("the whole change: ok -> warn (w)",) == told.flips


@pytest.mark.parametrize("number", ["0.5", "-3", "1.0e3", "1.0e-3", "1e+3"])
def test_a_flip_is_told_however_a_number_is_written(
    monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    """
    What a rule compares with hides no workflow of which it decides otherwise.
    """
    monkeypatch.setattr(rulings, "_FIRST", 0)
    text = RULE + f'deny("a", change, "x") if change.worst_calls = {number} and change.name = '
    told = rulings.rulings(
        case({}, {}), policy(text + '"no";'), policy(text + '"no"; deny("a", change, "x") if '
        'change.name = "w4";'), many(6),
    ).flips  # fmt: skip

    assert ("w4, if it were new: ok -> deny (a)",) == told


def test_rules_that_take_too_long_on_both_sides_hide_no_flip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Where neither policies could be asked about all of what is live, that they say so alike does
    not pass for the same.
    """
    monkeypatch.setattr(rulings, "_FIRST", 0)
    unasked = Rulings((Ruling(rulings.FAILED, Effect.DENY, "they take too long", ""),))
    whole = rulings.judged

    def judged(case: Case, sources: Mapping[str, bytes], *told: Any, **how: Any) -> Rulings:
        is_slice = "policies/differing.polar" in sources
        return unasked if is_slice else whole(case, sources, *told, **how)

    monkeypatch.setattr(rulings, "judged", judged)
    told = rulings.rulings(case({}, {}), policy(WARN), policy(WARN + ONE_MORE), many(300)).flips

    assert ("w299, if it were new: warn (a) -> deny (a)",) == told


def test_live_workflows_that_policies_cannot_be_asked_about_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Where the policies of a change end the process that asks them, a review does not keep silent.
    """
    monkeypatch.setattr(rulings, "_FIRST", 0)
    lists = " and ".join(f"x{n + 1} = [x{n}, x{n}]" for n in range(40))
    head = WARN + f'deny("a", change, x40) if change.kind = "added" and x0 = [1] and {lists};'
    told = rulings.rulings(case({}, {}), policy(WARN), policy(head), many(5)).flips

    assert [f"w{n}, if it were new: warn (a) -> deny (policies)" for n in range(4)] == [*told[1:5]]
    assert told[0].endswith("if it were new: ok -> deny (policies)")


def test_flips_are_bounded_and_say_what_is_wrong() -> None:
    """
    A hundred flips are twenty and a number; policies that cannot be used are told as such.
    """
    live = plans(*(PAY.replace("name: pay", f"name: live-{n}") for n in range(100)))
    many = rulings.rulings(case({}, plans(PAY)), policy(TEAM), policy("# none"), live).flips
    none = rulings.rulings(case({}, plans(PAY)), policy(TEAM), policy("x"), live).flips
    same = rulings.rulings(case({}, plans(PAY)), policy(TEAM), policy(TEAM), live).flips
    gone = rulings.rulings(case({}, plans(PAY)), policy(TEAM), {}, live).flips

    assert (21, "and 81 more") == (len(many), many[-1])
    assert "pay: needs approval (a: acme/pay) -> ok" == many[0]
    assert ["with the policies of this change: policies/a.polar:1: "] == [e[:54] for e in none]
    assert () == same
    assert "new-secret" in gone[0]


def test_a_rule_may_watch_over_policies() -> None:
    """
    A change of policies alone is judged, too.
    """
    text = (
        'whole_rule("a", "x");\n'
        'approval("a", whole, "acme/sec", ["changes", one]) if one in whole.policies;'
    )
    told = rulings.rulings(case({}, {}), policy(text), policy("# none"))

    assert ["changes policies/a.polar"] == [each.reason for each in told.rulings]
    assert ("the whole change: needs approval (a: acme/sec) -> ok",) == told.flips
