"""The states of a step, the moves between them, and the words for a run.

The law:

1. A step moves only as `TABLE` says; a move that is not there raises `IllegalMove`.
2. An event that comes late (an older attempt, an ended step, an alarm set for another instant)
   is an echo: the machine drops it before it asks for a move.
3. A terminal state is never left.
4. A run has no table of its own: its status is read off its scopes and steps.
"""

from enum import StrEnum


class StepState(StrEnum):
    """`waiting` is under way with no attempt: a pause before the next, a timer, an event."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    COMPENSATED = "compensated"


class Move(StrEnum):
    LAUNCH = "launch"
    RELAUNCH = "relaunch"
    RETRY = "retry"
    SUCCEED = "succeed"
    FAIL = "fail"
    SKIP = "skip"
    CANCEL = "cancel"


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    COMPENSATING = "compensating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMPENSATED = "compensated"


_P, _R, _W = StepState.PENDING, StepState.RUNNING, StepState.WAITING

TABLE: dict[tuple[StepState, Move], StepState] = {
    (_P, Move.LAUNCH): _R,
    (_P, Move.SUCCEED): StepState.SUCCEEDED,  # a pure value needs no attempt
    (_P, Move.FAIL): StepState.FAILED,  # its condition or value is in error
    (_P, Move.SKIP): StepState.SKIPPED,
    (_P, Move.CANCEL): StepState.CANCELLED,
    (_R, Move.SUCCEED): StepState.SUCCEEDED,
    (_R, Move.FAIL): StepState.FAILED,
    (_R, Move.RETRY): _W,
    (_R, Move.RELAUNCH): _R,  # the attempt was lost with its worker
    (_R, Move.CANCEL): StepState.CANCELLED,
    (_W, Move.LAUNCH): _R,
    (_W, Move.FAIL): StepState.FAILED,  # its total time is over
    (_W, Move.CANCEL): StepState.CANCELLED,
}

TERMINAL = frozenset(
    {
        StepState.SUCCEEDED,
        StepState.FAILED,
        StepState.SKIPPED,
        StepState.CANCELLED,
        StepState.COMPENSATED,
    }
)
ENDED = frozenset(
    {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.COMPENSATED}
)


class IllegalMove(Exception):
    """The machine asked for a move that the law does not know: a defect of ours."""


def move(state: StepState, how: Move) -> StepState:
    """Return the state after a move; raise IllegalMove if the law does not know it."""
    try:
        return TABLE[state, how]
    except KeyError:
        raise IllegalMove(f"a step that is {state} cannot {how}") from None
