"""Rules that are asked about a change: what they say, and what they cannot do."""

from typing import Any

import pytest

from policies.review import Judged, built_in, judge

RULE = 'rule("a", "What a is for.");\n'
OTHER = RULE + 'rule("b", "What b is for."); warn("b", change, change.name);\n'
SHOP: dict[str, object] = {"name": "shop", "kind": "added", "new_secrets": ["pay"], "count": 3}
BANK: dict[str, object] = {**SHOP, "name": "bank", "new_secrets": ['a"b\n\\ \0 \u202e;', "x"]}
ENDLESS = "the rule does not"


def judged(text: str, *facts: dict[str, object], whole: dict[str, object] | None = None) -> Judged:
    return judge({"policies/a.polar": text}, facts, whole)


def said(told: Judged) -> list[tuple[int, str, str, Any]]:
    return [(each.at, each.effect, each.rule, each.reason) for each in told.said]


@pytest.mark.parametrize("effect", ["allow", "warn", "deny"])
def test_a_rule_speaks_of_what_it_finds(effect: str) -> None:
    """
    A rule tells its effect and its reason for each workflow, with the very secret in it.
    """
    text = RULE + f'{effect}("a", change, ["reads", one]) if one in change.new_secrets;'
    told = judged(text, SHOP, BANK)

    hostile = BANK["new_secrets"]
    assert isinstance(hostile, list)
    assert [
        (0, effect, "a", ["reads", "pay"]),
        (1, effect, "a", ["reads", hostile[0]]),
        (1, effect, "a", ["reads", "x"]),
    ] == said(told)
    assert [("a", "What a is for.", False)] == [
        (each.name, each.sentence, each.is_whole) for each in told.rules
    ]
    assert ((), None) == (told.failed, told.fault)


def test_an_approval_names_its_team() -> None:
    """
    An approval says who must give it; one that is nobody's fails.
    """
    told = judged(
        RULE + 'approval("a", change, "acme/pay", "pays") if change.kind = "added";', SHOP
    )
    none = judged(RULE + 'approval("a", change, 1, "pays") if change.kind = "added";', SHOP)

    assert [("acme/pay", "pays")] == [(each.team, each.reason) for each in told.said]
    assert ["a asks for an approval, and its team is no text"] == [e.message for e in none.failed]


def test_a_rule_of_the_whole_change_is_asked_once() -> None:
    """
    It hears of the whole change, and of no workflow alone.
    """
    text = 'whole_rule("a", "x"); deny("a", whole, ["has", whole.count]) if whole.count > 2;'
    told = judged(text, SHOP, BANK, whole={"count": 3, "name": ""})

    assert [(-1, "deny", "a", ["has", 3])] == said(told)


def test_nothing_said_is_nothing_told() -> None:
    """
    Without a rule that speaks there is nothing to tell, and no fault.
    """
    assert Judged() == judged("# nothing", SHOP)
    assert () == judged(OTHER).said


