"""A forge's JSON read as what its documentation says; anything else raises Unreadable."""

from collections.abc import Mapping, Sequence

from engine.core.values import Json


class Unreadable(Exception):
    """An answer lacks something; the message names it, as in `user.login`."""


def field(body: Json, *path: str) -> Json:
    """Return what lies at a path, None where a part of it is not there."""
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def text(body: Json, *path: str) -> str:
    """Return a text, which must be there."""
    found = field(body, *path)
    if not isinstance(found, str):
        raise Unreadable(".".join(path))
    return found


def words(body: Json, *path: str) -> str:
    """Return a text, empty where there is none."""
    found = field(body, *path)
    return found if isinstance(found, str) else ""


def number(body: Json, *path: str) -> int:
    """Return a whole number, which must be there."""
    found = field(body, *path)
    if isinstance(found, bool) or not isinstance(found, int):
        raise Unreadable(".".join(path))
    return found


def rows(body: Json) -> Sequence[Mapping[str, Json]]:
    """Return a list of objects."""
    if isinstance(body, str) or not isinstance(body, Sequence):
        raise Unreadable("a list")
    found = [each for each in body if isinstance(each, Mapping)]
    if len(found) != len(body):
        raise Unreadable("a list of objects")
    return found
