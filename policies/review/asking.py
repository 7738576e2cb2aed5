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
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, TextIO

from policies.fault import Fault
from policies.polar import PolarError, Rules, is_known, unknown

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


@dataclass
class Asking:
    """Rules that are asked about one dictionary of facts after the other."""

    sources: Mapping[str, str]
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
        key = json.dumps([is_whole, read], sort_keys=True)
        if key not in self.known:
            said: list[Any] = []
            failed: list[Any] = []
            for effect in self.effects:
                self._ask(effect, read, is_whole, said, failed)
            self.known[key] = said, failed
        self.said += len(self.known[key][0])
        return self.known[key]

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
        has_team = effect == "approval"
        team = [unknown("team")] if has_team else []
        answers = self.rules.ask(effect, name, facts, *team, unknown("reason"))
        seen = set()
        for each in islice(answers, _MOST_ANSWERS):
            rule = each.get("rule", name)
            told = (effect, rule, each["reason"], each.get("team", ""))
            written = json.dumps(told, default=str)
            if rule in self.names[is_whole] and written not in seen:
                seen.add(written)
                _check(told, written)
                yield told


def _check(told: tuple[str, Any, Any, Any], written: str) -> None:
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


def _run(asked: Any, out: TextIO) -> None:
    """Answer all questions; raise nothing that rules cause."""

    def write(line: Mapping[str, Any]) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    try:
        asking = Asking(asked["sources"])
    except PolarError as error:
        return write({"fault": asdict(error.fault)})
    write({"rules": asking.declared})
    facts: Sequence[Any] = asked["facts"]
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
