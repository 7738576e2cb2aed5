"""Rules that are asked once for texts that they do not tell apart."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.review import judge
from policies.review.asking import Asking

RULE = 'rule("a", "What a is for.");\n'
HELPERS = 'ours("pay"); ours("pay-1"); both("pay", "x.yaml"); both("shop", _);\n'
SLOW = "slow(0); slow(n) if n > 0 and m = n - 1 and slow(m);\n"
NAMES = ["", "pay", "pay-1", "payment", "shop", "x.yaml", "\u202e", 'a"b']
FACTS: list[dict[str, Any]] = [
    {"name": name, "file": file, "kind": kind, "owners": [name, "dana"], "count": 3}
    for name in NAMES for file in ("x.yaml", name) for kind in ("added", "pay")
]  # fmt: skip


def alike(text: str, facts: list[dict[str, Any]] = FACTS) -> None:
    """Assert that rules say the same of texts that are hidden as of those that are told."""
    asking = Asking({"a.polar": text}, frozenset({"name", "file"}))
    for each in facts:
        said, failed = asking.answer(each, is_whole=False)
        plain, failed_plain = Asking({"a.polar": text}).answer(each, is_whole=False)
        assert sorted(map(repr, plain)) == sorted(map(repr, said)), (text, each)
        if failed:
            assert failed_plain


def test_ten_thousand_names_cost_as_many_questions_as_rules_tell_apart() -> None:
    """
    A rule that looks at the name, and is slow, is asked about what it asks of names, and of every
    workflow it is told what it says of that very one.
    """
    text = RULE + SLOW + (
        'warn("a", change, ["is", change.name]) if slow(100) and change.name.startswith("w99");'
    )  # fmt: skip
    told = judge({"a.polar": text}, [{"name": f"w{n}", "kind": "added"} for n in range(10_000)])

    assert () == told.failed
    assert [["is", name] for name in (f"w{n}" for n in range(10_000)) if name[:3] == "w99"] == [
        each.reason for each in told.said
    ]


def test_few_names_are_told_as_they_are() -> None:
    """
    What a rule may do with a text beside asking it, it does with the names of a small change.
    """
    text = RULE + 'warn("a", change, [letter]) if letter in change.name;'
    told = judge({"a.polar": text}, [{"name": "ab"}, {"name": "c"}])

    assert [["a"], ["b"], ["c"]] == [each.reason for each in told.said]


@pytest.mark.parametrize("condition", [
    'change.name = "pay"', '"pay" = change.name', 'change.name == "pay"', 'change.name != "pay"',
    'not change.name = "pay"', 'change.name.startswith("pay")', '"pay-1".endswith(change.name)',
    'change.name in ["pay", "shop"]', "change.name in change.owners", '"pay" in change.owners',
    'not change.name in ["pay", "shop"]', "change.name = change.file", "change.name != change.file",
    "change.name = change.kind", "change.kind == change.file", "change.name.endswith(change.file)",
    "ours(change.name)", "not ours(change.name)", "both(change.name, change.file)",
    '[change.name, 1] = ["pay", 1]', '["pay"] in [[change.name]]', "x = change.name and ours(x)",
    'forall(one in ["p", "pa"], change.name.startswith(one))', "change.name in change.name",
    'change.name < "q"', "change.name > 3", "change.name = 3", 'change.name != 3',
    '[change.name] == ["pay"]', "change == change", "change.name.format(change.name)",
    'letter in change.name and letter = "y"', "change.name = true", "change.name",
    'change.name = ["pay"]', 'change.nothing = "pay"', "not (not ours(change.name))",
    "n = change.count and n > 2 and ours(change.name)", 'change.name + "a" = "paya"',
    "change.name.name = change.name", "ours(change.name) or ours(change.file)",
])  # fmt: skip
def test_what_is_hidden_changes_no_answer(condition: str) -> None:
    """
    Whatever a rule asks of a name, it says of each workflow what it says when asked of it alone.
    """
    alike(
        RULE + HELPERS + 'deny("a", change, ["x", change.name, change]) if ours("pay") and '
        f'both("shop", "") and ({condition});'
    )  # fmt: skip


ATOMS = st.builds(
    str.format,
    st.sampled_from([
        '{0} = "{2}"', '{0} == "{2}"', '{0} != "{2}"', '{0}.startswith("{2}")',
        '"{2}".endswith({0})', '{0} in ["{2}", "{3}"]', "ours({0})", "both({0}, {1})",
        "{0} = {1}", "{0} in change.owners", '{0} < "{2}"', "[{0}, {1}] = [{1}, {0}]",
        '{0} in [{1}, "{2}"]', '{0} = change.kind',
    ]),
    st.sampled_from(["change.name", "change.file"]),
    st.sampled_from(["change.name", "change.file", '"pay"']),
    st.sampled_from(["p", "pay", "pay-1", "shop", ""]),
    st.sampled_from(["shop", "x.yaml"]),
)  # fmt: skip
CONDITIONS = st.recursive(
    ATOMS,
    lambda each: st.one_of(
        st.builds("not ({})".format, each),
        st.builds("({} and {})".format, each, each),
        st.builds("({} or {})".format, each, each),
    ),
    max_leaves=6,
)


@given(CONDITIONS, CONDITIONS, st.lists(st.sampled_from(FACTS), min_size=12, max_size=12))
def test_whatever_rules_are_made_of_what_is_hidden_changes_no_answer(
    one: str, other: str, facts: list[dict[str, Any]]
) -> None:
    """
    As above, of rules that nobody has thought of.
    """
    alike(
        f'{RULE}{HELPERS}deny("a", change, [change.name, "x"]) if {one};'
        f'warn("a", change, change.file) if {other};'
        'warn("a", _change, "x") if ours("pay") and both("shop", "");',
        facts,
    )


def test_what_would_take_too_long_to_learn_is_answered_as_ever() -> None:
    """
    A rule with a list of hundreds of names asks more than is kept, and says what it always said.
    """
    names = ", ".join(f'"w{n}"' for n in range(0, 1_500, 3))
    facts: list[Mapping[str, Any]] = [{"name": f"w{n}"} for n in range(1_500)]
    told = judge({"a.polar": f'{RULE}warn("a", change, "x") if change.name in [{names}];'}, facts)

    assert ([*range(0, 1_500, 3)], ()) == ([each.at for each in told.said], told.failed)
