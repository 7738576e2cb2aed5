"""A document without a key that is not known, or with the one that it must mean in its place."""

from dataclasses import replace

from engine.core.document import Document, Mapping, Node, Path, Scalar, Sequence
from engine.core.frozen import frozen


@frozen
class Passed:
    """A key of the mapping at `path` that is read as if it was `instead`, or was not there."""

    path: Path
    name: str
    instead: str | None


def without(document: Document, passed: Passed) -> Document:
    """Return a document in which a key is what it is read as; all stands where it stood."""
    return replace(document, root=_changed(document.root, passed.path, passed))


def _changed(node: Node, path: Path, passed: Passed) -> Node:
    if isinstance(node, Mapping):
        return node._replace(members=_members(node, path, passed))
    assert isinstance(node, Sequence), "a path leads through what has parts"
    items = [
        _changed(each, path[1:], passed) if at == path[0] else each
        for at, each in enumerate(node.items)
    ]
    return node._replace(items=tuple(items))


def _members(node: Mapping, path: Path, passed: Passed) -> dict[str, tuple[Scalar, Node]]:
    if path:
        key, value = node.members[str(path[0])]
        return {**node.members, str(path[0]): (key, _changed(value, path[1:], passed))}
    instead = None if passed.instead in node.members else passed.instead
    members: dict[str, tuple[Scalar, Node]] = {}
    for name, each in node.members.items():
        if name != passed.name:
            members[name] = each
        elif instead is not None:
            members[instead] = each
    return members
