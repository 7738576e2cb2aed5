"""Which triggers an event sets off, with what inputs, and why not.

The order is that of the language: the trigger's own keys, `payload`, `filter`, `with`, then the
inputs as the plan declares them. An error on the way is a decision of its own, never a plain no.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from engine.core import glob
from engine.core.expression import (
    Compiled,
    EvaluationError,
    compile_value,
    holds,
    parse_expression,
)
from engine.core.inputs import BoundInputs, InputsError
from engine.core.plan import Trigger
from engine.core.schema import Validator, validator
from engine.core.values import Json

_HEADS = "refs/heads/"
_TAGS = "refs/tags/"
_MOST_COMMITS = 2048  # GitHub tells of no more in one push; the rest cannot be known


class Said(StrEnum):
    """What was decided.

    `unmatched` by the trigger's keys, `filtered` by its filter, `duplicate` by the workflow's
    idempotency key.
    """

    STARTED = "started"
    UNMATCHED = "unmatched"
    FILTERED = "filtered"
    INVALID = "invalid"
    DENIED = "denied"
    ERROR = "error"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event came to for one trigger; `inputs` are complete and fit if it started."""

    trigger: str
    said: Said
    reason: str = ""
    inputs: Mapping[str, Json] | None = None


class BoundTrigger:
    """A trigger of a plan, compiled once and asked about every event."""

    def __init__(self, plan: Trigger, inputs: BoundInputs) -> None:
        self.plan = plan
        self._inputs = inputs

    def decide(self, event: Mapping[str, Json]) -> Decision:
        """Return what an event comes to; for a push it has been through `pushed`."""
        identity = self.plan.id
        try:
            reason = self._mismatch(event)
            if reason:
                return Decision(identity, Said.UNMATCHED, reason)
            unfit = self._payload.problems(event.get("body")) if self._payload else []
            if unfit:
                told = InputsError([(str(pointer), words) for pointer, words in unfit])
                return Decision(identity, Said.INVALID, f"payload: {told}")
            if not self._is_wanted(event):
                return Decision(identity, Said.FILTERED, f"filter is false: {self.plan.filter}")
            given = self._arguments.evaluate(self._names(event))
            inputs = self._inputs.complete(given, self.about(event))
        except InputsError as error:
            return Decision(identity, Said.INVALID, f"inputs: {error}")
        except (EvaluationError, ValueError) as error:
            return Decision(identity, Said.ERROR, str(error))
        return Decision(identity, Said.STARTED, inputs=inputs)

    def about(self, event: Mapping[str, Json]) -> dict[str, Json]:
        """Return what expressions of the run read as `trigger`."""
        return {"id": self.plan.id, "type": self.plan.type, "event": event}

    @cached_property
    def _arguments(self) -> Compiled:
        return compile_value(self.plan.arguments or {})

    @cached_property
    def _filter(self) -> Compiled | None:
        return None if self.plan.filter is None else parse_expression(self.plan.filter)

    @cached_property
    def _payload(self) -> Validator | None:
        schema = _settings(self.plan).get("payload")
        return None if schema is None else validator(schema)

    def _names(self, event: Mapping[str, Json]) -> dict[str, Json]:
        return {"event": event, "trigger": self.about(event)}

    def _mismatch(self, event: Mapping[str, Json]) -> str:
        return _push_mismatch(_settings(self.plan), event) if self.is_push else ""

    @property
    def is_push(self) -> bool:
        return self.plan.type == "github.push"

    def _is_wanted(self, event: Mapping[str, Json]) -> bool:
        if self._filter is None:
            return True
        return holds(self._filter, self._names(event), "filter")


def by_hand(triggers: Sequence[Trigger]) -> Trigger | None:
    """Return the trigger under which a person or a program starts a workflow, if it has one."""
    told = [each for each in triggers if each.type in ("api", "manual")]
    return min(told, key=lambda each: each.type, default=None)


def pushed(payload: Mapping[str, Json]) -> dict[str, Json]:
    """Return GitHub's payload with `branch` and `tag`, which it tells only inside of `ref`.

    One of them is null, and both are for a ref that is neither. Raise ValueError for what is no
    push at all.
    """
    ref, repository = payload.get("ref"), payload.get("repository")
    if not isinstance(ref, str) or not isinstance(repository, Mapping):
        raise ValueError("a push has the string `ref` and the object `repository`")
    branch = ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else None
    tag = ref.removeprefix(_TAGS) if ref.startswith(_TAGS) else None
    return {**payload, "branch": branch, "tag": tag}


def _settings(plan: Trigger) -> Mapping[str, Json]:
    return plan.settings if isinstance(plan.settings, Mapping) else {}


def _push_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    """Return why a push is none of a trigger's, or an empty string."""
    if event.get("deleted") is True:
        return f"the push deleted {event.get('ref')}"
    repository = event.get("repository")
    name = repository.get("full_name") if isinstance(repository, Mapping) else None
    wanted = settings.get("repo")
    if wanted is not None and str(wanted).lower() != str(name).lower():  # as GitHub compares them
        return f"repo is {name}, not {wanted}"
    return _ref_mismatch(settings, event) or _path_mismatch(settings, event)


def _ref_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    """Who filters branches alone wants no tags, and the other way round."""
    branches, tags = _globs(settings, "branches"), _globs(settings, "tags")
    if branches is None and tags is None:
        return ""
    for kind, globs in (("branch", branches), ("tag", tags)):
        name = event.get(kind)
        if isinstance(name, str):
            if globs is None:
                return (
                    f"{kind} {name}: only {'tags' if kind == 'branch' else 'branches'} are wanted"
                )
            return "" if glob.matches(globs, name) else f"{kind} {name} is not wanted"
    return f"{event.get('ref')} is neither a branch nor a tag"


def _path_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    """Paths are not asked for a tag, nor where GitHub has cut the list of commits."""
    paths, commits = _globs(settings, "paths"), _sequence(event.get("commits"))
    if paths is None or isinstance(event.get("tag"), str) or len(commits) >= _MOST_COMMITS:
        return ""
    if any(glob.matches(paths, each) for each in _changed(commits)):
        return ""
    return "no changed path is wanted"


def _globs(settings: Mapping[str, Json], key: str) -> list[str] | None:
    told = settings.get(key)
    return None if told is None else [str(each) for each in _sequence(told)]


def _changed(commits: Sequence[Json]) -> set[str]:
    """Return every path that a commit of the push added, changed or removed."""
    return {
        str(path)
        for commit in commits
        if isinstance(commit, Mapping)
        for key in ("added", "modified", "removed")
        for path in _sequence(commit.get(key))
    }


def _sequence(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
