"""A short storm of faults over every verb; `make chaos` blows for as long as one likes."""

import pytest

from tests.chaos import load, storm
from tests.chaos.__main__ import blow
from tests.chaos.proof import Proof
from tests.chaos.service import Call, Service


@pytest.mark.timeout(900)
def test_nothing_is_lost_and_nothing_is_left():
    """
    Whatever is killed, frozen, drained or wiped while runs of every verb go on: each ends as its
    workflow promises, each outcome is there once, and nothing of them is left.
    """
    report = blow("7", seconds=20, runs=100, kills=6)

    assert report.has_passed, report.table()


def test_a_seed_draws_the_same_storm():
    """
    The same seed gives the same load and the same faults at the same times, another one others.
    """
    assert storm.draw("7", 60, 20) == storm.draw("7", 60, 20) != storm.draw("8", 60, 20)
    assert load.draw("7", 100, 60) == load.draw("7", 100, 60) != load.draw("8", 100, 60)
    assert 20 == sum(each.what.startswith("kill") for each in storm.draw("7", 60, 20))


def test_the_proof_tells_what_it_finds():
    """
    A run that is gone, one that hangs, an attempt that was called twice, a caller with two keys
    and a call from nowhere: each is told.
    """
    gone, hangs = load.draw("7", 2, 1)
    gone.run, hangs.run = "r1", "r2"
    calls = [_call("r1:a", 1, "a"), _call("r1:a", 1, "a"), _call("r1:b", 1, "a")]
    proof = Proof({}, [("r2", "has not ended")], [gone, hangs], Service(calls))

    assert {
        "acknowledged runs": [("r1", "was acknowledged and is not there")],
        "runs that have not ended": [("r2", "has not ended")],
        "attempts called, each once": [("r1:a", "attempt 1 under r1:a was made 2 x")],
        "callers, each with one key": [("r1", "a was called under ['r1:a', 'r1:b']")],
        "calls made, each at least once": [
            ("r1:a", "is the key of a call that no run has made"),
            ("r1:b", "is the key of a call that no run has made"),
        ],
    } == {each.name: list(each.broken) for each in proof.checks() if each.broken}


def _call(key: str, fence: int, at: str) -> Call:
    return Call("PUT", "/steady", key, fence, "r1", at, 0.0, 1.0, 200)
