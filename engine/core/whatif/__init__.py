"""What if: a recorded run driven through another plan, on the recording's own clock.

Nothing is called and nothing is waited for. What was outside the run is answered from the
recording: an attempt that is called with the same arguments ends as it did, people decide and
events come as they did. Where the other plan asks for what the recording does not hold, that is
the verdict. Secrets are not known: an argument that reads one stands as its name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from engine.core.binding import Bound
from engine.core.change import Change
from engine.core.expression import EvaluationError
from engine.core.inputs import InputsError
from engine.core.whatif.difference import Difference
from engine.core.whatif.drive import MOST_EVENTS, drive
from engine.core.whatif.judgement import judged
from engine.core.whatif.recording import Recording, Tape
from engine.core.whatif.start import started
from engine.core.whatif.stored import (
    LAST,
    MOST_BYTES,
    MOST_ROWS,
    MOST_ROWS_OF_ALL,
    MOST_WORKFLOWS,
    Extent,
    Room,
    Stored,
    StoredRun,
    asked,
    beyond,
)
from engine.core.whatif.summary import as_json, lines, summary
from engine.core.whatif.verdict import Kind, Verdict

__all__ = [
    "LAST",
    "MOST_BYTES",
    "MOST_EVENTS",
    "MOST_ROWS",
    "MOST_ROWS_OF_ALL",
    "MOST_WORKFLOWS",
    "Difference",
    "Extent",
    "Kind",
    "Recording",
    "Room",
    "Stored",
    "StoredRun",
    "Verdict",
    "as_json",
    "asked",
    "beyond",
    "judge",
    "lines",
    "reviewed",
    "summary",
    "told",
]

MOST_EVENTS_REVIEWED = 20_000
"""After how many events a run is given up in a review."""
_REFUSED = "the plan refuses its inputs"


def judge(bound: Bound, recording: Recording, most: int = MOST_EVENTS) -> Verdict:
    """Return how a recorded run would have gone under another plan, in `most` events.

    Raise ValueError for a journal that is not of the recorded plan.
    """
    tape = Tape(recording)
    try:
        header = started(bound, recording.header)
    except InputsError as error:
        told_ = tuple(Difference(f"/inputs{where}", None, what) for where, what in error.problems)
        return Verdict(recording.header.id, Kind.FAILS, why=_REFUSED, differences=told_)
    except EvaluationError as error:
        told_ = (Difference("/inputs", None, str(error)),)
        return Verdict(recording.header.id, Kind.FAILS, why=_REFUSED, differences=told_)
    return judged(tape, drive(bound, tape, header, most))


def reviewed(
    changes: Sequence[Change], recordings: Mapping[str, tuple[Recording, ...]],
    left: Mapping[str, int],
) -> tuple[str, ...]:  # fmt: skip
    """Return the lines of a review on how recorded runs would go under what changes.

    `left` counts the runs of workflows that there was no room for.
    """
    plans = {each.name: Bound(each.new) for each in changes if each.new and each.old}
    return (*told(plans, recordings, MOST_EVENTS_REVIEWED), *beyond(changes, left, False))


def told(
    plans: Mapping[str, Bound], recordings: Mapping[str, tuple[Recording, ...]],
    most: int = MOST_EVENTS,
) -> tuple[str, ...]:  # fmt: skip
    """Return the lines of a review on how the recorded runs of workflows would go, by name.

    They show no value of a run, for whoever reads a review need not be who may read runs. A
    recording whose journal is not of its plan is left out.
    """
    found: list[str] = []
    for name in sorted(plans.keys() & recordings.keys()):
        verdicts = list(_readable(plans[name], recordings[name], most))
        found += lines(name, verdicts)
    return tuple(found)


def _readable(bound: Bound, recordings: Iterable[Recording], most: int) -> Iterator[Verdict]:
    for each in recordings:
        with suppress(ValueError):
            yield judge(bound, each, most)
