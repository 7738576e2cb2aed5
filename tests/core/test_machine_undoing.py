"""What is undone, in which order, and when nothing is: compensation, rollback, pivot."""

from dataclasses import replace

import pytest

from engine.core import machine
from engine.core.event import Cancel, Event, Failed, OwnerLost, Started
from engine.core.plan import (
    Block,
    Effect,
    Emit,
    Fail,
    Fallback,
    ForEach,
    Handler,
    Start,
    Step,
    Uses,
    Verb,
)
from engine.core.state import RunStatus
from tests.core.runs import (
    PERMANENT,
    RETRY,
    SECOND,
    TRANSIENT,
    UNKNOWN,
    alarm,
    assign,
    begin,
    block,
    drain,
    edge,
    launched,
    no,
    ok,
    only,
    scope,
    states,
    step,
    tell,
    uses,
    values,
    whole,
)


def undoable(name: str, *after: object, **more: object) -> Step:
    return step(name, *after, compensation=only(), **more)  # type: ignore[arg-type]


def test_steps_are_undone_the_last_first() -> None:
    """
    What ended last is undone first, each when those after it are; the run is then compensated.
    """
    steps = undoable("a"), undoable("b", edge(0)), undoable("c", edge(1)), step("d", edge(2))
    run, _ = begin(whole(*steps))

    assert ["c.compensate"] == launched(tell(run, ok("a"), ok("b"), ok("c"), no("d")))
    assert RunStatus.COMPENSATING == machine.status(run)
    assert ["b.compensate"] == launched(tell(run, ok("c.compensate")))
    assert ["a.compensate"] == launched(tell(run, ok("b.compensate")))
    assert tell(run, ok("a.compensate")).ended
    assert RunStatus.COMPENSATED == machine.status(run)
    assert ["compensated"] * 3 + ["failed"] == [states(run)[each] for each in "abcd"]


def test_what_overlapped_is_undone_at_once() -> None:
    """
    Steps that ran beside each other did not build on each other: they are undone together.
    """
    steps = (
        undoable("a"),
        undoable("b", edge(0)),
        undoable("c", edge(0)),
        step("d", edge(1), edge(2)),
    )
    run, _ = begin(whole(*steps))
    decision = tell(run, ok("a"), ok("c"), ok("b"), no("d"))

    assert ["b.compensate", "c.compensate"] == launched(decision)
    assert [] == launched(tell(run, ok("b.compensate")))
    assert ["a.compensate"] == launched(tell(run, ok("c.compensate")))
    assert tell(run, ok("a.compensate")).ended


@pytest.mark.parametrize(
    ("verb", "events", "undone"),
    [
        (uses(), [Failed("a", 1, UNKNOWN)], True),
        (uses(), [no("a")], False),
        (uses(), [Cancel("ann", "")], True),
        (uses(repeatable=False), [Started("a", 1), OwnerLost()], True),
        (uses(repeatable=False), [OwnerLost(), no("a", 2)], False),
        (uses(), [OwnerLost(), no("a", 2)], True),
        (Start("other", {}), [no("z")], True),
        (Emit("e"), [no("z")], True),
        (assign(x=1), [no("z")], True),
        (Fail("mine", "no"), [ok("z")], False),
    ],
)
def test_what_may_have_happened_is_undone(verb: Verb, events: list[Event], undone: bool) -> None:
    """
    A step is undone if it took effect or nobody knows: a lost reply too. A plain failure is not.
    """
    run, _ = begin(whole(undoable("a", verb=verb), step("z")))
    paths = launched(tell(run, *events))
    while not run.ended_at:
        paths += launched(
            tell(run, *(ok(path, each.attempt) for path, each in [*run.active.items()]))
        )

    assert undone == ("a.compensate" in paths)
    assert ("compensated" if undone else "failed") == states(run)["a"]


def test_a_step_that_never_began_is_not_undone() -> None:
    """
    Compensation is registered when the first attempt is dispatched.
    """
    run, _ = begin(whole(step("a"), undoable("b", edge(0)), undoable("c", condition="false")))

    assert tell(run, no("a")).ended
    assert RunStatus.FAILED == machine.status(run)
    assert {"a": "failed", "b": "cancelled", "c": "skipped"} == states(run)


