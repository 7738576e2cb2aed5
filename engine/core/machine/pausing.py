"""A run that is paused: nothing new begins, what is under way ends, the clocks of timeouts stand.

Waits go on: what an event, a person or an instant brings is taken in, and only what would follow
from it is left for later. The time that a scope or a step may take is longer by what it stood
still; an attempt under way keeps its own, for nobody stops it.
"""

from engine.core.binding import BoundRepeat
from engine.core.event import Pause
from engine.core.machine.turn import Turn
from engine.core.run import Run, Standstill, StepRun


def pause(turn: Turn, told: Pause) -> bool:
    """Let a run stand still, or say anew until when; return False if it changes nothing."""
    run = turn.run
    since = turn.now if run.paused is None else run.paused.since
    asked = Standstill(told.by, told.reason, since, told.until)
    if run.ended_at is not None or run.paused == asked or told.until <= turn.now:
        return False
    run.paused = asked
    turn.alarm("", told.until)
    return True


def resume(turn: Turn) -> bool:
    """Let a run go on, with as much time left as it had; return False if it was not paused."""
    run = turn.run
    if run.paused is None:
        return False
    stood = turn.now - run.paused.since
    held = [step for step in run.active.values() if is_held(run, step)]
    run.paused = None
    for scope in run.scopes.values():
        scope.deadline += stood
    for step in run.active.values():
        if step.deadline is not None:
            step.deadline += stood
    clocks(turn)
    for step in held:
        assert step.due is not None
        step.due = max(step.due, turn.now)
        turn.alarm(step.path, step.due)
    return True


def is_held(run: Run, step: StepRun) -> bool:
    """True of a step that waits for its next attempt or turn, which must not begin now."""
    begins = step.step.uses is not None or isinstance(step.step.verb, BoundRepeat)
    return run.paused is not None and step.due is not None and begins


def clocks(turn: Turn) -> None:
    """Say when the time of each scope and each step is over."""
    for scope in turn.run.scopes.values():
        if scope.has_alarm:
            turn.alarm(scope.key, scope.deadline)
    for step in turn.run.active.values():
        if step.deadline is not None and not step.ending:
            turn.alarm(step.path, step.deadline)
