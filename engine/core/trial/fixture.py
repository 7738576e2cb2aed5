"""A file beside a test: of its content a run can tell what a reference says of it."""

from collections.abc import Callable
from typing import TypeAlias

from engine.core.frozen import frozen


@frozen
class Fixture:
    """The SHA-256 of a file, as hex, and its size in bytes."""

    digest: str
    bytes: int


# Finds a file by its path as the names of documents are; None if there is none.
Finds: TypeAlias = Callable[[str], Fixture | None]