def test_a_compensation_reads_what_the_step_did() -> None:
    """
    `self` holds the outputs, the error, the status and the idempotency key of the step.
    """
    told = assign(x="{{ self.outputs.id }}", s="{{ self.status }}", k="{{ self.idempotency_key }}")
    keyed = Uses("a@1", {}, Effect.WRITE, repeatable=True, key="pay-{{ inputs.n }}")
    a = step("a", compensation=only(told))
    b = step("b", verb=keyed, compensation=only(told))
    run, _ = begin(whole(a, b, step("c")), n=3)
    tell(run, ok("a", id=1), ok("b", id=2), no("c"))

    assert {"x": 1, "s": "succeeded", "k": "0198-run:a"} == run.steps["a.compensate"].outputs
    assert {"x": 2, "s": "succeeded", "k": "pay-3"} == run.steps["b.compensate"].outputs


def test_a_key_that_has_no_value_does_not_stop_the_undoing() -> None:
    """
    A run whose key cannot be evaluated is cancelled and undone as any other; the key is null.
    """
    keyed = Uses("a@1", {}, Effect.WRITE, repeatable=True, key="pay-{{ inputs.none }}")
    told = only(assign(k="{{ self.idempotency_key }}"))
    run, _ = begin(whole(step("a", verb=keyed, compensation=told)))

    assert tell(run, Cancel("ann", "")).ended
    assert {"k": None} == run.steps["a.compensate"].outputs


def test_a_composite_is_undone_as_a_whole_or_in_its_parts() -> None:
    """
    A block with a compensation of its own is undone by that alone once it has succeeded; if it
    failed, and wherever it has none, by its parts.
    """
    run, _ = begin(whole(block("b", undoable("x"), compensation=only()), step("z", edge(0))))
    assert ["b.compensate"] == launched(tell(run, ok("b.x"), no("z")))
    assert tell(run, ok("b.compensate")).ended
    assert "succeeded" == states(run)["b.x"]

    run, _ = begin(whole(block("b", undoable("x"), step("y"), compensation=only())))
    assert ["b.x.compensate"] == launched(tell(run, ok("b.x"), no("b.y")))
    assert tell(run, ok("b.x.compensate")).ended

    run, _ = begin(whole(block("b", undoable("x")), step("z", edge(0))))
    assert ["b.x.compensate"] == launched(tell(run, ok("b.x"), no("z")))
    assert tell(run, ok("b.x.compensate")).ended
    assert RunStatus.COMPENSATED == machine.status(run)


def test_items_that_succeeded_are_undone_when_the_loop_fails() -> None:
    """
    A loop that fails leaves nothing of its items behind.
    """
    body = only(compensation=only())
    run, _ = begin(whole(step("f", verb=ForEach("inputs.all", "it", body, 9))), all=[1, 2, 3])
    decision = tell(run, ok("f[0]"), no("f[1]"))

    assert ["f[2]"] == decision.revoked
    assert ["f[0].compensate", "f[2].compensate"] == sorted(drain(run, decision))


def test_a_failed_compensation_is_told_and_alerted_of() -> None:
    """
    The others are still undone, the run has failed with `compensation_failed`, and
    `on_compensation_failure` has run once, with the error.
    """
    alert = scope(
        step("tell", verb=assign(s="{{ error.step }}", t="{{ error.type }}")), step("page")
    )
    steps = undoable("a"), undoable("b", edge(0)), step("c", edge(1))
    run, _ = begin(replace(whole(*steps), on_compensation_failure=alert))
    tell(run, ok("a"), ok("b"), no("c"))
    decision = tell(run, no("b.compensate"))

    assert ["on_compensation_failure[b].page", "a.compensate"] == launched(decision)
    assert {"s": "b", "t": "http.status"} == run.steps["on_compensation_failure[b].tell"].outputs
    assert not tell(run, ok("a.compensate")).ended
    assert tell(run, no("on_compensation_failure[b].page")).ended
    assert RunStatus.FAILED == machine.status(run)
    assert ("compensation_failed",) == machine.flags(run)
    assert {"a": "compensated", "b": "succeeded", "c": "failed"}.items() <= states(run).items()


def test_a_compensation_is_tried_again_as_any_step() -> None:
    """
    A compensation has attempts, and may die with its worker.
    """
    run, _ = begin(whole(step("a", compensation=only(retry=RETRY)), step("b")))
    tell(run, ok("a"), no("b"))
    pause = tell(run, Failed("a.compensate", 1, TRANSIENT))
    assert ["a.compensate"] == launched(tell(run, alarm(pause, "a.compensate"), OwnerLost()))
    assert tell(run, ok("a.compensate", 3)).ended
    assert RunStatus.COMPENSATED == machine.status(run)


