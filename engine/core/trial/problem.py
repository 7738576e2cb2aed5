"""What there is to say of a test: a mistake in it, or what it expects and is not so."""

from typing import TypeAlias

from engine.core.diagnostic import Severity
from engine.core.frozen import frozen

Path: TypeAlias = tuple[str | int, ...]


@frozen
class Problem:
    """`path` is where it is written in the test; `key` means the key there, not its value."""

    code: str
    path: Path
    message: str
    hint: str = ""
    key: bool = False
    severity: Severity = Severity.ERROR
