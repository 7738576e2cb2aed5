"""Where steps stand in a plan: a path of field names and positions, as `/root/steps/2`."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from engine.core.plan import Plan, Step


def places(plan: Plan) -> dict[int, str]:
    """Return where each step of a plan stands in it, by `id()`: field names and positions."""
    found: dict[int, str] = {}
    waiting: list[tuple[Any, str]] = [(plan, "")]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, Step):
            found[id(value)] = place
        inner = enumerate(value) if isinstance(value, tuple) else _parts(value)
        waiting += [(each, f"{place}/{word}") for word, each in inner if _may_hold(each)]
    return found


def step_at(plan: Plan, place: str) -> Step:
    """Return the step that stands at a place; raise ValueError if none does."""
    value: Any = plan
    for word in place.split("/")[1:]:
        if isinstance(value, tuple) and word.isdecimal() and int(word) < len(value):
            value = value[int(word)]
        elif is_dataclass(value) and word in {each.name for each in fields(value)}:
            value = getattr(value, word)
        else:
            raise ValueError(f"the plan has nothing at {place}")
    if not isinstance(value, Step):
        raise ValueError(f"the plan has no step at {place}")
    return value


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    return ((each.name, getattr(value, each.name)) for each in fields(value))


def _may_hold(value: Any) -> bool:
    """True for what steps may be within: a part of a plan, or several."""
    return is_dataclass(value) if not isinstance(value, tuple) else any(map(_may_hold, value))
