"""Paths of steps: of a run (`load[fr].fetch`), of a plan (`load[*].fetch`), and as tests name them.

A name may say `*` for a key, and leave out the brackets of what is around the step: then it speaks
of every item, turn or branch. Brackets at its end tell an item from the step that it is an item of.
"""

from typing import TypeAlias

Parts: TypeAlias = tuple[tuple[str, str | None], ...]


def parts(path: str) -> Parts:
    """Return the words of a path, each with its key: what stands in brackets behind it."""
    if "[" not in path:
        return tuple([(word, None) for word in path.split(".")])
    told, depth, begin = [], 0, 0
    for index, sign in enumerate(f"{path}."):
        if sign == "." and not depth:
            told.append(_part(path[begin:index]))
            begin = index + 1
        depth += (sign == "[") - (sign == "]")
    return tuple(told)


def speaks_of(name: Parts, path: Parts) -> bool:
    """True if a name that stands in a test is for the step at a path of a run or a plan."""
    if len(name) != len(path) or (name[-1][1] is None) != (path[-1][1] is None):
        return False
    return all(
        word == other and (key is None or key == found or (found and "*" in (key, found)))
        for (word, key), (other, found) in zip(name, path, strict=True)
    )


def vagueness(name: Parts) -> tuple[int, ...]:
    """Return what sorts names of the same step: the one that says most comes first."""
    return tuple(2 if key is None else int(key == "*") for _, key in name)


def _part(text: str) -> tuple[str, str | None]:
    word, bracket, rest = text.partition("[")
    return word, rest[:-1] if bracket else None
