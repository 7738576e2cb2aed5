"""What a test expects, held against what became of the run."""

from collections.abc import Iterator, Mapping, Sequence

from engine.core import machine, spec
from engine.core.run import StepRun
from engine.core.spec.workflow_test import ExpectedStep
from engine.core.state import StepState
from engine.core.trial.path import parts, speaks_of
from engine.core.trial.problem import Path, Problem
from engine.core.trial.simulation import Trial
from engine.core.values import Json, canonical
from engine.core.wording import listed, shown

_NOT_RUN = frozenset({StepState.SKIPPED, StepState.CANCELLED})
_FLAGS = ("degraded", "cached", "timed_out")


def unmet(test: spec.WorkflowTest, trial: Trial) -> list[Problem]:
    """Return every expectation of a test that the trial does not meet, in their order."""
    return [Problem("test-failed", ("expect", *path), told) for path, told in _all(test, trial)]


def said(step: StepRun) -> str:
    """Return in words how a step has ended."""
    if step.state is StepState.FAILED and step.error:
        return f"failed with {step.error['type']}: {step.error['detail']}"
    reason = f" ({step.reason})" if step.reason else ""
    return f"was {step.state.value}{reason}"


def named(name: str, trial: Trial) -> list[StepRun]:
    """Return the steps of a run that a name in a test speaks of."""
    exact = trial.run.steps.get(name)
    if exact is not None or not ("." in name or "[" in name):
        return [exact] if exact is not None else []
    told = parts(name)
    return [each for path, each in trial.run.steps.items() if speaks_of(told, parts(path))]


def _all(test: spec.WorkflowTest, trial: Trial) -> Iterator[tuple[Path, str]]:
    expect = test.expect
    if trial.is_endless:
        waiting = listed(sorted(trial.run.active))
        yield (), f"the run does not end: it still goes on with {waiting}"
        return
    yield from _of_run(expect, trial)
    for name, told in expect.steps.items():
        wanted = told if isinstance(told, ExpectedStep) else ExpectedStep(state=told)
        for path, message in _of_steps(name, wanted, trial):
            yield ("steps", name, *path), message
    yield from _of_order(expect.order, trial)
    if expect.emitted is not None:
        found = [each.type for each in trial.emitted]
        if found != expect.emitted:
            yield ("emitted",), _differs("the events", expect.emitted, found)


def _of_run(expect: spec.Expect, trial: Trial) -> Iterator[tuple[Path, str]]:
    run, status = trial.run, machine.status(trial.run).value
    if expect.run is not None and expect.run.state not in (None, status):
        cause = f" ({_cause(run.error)})" if run.error else ""
        message = f"expected the run to be {expect.run.state}; it is {status}{cause}"
        yield ("run", "state"), message
    if expect.run is not None and expect.run.flags is not None:
        flags = list(machine.flags(run))
        if sorted(expect.run.flags) != sorted(flags):
            yield ("run", "flags"), _differs("the run's flags", expect.run.flags, flags)
    if expect.error is not None:
        error = run.error or {}
        for key in ("type", "step"):
            wanted = getattr(expect.error, key)
            if wanted is not None and wanted != error.get(key):
                found = error.get(key) if run.error else "no error"
                yield ("error", key), _differs(f"the error's {key}", wanted, found)
    yield from _of_values("outputs", "the run", expect.outputs, run.outputs or {})


def _of_steps(name: str, wanted: ExpectedStep, trial: Trial) -> Iterator[tuple[Path, str]]:
    """Yield what is not so of one of the steps that a name speaks of."""
    found = named(name, trial)
    if not found and wanted != ExpectedStep(attempts=0):
        yield (), f"the run never came to {name}; `{{attempts: 0}}` expects that"
    for step in found:
        told = list(_of_step(step, wanted))
        if told:
            yield from told
            return


def _of_step(step: StepRun, wanted: ExpectedStep) -> Iterator[tuple[Path, str]]:
    path = step.path
    if wanted.state not in (None, step.state.value):
        yield ("state",), f"expected {path} to be {wanted.state}; it {said(step)}"
    if wanted.attempts not in (None, step.attempt):
        yield ("attempts",), _differs(f"the attempts of {path}", wanted.attempts, step.attempt)
    if wanted.flags is not None:
        flags = [each for each in _FLAGS if getattr(step, each)]
        if sorted(wanted.flags) != sorted(flags):
            yield ("flags",), _differs(f"the flags of {path}", wanted.flags, flags)
    yield from _of_values("outputs", path, wanted.outputs or {}, step.outputs or {})


def _of_values(
    key: str, what: str, wanted: Mapping[str, Json], found: Mapping[str, Json]
) -> Iterator[tuple[Path, str]]:
    for name, value in wanted.items():
        if name not in found:
            yield (key, name), f'{what} has no output "{name}"; it has {listed(found)}'
        elif canonical(value) != canonical(found[name]):
            yield (key, name), _differs(f'the output "{name}" of {what}', value, found[name])


def _of_order(wanted: Sequence[str], trial: Trial) -> Iterator[tuple[Path, str]]:
    """Yield the first step that did not end after all that are named before it."""
    last = 0
    for index, name in enumerate(wanted):
        ends = [each.ended for each in named(name, trial) if each.state not in _NOT_RUN]
        if not ends:
            yield ("order", index), f"expected {name} to end here; it did not run"
            return
        if min(ends) < last:
            yield ("order", index), f"expected {name} to end here; {_order(wanted, trial)}"
            return
        last = max(ends)


def _order(wanted: Sequence[str], trial: Trial) -> str:
    steps = {each.path: each for name in wanted for each in named(name, trial)}
    ended = [each for each in steps.values() if each.state not in _NOT_RUN]
    told = ", ".join(each.path for each in sorted(ended, key=lambda each: each.ended))
    return f"they ended in the order {told}"


def _cause(error: Mapping[str, Json]) -> str:
    step = error.get("step")
    where = f" in {step}" if step else ""
    return f"{error['type']}{where}: {error['detail']}"


def _differs(what: str, wanted: Json, found: Json) -> str:
    return f"expected {what} to be {shown(wanted)}; found {shown(found)}"
