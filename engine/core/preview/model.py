"""What a preview has come to."""

from datetime import timedelta
from enum import StrEnum

from engine.core.frozen import frozen


class By(StrEnum):
    """Who has answered for a step, if anybody had to."""

    NOBODY = ""
    DOUBLE = "double"
    MOCK = "mock"


@frozen
class Row:
    """What became of a step: `at` is how long after the start it ended, None if it never did.

    `what` is the operation, or the word of its verb; `error` the type and the detail.
    """

    path: str
    what: str
    state: str
    at: timedelta | None = None
    reason: str = ""
    attempts: int = 0
    by: By = By.NOBODY
    error: str = ""


@frozen
class Preview:
    """A run that never was: `rows` are its steps in the order in which they ended.

    It has no `state` where it has come to none: `problems` say why it did not start, or
    `given_up` why it did not end. `took` is on its own clock. `emitted` are types of events.
    """

    workflow: str
    state: str = ""
    took: timedelta = timedelta(0)
    rows: tuple[Row, ...] = ()
    emitted: tuple[str, ...] = ()
    error: str = ""
    given_up: str = ""
    problems: tuple[str, ...] = ()

    def answered(self, by: By) -> int:
        """Return how many steps were answered by whom."""
        return sum(each.by is by for each in self.rows)
