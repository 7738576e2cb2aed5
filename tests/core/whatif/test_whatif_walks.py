"""Random workflows with random lives: what another plan would have made of them."""

import os
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import whatif
from engine.core.binding import Bound
from engine.core.codec import decode, encode, sealed
from engine.core.plan import Plan, Step
from engine.core.run import StepRun
from engine.core.state import StepState
from engine.core.whatif import Kind, Recording, Verdict
from engine.core.whatif.path import ran
from engine.core.whatif.recording import Tape
from tests.core.runs import NOW, assign, header, step, uses
from tests.core.test_machine_scope_walks import AnyWalk
from tests.core.test_machine_scope_walks import plans as any_plans
from tests.core.test_machine_walks import FlatWalk
from tests.core.test_machine_walks import plans as flat_plans
from tests.core.walking import Walk, drain

# How many walks there are; by hand, many more.
WALKS = int(os.environ.get("SARK_WALKS", "30"))
_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def recorded(walk: Walk, turns: int = 40) -> Recording:
    """Return a run that was told random events to its end."""
    for _ in range(turns):
        if walk.run.ended_at is None:
            walk.tell(walk.pick())
    drain(walk)
    return Recording(walk.bound, header(), NOW, walk.rows)


def judge(plan: Plan, recording: Recording) -> Verdict:
    return whatif.judge(Bound(plan), recording)


def written_elsewhere(plan: Plan) -> Plan:
    """Return the plan of the same workflow after its file was formatted and moved."""
    body = decode(encode(sealed(plan)))
    steps = tuple(replace(each, line=each.line + 7) for each in body.root.steps)
    return replace(body, file="other.yaml", root=replace(body.root, steps=steps))


@settings(max_examples=WALKS, deadline=None, suppress_health_check=_SLOW)
@given(any_plans(), st.data())
def test_a_plan_takes_the_path_of_its_own_runs(made: Plan, draw: st.DataObject) -> None:
    """
    Whatever happened to a run, its own plan takes the same path, and after formatting, too.
    """
    recording = recorded(AnyWalk(made, draw))

    same = Verdict(header().id, Kind.SAME)
    assert same == judge(made, recording)
    assert same == judge(written_elsewhere(made), recording)


@settings(max_examples=WALKS, deadline=None, suppress_health_check=_SLOW)
@given(any_plans(), any_plans(), st.data())
def test_any_plan_comes_to_one_verdict(made: Plan, other: Plan, draw: st.DataObject) -> None:
    """
    A run is judged under any other plan, however far off, and the same each time.
    """
    recording = recorded(AnyWalk(made, draw))

    assert judge(other, recording) == judge(other, recording)


def steps_that_ran(recording: Recording) -> list[StepRun]:
    return [each for each in Tape(recording).run.root.steps if each.attempt]


def changed(plan: Plan, name: str, **more: object) -> Plan:
    steps = (replace(each, **more) if each.id == name else each for each in plan.root.steps)  # type: ignore[arg-type]
    return replace(plan, root=replace(plan.root, steps=tuple(steps)))


@settings(max_examples=WALKS, deadline=None, suppress_health_check=_SLOW)
@given(flat_plans(), st.data())
def test_a_flipped_condition_is_where_the_path_parts(made: Plan, draw: st.DataObject) -> None:
    """
    A step that ran and whose `if` is false now is where the run branches elsewhere, and why.
    """
    recording = recorded(FlatWalk(made, draw))
    called = steps_that_ran(recording)
    if not called:
        return
    name = draw.draw(st.sampled_from(called)).path

    verdict = judge(changed(made, name, condition="1 == 2"), recording)

    assert (Kind.BRANCHES, name) == (verdict.kind, verdict.step)
    assert "it is skipped (its `if` is false); it ran" == verdict.why
    assert ("if", "1 == 2") in [(each.place, each.now) for each in verdict.differences]


@settings(max_examples=WALKS, deadline=None, suppress_health_check=_SLOW)
@given(flat_plans(), st.data())
def test_a_changed_argument_has_no_recording(made: Plan, draw: st.DataObject) -> None:
    """
    A call that was made with other arguments is not answered from the recording.
    """
    recording = recorded(FlatWalk(made, draw))
    called = steps_that_ran(recording)
    if not called:
        return
    name = draw.draw(st.sampled_from(called)).path
    verb = replace(uses(), arguments={"message": "you"})

    verdict = judge(changed(made, name, verb=verb), recording)

    assert (Kind.UNRECORDED, name, "echo.say@1") == (verdict.kind, verdict.step, verdict.operation)
    assert [("/message", "hi", "you")] == [
        (each.place, each.recorded, each.now) for each in verdict.differences
    ]


@settings(max_examples=WALKS, deadline=None, suppress_health_check=_SLOW)
@given(flat_plans(), st.data())
def test_a_new_step_has_no_recording(made: Plan, draw: st.DataObject) -> None:
    """
    A call that the recorded plan had not is told as such; new values of our own run along.
    """
    recording = recorded(FlatWalk(made, draw))

    def grown(new: Step) -> Plan:
        return replace(made, root=replace(made.root, steps=(*made.root.steps, new)))

    call = judge(grown(step("more")), recording)
    values = judge(grown(step("more", verb=assign(y=2))), recording)

    if Tape(recording).run.root.failure is not None and call.kind is Kind.SAME:
        return  # a step that begins with the run had failed before
    assert (Kind.UNRECORDED, "more", "it was never called") == (call.kind, call.step, call.why)
    assert (Kind.BRANCHES, "more") == (values.kind, values.step)


@settings(max_examples=WALKS, deadline=None, suppress_health_check=_SLOW)
@given(flat_plans(), st.data())
def test_a_removed_step_is_where_the_path_parts(made: Plan, draw: st.DataObject) -> None:
    """
    A step that ran and is no longer there is where the run branches elsewhere, unless one that its
    failure had cancelled goes otherwise before.
    """
    recording = recorded(FlatWalk(made, draw))
    last = made.root.steps[-1]
    rest = tuple(
        replace(each, before=tuple(b for b in each.before if b != len(made.root.steps) - 1))
        for each in made.root.steps[:-1]
    )

    verdict = judge(replace(made, root=replace(made.root, steps=rest)), recording)

    told = (Kind.BRANCHES, last.id, "it is gone")
    is_told = told == (verdict.kind, verdict.step, verdict.why)
    gone = Tape(recording).run.steps[last.id]
    if gone.state is StepState.FAILED and not is_told:
        assert verdict.why.endswith("; it was cancelled (failure)")
    else:
        assert ran(gone) == is_told
