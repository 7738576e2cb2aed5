"""What rules of a policy may say, and what is found before any is asked."""

import pytest

from engine.core.compiler.codes import CODES
from engine.core.review import polar, policy
from engine.core.review.facts import CHANGE, THING, WHOLE, Shape

RULE = 'rule("a", "What it is for.");\n'
ASK = RULE + 'warn("a", change, "x") if '
FACT, VALUE, WORD, CALL = (f"policy-{each}" for each in ("fact", "value", "word", "call"))
NOT = "policy-rule"
EACH = RULE + 'warn("a", change, s) if '
WHOLE_RULE = 'whole_rule("a", "What it is for.");\n'
GOOD = {
    "comment": "# nothing is asked",
    "text": RULE + 'warn("a", change, "is a fork\'s") if change.is_fork;',
    "always": RULE + 'warn("a", _change, "look at it");',
    "words": RULE + 'deny("a", change, ["reads", one]) if one in change.new_secrets;',
    "thing": RULE + 'deny("a", change, ["step", s]) if s in change.destroys and not s.is_asked;',
    "team": RULE + 'approval("a", change, "acme/pay", "x") if not "acme/pay" in change.owners;',
    "helper": RULE + 'warn("a", change, "x") if is_hot(change);\n'
    'is_hot(it) if it.environment = "production" and it.name.startswith("pay");',
    "kind": RULE + 'allow("a", change, "x") if change.kind == "removed" and change.owners = [];',
    "whole": WHOLE_RULE + 'deny("a", whole, ["removes", whole.count_removed]) if\n'
    "  whole.count_removed > 10;",
    "nested": RULE + 'warn("a", change, "x") if forall(h in change.hosts, h.endswith(".a")) and\n'
    "  (change.worst_calls > 2 * change.worst_calls_before or [1, 2] = [change.worst_runs, 2]);",
    "review": RULE + 'approval("a", change, "acme/pay", "x") if change.is_fork;\nvia_review("a");',
    "escape": RULE + 'warn("a", change, "a \\" ; #") if change.is_pull = true;',
}  # fmt: skip
BAD = {
    "unended": (ASK + 'change.is_fork', 2, 1, "policy-syntax", "not end"),
    "silent": (RULE, 1, 1, NOT, "never says anything"),
    "undeclared": (RULE + 'warn("b", change, "x") if change.is_fork;', 2, 6, NOT, '"b"'),
    "twice": (RULE + RULE, 2, 6, NOT, "twice"),
    "named": ('rule("A b", "x");', 1, 6, NOT, "no name"),
    "reserved": ('rule("policies", "x");', 1, 6, NOT, "no name"),
    "half": ('rule("a");', 1, 1, NOT, "is declared by"),
    "bare": ("rule;", 1, 1, NOT, "is declared by"),
    "condition": ('rule("a", "x") if 1 = 1;', 1, 1, NOT, "is declared by"),
    "arguments": (RULE + 'approval("a", change, "x");', 2, 1, NOT, "3 arguments"),
    "team": (RULE + 'warn("a", change, "t", "x");', 2, 1, NOT, "4 arguments"),
    "computed": (RULE + 'warn(n, change, "x") if n = "a";', 2, 6, NOT, "written out"),
    "other": (RULE + 'warn("a", it, "x") if it.is_fork;', 2, 11, NOT, "`change`"),
    "about": (WHOLE_RULE + 'warn("a", change, "x") if change.is_fork;', 2, 11, NOT, "`whole`"),
    "fact": (ASK + 'change.is_frk;', 2, 34, FACT, "`is_frk`"),
    "whole fact": (ASK + 'change.count > 1;', 2, 34, FACT, "`count`"),
    "helper": (ASK + 'f(change);\nf(c) if c.nme = "a";', 3, 11, FACT, "`nme`"),
    "key": (EACH + 's in change.destroys and s.attempts = 3;', 2, 52, FACT, "`attempts`"),
    "text's": (EACH + 's in change.hosts and s.name = "x";', 2, 49, FACT, "`name`"),
    "list": (EACH + 's in change.host;', 2, 37, FACT, "`host`"),
    "list's": (ASK + 'change.destroys.name = "x";', 2, 43, FACT, "no parts"),
    "never": (ASK + 'change.kind = "add";', 2, 41, VALUE, "never"),
    "number": (ASK + 'change.name != 3;', 2, 42, VALUE, "a text"),
    "truth": (ASK + 'change.name = true;', 2, 41, VALUE, "a text"),
    "no list": (RULE + 'warn("a", change, x) if x in change.name;', 2, 37, VALUE, "no list"),
    "print": (ASK + 'change.is_fork and print(1);', 2, 46, WORD, "print"),
    "cut": (ASK + 'change.is_fork and cut;', 2, 46, WORD, "cut"),
    "class": (ASK + 'change matches User;', 2, 34, WORD, "matches"),
    "query": ("?= 1 = 1;", 1, 1, WORD, "?="),
    "object": (ASK + 'change.name = new X();', 2, 41, WORD, "new"),
    "inside": (ASK + 'change.name.format(1);', 2, 39, WORD, "format"),
    "looked up": (ASK + 'change.("name") = "a";', 2, 34, WORD, "written out"),
    "missing": (ASK + 'hot(change);', 2, 27, CALL, "hot"),
    "too few": (ASK + 'hot();\nhot(c) if c.is_fork;', 2, 27, CALL, "hot"),
    "reviewed": (ASK + 'change.is_fork;\nvia_review("a");', 3, 12, NOT, "asks for an approval"),
    "reviewed by name": (RULE + "via_review(a);", 2, 1, NOT, "it is `via_review"),
    "reviewed if": (RULE + 'via_review("a") if 1 = 1;', 2, 1, NOT, "it is `via_review"),
    "reviewed twice": (RULE + 'via_review("a", "b");', 2, 1, NOT, "it is `via_review"),
    "reviewed by nobody": (RULE + "approval;\nvia_review;", 2, 1, NOT, "0 arguments"),
    "unasked": (RULE + 'wran("a", change, "x") if change.is_fork;', 2, 1, CALL, "wran"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_good_policy_has_no_finding(name: str) -> None:
    """
    What the reference shows can be written.
    """
    told = policy.read({"policies/a.polar": GOOD[name]})

    assert [] == told.findings
    assert ([] if name == "comment" else ["a"]) == [each.name for each in told.rules]


@pytest.mark.parametrize("name", BAD)
def test_what_could_never_speak_is_found(name: str) -> None:
    """
    A rule that would silently never fire is an error, where it is written and with its word.
    """
    text, line, column, code, word = BAD[name]
    found = policy.read({"policies/a.polar": text}).findings

    assert (line, column, code) in [(e.span.line, e.span.column, e.code) for e in found], found
    assert any(word in each.message for each in found)
    assert {each.code for each in found} <= CODES.keys()


def test_a_slip_of_the_finger_is_named() -> None:
    """
    A hint says what was probably meant: a fact, a value, a rule or an effect.
    """
    text = (
        RULE + 'warn("a", change, "x") if change.ownrs = [] and change.kind = "addd";\n'
        'deny("aa", change, "x") if change.is_fork;\nwarm("a", change, "x") if change.is_fork;'
    )
    hints = [each.hint for each in policy.read({"a.polar": text}).findings]

    told = [f'did you mean "{word}"?' for word in ("owners", "added", "a", "warn")]
    assert told == hints


def test_policies_are_bounded() -> None:
    """
    More than anybody reads is refused, and says so.
    """
    big = policy.read({"a.polar": "# " + "x" * (policy.MAX_BYTES + 1)})
    many = policy.read({"a.polar": "".join(f'rule("r{n}", "x");\n' for n in range(201))})

    assert ["the policies are over 256 KiB together"] == [each.message for each in big.findings]
    assert [(201, "there are over 200 rules")] == [
        (each.span.line, each.message) for each in many.findings
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"\\' * 120_000, "the last clause does not end"),
        ("a(" * 120_000 + ";", "no clause defines `a` of 0 arguments"),
        ("(" * 250_000, "the last clause does not end"),
        ("x(y);" * 50_000, "there are over 2,000 clauses"),
        ("".join(f"c{n}(d{n}(e{n}));" for n in range(1_900)), "no clause defines `d0`"),
        (RULE + f'warn("a", change, "x") if change{".a" * 60_000};', "`a` has no parts"),
        (RULE + f'warn("a", change, "x") if {"change.effectt and " * 12_000} 1 = 1;',
         "`change` has no fact `effectt`"),
    ],
)  # fmt: skip
def test_policies_that_are_made_to_take_for_ever_are_read(text: str, told: str) -> None:
    """
    E06: whatever somebody writes to keep a reader busy is read once, and 100 findings are told.
    """
    found = policy.read({"policies/a.polar": text}).findings

    assert any(told in each.message for each in found)
    assert 0 < len(found) <= policy.MAX_FINDINGS


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ("a(x, y)", {"a": 2}), ("a()", {"a": 0}), ("a(b(x, y), [1, 2], ())", {"a": 3, "b": 2}),
        ("x.a(b(y))", {"b": 1}), ("a(x))", {"a": 1}), ("a(b(x", {"a": 1, "b": 1}), ("(x)", {}),
        ("not (x)", {}), ("a(, x)", {"a": 1}),
    ],
)  # fmt: skip
def test_calls_are_counted_with_their_arguments(body: str, counts: dict[str, int]) -> None:
    """
    A predicate is known by its name and how many arguments it is given.
    """
    ((clause,), _) = polar.clauses("a.polar", f"{body};")

    assert counts == {word.text: count for word, count in polar.calls(clause.tokens)}


