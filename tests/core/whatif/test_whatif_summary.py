"""Verdicts in words and as data."""

from dataclasses import replace

from engine.core import whatif
from engine.core.binding import Bound
from engine.core.whatif import Difference, Kind, Verdict
from tests.core.runs import (
    ok,
    step,
    whole,
)
from tests.core.whatif.recording import record


def verdicts() -> list[Verdict]:
    place = Difference("/message", "my value", "another")
    return [
        *[Verdict("1", Kind.SAME)] * 17,
        *[Verdict("2", Kind.BRANCHES, "choose", 3, "it is gone", "", (place,))] * 2,
        Verdict("3", Kind.UNRECORDED, "load[my key].x", 0, "arguments differ", "http@1", (place,)),
    ]


def test_runs_are_summed_up_in_a_line() -> None:
    """
    The line counts what the runs come to, the mildest first.
    """
    more = [Verdict("4", Kind.FAILS, "a"), Verdict("5", Kind.FAILS), Verdict("6", Kind.BRANCHES)]

    assert (
        '20 runs: 17 same path, 2 branch elsewhere at "choose", 1 calls http@1 with no recording'
    ) == whatif.summary(verdicts())
    assert '3 runs: 1 branches elsewhere at the run, 1 fails at "a", 1 fails' == (
        whatif.summary(more)
    )
    assert '2 runs: 2 fail at "a"' == whatif.summary(more[:1] * 2)
    assert "1 run: 1 same path" == whatif.summary(verdicts()[:1])
    assert "no recorded run" == whatif.summary([])


def test_the_lines_of_a_review_hold_no_value_of_a_run() -> None:
    """
    Who reads a review may not be allowed to read runs: neither values nor keys of items are told.
    """
    told_ = whatif.lines("flow", verdicts())

    assert f"flow: {whatif.summary(verdicts())}" == told_[0]
    assert ('flow: "choose" (line 3): it is gone',) == told_[1:2]
    assert 'flow: "load[*].x": http@1: arguments differ at /message' == told_[2]
    assert "my" not in "".join(told_)
    many = [Verdict("1", Kind.FAILS, f"s{number}") for number in range(13)]
    assert "flow: and 3 more reasons" == whatif.lines("flow", many)[-1]


def test_a_review_is_told_of_the_workflows_that_have_recordings() -> None:
    """
    The lines are those of the workflows that the change has plans of.
    """
    made = whole(step("a"))
    recording = record(made, ok("a"))

    other = replace(recording, bound=Bound(whole(step("b"))))
    plans = {"a": Bound(made), "new": Bound(made)}
    found = whatif.told(plans, {"a": (recording, other), "gone": ()})

    assert ("a: 1 run: 1 same path",) == found


def test_a_verdict_is_data() -> None:
    """
    A verdict is told as JSON with every value.
    """
    assert {
        "run": "2",
        "verdict": "branches elsewhere",
        "step": "choose",
        "line": 3,
        "why": "it is gone",
        "operation": None,
        "differences": [{"place": "/message", "recorded": "my value", "now": "another"}],
        "also": [],
    } == whatif.as_json(verdicts()[17])
