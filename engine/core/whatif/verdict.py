"""What becomes of a recorded run under another plan."""

from enum import StrEnum

from engine.core.frozen import frozen
from engine.core.whatif.difference import Difference


class Kind(StrEnum):
    """How a run would go, the mildest first."""

    SAME = "same path"
    BRANCHES = "branches elsewhere"
    UNRECORDED = "no recording"
    FAILS = "fails"


@frozen
class Verdict:
    """How one run would have gone.

    `step` is the path of the first step that goes otherwise, "" for the run as a whole; `line` is
    where it is written, 0 if it no longer is. `why` holds no value of the run, `differences` do.
    `operation` is what is called with no recording. `also` is what else is told or given
    otherwise, by its place.
    """

    run: str
    kind: Kind
    step: str = ""
    line: int = 0
    why: str = ""
    operation: str = ""
    differences: tuple[Difference, ...] = ()
    also: tuple[str, ...] = ()
