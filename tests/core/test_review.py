"""A review: what it is made of, and how it is told in a terminal and to programs."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import review
from engine.core.diagnostic import Diagnostic, Edit, Severity, Span
from engine.core.review import (
    Annotation,
    Conclusion,
    Effect,
    Guard,
    Head,
    Impact,
    Links,
    Ruling,
    Rulings,
    as_text,
)
from tests.core.reviews import BASE, HEAD, finding, named, reviewed, three
from tests.core.test_change import NOW, SHOP, plans

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "review.schema.json").read_text())
OWNER = Ruling("secrets-need-owner", Effect.APPROVAL, "it reads a secret", "other",
               team="acme/payments")  # fmt: skip
KEY = Ruling("retry-needs-key", Effect.WARN, "it could pay twice", "shop", "shop.yaml", 9)
RULES = ("hosts-are-known", "never", "retry-needs-key", "secrets-need-owner")


def workflow(name: str, rest: str) -> str:
    return f"apiVersion: sark/v1\nkind: Workflow\nname: {name}\n{rest}"


def test_a_terminal_shows_what_changes():
    """
    Where it is compared, workflow by workflow what changes, and the sum of it stand in the text.
    """
    told = as_text(replace(three(), seconds=0.21), NOW).splitlines()

    assert [
        "Source   acme-workflows/prod   root workflows/",
        "Compare  9f31c02 (main)  ->  a41be77 (topic)",
        "Checked  3 specs, 3 changed, 0.21 s",
        "",
        "  - old                                workflows/shop.yaml",
    ] == told[:5]
    assert "      in flight  offline" in told
    assert f"Plan {three().digest[:8]}: 1 to add, 1 to change, 1 to remove." == told[-2]
    assert "Nothing was changed. Merge a pull request to apply it." == told[-1]


def test_a_terminal_shows_what_is_said_of_a_change():
    """
    Policies, runs in flight, callers and other pull requests are told, each on a line.
    """
    rulings = Rulings((OWNER, KEY, Ruling("never", Effect.DENY, "no", file="a.yaml"),
                       replace(OWNER, approved_by="ada")), RULES, ("a flip",))  # fmt: skip
    whole = replace(
        three(), source="acme", environment="prod", rulings=rulings, guard=Guard(6, 20),
        impact={"shop": Impact({BASE.commit: 2}, (479,))}, callers=(("shop", "report"),),
        what_if=("run 7 would fail",), head=Head(review.WORK_TREE),
    )  # fmt: skip
    told = as_text(whole, NOW)

    assert told.startswith("Source   acme/prod   root workflows/\n")
    known = as_text(replace(whole, touched=frozenset("abc")), NOW)
    assert "  ->  working tree (3 files)\n" in known
    assert "  ->  working tree\nChecked  3 specs, 3 changed, 4 policy rules\n" in told
    assert "      in flight  2 runs stay on 9f31c02\n" in told
    assert "      in flight  none\n" in told
    assert (
        "Policy\n"
        "  denied     never                        workflows/a.yaml:1  no\n"
        "  approval   secrets-need-owner           acme/payments  other  it reads a secret\n"
        "  approved   secrets-need-owner           by ada  other  it reads a secret\n"
        "  warning    retry-needs-key              shop  workflows/shop.yaml:9  "
        "it could pay twice\n"
        "  ok         1 rule\n"
        "  flips      a flip\n"
    ) in told
    assert "Caller   report does not change, and has to do with shop\n" in told
    assert "Open     #479 touches shop, too\n" in told
    assert "What if  run 7 would fail\n" in told
    assert "to remove. 1 denied, 1 approval needed, 1 warning.\n" in told
    assert "It removes 6 of 20 workflows: the merge commit must say Sark-Prune: 6\n" in told
    assert told.endswith("Commit and open a pull request to apply it.\n")


def test_a_terminal_shows_that_there_is_no_plan():
    """
    Errors and no change at all are each said in a line.
    """
    broken = reviewed(named("shop"), named("shop"), finding())
    same = replace(reviewed(named("shop"), named("shop")), source="", root=".")

    assert "1 error in 1 file. 9f31c02 would stay active.\n" == as_text(broken, NOW)[-46:]
    known = replace(broken, touched=frozenset({"shop.yaml", "other.yaml"}))
    assert "\n1 error in 1 of 2 changed files. 9f31" in f"\n{as_text(known, NOW)}"
    assert "No workflow changes: the compiled result is that of 9f31c02.\n" in as_text(same, NOW)
    assert as_text(same, NOW).startswith("Source   prod   root .\n")


@pytest.mark.parametrize(
    ("rulings", "changes", "expected"),
    [
        ((), {}, Conclusion.SUCCESS),
        ((KEY,), {}, Conclusion.SUCCESS),
        ((OWNER,), {}, Conclusion.ACTION_REQUIRED),
        ((replace(OWNER, approved_by="ada"),), {}, Conclusion.SUCCESS),
        ((Ruling("never", Effect.DENY, ""),), {}, Conclusion.FAILURE),
        ((), {"guard": Guard(6, 20)}, Conclusion.ACTION_REQUIRED),
        ((), {"findings": (finding(),)}, Conclusion.FAILURE),
        ((), {"changes": ()}, Conclusion.NEUTRAL),
        ((OWNER,), {"is_draft": True}, Conclusion.NEUTRAL),
    ],
)
def test_how_it_ends(rulings: tuple[Ruling, ...], changes: dict[str, object], expected: Conclusion):
    """
    Errors and denials fail a check; an approval or a confirmation is waited for; a draft and a
    change that is none are neither good nor bad.
    """
    made = replace(three(), rulings=Rulings(rulings, RULES), **changes)  # type: ignore[arg-type]

    assert expected is made.conclusion


def test_programs_get_all_of_it():
    """
    The JSON is what its published schema says, with and without what is optional.
    """
    edit = Edit(Span("shop.yaml", 1, 1), "a")
    whole = replace(
        three(), rulings=Rulings((OWNER, KEY), RULES, ("flip",)), guard=Guard(6, 20), pull=3,
        impact={"shop": Impact({BASE.commit: 1}, (4,))}, callers=(("shop", "report"),),
        findings=(replace(finding(), fix=edit), finding()), what_if=("x",),
    )  # fmt: skip
    bare = reviewed({}, {}, head=Head(review.WORK_TREE))

    for each in (whole, bare):
        told = json.loads(json.dumps(review.as_json(each, NOW)))
        jsonschema.Draft202012Validator(SCHEMA).validate(told)
        assert set(SCHEMA["properties"]) == set(told)
    assert whole.digest == review.as_json(whole, NOW)["plan"]


def test_lines_are_annotated_the_worst_first():
    """
    Errors, warnings of what changes, and what policies say of a line are shown where they are,
    files told from the repository's top; 200 at most.
    """
    warned = Diagnostic("w", "warned", Span("shop.yaml", 2, 1), Severity.WARNING,
                        fix=Edit(Span("shop.yaml", 2, 1), "x"))  # fmt: skip
    elsewhere = Diagnostic("w", "warned", Span("same.yaml", 2, 1), Severity.WARNING)
    error = Diagnostic("e", "wrong", Span("z.yaml", 7, 1), hint="mend it")
    owner = replace(OWNER, file="shop.yaml")
    fine = Ruling("fine", Effect.ALLOW, "as it should be", file="shop.yaml", line=3)
    made = replace(
        three(), findings=(warned, elsewhere, error), rulings=Rulings((fine, KEY, owner), RULES)
    )

    assert [
        Annotation("workflows/z.yaml", 7, "failure", "e", "wrong\nmend it"),
        Annotation("workflows/shop.yaml", 1, "warning", "secrets-need-owner",
                   "it reads a secret\nacme/payments must approve"),
        Annotation("workflows/shop.yaml", 2, "warning", "w", "warned"),
        Annotation("workflows/shop.yaml", 9, "warning", "retry-needs-key", "it could pay twice"),
        Annotation("workflows/shop.yaml", 3, "notice", "fine", "as it should be"),
    ] == list(review.annotations(made))  # fmt: skip
    many = replace(made, findings=(error,) * 300)
    assert 200 == len(review.annotations(many))


def test_a_broken_file_takes_nothing_away():
    """
    A workflow whose file has an error now is not told as removed; one that is gone is.
    """
    old = {**named("shop"), **{n: replace(p, file="b.yaml") for n, p in named("kept").items()},
           **{n: replace(p, file="c.yaml") for n, p in named("gone").items()}}  # fmt: skip
    made = reviewed(old, named("shop"), finding("b.yaml"))

    assert ["gone"] == [each.name for each in made.changes]


def test_callers_are_told():
    """
    Who starts, follows or hears a workflow that changes is told, though it does not change; who
    calls it changes with it.
    """
    say = "steps:\n  say: {uses: echo.say@1, with: {message: hi}}\n"
    sold = "steps:\n  tell: {emit: {type: shop.sold, data: {n: 1}}}\n"
    same = (
        workflow("starts", "steps:\n  go: {call: shop, detach: true}\n") + "---\n"
        + workflow("calls", "steps:\n  go: {call: shop}\n") + "---\n"
        + workflow("follows", "triggers: {t: {type: workflow, workflow: shop}}\n" + say) + "---\n"
        + workflow("hears", "triggers: {t: {type: event, event: shop.sold}}\n" + say) + "---\n"
        + workflow("waits", "steps:\n  w: {await: {event: shop.sold, within: 1h}}\n") + "---\n"
        + workflow("alone", "triggers: {t: {type: api}}\n" + say)
    )  # fmt: skip
    old = plans(workflow("shop", sold) + "---\n" + same)
    new = plans(workflow("shop", say) + "---\n" + same)
    made = reviewed(old, new)

    assert ["calls", "shop"] == [each.name for each in made.changes]
    assert ["follows", "hears", "starts", "waits"] == [
        caller for name, caller in made.callers if name == "shop"
    ]
    assert [("calls", "hears"), ("calls", "waits")] == [
        each for each in made.callers if each[0] == "calls"
    ]
    assert () == reviewed(old, old).callers


@given(st.integers(0, 60), st.integers(0, 60), st.frozensets(st.integers(0, 60)))
def test_many_removals_must_be_confirmed(before: int, gone: int, confirmed: frozenset[int]):
    """
    More than five workflows gone, and more than a fifth, need the very count in words.
    """
    gone = min(before, gone)
    names = [f"w{n}" for n in range(before)]
    held = review.guard({*names}, {*names[gone:]}, confirmed)

    is_held = gone > 5 and gone * 5 > before and gone not in confirmed
    assert (Guard(gone, before) if is_held else None) == held


def test_a_guard_is_part_of_a_review():
    """
    A change that removes six of six workflows is held until somebody says so.
    """
    six = {f"w{n}": plan for n in range(6) for plan in plans(SHOP).values()}
    left = {f"w{n}": plan for n in range(5) for plan in plans(SHOP).values()}

    assert Guard(6, 6) == reviewed(six, {}).guard
    assert None is reviewed(left, {}).guard


def test_links_lead_to_the_forge_and_the_server():
    """
    A file is linked at its commit and line, a plan by its name; what has no address is not linked.
    """
    links = Links("https://gitlab.example/a/b", "https://sark.example", "-/blob")

    assert "https://gitlab.example/a/b/-/blob/ab/x%20y.yaml#L3" == links.file("ab", "x y.yaml", 3)
    assert "https://gitlab.example/a/b/-/blob/ab/x.yaml" == links.file("ab", "x.yaml")
    assert "https://sark.example/plans/0123abcd" == links.plan("0123abcdef")
    assert ("", "", "") == (links.file("", "x"), Links("").file("ab", "x"), Links("").plan("ab"))
    assert "workflows/shop.yaml" == three().path("shop.yaml")
    assert HEAD.commit == three().head.commit