RECURSIVE = 'deny("a", change, "x") if change.name = "bank" and deny("a", change, "x");'
ATTACKS = {
    "loops": (RECURSIVE, "does not come to an end"),
    "counts": (
        'deny("a", change, "x") if change.name = "bank" and n(x) and x < 0; n(0);\n'
        "n(x) if n(y) and x = y + 1;",
        "does not come to an end",
    ),
    "reaches": ('deny("a", change, x) if change.name = "bank" and x = "".__class__;', "__class__"),
    "formats": (
        'deny("a", change, x) if change.name = "bank" and x = "{}".format(change);',
        "`format` is nothing",
    ),
    "makes": ('deny("a", change, x) if change.name = "bank" and x = new User();', "classes"),
    "asks": ('deny("a", change, "x") if change.name = "bank" and debug();', "classes"),
    "compares": ('deny("a", change, "x") if change.name = "bank" and change.kind > 3;', "Not supp"),
    "babbles": (
        'deny("a", change, x) if change.name = "bank" and x = "' + "x" * 5_000 + '";',
        "over 4,000 characters",
    ),
    "mumbles": ('deny("a", change, []) if change.name = "bank";', "no text"),
    "shrugs": ('deny("a", change, x) if change.name = "bank" and x = y and y = x;', "no text"),
    "nests": ('deny("a", change, [[1]]) if change.name = "bank";', "no text"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_rule_that_fails_hides_no_other(name: str) -> None:
    """
    A rule that loops, reaches out of its facts or says what nobody reads fails for the workflow
    at hand, by its name; the other rules, and the other workflows, are told as ever.
    """
    rule, reason = ATTACKS[name]
    told = judged(OTHER + rule, SHOP, BANK, SHOP | {"name": "kiosk"})

    assert [(1, "a")] == [(each.at, each.rule) for each in told.failed]
    assert reason in told.failed[0].message
    assert [(0, "warn", "b", "shop"), (1, "warn", "b", "bank"), (2, "warn", "b", "kiosk")] == said(
        told
    )


def doubled(condition: str) -> str:
    """Return a rule whose reason is a list of a trillion things."""
    lists = " and ".join(f"x{n + 1} = [x{n}, x{n}]" for n in range(40))
    return f'deny("a", change, x40) if {condition} and x0 = [1] and {lists};'


def test_a_rule_that_eats_all_memory_hides_no_other_workflow() -> None:
    """
    A rule may end the process that asks it; for the workflows behind it another one asks.
    """
    told = judged(OTHER + doubled('change.name = "bank"'), SHOP, BANK, SHOP | {"name": "kiosk"})

    assert [(0, "warn", "b", "shop"), (2, "warn", "b", "kiosk")] == said(told)
    assert [(1, "")] == [(each.at, each.rule) for each in told.failed]
    assert "too much memory or time" in told.failed[0].message


def test_rules_that_always_eat_all_memory_are_given_up() -> None:
    """
    After some such ends it is said how many workflows nobody was asked about.
    """
    told = judged(RULE + doubled("change.count = 3"), *[SHOP | {"name": f"s{n}"} for n in range(9)])

    assert [0, 1, 2, 3, -1] == [each.at for each in told.failed]
    assert "not asked about 5 more" in told.failed[-1].message


def test_who_has_no_time_left_begins_nothing_anew() -> None:
    """
    E06: rules of a stranger that end the process that asks them are given up with their time.
    """
    facts = [SHOP | {"name": f"s{n}"} for n in range(9)]
    told = judge({"a.polar": RULE + doubled("change.count = 3")}, facts, seconds=0.5)

    assert () == told.said
    assert told.fault is not None or "not asked about 8 more" in told.failed[-1].message


def test_a_rule_that_always_loops_is_asked_no_more() -> None:
    """
    Nobody waits for a rule on each of a thousand workflows; the last failure says so.
    """
    many = [SHOP | {"name": f"s{n}"} for n in range(1_000)]
    told = judged(OTHER + 'deny("a", change, change.name) if deny("a", change, "x");', *many)

    assert [(0, "a"), (1, "a"), (2, "a")] == [(each.at, each.rule) for each in told.failed]
    assert told.failed[-1].message.endswith("it is asked no more")
    assert 1_000 == len(told.said)


def test_what_is_printed_is_no_answer() -> None:
    """
    A rule that prints disturbs nothing.
    """
    told = judged(RULE + 'warn("a", change, "x") if print("{}[]", change.name);', SHOP)

    assert [(0, "warn", "a", "x")] == said(told)


UNUSABLE = {
    "text": ("rule(", 1, 6, "forget a semi-colon"),
    "token": (RULE + "\ndeny(if);", 3, 6, "did not expect"),
    "class": (RULE + 'warn("a", change: User, change);', 2, 19, "Unknown specializer User"),
    "typo": (RULE + 'warn("a", change, "x") if chang.name = "a";', 2, 11, "ingleton"),
    "query": ("?= 1 = 1;", 0, 0, "no rule"),
    "missing": (RULE + 'warn("a", change, "x") if hot(change);', 2, 27, "undefined rule"),
    "deep": ("a(" + "[" * 100_000 + "]" * 100_000 + ");", 0, 0, "end the process that loads them"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_policies_that_are_none_say_where(name: str) -> None:
    """
    What Oso cannot read, or merely warns of, is a fault with its place, and nothing is said.
    """
    text, line, column, word = UNUSABLE[name]
    told = judged(text, SHOP)

    assert told.fault is not None
    assert (line, column) == (told.fault.line, told.fault.column)
    assert ("policies/a.polar" if line else "") == told.fault.file
    assert word in told.fault.message
    assert ((), ()) == (told.rules, told.said)


def test_equal_facts_are_asked_about_once() -> None:
    """
    Ten thousand workflows of which rules see the same cost one question, and all are answered.
    """
    many = [SHOP | {"name": f"s{n}"} for n in range(10_000)]
    told = judged(RULE + 'warn("a", change, one) if one in change.new_secrets;', *many)

    assert [(n, "warn", "a", "pay") for n in range(10_000)] == said(told)


def test_who_says_too_much_is_stopped() -> None:
    """
    Rulings that nobody could read are cut: fifty of an effect, and twenty thousand in all.
    """
    talk: dict[str, object] = {"name": "talk", "new_secrets": [str(n) for n in range(100)]}
    text = RULE + 'warn("a", change, one) if one in change.new_secrets;'
    told = judged(text, *[talk | {"name": f"t{n}"} for n in range(1_000)])

    assert 50 == sum(each.at == 0 for each in told.said)
    assert len(told.said) <= 20_050
    assert "say too much" in told.failed[0].message


def test_what_is_built_in_loads() -> None:
    """
    The policies of whoever has none are policies.
    """
    told = judge(built_in(), [])

    assert told.fault is None
    assert len(told.rules) > 4
