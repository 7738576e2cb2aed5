"""The child process that asks rules: questions on stdin, a line of JSON for each answer.

It has little memory and time, and it reads and writes nothing else. The first line tells the
rules, or why they cannot be loaded; then comes one for each of the facts, in order; the last one
says that this is all.
"""

import json
import re
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, TextIO, TypeAlias

from policies.fault import Fault
from policies.polar import Hidden, PolarError, Question, Rules, is_known, shown, unknown
from policies.review.paths import Paths

_BYTES = 1 << 30
_CPU_SECONDS = 40
_ENOUGH = 30  # CPU seconds after which nothing more is asked
_MOST_FAILURES = 3  # of a rule
_MOST_ANSWERS = 50  # of an effect on some facts
_MOST_SAID = 20_000  # all together
_MOST_LETTERS = 4_000  # of a reason
_WORD = re.compile(r"[A-Za-z_]\w*")
# Each predicate that is asked about is there, whatever rules there are.
_DRIVER = {
    "rule": 'rule("", "");', "whole_rule": 'whole_rule("", "");', "allow": 'allow("", 0, 0);',
    "warn": 'warn("", 0, 0);', "approval": 'approval("", 0, 0, 0);', "deny": 'deny("", 0, 0);',
}  # fmt: skip
_EFFECTS = ("deny", "approval", "warn", "allow")
_MANY = 20  # texts of one name, from which on they are hidden
_Answers: TypeAlias = list[list[Any]]


@dataclass
class Asking:
    """Rules that are asked about one dictionary of facts after the other."""

    sources: Mapping[str, str]
    varied: frozenset[str] = frozenset()
    """Names of texts of which there are many, so that rules are asked with these hidden."""
    rules: Rules = field(init=False)
    names: dict[bool, list[str]] = field(init=False)
    declared: list[tuple[str, str, bool]] = field(init=False)
    failures: dict[tuple[str, str], int] = field(default_factory=dict)
    said: int = 0

    def __post_init__(self) -> None:
        driver = {"": " ".join(_DRIVER.values())}
        self.rules = Rules({**driver, **self.sources})
        self.words = {word for each in self.sources.values() for word in _WORD.findall(each)}
        self.effects = [each for each in _EFFECTS if each in self.words]
        self.known: dict[str, tuple[list[Any], list[Any]]] = {}
        self.paths: Paths[list[_Answers] | None] = Paths()
        self.declared = [
            (each["name"], each["sentence"], is_whole)
            for is_whole, predicate in ((False, "rule"), (True, "whole_rule"))
            for each in self.rules.ask(predicate, unknown("name"), unknown("sentence"))
            if each["name"]
        ]
        self.names = {
            whole: [name for name, _, is_whole in self.declared if is_whole == whole]
            for whole in (False, True)
        }

    def answer(self, facts: Mapping[str, Any], *, is_whole: bool) -> tuple[list[Any], list[Any]]:
        """Return what rules say of facts, and those that fail on them."""
        read = {key: value for key, value in facts.items() if key in self.words}
        said = None if is_whole else self._said_by_path(read)
        told = self._answer(read, is_whole) if said is None else (said, [])
        self.said += len(told[0])
        return told

    def _answer(self, read: Mapping[str, Any], is_whole: bool) -> tuple[list[Any], list[Any]]:
        key = json.dumps([is_whole, read], sort_keys=True)
        if key not in self.known:
            said: list[Any] = []
            failed: list[Any] = []
            for effect in self.effects:
                self._ask(effect, read, is_whole, said, failed)
            self.known[key] = said, failed
        return self.known[key]

    def _said_by_path(self, read: Mapping[str, Any]) -> list[Any] | None:
        """Return what rules say whatever the varied texts are; None where they must be told."""
        texts = {key: value for key, value in read.items() if key in self.varied}
        if not texts:
            return None
        key = json.dumps({key: read[key] for key in read.keys() - texts.keys()}, sort_keys=True)
        found = self.paths.find(key, texts)
        if found is None and not self.paths.is_full:
            self._learn(key, read, texts)
            found = self.paths.find(key, texts)
        if found is None or found.answer is None:
            return None
        try:
            return [told for each in found.answer for told in self._told(shown(each, texts), False)]
        except PolarError:
            return None

    def _learn(self, key: str, read: Mapping[str, Any], texts: Mapping[str, str]) -> None:
        asked: list[tuple[Question, bool]] = []
        hidden = {name: Hidden(name, text, asked) for name, text in texts.items()}
        answers: list[_Answers] | None = None
        with suppress(PolarError):
            every = {**read, **hidden}
            answers = [self._answers(each, unknown("rule"), every) for each in self.effects]
        self.paths.add(key, asked, answers)

    def _ask(
        self, effect: str, facts: Mapping[str, Any], is_whole: bool, said: list[Any],
        failed: list[Any],
    ) -> None:  # fmt: skip
        """Ask all rules at once; where one fails, each alone."""
        if not any(key[0] == effect for key in self.failures):
            try:
                said += list(self._said(effect, unknown("rule"), facts, is_whole))
                return
            except PolarError:
                pass
        for name in self.names[is_whole]:
            key = effect, name
            if self.failures.get(key, 0) >= _MOST_FAILURES:
                continue
            try:
                said += list(self._said(effect, name, facts, is_whole))
            except PolarError as error:
                count = self.failures[key] = self.failures.get(key, 0) + 1
                more = "; it is asked no more" if count == _MOST_FAILURES else ""
                failed.append([name, f"{_told(error.fault)}{more}"])

    def _said(
        self, effect: str, name: object, facts: Mapping[str, Any], is_whole: bool
    ) -> Iterator[Any]:
        return self._told(self._answers(effect, name, facts), is_whole)

    def _answers(self, effect: str, name: object, facts: Mapping[str, Any]) -> _Answers:
        """Return what rules answer: effect, rule, reason and team, as they say it."""
        team = [unknown("team")] if effect == "approval" else []
        answers = self.rules.ask(effect, name, facts, *team, unknown("reason"))
        return [
            [effect, each.get("rule", name), each["reason"], each.get("team", "")]
            for each in islice(answers, _MOST_ANSWERS)
        ]

    def _told(self, answers: _Answers, is_whole: bool) -> Iterator[Any]:
        """Yield answers of rules that are asked, each once; raise PolarError for a wrong one."""
        seen = set()
        for told in answers:
            written = json.dumps(told, default=str)
            if told[1] in self.names[is_whole] and written not in seen:
                seen.add(written)
                _check(told, written)
                yield told


