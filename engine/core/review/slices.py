"""What of two sets of policies may decide otherwise about a workflow; nobody asks the rest."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from engine.core.review import polar
from engine.core.review.polar import Clause
from engine.core.review.policy import ARITY

_RULE = "rule"
_FILE = "policies/differing.polar"


def differing(
    old: Mapping[str, str], new: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]] | None:
    """Return policies of the rules that are not word for word in both, with all that these ask.

    None where there is no such rule about workflows. Both sets are policies without findings.
    """
    before, after = ([*_clauses(texts)] for texts in (old, new))
    ours, theirs = _rules(before), _rules(after)
    names = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}
    if not names:
        return None
    return _sliced(before, ours, names), _sliced(after, theirs, names)


def _clauses(texts: Mapping[str, str]) -> Iterator[Clause]:
    for file, text in texts.items():
        yield from polar.clauses(file, text)[0]


def _rules(every: Sequence[Clause]) -> dict[str, tuple[str, ...]]:
    """Return the clauses that each rule about workflows depends on, by its name."""
    heads: dict[str, list[int]] = {}
    for at, clause in enumerate(every):
        heads.setdefault(clause.head.text, []).append(at)
    rules = {}
    for name in (_name(every[at]) for at in heads.get(_RULE, ())):
        begins = [at for at in _speaking(heads) if _name(every[at]) == name]
        rules[name] = tuple(_written(every[at]) for at in sorted(_asked(every, heads, begins)))
    return rules


def _speaking(heads: Mapping[str, Sequence[int]]) -> Iterator[int]:
    return chain.from_iterable(heads.get(each, ()) for each in ARITY)


def _asked(
    every: Sequence[Clause], heads: Mapping[str, Sequence[int]], begins: Sequence[int]
) -> set[int]:
    """Return the places of some clauses, and of all that they ask, and these."""
    known, left = set(begins), [*begins]
    while left:
        for token in every[left.pop()].tokens[1:]:
            new = set(heads.get(token.text, ())) - known
            known |= new
            left += new
    return known


def _sliced(
    every: Sequence[Clause], rules: Mapping[str, tuple[str, ...]], names: set[str]
) -> Mapping[str, str]:
    kept = set(chain.from_iterable(rules.get(name, ()) for name in names))
    clauses = [each for each in every if _written(each) in kept]
    speak = {_name(each) for each in clauses if each.head.text in ARITY}
    told = [each for each in every if each.head.text == _RULE and _name(each) in speak]
    return {_FILE: "\n".join(map(_written, [*told, *clauses]))}


def _name(clause: Clause) -> str:
    """Return the rule that a clause declares, or by which it speaks."""
    return clause.arguments[0][0].value


def _written(clause: Clause) -> str:
    return " ".join(each.text for each in clause.tokens) + ";"
