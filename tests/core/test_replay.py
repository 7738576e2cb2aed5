"""What is told of the steps of a run."""

from datetime import timedelta

import pytest

from engine.core import machine, replay
from engine.core.event import Failed, Succeeded
from engine.core.plan import Approve, Await, Verb, Wait
from engine.core.values import Json
from tests.core.runs import NOW, RETRY, SECOND, begin, edge, plan, scope, step

REFUSED: dict[str, Json] = {"type": "http.connect", "detail": "refused", "class": "transient"}


def test_steps_are_told_as_they_stand() -> None:
    """
    Each step comes in the order of the spec, with attempts, instants, error and outputs.
    """
    fetch = step("fetch", retry=RETRY)
    run, _ = begin(plan(scope(fetch, step("wait", edge(0)), step("no", condition="false"))))
    machine.advance(run, Failed("fetch", 1, REFUSED), NOW + SECOND)

    told = {str(each["path"]): each for each in replay.steps(run)}

    assert ["fetch", "wait", "no"] == list(told)
    assert ("waiting", 1, NOW.isoformat()) == tuple(
        told["fetch"][key] for key in ("status", "attempts", "started_at")
    )
    assert ("pending", 0, None) == tuple(
        told["wait"][key] for key in ("status", "attempts", "started_at")
    )
    assert ("skipped", "condition") == (told["no"]["status"], told["no"]["reason"])


def test_a_step_that_has_ended_shows_what_it_gave() -> None:
    """
    Outputs are those of the attempt that succeeded, with the instant of its end.
    """
    run, _ = begin(plan(scope(step("fetch"))))
    machine.advance(run, Succeeded("fetch", 1, {"id": 3}), NOW + SECOND)

    [told] = replay.steps(run)

    assert ("succeeded", {"id": 3}, None) == (told["status"], told["outputs"], told["error"])
    assert (NOW + SECOND).isoformat() == told["ended_at"]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("verb", "what", "event"),
    [
        (Await(HOUR, "paid"), "event", "paid"),
        (Await(HOUR, callback={}), "callback", None),
        (Approve(("user:ann",), HOUR), "approval", None),
        (Wait("1h"), "time", None),
    ],
)
def test_what_a_step_waits_for(verb: Verb, what: str, event: str | None) -> None:
    """
    A step that waits tells for what, and until when.
    """
    run, _ = begin(plan(scope(step("a", verb=verb))))

    [told] = replay.steps(run)

    until = (NOW + HOUR).isoformat()
    assert {"what": what, "event": event, "pool": None, "until": until} == told["waits_for"]