def _check(told: list[Any], written: str) -> None:
    """Raise PolarError for a reason that nobody can read, or an approval by nobody."""
    effect, rule, reason, team = told
    if len(written) > _MOST_LETTERS:
        raise PolarError(Fault(f"the reason of {rule} has over {_MOST_LETTERS:,} characters"))
    words = reason if isinstance(reason, list) else [reason]
    if not words or not all(map(_is_word, words)):
        raise PolarError(Fault(f"the reason of {rule} is no text and no list of texts"))
    if effect == "approval" and not (isinstance(team, str) and team and is_known(team)):
        raise PolarError(Fault(f"{rule} asks for an approval, and its team is no text"))


def _is_word(value: object) -> bool:
    return isinstance(value, str | int | float | dict) and is_known(value)


def _told(fault: Fault) -> str:
    place = f" at {fault.file}:{fault.line}:{fault.column}" if fault.line else ""
    return f"{fault.message}{place}"


def _varied(facts: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of texts of which there are many."""
    texts: dict[str, set[str]] = {}
    for each in facts:
        for name, value in each.items():
            if isinstance(value, str):
                texts.setdefault(name, set()).add(value)
    return frozenset(name for name, each in texts.items() if len(each) > _MANY)


def _run(asked: Any, out: TextIO) -> None:
    """Answer all questions; raise nothing that rules cause."""

    def write(line: Mapping[str, Any]) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    facts: Sequence[Any] = asked["facts"]
    try:
        asking = Asking(asked["sources"], _varied(facts))
    except PolarError as error:
        return write({"fault": asdict(error.fault)})
    write({"rules": asking.declared})
    for position in range(asked["first"], len(facts)):
        if time.process_time() > _ENOUGH or asking.said > _MOST_SAID:
            words = f"rules take too long or say too much: {len(facts) - position} more not asked"
            write({"failed": [[-1, "", words]]})
            break
        is_whole = asked["has_whole"] and position == len(facts) - 1
        at = -1 if is_whole else position
        said, failed = asking.answer(facts[position], is_whole=is_whole)
        write({
            "at": at,
            "said": [[at, *each] for each in said],
            "failed": [[at, *each] for each in failed],
        })  # fmt: skip
    write({"end": True})


def main() -> None:
    """Answer what stdin asks, in little memory and time."""
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out, sys.stdout = sys.stdout, sys.stderr  # what a rule prints is no answer
    _run(json.load(sys.stdin), out)


if __name__ == "__main__":
    main()
