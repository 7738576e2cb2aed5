"""What a test says of steps: how each attempt ends."""

from collections import Counter
from collections.abc import Mapping

from engine.core.event import Failed, Succeeded
from engine.core.plan import Step
from engine.core.run import Role, ScopeRun, StepRun
from engine.core.spec.workflow_test import Mock
from engine.core.trial.fixture import Fixture
from engine.core.trial.path import Parts, parts, speaks_of, vagueness
from engine.core.values import Json, digest


class Script:
    """The mocks of a test, taken one attempt after the other; the last one holds for the rest.

    Of several that speak of a step the most precise counts: `load[fr].fetch`, then
    `load[*].fetch`, then `load.fetch`. Each item goes through a list by itself; the turns of a
    `repeat` go through it one after the other. `files` are those that mocks name.
    """

    def __init__(
        self, mocks: Mapping[str, Mock | list[Mock]], files: Mapping[str, Fixture] | None = None
    ) -> None:
        self.files = files or {}
        self._told = {
            name: told if isinstance(told, list) else [told] for name, told in mocks.items()
        }
        named: list[tuple[Parts, str]] = [(parts(name), name) for name in mocks]
        self._named = sorted(named, key=lambda each: vagueness(each[0]))
        self._taken: Counter[tuple[str, str]] = Counter()

    def next(self, step: StepRun) -> Mock | None:
        """Return how the next attempt of a step ends, or None if the test does not say."""
        name = step.path if step.path in self._told else self._vague(step.path)
        if name is None:
            return None
        counted = name, step.path if name == step.path else _of_all_turns(step)
        told, number = self._told[name], self._taken[counted]
        self._taken[counted] += 1
        return told[min(number, len(told) - 1)]

    def unused(self) -> Mapping[str, int]:
        """Return the mocks of which something was never taken, with how much was, at most."""
        most: dict[str, int] = dict.fromkeys(self._told, 0)
        for (name, _), count in self._taken.items():
            most[name] = max(most[name], count)
        return {name: count for name, count in most.items() if count < len(self._told[name])}

    def _vague(self, path: str) -> str | None:
        if "[" not in path:
            return None
        told = parts(path)
        return next((name for each, name in self._named if speaks_of(each, told)), None)


def outcome(
    step: Step, path: str, attempt: int, mock: Mock, files: Mapping[str, Fixture]
) -> Succeeded | Failed:
    """Return the event with which an attempt ends; an artifact without a file stands for itself."""
    if mock.error is not None:
        told = mock.error
        error: dict[str, Json] = {
            **told.extra,
            "type": told.type,
            "detail": told.message or "the test says so",
            "class": told.class_,
        }
        return Failed(path, attempt, error)
    artifacts: dict[str, Json] = {
        each.name: {
            "artifact": file.digest,
            "name": each.name,
            "media_type": each.media_type,
            "bytes": file.bytes,
        }
        for each in step.artifacts
        for file in [files.get(mock.artifacts.get(each.name, "")) or _nobody_s(path, each.name)]
    }
    return Succeeded(path, attempt, mock.outputs or {}, artifacts, mock.cached)


def _nobody_s(path: str, name: str) -> Fixture:
    """Return a file that nobody wrote, another for each step and artifact."""
    return Fixture(digest(f"{path}:{name}"), 0)


def _of_all_turns(step: StepRun) -> str:
    """Return the path of a step with `*` for the number of each turn."""
    path = step.path
    scope: ScopeRun | None = step.scope
    while scope is not None:
        if scope.role is Role.TURN and scope.owner is not None:
            path = f"{scope.owner.path}[*]{path[len(scope.path) - 1 :]}"
        scope = scope.parent
    return path
