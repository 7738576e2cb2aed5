"""The tests that authors write for policies, and the policies that the project shows."""

import re
from collections.abc import Iterable
from pathlib import Path

from engine.cli.folder import Beside
from engine.cli.policies import below
from engine.cli.policing import Policies, Result, Written, said
from engine.core import document, spec
from engine.core.reader import read
from engine.operations import catalogue

ROOT = Path(__file__).parents[1]
HOW_TO = ROOT / "docs" / "how-to" / "write-review-policies.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
POLICY = 'rule("owned", "x."); deny("owned", change, "has no owner") if change.is_unowned;'
SPEC = """\
  apiVersion: sark/v1
  kind: Workflow
  name: a
  steps: {say: {uses: echo.say@1, with: {message: hi}}}
"""


def written_of(text: str) -> list[Written]:
    documents, found = document.load(text.encode(), "tests.yaml")
    models = [(each, read(each)) for each in documents]
    assert [] == [*found, *(finding for _, (_, told) in models for finding in told)]
    return [Written(each, one) for each, (one, _) in models if isinstance(one, spec.PolicyTest)]


def tried(policy: str, text: str, root: Path = ROOT) -> list[Result]:
    policies = Policies({"policies/a.polar": policy.encode()}, catalogue(), Beside(root))
    return [policies.judge(each) for each in written_of(text)]


def messages(results: Iterable[Result]) -> list[str]:
    return [each.message for result in results for each in result.findings]


def test_each_rule_of_the_how_to_says_what_the_page_shows() -> None:
    """
    Whoever copies a rule and its test from the page sees the very ruling that stands below.
    """
    blocks = BLOCK.findall(HOW_TO.read_text())
    policy = "\n".join(text for named, text in blocks if named == "polar")
    shown = [text.strip() for named, text in blocks if named == "text"]
    tests = "---\n".join(text for named, text in blocks if named == "yaml")
    policies = Policies({"policies/a.polar": policy.encode()}, catalogue(), Beside(ROOT))
    results = [policies.judge(each) for each in written_of(tests)]

    assert [] == messages(results)
    assert shown == ["\n".join(map(said, each.rulings.rulings)) for each in results]
    assert [] == policies.silent


def test_the_policies_of_the_specs_pass_their_tests() -> None:
    """
    Each rule that the project shows speaks in a test, and says nothing else.
    """
    policies = Policies(below(ROOT / "specs"), catalogue(), Beside(ROOT / "specs"))
    results = [
        policies.judge(each)
        for each in written_of((ROOT / "specs/tests/policies.yaml").read_text())
    ]

    assert [] == messages(results)
    assert (9, []) == (len(policies.rules), policies.silent)


def test_what_fails_is_told_beside_the_facts() -> None:
    """
    A ruling that is missing, one that nobody expected, and a rule that does not exist are told.
    """
    head = f"apiVersion: sark/v1\nkind: PolicyTest\nname: a\nafter: |\n{SPEC}expect:"
    (nobody,) = tried(POLICY, f"{head} []\n")
    (other,) = tried(POLICY, f"{head}\n  - {{rule: owned, effect: warn}}\n")
    (unknown,) = tried(POLICY, f"{head}\n  - {{rule: ownd, effect: deny}}\n")

    assert ["nobody expected: a: deny by owned: has no owner"] == messages([nobody])
    assert "owned did not say what is expected" == messages([other])[0]
    assert "it said: a: deny by owned: has no owner" == other.findings[0].hint
    assert 'did you mean "owned"?' == unknown.findings[0].hint
    assert not nobody.has_passed
    lines = list(nobody.lines())
    assert lines[0] == "  facts of a"
    assert any(each.split() == ["is_unowned", "true"] for each in lines)
    assert "  said: a: deny by owned: has no owner" == lines[-1]


def test_specs_of_a_test_that_do_not_compile() -> None:
    """
    A mistake in the specs of a test is told with its line there; so is a file that is not there.
    """
    head = "apiVersion: sark/v1\nkind: PolicyTest\nname: a\nexpect: []\n"
    wrong = tried(POLICY, f"{head}after: |\n{SPEC.replace('steps', 'stebs')}")
    missing = tried(POLICY, f"{head}before: {{file: nowhere.yaml}}\n")

    assert messages(wrong)[0].startswith("`after` does not compile; line 4: ")
    assert ["there is no file 'nowhere.yaml'"] == messages(missing)


def test_policies_that_cannot_be_used_fail_every_test() -> None:
    """
    A policy with a mistake denies in its tests as it does in a review.
    """
    head = f"apiVersion: sark/v1\nkind: PolicyTest\nname: a\nafter: |\n{SPEC}expect: []\n"
    told = messages(tried(POLICY.replace("is_unowned", "is_unownd"), head))

    assert [
        "nobody expected: the whole change: deny by policies: the policies cannot be used: "
        '`change` has no fact `is_unownd` (did you mean "is_unowned"?) (line 1)'
    ] == told
