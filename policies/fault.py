"""What is wrong with rules, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with rules; `line` and `column` count from 1, 0 where that is not known."""

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
