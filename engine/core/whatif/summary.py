"""Verdicts in words and as JSON."""

import re
from collections import Counter
from collections.abc import Sequence

from engine.core.values import Json
from engine.core.whatif.verdict import Kind, Verdict

MOST_LINES = 10
# A key in a path: a bracket in it is doubled.
_KEY = re.compile(r"\[(?:[^\]]|\]\])*\]")


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return how runs would go, in one line, the most frequent verdict of each kind first."""
    kinds = list(Kind)
    counts = Counter(map(_word, verdicts))
    order = sorted(counts, key=lambda each: (kinds.index(each[0]), -counts[each], each[1]))
    told = [f"{counts[each]} {_verb(*each, counts[each])}" for each in order]
    runs = f"{len(verdicts)} run{'s' * (len(verdicts) != 1)}"
    return f"{runs}: {', '.join(told)}" if told else "no recorded run"


def lines(workflow: str, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return the summary of a workflow and a line for each reason, without a value of any run."""
    reasons: dict[str, None] = {}
    for each in verdicts:
        if each.kind is not Kind.SAME:
            reasons[_reason(each)] = None
    told = list(reasons)[:MOST_LINES]
    if len(reasons) > MOST_LINES:
        told.append(f"and {len(reasons) - MOST_LINES} more reasons")
    return (f"{workflow}: {summary(verdicts)}", *(f"{workflow}: {each}" for each in told))


def as_json(verdict: Verdict) -> dict[str, Json]:
    """Return a verdict as data."""
    return {
        "run": verdict.run,
        "verdict": verdict.kind.value,
        "step": verdict.step or None,
        "line": verdict.line or None,
        "why": verdict.why or None,
        "operation": verdict.operation or None,
        "differences": [
            {"place": each.place, "recorded": each.recorded, "now": each.now}
            for each in verdict.differences
        ],
        "also": list(verdict.also),
    }


def _reason(verdict: Verdict) -> str:
    at = f" (line {verdict.line})" if verdict.line else ""
    what = f" {verdict.operation}:" if verdict.operation else ""
    places = ", ".join(each.place for each in verdict.differences if verdict.operation)
    told = f" at {places}" if places else ""
    return f"{_at(verdict.step)}{at}:{what} {verdict.why}{told}"


def _at(step: str) -> str:
    """Return a step without the keys of items, which are values of the run."""
    return f'"{_KEY.sub("[*]", step)}"' if step else "the run"


def _word(verdict: Verdict) -> tuple[Kind, str]:
    if verdict.kind is Kind.SAME:
        return verdict.kind, ""
    return verdict.kind, verdict.operation or _at(verdict.step)


def _verb(kind: Kind, what: str, count: int) -> str:
    """Return what becomes of `count` runs."""
    s = "s" * (count == 1)
    match kind:
        case Kind.SAME:
            return "same path"
        case Kind.BRANCHES:
            return f"branch{'e' * (count == 1)}{s} elsewhere at {what}"
        case Kind.UNRECORDED:
            return f"call{s} {what} with no recording"
        case _:
            return f"fail{s} at {what}" if what != "the run" else f"fail{s}"
