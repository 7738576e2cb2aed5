"""An attempt on its way to the workers of a pool: JSON that holds it whole, but for its plan.

Of what expressions may read it holds just what those of the step do read, so a run of a thousand
items is not written down a thousand times. Secrets are not in it: who makes the attempt has them.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from engine.core import spilled
from engine.core.attempt import Attempt
from engine.core.binding import BoundStep
from engine.core.values import Json

_SECRETS = "secrets"


def packed(attempt: Attempt, place: str) -> dict[str, Json]:
    """Return the JSON of an attempt whose step stands at `place` in its plan."""
    told: dict[str, Json] = {
        "workflow": attempt.workflow,
        "place": place,
        "marked": attempt.must_be_marked,
        "names": needed(attempt.step, attempt.names),
    }
    return _by_reference(told) if attempt.spills else told


def _by_reference(told: dict[str, Json]) -> dict[str, Json]:
    """Return the same with each reference beside the names, and null where it stood.

    Names that are bare have a key of their own: who knows nothing of references must not read them.
    So have references to items of lists: who knows nothing of such would read the whole list.
    """
    names: Any = told["names"]
    references = spilled.found(names)
    if not references:
        return told
    del told["names"]
    told["bare"] = spilled.filled(names, ((path, None) for path, _ in references))
    key = "spilled" if all(each.at is None for _, each in references) else "items"
    told[key] = [[list(path), spilled.encode(each)] for path, each in references]
    return told


def place_of(body: Mapping[str, Json]) -> str:
    """Return where in its plan the step of an attempt stands."""
    return str(body.get("place"))


def unpacked(
    step: BoundStep, secrets: tuple[str, ...], run: str, namespace: str, path: str, number: int,
    body: Mapping[str, Json], lasts: timedelta,
) -> Attempt:  # fmt: skip
    """Return the attempt that `packed` wrote; raise ValueError if it wrote no such thing.

    `lasts` is how long its run may take.
    """
    references = _references(body.get("spilled", body.get("items", ())))
    workflow, names = body.get("workflow"), body.get("bare" if references else "names")
    if step.uses is None or not isinstance(workflow, str) or not isinstance(names, Mapping):
        raise ValueError(f"{path}: what is handed out is no attempt")
    if references:
        names = spilled.filled(names, references)
    return Attempt(
        run, namespace, workflow, path, number, step, names, secrets, body.get("marked") is True,
        lasts, bool(references),
    )  # fmt: skip


def _references(told: Json) -> list[tuple[spilled.Path, spilled.Spilled]]:
    return [(tuple(path), spilled.decode(each)) for path, each in told]  # type: ignore


def needed(step: BoundStep, names: Mapping[str, Json]) -> dict[str, Json]:
    """Return the part of `names` that the expressions of a call read; secrets are not in it."""
    told: dict[str, Any] = {}
    for reference in step.read:
        if reference.path[0] != _SECRETS:
            _copy(names, told, reference.path)
    return told


def _copy(names: Mapping[str, Any], told: dict[str, Any], path: tuple[str | int, ...]) -> None:
    """Lay what stands at a path into `told`; where it ends early, so does what is laid.

    A list is laid whole, for what is read of it is found by its position.
    """
    *before, last = map(str, path)
    for word in before:
        within = names.get(word)
        if not isinstance(within, Mapping):
            last = word
            break
        if told.get(word) is within:
            return
        names, told = within, told.setdefault(word, {})
    if last in names:
        told[last] = names[last]
