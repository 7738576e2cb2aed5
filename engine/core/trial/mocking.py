"""Mocks held against the steps that they answer, before anything runs."""

from collections.abc import Iterator, Mapping, Sequence

from engine.core import schema
from engine.core.plan import Approve, Await
from engine.core.spec.workflow_test import Mock
from engine.core.trial.gives import Gives
from engine.core.trial.outline import Place
from engine.core.trial.problem import Path, Problem
from engine.core.trial.subject import Subject
from engine.core.values import Json, format_duration, parse_duration
from engine.core.wording import listed, meant

_CODE = "test-mock"
_DECISIONS = "`approved`, `rejected` or `expired`"


def unfit(mocks: Mapping[str, Mock | list[Mock]], subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with the mocks of a test; each of them names a step of the plan."""
    for name, told in mocks.items():
        places = subject.outline.find(name)
        if isinstance(told, Mock):
            yield from _fitting(places, told, subject, ("mock", name))
        elif not told:
            yield Problem(_CODE, ("mock", name), f"the list of {name} has no attempt")
        else:
            for index, each in enumerate(told):
                yield from _fitting(places, each, subject, ("mock", name, index))


def _fitting(
    places: Sequence[Place], mock: Mock, subject: Subject, path: Path
) -> list[Problem]:  # fmt: skip
    """Return what is wrong with a mock for the first of the places, if it fits none of them."""
    told = [list(_held(each, mock, subject.gives(each.step), path)) for each in places]
    return [] if [] in told else told[0]


def _held(place: Place, mock: Mock, gives: Gives, path: Path) -> Iterator[Problem]:
    verb, name = place.step.verb, place.path
    if isinstance(verb, Approve):
        yield from _approval(name, verb, mock, path)
        return
    for key, is_there in (("decision", mock.decision is not None), ("form", bool(mock.form))):
        if is_there:
            message = f"{name} is no approval, so nobody decides"
            yield Problem(_CODE, (*path, key), message, key=True)
    if mock.error is None:
        yield from _outputs(name, gives, mock.outputs or {}, path)
    kept = [each.name for each in place.step.artifacts]
    for artifact in mock.artifacts:
        if artifact not in kept:
            message = f'{name} keeps no artifact "{artifact}"; it keeps {listed(kept)}'
            yield Problem(_CODE, (*path, "artifacts", artifact), message, key=True)
    if isinstance(verb, Await) and parse_duration(mock.takes) >= verb.within:
        message = (
            f"{name} waits {format_duration(verb.within)} at most; the mock takes {mock.takes}"
        )
        hint = "leave the mock out, and nothing comes"
        yield Problem(_CODE, (*path, "takes"), message, hint)


def _approval(name: str, verb: Approve, mock: Mock, path: Path) -> Iterator[Problem]:
    told = {"outputs": mock.outputs is not None, "error": mock.error is not None}
    for key, is_there in {**told, "artifacts": bool(mock.artifacts)}.items():
        if is_there:
            message = f"{name} is an approval, and ends with a decision"
            yield Problem(_CODE, (*path, key), message, f"write `decision`: {_DECISIONS}", key=True)
            return
    if mock.decision is None:
        message = f"the mock of {name} does not say how it is decided"
        yield Problem(_CODE, path, message, f"add `decision`: {_DECISIONS}")
    elif mock.decision == "approved" and verb.form is not None:
        for pointer, words in schema.validator(verb.form).problems(mock.form):
            yield Problem(_CODE, (*path, "form", *pointer), f"the form of {name}: {words}")
    elif mock.form and verb.form is None:
        yield Problem(_CODE, (*path, "form"), f"{name} has no form", key=True)


def _outputs(
    name: str, gives: Gives, outputs: Mapping[str, Json], path: Path
) -> Iterator[Problem]:  # fmt: skip
    missing = [each for each in gives.types if each in gives.required and each not in outputs]
    if missing:
        message = f"the mock of {name} does not give {listed(missing)}"
        yield Problem(_CODE, (*path, "outputs"), message, _example(missing), key=True)
    for key, value in outputs.items():
        where = (*path, "outputs", key)
        if key in gives.types:
            words = gives.misfit(key, value)
            if words:
                yield Problem(_CODE, where, f'the output "{key}" of {name}: {words}')
        elif not gives.is_open:
            message = f'{name} has no output "{key}"'
            otherwise = f"it gives {listed(gives.types)}"
            yield Problem(_CODE, where, message, meant(key, gives.types, otherwise), key=True)


def _example(missing: list[str]) -> str:
    told = ", ".join(f"{each}: ..." for each in missing)
    return f"add `outputs: {{{told}}}`"