def test_there_is_no_way_back_after_a_pivot() -> None:
    """
    Once a pivot has succeeded, nothing before or after it is undone, in no block around it.
    """
    inner = block("b", undoable("x"), step("p", edge(0), pivot=True), undoable("y", edge(1)))
    run, _ = begin(whole(undoable("a"), inner, step("z", edge(1))))

    assert tell(run, ok("a"), ok("b.x"), ok("b.p"), ok("b.y"), no("z")).ended
    assert RunStatus.FAILED == machine.status(run)
    assert not [path for path in run.steps if path.endswith("compensate")]

    run, _ = begin(whole(undoable("a"), step("p", pivot=True)))
    assert ["a.compensate"] == launched(tell(run, ok("a"), no("p")))


def test_a_block_that_is_cancelled_while_it_tidies_up_is_undone() -> None:
    """
    Its steps had succeeded; the run is cancelled during its `finally`; it is undone all the same.
    """
    body = replace(scope(undoable("x")), finally_=scope(step("tidy")))
    run, _ = begin(whole(step("b", verb=Block(body))))
    assert [] == tell(run, ok("b.x"), Cancel("ann", "")).revoked

    assert ["b.x.compensate"] == launched(tell(run, ok("b.finally.tidy")))
    assert tell(run, ok("b.x.compensate")).ended
    assert {"b": "cancelled", "b.x": "compensated"}.items() <= states(run).items()


def test_what_was_handled_too_late_is_undone() -> None:
    """
    A block whose handler recovers after the run was cancelled does not keep what it did.
    """
    body = replace(
        scope(undoable("x"), step("y", edge(0))),
        handlers=(Handler(scope(step("h")), recover=True),),
    )
    run, _ = begin(whole(step("b", verb=Block(body))))
    tell(run, ok("b.x"), no("b.y"), Cancel("ann", ""))

    assert ["b.x.compensate"] == launched(tell(run, ok("b.on_failure.h")))
    assert tell(run, ok("b.x.compensate")).ended
    assert RunStatus.CANCELLED == machine.status(run)


def test_what_a_fallback_stands_in_for_is_undone_with_the_rest() -> None:
    """
    A loop that fell back had written: when the run fails later, that is undone too, once.
    """
    loop = ForEach("inputs.all", "it", only(compensation=only()), 9, max_parallel=1)
    for instead in (Fallback(values(x=1)), Fallback(body=only())):
        steps = step("f", verb=loop, fallback=instead, compensation=only()), step("z", edge(0))
        run, _ = begin(whole(*steps), all=[1, 2])
        tell(run, ok("f[0]"), no("f[1]"))
        own = instead.body is not None
        if own:
            tell(run, ok("f.fallback", x=1))
        assert "succeeded" == states(run)["f"]

        assert ["f.compensate"] * own + ["f[0].compensate"] == drain(run, tell(run, no("z")))
        assert "compensated" == states(run)["f[0]"]


def test_waits_end_before_anything_is_undone() -> None:
    """
    The first failure lets what runs finish; only then is the block undone.
    """
    run, _ = begin(whole(undoable("a"), step("b")))

    assert [] == launched(tell(run, no("b"), after=SECOND))
    assert ["a.compensate"] == launched(tell(run, ok("a")))


def test_an_alert_raises_no_alert_in_its_turn() -> None:
    """
    Where what alerts of a failed compensation cannot be undone itself, that is the end of it.
    """
    undo = only(uses())
    alert = scope(step("page", compensation=undo), step("no", edge(0), verb=Fail("mine", "no")))
    body = scope(step("a", compensation=undo), step("b", edge(0), verb=Fail("mine", "no")))
    made = replace(whole(*body.steps), on_compensation_failure=alert)
    run, _ = begin(made)

    tell(run, ok("a"))
    tell(run, Failed("a.compensate", 1, PERMANENT))
    tell(run, ok("on_compensation_failure[a].page"))
    tell(run, Failed("on_compensation_failure[a].page.compensate", 1, PERMANENT))

    assert ("failed", True) == (machine.status(run).value, run.compensation_failed)
