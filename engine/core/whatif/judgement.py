"""The verdict on a recorded run that was driven through another plan."""

from collections.abc import Iterator, Mapping

from engine.core import machine
from engine.core.binding import BoundForEach, BoundRepeat, BoundSwitch
from engine.core.expression import Compiled
from engine.core.run import Run, StepRun
from engine.core.state import RunStatus, StepState
from engine.core.values import Json
from engine.core.whatif.answer import Missing
from engine.core.whatif.difference import MOST, Difference, cut, differences
from engine.core.whatif.drive import Driven
from engine.core.whatif.path import Parting, choice, parting, ran
from engine.core.whatif.recording import Tape
from engine.core.whatif.verdict import Kind, Verdict

_PLAIN = (str, int, float, bool, list, tuple, dict)
_BAD = frozenset({RunStatus.FAILED, RunStatus.COMPENSATED})


def judged(tape: Tape, driven: Driven) -> Verdict:
    """Return the verdict: where the path parts first counts, whatever comes of it later."""
    identity, old, new = tape.recording.header.id, tape.run, driven.run
    if driven.is_endless:
        return Verdict(identity, Kind.FAILS, why="it does not end")
    where = parting(old, new)
    missing = driven.missing
    if missing is not None and _is_itself(where, missing):
        step = new.steps[missing.path]
        return Verdict(
            identity, Kind.UNRECORDED, missing.path, step.step.plan.line, missing.why,
            missing.what, missing.differences,
        )  # fmt: skip
    if where is not None:
        return _parted(identity, where, driven, old)
    have_ended = old.ended_at is not None and new.ended_at is not None
    if have_ended and old.outcome is not new.outcome:
        return Verdict(
            identity, Kind.FAILS if new.outcome in _BAD else Kind.BRANCHES,
            why=_ends(old, new), differences=differences(_error(old.error), _error(new.error)),
        )  # fmt: skip
    return Verdict(identity, Kind.SAME, also=tuple(_also(tape, driven)))


def _is_itself(where: Parting | None, missing: Missing) -> bool:
    """True if what the recording does not hold is where the path parts, and not what follows."""
    if where is None:
        return True
    is_there = where.path == missing.path or missing.path.startswith(
        (f"{where.path}.", f"{where.path}[")
    )
    return is_there and (where.old is None or (where.path == missing.path and ran(where.old)))


def _parted(identity: str, where: Parting, driven: Driven, old: Run) -> Verdict:
    """Return the verdict on a run whose path parts at a step."""
    step = where.new or where.old
    assert step is not None
    new, missing = driven.run, driven.missing
    is_bad = (new.root.failure is not None, old.root.failure is not None) == (True, False)
    fails = where.is_end and is_bad and step.state is StepState.FAILED
    also = () if missing is None else (f"calls {missing.what} with no recording",)
    if new.outcome in _BAD and old.outcome not in _BAD and not fails:
        also = (f"the run ends {machine.status(new)}", *also)
    return Verdict(
        identity, Kind.FAILS if fails else Kind.BRANCHES, where.path,
        0 if where.new is None else step.step.plan.line, _why(where),
        differences=tuple(_values(where))[:MOST], also=also,
    )  # fmt: skip


def _why(where: Parting) -> str:
    old, new = where.old, where.new
    if old is None:
        return "it is not in the recording"
    if new is None:
        return "it is gone"
    if where.is_end:
        told = "" if new.error is None else f" with {new.error['type']}"
        return f"it ends {new.state}{told}; it ended {old.state}"
    if choice(old) != choice(new):
        return f"it takes {choice(new)}; it took {choice(old)}"
    return f"{_standing(new, 'is')}; it {_standing(old, 'was')}"


def _standing(step: StepRun, verb: str) -> str:
    """Return whether a step runs, or why not, in words."""
    if ran(step):
        return "it runs" if verb == "is" else "ran"
    word = "skipped" if step.state is StepState.SKIPPED else "cancelled"
    why = "its `if` is false" if step.reason == "condition" else step.reason
    return f"{'it ' if verb == 'is' else ''}{verb} {word} ({why})"


def _values(where: Parting) -> Iterator[Difference]:
    """Yield what decided: texts that are written otherwise, then what they read, then an error."""
    old, new = where.old, where.new
    if old is None or new is None:
        return
    if where.is_end:
        yield from differences(_error(old.error), _error(new.error), "/error")
        return
    before, after = dict(_conditions(old)), dict(_conditions(new))
    for name in [*after, *(each for each in before if each not in after)]:
        texts = [each[name].source if name in each else None for each in (before, after)]
        if texts[0] != texts[1]:
            yield Difference(name, *texts)
    every = [*before.values(), *after.values()]
    paths = {each.path for one in every for each in one.references}
    for path in sorted(paths, key=str):
        yield Difference(".".join(map(str, path)), _read(old, path), _read(new, path))


def _conditions(step: StepRun) -> Iterator[tuple[str, Compiled]]:
    """Yield the expressions by which a step decides whether and what it runs, by their keys."""
    if step.step.condition is not None:
        yield "if", step.step.condition
    match step.step.verb:
        case BoundSwitch(value=value, cases=cases):
            if value is not None:
                yield "value", value
            for number, case in enumerate(cases, start=1):
                if case.condition is not None:
                    yield f"case {number}", case.condition
        case BoundForEach(over=over):
            yield "over", over
        case BoundRepeat(until=until):
            yield "until", until
        case _:
            pass


def _read(step: StepRun, path: tuple[str | int, ...]) -> Json:
    """Return what a path of an expression read there; None if nothing, or all steps at once."""
    value: object = step.scope.readable()
    for word in path:
        if isinstance(value, Mapping):
            value = value.get(str(word))
        elif isinstance(value, list | tuple) and isinstance(word, int) and word < len(value):
            value = value[word]
        else:
            return None
    return cut(value) if isinstance(value, _PLAIN) else None


def _error(error: Mapping[str, Json] | None) -> Json:
    return None if error is None else {key: error.get(key) for key in ("type", "detail", "class")}


def _ends(old: Run, new: Run) -> str:
    told = "" if new.error is None else f" with {new.error['type']}"
    return f"the run ends {machine.status(new)}{told}; it ended {machine.status(old)}"


def _also(tape: Tape, driven: Driven) -> Iterator[str]:
    """Yield what a run on the same path gives or tells otherwise."""
    for each in differences(tape.run.outputs, driven.run.outputs):
        yield f"output {each.place} is another"
    told = driven.notes.told
    for path in sorted(tape.told.keys() | told.keys()):
        for each in differences(tape.told.get(path), told.get(path)):
            yield f"{path} tells another {each.place}"
