"""The rules of policies as they are written: their names, and what could never speak.

A rule that asks for a fact that does not exist is no error to Polar: it just never holds. So
every name is looked up here, before anything is asked.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from engine.core.diagnostic import Diagnostic, Span
from engine.core.frozen import frozen
from engine.core.review import polar
from engine.core.review.facts import CHANGE, THING, WHOLE, Fact, Shape
from engine.core.review.polar import Clause, Token
from engine.core.wording import listed, meant

FOLDER = "policies/"
SUFFIX = ".polar"
MAX_BYTES = 256 << 10
"""How much all policies of a source may be together."""
MAX_RULES = 200
MAX_CLAUSES = 2_000
MAX_FINDINGS = 100
ARITY: Mapping[str, int] = {"allow": 3, "warn": 3, "deny": 3, "approval": 4}
"""The predicates by which rules speak, and how many arguments they have."""
METHODS = ("startswith", "endswith")
VIA = "via_review"
"""Says of a rule that a review at the forge is an approval."""
_DECLARES: Mapping[str, str] = {"rule": "change", "whole_rule": "whole"}
_ABOUT: Mapping[str, Mapping[str, Fact]] = {"change": CHANGE, "whole": WHOLE}
_ANY: Mapping[str, Fact] = {**THING, **WHOLE, **CHANGE}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
# Blanks and comments may stand behind the dot.
_FACT = re.compile(r"\.(?:\s|#[^\n]*)*([A-Za-z_]\w*)")
_RESERVED = "policies"
_APPROVAL = "approval"
_REFUSED: Mapping[str, str] = {
    "print": "nobody sees what it prints", "debug": "nobody is there to answer",
    "cut": "it may hide what other rules say", "new": "there are no classes",
    "matches": "there are no classes: compare facts", "isa": "there are no classes: compare facts",
    "?=": "a query is no rule", "{": "write conditions after `if`",
    ":": "write conditions after `if`",
}  # fmt: skip
_LITERALS: Mapping[str, Shape] = {"text": Shape.TEXT, "number": Shape.NUMBER}
_COMPARES = ("=", "==", "!=")
_LISTS = (Shape.TEXTS, Shape.THINGS)


@frozen
class Declared:
    """A rule by its name, with its sentence and where it is declared."""

    name: str
    sentence: str
    span: Span
    is_whole: bool = False


@dataclass(slots=True)
class Policies:
    """What some sources say, read together; with an error among the findings they judge nothing.

    `by_review` are the rules of which a review at the forge is an approval.
    """

    rules: list[Declared] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    by_review: set[str] = field(default_factory=set)

    def error(self, code: str, message: str, span: Span, hint: str = "") -> None:
        """Add a finding; raise _Enough where nobody would read more of them."""
        self.findings.append(Diagnostic(code, message, span, hint=hint))
        if len(self.findings) >= MAX_FINDINGS:
            raise _Enough


class _Enough(Exception):
    """There is more wrong with the policies than is told."""


def is_policy(path: str) -> bool:
    """True for a file that holds policies, by its path below the root of a source.

    As of specs, a name on the way that begins with a dot hides it.
    """
    return path.startswith(FOLDER) and path.endswith(SUFFIX) and "/." not in path


def asked(texts: Iterable[str]) -> frozenset[str]:
    """Return the names behind a dot in policies: no others are of facts that they ask for."""
    return frozenset(name for text in texts for name in _FACT.findall(text))


def read(sources: Mapping[str, str]) -> Policies:
    """Return the rules that sources declare, and what is wrong with them: 100 findings at most."""
    told = Policies()
    with suppress(_Enough):
        _read(told, sources)
    told.findings.sort(key=lambda each: each.span)
    return told


def _read(told: Policies, sources: Mapping[str, str]) -> None:
    if sum(len(text.encode()) for text in sources.values()) > MAX_BYTES:
        file = next(iter(sources))
        message = f"the policies are over {MAX_BYTES >> 10} KiB together"
        return told.error("policy-rule", message, Span(file, 1, 1))
    every = _clauses(told, sources)
    if len(every) > MAX_CLAUSES:
        message = f"there are over {MAX_CLAUSES:,} clauses"
        return told.error("policy-rule", message, every[MAX_CLAUSES].head.span)
    _declare(told, every)
    speaking = [each for each in every if each.head.text in ARITY]
    spoken = {name for clause in speaking if (name := _speaks(told, clause)) is not None}
    _hear_reviews(told, every)
    for clause in every:
        _check_words(told, clause)
        _check_facts(told, clause)
    _check_calls(told, every)
    for each in told.rules if not told.findings else ():
        if each.name not in spoken:
            hint = f'write `warn("{each.name}", ...) if ...;`, or drop it'
            told.error("policy-rule", f"the rule {each.name} never says anything", each.span, hint)


def _clauses(told: Policies, sources: Mapping[str, str]) -> list[Clause]:
    every: list[Clause] = []
    for file, text in sources.items():
        found, rest = polar.clauses(file, text)
        every += found
        if rest:
            message = "the last clause does not end"
            told.error("policy-syntax", message, rest[0].span, "write `;` behind it")
    return every


def _declare(told: Policies, every: Sequence[Clause]) -> None:
    known: set[str] = set()
    for clause in every:
        if clause.head.text not in _DECLARES:
            continue
        name, span = _declared(told, clause), clause.head.span
        if name is None:
            continue
        if name.value in known:
            told.error("policy-rule", f"the rule {name.value} is declared twice", name.span)
        known.add(name.value)
        sentence = clause.arguments[1][0].value
        is_whole = clause.head.text == "whole_rule"
        told.rules.append(Declared(name.value, sentence, span, is_whole))
    if len(told.rules) > MAX_RULES:
        message = f"there are over {MAX_RULES} rules"
        told.error("policy-rule", message, told.rules[MAX_RULES].span)


def _declared(told: Policies, clause: Clause) -> Token | None:
    """Return the name that a clause declares; a finding if it declares none."""
    given = clause.arguments
    texts = [each[0] for each in given if len(each) == 1 and each[0].kind == "text"]
    if clause.has_body or len(given) != 2 or len(texts) != 2:
        message = f'a rule is declared by `{clause.head.text}("name", "What it is for.");`'
        told.error("policy-rule", message, clause.head.span)
        return None
    if not _NAME.fullmatch(texts[0].value) or texts[0].value == _RESERVED:
        message = f"{texts[0].text} is no name of a rule: small letters, digits and dashes"
        hint = f"`{_RESERVED}` is the name under which a failing rule is told"
        told.error("policy-rule", message, texts[0].span, hint)
        return None
    return texts[0]


def _speaks(told: Policies, clause: Clause) -> str | None:
    """Return the name of the rule that speaks in a clause; findings if none does."""
    effect, given = clause.head, clause.arguments
    if len(given) != ARITY[effect.text]:
        team = 'change, "acme/team"' if effect.text == "approval" else "change"
        message = f'it is `{effect.text}("rule", {team}, reason)`'
        told.error("policy-rule", f"{effect.text} has {len(given)} arguments", effect.span, message)
        return None
    name = given[0][0]
    if len(given[0]) != 1 or name.kind != "text":
        told.error("policy-rule", "the name of a rule is written out, as a text", name.span)
        return None
    rule = next((each for each in told.rules if each.name == name.value), None)
    if rule is None:
        known = [each.name for each in told.rules]
        hint = meant(name.value, known, f'declare it: `rule({name.text}, "What it is for.");`')
        told.error("policy-rule", f"no rule is called {name.text}", name.span, hint)
        return None
    _check_about(told, given[1], rule)
    return rule.name


def _hear_reviews(told: Policies, every: Sequence[Clause]) -> None:
    """Note the rules whose approvals may be reviews; find what says so of none."""
    names = {each.arguments[0][0].value for each in every
             if each.head.text == _APPROVAL and each.arguments}  # fmt: skip
    for clause in every:
        if clause.head.text != VIA:
            continue
        given = clause.arguments
        name = given[0][0] if len(given) == 1 and len(given[0]) == 1 else clause.head
        if clause.has_body or name.kind != "text":
            told.error("policy-rule", f'it is `{VIA}("rule");`', clause.head.span)
        elif name.value not in names:
            message = f"no rule {name.text} asks for an approval"
            told.error("policy-rule", message, name.span, meant(name.value, names))
        else:
            told.by_review.add(name.value)


def _check_about(told: Policies, given: Sequence[Token], rule: Declared) -> None:
    """Find a rule that calls what it is about by another name; of facts we know by that name."""
    about = "whole" if rule.is_whole else "change"
    if [each.text.removeprefix("_") for each in given] != [about]:
        what = "the whole change" if rule.is_whole else "one workflow"
        message = f"{rule.name} is about {what}: its second argument is called `{about}`"
        told.error("policy-rule", message, given[0].span)


def _check_words(told: Policies, clause: Clause) -> None:
    for each in clause.tokens:
        if each.kind in ("word", "sign") and each.text in _REFUSED:
            message = f"a rule may not use `{each.text}`"
            told.error("policy-word", message, each.span, _REFUSED[each.text])


def _check_facts(told: Policies, clause: Clause) -> None:
    tokens, things = clause.tokens, _things(clause.tokens)
    for at, token in enumerate(tokens):
        if token.text != "." or token.kind != "sign" or not 0 < at < len(tokens) - 1:
            continue
        word, before = tokens[at + 1], tokens[at - 1]
        if word.kind != "word":
            told.error("policy-word", "the name of a fact is written out", word.span)
        elif at + 2 < len(tokens) and tokens[at + 2].text == "(":
            _check_method(told, word)
        elif at > 1 and tokens[at - 2].text == ".":
            message = f"`{before.text}` has no parts: it is no thing"
            hint = f"of a list, take each: `one in change.{before.text} and one.{word.text}`"
            told.error("policy-fact", message, word.span, hint)
        elif (fact := _fact(told, word, before.text, things)) is not None:
            _check_value(told, tokens, at - 1, fact)


def _things(tokens: Sequence[Token]) -> dict[str, Mapping[str, Fact]]:
    """Return the words that stand for one of a list, with the facts that those have."""
    found: dict[str, Mapping[str, Fact]] = dict(_ABOUT)
    for at in range(len(tokens) - 4):
        one, in_, about, dot, fact = tokens[at : at + 5]
        if in_.text == "in" and dot.text == "." and about.text in _ABOUT and one.kind == "word":
            listed_ = _ABOUT[about.text].get(fact.text)
            if listed_ is not None:
                found[one.text] = {key: THING[key] for key in listed_.keys}
    return found


def _fact(
    told: Policies, word: Token, about: str, things: Mapping[str, Mapping[str, Fact]]
) -> Fact | None:
    known = things.get(about, _ANY)
    if word.text not in known:
        message = f"`{about}` has no fact `{word.text}`"
        choices = listed(known, "it is a text")
        told.error("policy-fact", message, word.span, meant(word.text, known, f"it has {choices}"))
        return None
    return known[word.text]


def _check_value(told: Policies, tokens: Sequence[Token], at: int, fact: Fact) -> None:
    """Find a comparison that can never hold; `at` is the first word of three that name the fact."""
    name = tokens[at + 2]
    if at > 0 and tokens[at - 1].text == "in" and fact.shape not in _LISTS:
        told.error("policy-value", f"`{name.text}` is {fact.shape}, and no list", name.span)
    if at + 4 >= len(tokens) or tokens[at + 3].text not in _COMPARES:
        return
    other = tokens[at + 4]
    shape = Shape.TRUTH if other.text in ("true", "false") else _LITERALS.get(other.kind)
    if shape is not None and shape is not fact.shape:
        message = f"`{name.text}` is {fact.shape}, and never {other.text}"
        told.error("policy-value", message, other.span)
    elif fact.choices and shape is Shape.TEXT and other.value not in fact.choices:
        hint = meant(other.value, fact.choices, f"it is {listed(fact.choices)}")
        told.error("policy-value", f"`{name.text}` is never {other.text}", other.span, hint)


def _check_method(told: Policies, word: Token) -> None:
    if word.text not in METHODS:
        hint = meant(word.text, METHODS, f"there are {' and '.join(METHODS)}")
        told.error("policy-word", f"a rule cannot call `{word.text}`", word.span, hint)


def _check_calls(told: Policies, every: Sequence[Clause]) -> None:
    """Find predicates that nobody defines, and those that nobody asks."""
    heads = {(each.head.text, len(each.arguments)) for each in every}
    asked = [told_ for each in every for told_ in polar.calls(each.tokens[1:])]
    names = [name for name, _ in heads]
    for word, count in asked:
        if (word.text, count) not in heads:
            has = [str(known) for name, known in sorted(heads) if name == word.text]
            hint = f"it has {' or '.join(has)}" if has else meant(word.text, names)
            message = f"no clause defines `{word.text}` of {count} arguments"
            told.error("policy-call", message, word.span, hint)
    used = {word.text for word, _ in asked}
    for clause in every:
        head = clause.head
        if head.kind == "word" and head.text not in {*used, *ARITY, *_DECLARES, VIA}:
            hint = meant(head.text, (*ARITY, *_DECLARES), "drop it, or ask it in a rule")
            told.error("policy-call", f"nothing asks `{head.text}`", head.span, hint)