def test_what_only_oso_judges_is_left_to_it() -> None:
    """
    An empty clause is no finding here: what is Polar and what is not, Oso says.
    """
    assert [] == policy.read({"a.polar": ";;"}).findings


def test_files_are_one_policy() -> None:
    """
    A rule of one file may use a predicate of another, and names are unique among all.
    """
    texts = {
        "policies/a.polar": RULE + 'warn("a", change, "x") if hot(change);',
        "policies/b.polar": 'hot(c) if c.environment = "production";',
    }

    assert [] == policy.read(texts).findings
    assert policy.is_policy("policies/a.polar")
    assert policy.is_policy("policies/deep/a.polar")
    assert not policy.is_policy("a.polar")
    assert not policy.is_policy("policies/.a.polar")


def test_every_fact_is_described() -> None:
    """
    A list of things says which keys those have, and nothing else does.
    """
    for fact in (*CHANGE.values(), *WHOLE.values(), *THING.values()):
        assert fact.meaning
        assert (fact.shape is Shape.THINGS) is bool(fact.keys)
        assert set(fact.keys) <= set(THING)


def test_a_fact_is_asked_for_wherever_its_name_stands() -> None:
    """
    Only facts that policies name are worked out, and a name may stand behind blanks and comments.
    """
    text = RULE + 'deny("a", change, "x") if change.\n  # of\n  count > 1 and h in change. hosts;'

    assert {"count", "hosts"} <= policy.asked([text])
    assert "environment" not in policy.asked([text])
