"""Which rules need to be asked about what is live, where a change brings other policies."""

import pytest

from engine.core.review import policy
from engine.core.review.slices import differing

A = 'rule("a", "What a is for.");\nwarn("a", change, "x") if is_hot(change);\n'
B = 'rule("b", "What b is for.");\ndeny("b", change, change.name) if change.worst_runs > 3;\n'
HOT = "is_hot(it) if it.is_fork and deeply(it);\n"
DEEP = 'deeply(it) if it.name.startswith("pay");\n'
WHOLE = 'whole_rule("w", "x");\nwarn("w", whole, "x") if whole.count > 3;\n'
BASE = A + B + HOT + DEEP + WHOLE


def sliced(old: str, new: str) -> tuple[str, str] | None:
    """Return what may decide otherwise of two texts; both are policies."""
    told = differing({"policies/a.polar": old}, {"policies/b.polar": new})
    if told is None:
        return None
    assert [[], []] == [policy.read(each).findings for each in told]
    one, other = ("".join(each.values()) for each in told)
    return one, other


@pytest.mark.parametrize("new", [
    BASE, BASE + "# a comment\n", BASE.replace("\n", "\n\n  "), WHOLE + BASE.replace(WHOLE, ""),
    BASE.replace("What a is for", "What it is for"), BASE.replace("count > 3", "count > 4"),
    BASE + "warned(1) if warned(1);\n", BASE + 'via_review("a");',
])  # fmt: skip
def test_rules_that_say_the_same_need_not_be_asked(new: str) -> None:
    """
    Comments, sentences and what is asked of the whole change flip nothing that is live.
    """
    assert sliced(BASE, new) is None


def test_a_rule_that_differs_is_asked_and_no_other() -> None:
    """
    Only what a rule that differs looks at needs to be known of what is live.
    """
    told = sliced(BASE, BASE.replace("worst_runs > 3", "worst_runs > 4"))

    assert told is not None
    assert ["> 3" in told[0], "> 4" in told[1]] == [True, True]
    assert {"name", "worst_runs"} == policy.asked([told[0]]) == policy.asked([told[1]])


@pytest.mark.parametrize("old", ["it.is_fork and", '"pay"'])
def test_a_rule_differs_where_what_it_asks_does(old: str) -> None:
    """
    A predicate that a rule asks is a part of it, and so is what that one asks.
    """
    told = sliced(BASE, BASE.replace(old, old.replace("is_fork", "is_pull").replace("pay", "p")))

    assert told is not None
    assert {"is_fork", "name"} <= policy.asked([told[0]])
    assert not any("worst_runs" in each for each in told)


def test_a_rule_that_comes_or_goes_differs() -> None:
    """
    A rule that one of the two has not says nothing there.
    """
    assert ("", 'rule ( "b" , ') == tuple(e[:13] for e in sliced(A + HOT + DEEP, BASE) or ())
    assert sliced(BASE, A + HOT + DEEP) == tuple(reversed(sliced(A + HOT + DEEP, BASE) or ()))


def test_a_rule_may_ask_what_others_say() -> None:
    """
    What a rule asks of others brings these with it, declared.
    """
    more = 'rule("c", "x");\nwarn("c", change, "y") if deny("b", change, _reason);\n'
    told = sliced(BASE, BASE + more)

    assert told is not None
    assert 'rule ( "b" , ' in told[1]
