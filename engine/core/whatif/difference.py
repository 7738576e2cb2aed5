"""Where two JSON values differ."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeAlias

from engine.core.frozen import frozen
from engine.core.values import Json, canonical

MOST = 5
LONGEST = 200
# A place, and the value there in each of two: none where it has nothing.
_Pair: TypeAlias = tuple[str, tuple[Json, ...], tuple[Json, ...]]


@frozen
class Difference:
    """A place, what the recording has there and what there would be now; None for nothing."""

    place: str
    recorded: Json
    now: Json


def differences(recorded: Json, now: Json, place: str = "") -> tuple[Difference, ...]:
    """Return the first places, as JSON pointers, in which two values differ; none if they do not.

    Numbers are equal as JSON has them: 1 is not 1.0, and not true.
    """
    if canonical(recorded) == canonical(now):
        return ()
    return tuple(islice(_differing(recorded, now, place), MOST))


def cut(value: Json) -> Json:
    """Return a value, or the beginning of its JSON where that is longer than 200 characters."""
    text = canonical(value).decode()
    return value if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _differing(recorded: Json, now: Json, place: str) -> Iterator[Difference]:
    """Yield each leaf that differs; a stack, for values may be deep."""
    waiting: list[_Pair] = [(place, (recorded,), (now,))]
    while waiting:
        at, old, new = waiting.pop()
        inner = list(_pairs(at, *old, *new)) if old and new else []
        waiting += reversed(inner)
        if not inner and canonical(list(old)) != canonical(list(new)):
            yield Difference(at or "/", *(cut(each[0]) if each else None for each in (old, new)))


def _pairs(at: str, old: Json, new: Json) -> Iterator[_Pair]:
    """Yield the members of two objects or lists, side by side."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(each for each in new if each not in old)]:
            yield f"{at}/{_word(name)}", _member(old, name), _member(new, name)
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        for number in range(max(len(old), len(new))):
            one, other = (tuple(each[number : number + 1]) for each in (old, new))
            yield f"{at}/{number}", one, other


def _member(value: Mapping[str, Json], name: str) -> tuple[Json, ...]:
    return (value[name],) if name in value else ()


def _word(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
