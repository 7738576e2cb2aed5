"""The states of a step, the moves between them, and the words for a run.

The law:

1. A step moves only as `TABLE` says; a move that is not there raises `IllegalMove`.
2. An event that comes late (an older attempt, an ended step, an alarm set for another instant)
   is an echo: the machine drops it before it asks for a move.
3. A terminal state is never left, but for one way: what a step did can be undone.
4. A run has no table of its own: its status is read off its scopes and steps.
"""

from enum import StrEnum


class StepState(StrEnum):
    """`running` has an attempt or scopes under way.

    `waiting` is under way with neither: a pause before the next, a timer, an event, a person.
    """

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
    WAIT = "wait"
    SUCCEED = "succeed"
    FAIL = "fail"
    SKIP = "skip"
    CANCEL = "cancel"
    COMPENSATE = "compensate"


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
_UNDONE = StepState.COMPENSATED

TABLE: dict[tuple[StepState, Move], StepState] = {
    (_P, Move.LAUNCH): _R,
    (_P, Move.WAIT): _W,
    (_P, Move.SUCCEED): StepState.SUCCEEDED,  # a pure value needs no attempt
    (_P, Move.FAIL): StepState.FAILED,  # its condition or value is in error
    (_P, Move.SKIP): StepState.SKIPPED,
    (_P, Move.CANCEL): StepState.CANCELLED,
    (_R, Move.SUCCEED): StepState.SUCCEEDED,
    (_R, Move.FAIL): StepState.FAILED,
    (_R, Move.WAIT): _W,  # before the next attempt or turn
    (_R, Move.RELAUNCH): _R,  # the attempt was lost with its worker
    (_R, Move.CANCEL): StepState.CANCELLED,
    (_W, Move.LAUNCH): _R,
    (_W, Move.SUCCEED): StepState.SUCCEEDED,  # what it waited for has come
    (_W, Move.FAIL): StepState.FAILED,  # its time is over
    (_W, Move.CANCEL): StepState.CANCELLED,
    (StepState.SUCCEEDED, Move.COMPENSATE): _UNDONE,
    (StepState.FAILED, Move.COMPENSATE): _UNDONE,  # nobody knew whether it took effect
    (StepState.CANCELLED, Move.COMPENSATE): _UNDONE,
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
