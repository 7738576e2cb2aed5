"""What a recording answers to a plan that asks otherwise, and what it does not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core import machine
from engine.core.binding import Bound
from engine.core.event import Arrived, Decided
from engine.core.plan import (
    Approve,
    Artifact,
    Await,
    CancelWhen,
    Plan,
    Projection,
    Timeout,
    Verb,
    Wait,
)
from engine.core.values import Json
from engine.core.whatif import Difference, Kind, Recording
from tests.core.runs import (
    HOUR,
    NOW,
    SECOND,
    edge,
    header,
    no,
    ok,
    step,
    uses,
    values,
    whole,
)
from tests.core.whatif.recording import judge, record, say, told

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer"}


def projected(*outputs: Projection, artifacts: tuple[Artifact, ...] = ()) -> Plan:
    return whole(step("a", outputs=outputs, artifacts=artifacts))


def approved(**more: object) -> Plan:
    verb = replace(Approve(("user:ann",), HOUR, binds=values(x="{{ inputs.x }}")), **more)  # type: ignore[arg-type]
    return whole(step("ok", verb=verb))


def approval(x: int) -> Recording:
    _, first = machine.begin(Bound(approved()), header(x=x), NOW)
    return record(approved(), Decided("ok", "ann", True, first.asks[0].asked), x=x)


def test_arguments_without_a_value_fail() -> None:
    """
    An argument that reads what the run has not fails there, as it would when it is made.
    """
    recording = record(whole(step("a", verb=say())), ok("a"))
    wrong = whole(step("a", verb=say("{{ inputs.nothing }}")))

    verdict = judge(wrong, recording)
    again = judge(wrong, record(wrong, no("a", type="sark.argument")))
    mended = judge(whole(step("a", verb=say())), record(wrong, no("a", type="sark.argument")))

    assert (Kind.FAILS, "a", "it ends failed with sark.argument; it ended succeeded") == (
        told(verdict)
    )
    assert Kind.SAME is again.kind
    why = "its arguments had no value, so it was never made"
    assert (Kind.UNRECORDED, "a", why) == told(mended)


@pytest.mark.parametrize(
    ("verb", "why", "place"),
    [
        (say("you"), "arguments differ", "/message"),
        (say(operation="echo.say@2"), "operations differ", "/operation"),
        (say(key="k"), "idempotency keys differ", "/key"),
    ],
)
def test_what_is_asked_otherwise_has_no_recording(verb: Verb, why: str, place: str) -> None:
    """
    A call is told by its operation, its arguments and its key.
    """
    recording = record(whole(step("a", verb=say())), ok("a"))

    verdict = judge(whole(step("a", verb=verb)), recording)

    assert (Kind.UNRECORDED, "a", why) == told(verdict)
    assert [place] == [each.place for each in verdict.differences]


def test_secrets_stand_as_their_names() -> None:
    """
    The value of a secret is not compared and not shown; another secret is another argument.
    """

    def called(name: str) -> Plan:
        return replace(whole(step("a", verb=say(f"{{{{ secrets.{name} }}}}"))), secrets=(name,))

    recording = record(called("one"), ok("a"))

    assert Kind.SAME is judge(called("one"), recording).kind
    assert (Difference("/message", "<secret one>", "<secret two>"),) == (
        judge(called("two"), recording).differences
    )


@pytest.mark.parametrize(
    ("outputs", "verdict"),
    [
        ((Projection("x", "body.x", TEXT),), (Kind.SAME, "", "")),
        ((Projection("y", "body.x", TEXT),), (Kind.SAME, "", "")),
        (
            (Projection("y", "body.y", TEXT),),
            (Kind.UNRECORDED, "a", "output 'y' was not kept"),
        ),
        (
            (),
            (
                Kind.UNRECORDED, "a",
                "all that the operation returned was not kept, only its declared outputs",
            ),
        ),
        (
            (Projection("x", "body.x", NUMBER),),
            (Kind.FAILS, "a", "it ends failed with sark.output; it ended succeeded"),
        ),
    ],
)  # fmt: skip
def test_outputs_are_read_from_what_was_kept(
    outputs: tuple[Projection, ...], verdict: tuple[Kind, str, str]
) -> None:
    """
    A step that declares other outputs gets those that the recording has.
    """
    recording = record(projected(Projection("x", "body.x", TEXT)), ok("a", x="text"))

    assert verdict == told(judge(projected(*outputs), recording))


def test_outputs_are_read_from_all_that_an_operation_returned() -> None:
    """
    Where no outputs were declared, all was kept, and any can be declared now.
    """
    recording = record(projected(), ok("a", body={"x": "text"}))

    good = judge(projected(Projection("x", "body.x", TEXT)), recording)
    bad = judge(projected(Projection("y", "body.y", TEXT)), recording)

    assert Kind.SAME is good.kind
    assert (Kind.FAILS, "a") == (bad.kind, bad.step)


def test_an_artifact_that_was_not_kept_has_no_recording() -> None:
    """
    A file that the step did not keep is not there for others.
    """
    recording = record(projected(), ok("a"))

    verdict = judge(projected(artifacts=(Artifact("log"),)), recording)

    assert (Kind.UNRECORDED, "a", "artifact 'log' was not kept") == told(verdict)


@pytest.mark.parametrize("repeatable", [True, False])
def test_an_attempt_that_took_longer_than_it_may_is_cut_off(repeatable: bool) -> None:
    """
    With a shorter timeout the attempt fails as it would have.
    """
    verb = uses(repeatable=repeatable)
    recording = record(whole(step("a", verb=verb)), ok("a"), every=timedelta(seconds=20))

    short = judge(whole(step("a", verb=verb, timeout=Timeout(attempt=10 * SECOND))), recording)
    enough = judge(whole(step("a", verb=verb, timeout=Timeout(attempt=30 * SECOND))), recording)

    assert (Kind.FAILS, "a", "it ends failed with sark.timeout; it ended succeeded") == told(short)
    assert "the attempt took 20 s, longer than 10s" == short.differences[0].now["detail"]  # type: ignore[call-overload, index]
    assert Kind.SAME is enough.kind


def test_an_attempt_that_was_cut_off_sooner_has_no_recording() -> None:
    """
    With a longer timeout nobody knows what the attempt would have come to.
    """
    made = whole(step("a", timeout=Timeout(attempt=SECOND)))
    recording = record(made, no("a", type="sark.timeout"))

    verdict = judge(whole(step("a")), recording)

    assert (Kind.UNRECORDED, "a", "it was cut off after 1s, and may take longer") == told(verdict)


def test_what_the_end_of_a_run_cut_off_is_not_known() -> None:
    """
    An attempt that another step's failure ended has no end that another plan could use.
    """
    a, b = step("a"), step("b")
    recording = record(whole(a, b, cancel_on_failure=True), no("a"))

    verdict = judge(whole(replace(a, optional=True), b, cancel_on_failure=True), recording)

    assert (Kind.UNRECORDED, "b", "the recorded attempt was cut off") == told(verdict)


def test_a_pause_that_was_cut_off_goes_on() -> None:
    """
    What only waits for an instant goes on beyond the end of the recording.
    """
    a, nap = step("a"), step("nap", verb=Wait("10m"))
    made = whole(a, nap, cancel_on_failure=True)
    cancel = (CancelWhen("stop"),)
    recording = record(replace(made, cancel_when=cancel), no("a"))
    optional = whole(replace(a, optional=True), nap, cancel_on_failure=True)

    verdict = judge(replace(optional, cancel_when=cancel), recording)

    assert (Kind.BRANCHES, "nap", "it ends succeeded; it ended cancelled") == told(verdict)


def test_a_pause_that_is_new_is_waited_for_on_the_clock_of_the_recording() -> None:
    """
    What comes after a new pause ends as long after its beginning as it did.
    """
    recording = record(whole(step("a")), ok("a"))
    paused = whole(step("nap", verb=Wait("1h")), step("a", edge(0)))

    verdict = judge(paused, recording)

    assert (Kind.BRANCHES, "nap", "it is not in the recording") == told(verdict)
    assert () == verdict.also


def test_a_step_that_begins_later_gets_its_outcome_later() -> None:
    """
    Steps that ran side by side and are in a row now take the same path.
    """
    recording = record(whole(step("a"), step("b")), ok("b"), ok("a"))

    assert Kind.SAME is judge(whole(step("a"), step("b", edge(0))), recording).kind
    sooner = record(whole(step("a"), step("b")), ok("a"), ok("b"))
    assert Kind.SAME is judge(whole(step("a"), step("b", edge(0))), sooner).kind
    fast = record(whole(step("a"), step("b")), ok("b"), ok("a"), every=timedelta(0))
    assert Kind.SAME is judge(whole(step("a"), step("b", edge(0))), fast).kind


def test_an_approval_holds_for_what_was_shown() -> None:
    """
    A decision counts under another plan as long as what it is bound to is the same.
    """
    recording = approval(1)

    assert Kind.SAME is judge(approved(), recording).kind
    assert (Kind.UNRECORDED, "ok", "it waits for something else") == told(
        judge(approved(binds=values(x="other")), recording)
    )
    more = judge(approved(min=2), recording)
    assert (Kind.UNRECORDED, "ok", "nothing of the recording ends its wait", "approve") == (
        *told(more), more.operation,
    )  # fmt: skip


def test_an_approval_that_nobody_was_asked_for_has_no_recording() -> None:
    """
    A new approval is not given by itself.
    """
    verdict = judge(approved(), record(whole(step("ok")), ok("ok"), x=1))

    assert (Kind.UNRECORDED, "ok", "nobody waited for it") == told(verdict)


@pytest.mark.parametrize(
    ("verb", "operation"),
    [(Await(HOUR, "paid"), "await paid"), (Await(HOUR, callback={}), "await a callback")],
)
def test_an_event_that_nobody_waited_for_has_no_recording(verb: Verb, operation: str) -> None:
    """
    What would have come for a new wait is not known.
    """
    verdict = judge(whole(step("a", verb=verb)), record(whole(step("a")), ok("a")))

    assert (Kind.UNRECORDED, operation) == (verdict.kind, verdict.operation)


def test_an_event_is_heard_by_a_wait_that_begins_later() -> None:
    """
    An event that came while a step had to wait for another is kept for it.
    """
    event = Arrived("b", {"type": "paid", "data": {}})
    recording = record(whole(step("a"), step("b", verb=Await(HOUR, "paid"))), event, ok("a"))

    assert (
        Kind.SAME
        is judge(whole(step("a"), step("b", edge(0), verb=Await(HOUR, "paid"))), recording).kind
    )
