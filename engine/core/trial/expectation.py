"""What a test expects, held against what became of the run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.core import machine, spec
from engine.core.run import StepRun
from engine.core.spec.workflow_test import ExpectedStep
from engine.core.state import StepState
from engine.core.trial.simulation import Trial, ended
from engine.core.values import Json, canonical
from engine.core.wording import nearest

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An expectation that does not hold: where it is written, and what was found instead."""

    path: Path
    message: str


def mismatches(test: spec.WorkflowTest, trial: Trial) -> list[Mismatch]:
    """Return every expectation of a test that the trial does not meet, in their order."""
    return [Mismatch(("expect", *path), told) for path, told in _all(test.expect, trial)]


def _all(expect: spec.Expect, trial: Trial) -> Iterator[tuple[Path, str]]:
    if trial.is_endless:
        waiting = ", ".join(sorted(trial.run.active)) or "nothing"
        yield (), f"the run does not end: it waits for {waiting}"
        return
    yield from _of_run(expect, trial)
    for path, told in expect.steps.items():
        wanted = told if isinstance(told, ExpectedStep) else ExpectedStep(state=told)
        for key, message in _of_step(path, wanted, trial.run.steps.get(path), trial):
            yield ("steps", path, *key), message
    yield from _of_order(expect.order, trial)
    if expect.emitted is not None:
        found = [each.type for each in trial.emitted]
        if found != expect.emitted:
            yield ("emitted",), _differs("the events", expect.emitted, found)


def _of_run(expect: spec.Expect, trial: Trial) -> Iterator[tuple[Path, str]]:
    run, status = trial.run, machine.status(trial.run).value
    if expect.run is not None and expect.run.state not in (None, status):
        cause = f" ({_cause(run.error)})" if run.error else ""
        yield ("run", "state"), f"expected the run to be {expect.run.state}; it {status}{cause}"
    if expect.run is not None and expect.run.flags is not None:
        found = [each for each in machine.flags(run) if each != "timed_out"]
        if sorted(expect.run.flags) != sorted(found):
            yield ("run", "flags"), _differs("the run's flags", expect.run.flags, found)
    if expect.error is not None:
        error = run.error or {}
        for key in ("type", "step"):
            wanted = getattr(expect.error, key)
            if wanted is not None and wanted != error.get(key):
                yield ("error", key), _differs(f"the error's {key}", wanted, error.get(key))
    yield from _of_values("outputs", expect.outputs, run.outputs or {})


def _of_step(
    path: str, wanted: ExpectedStep, step: StepRun | None, trial: Trial
) -> Iterator[tuple[Path, str]]:
    if step is None:
        near = nearest(path, trial.run.steps)
        hint = f'; did you mean "{near}"?' if near else ""
        yield (), f'there was no step "{path}" in this run{hint}'
        return
    if wanted.state not in (None, step.state.value):
        yield ("state",), f"expected {path} to be {wanted.state}; it {_said(step)}"
    if wanted.attempts not in (None, step.attempt):
        yield ("attempts",), _differs(f"the attempts of {path}", wanted.attempts, step.attempt)
    if wanted.flags is not None:
        found = [each for each in ("degraded", "cached", "timed_out") if getattr(step, each)]
        if sorted(wanted.flags) != sorted(found):
            yield ("flags",), _differs(f"the flags of {path}", wanted.flags, found)
    yield from _of_values("outputs", wanted.outputs or {}, step.outputs or {})


def _of_values(
    key: str, wanted: Mapping[str, Json], found: Mapping[str, Json]
) -> Iterator[tuple[Path, str]]:
    for name, value in wanted.items():
        if name not in found:
            yield (key, name), f'there is no output "{name}"'
        elif canonical(value) != canonical(found[name]):
            yield (key, name), _differs(f'the output "{name}"', value, found[name])


def _of_order(wanted: list[str], trial: Trial) -> Iterator[tuple[Path, str]]:
    """Yield the first place at which steps did not end in the order that is expected."""
    found = [each for each in ended(trial.run) if each in wanted]
    for index, path in enumerate(wanted):
        if index >= len(found) or found[index] != path:
            told = ", ".join(found) or "none of them ran"
            yield ("order", index), f"expected {path} to end here; they ended in the order {told}"
            return


def _cause(error: Mapping[str, Json]) -> str:
    step = error.get("step")
    return f"{error['type']} in {step}" if step else str(error["type"])


def _said(step: StepRun) -> str:
    if step.state is StepState.FAILED and step.error:
        return f"failed with {step.error['type']}: {step.error['detail']}"
    reason = f" ({step.reason})" if step.reason else ""
    return f"was {step.state.value}{reason}"


def _differs(what: str, wanted: Json, found: Json) -> str:
    told = (canonical(each).decode() for each in (wanted, found))
    return f"expected {what} to be {next(told)}; found {next(told)}"
