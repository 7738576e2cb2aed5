"""What the rules of a repository say of a change, asked in a child process that is bounded.

A pull request may bring rules that loop, or that eat memory; nobody has read them yet. So a child
process of little memory and time asks them, about one workflow after the other, and tells each
answer at once: where one cannot be had, the others still are.

A rule is declared by `rule(name, sentence)` if it is about workflows, by `whole_rule(name,
sentence)` if it is about a change as a whole, and speaks by one of the `EFFECTS`.
"""

import json
import subprocess  # nosec B404 - our own interpreter, with our own module
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies.fault import Fault

EFFECTS = ("allow", "warn", "approval", "deny")
"""The predicates by which rules speak, the mildest first."""
_HERE = Path(__file__).parent
SECONDS = 120.0
"""How long rules are asked, by the clock: on a busy machine that is not much."""
_CHILDREN = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is declared."""

    name: str
    sentence: str
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says. `at` is the position of the facts, -1 for those of the whole change.

    `reason` is a text, or a list of texts, numbers and things of the facts.
    """

    at: int
    effect: str
    rule: str
    reason: Any
    team: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Rules that have no answer on some facts; `rule` is "" where nobody knows which."""

    at: int
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Judged:
    """All that rules said. With a `fault` they could not be loaded, and said nothing."""

    rules: tuple[Rule, ...] = ()
    said: tuple[Said, ...] = ()
    failed: tuple[Failed, ...] = ()
    fault: Fault | None = None


def built_in() -> dict[str, str]:
    """Return the policies of a source that has none of its own, by their names."""
    return {
        f"built-in/{each.name}": each.read_text(encoding="utf-8")
        for each in sorted(_HERE.glob("*.polar"))
    }


def judge(
    sources: Mapping[str, str],
    facts: Sequence[Mapping[str, object]],
    whole: Mapping[str, object] | None = None,
    seconds: float = SECONDS,
) -> Judged:
    """Return what the rules of the sources say of each of some facts, and of the `whole`.

    Facts that are equal, as far as rules read them, are asked about once. Nothing is raised,
    whatever rules do; what they have no answer to is told as failed, and so is what they were not
    asked about within `seconds`.
    """
    told = [*facts, *([] if whole is None else [whole])]
    asked = {"sources": sources, "facts": told, "has_whole": whole is not None}
    judged, first, limit = Judged(), 0, time.monotonic() + seconds
    for _ in range(_CHILDREN):
        answer = _answer({**asked, "first": first}, limit - time.monotonic())
        judged = _with(judged, answer)
        if judged.fault is not None or answer[-1:] == [{"end": True}]:
            return judged
        stopped = first + sum("at" in line for line in answer)
        ended = "rules ended the process that asks them: they take too much memory or time"
        at = stopped if stopped < len(facts) else -1
        judged = _failing(judged, Failed(at, "", ended))
        first = stopped + 1
        if first >= len(told):
            return judged
        if time.monotonic() > limit:
            break
    more = f"rules were not asked about {len(told) - first} more workflows, for they end each time"
    return _failing(judged, Failed(-1, "", more))


def _answer(asked: Mapping[str, object], seconds: float) -> list[Any]:
    """Return the lines that a child writes as far as it comes."""
    words = [sys.executable, "-m", "policies.review.asking"]
    told = json.dumps(asked).encode()
    # No word of it comes from outside, and nothing of our surroundings is handed on.
    child = subprocess.Popen(  # nosec B603
        words, cwd=_HERE.parent.parent, env={},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        written, _ = child.communicate(told, timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        written, _ = child.communicate()
    whole, _, _ = written.rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]


def _with(judged: Judged, answer: Sequence[Any]) -> Judged:
    """Return what is known with the lines of one more child."""
    if not answer:
        message = "the policies end the process that loads them: too much memory or time"
        return Judged(fault=Fault(message))
    if "fault" in answer[0]:
        return Judged(fault=Fault(**answer[0]["fault"]))
    return Judged(
        tuple(Rule(*each) for each in answer[0]["rules"]),
        (*judged.said, *(Said(*each) for line in answer for each in line.get("said", ()))),
        (*judged.failed, *(Failed(*each) for line in answer for each in line.get("failed", ()))),
    )


def _failing(judged: Judged, failed: Failed) -> Judged:
    return Judged(judged.rules, judged.said, (*judged.failed, failed))
