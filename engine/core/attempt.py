"""One attempt of a step as whoever makes it sees it: all that it needs, nothing of the run."""

from collections.abc import Mapping
from datetime import timedelta

from engine.core import machine
from engine.core.binding import BoundStep
from engine.core.frozen import frozen
from engine.core.machine import Launch
from engine.core.priority import LEVELS, LONGEST_KEY
from engine.core.run import Run
from engine.core.values import Json


@frozen
class Attempt:
    """The attempt `number`, from 1, of the step at `path` of `run`.

    `names` are what the step's expressions read, but for `secrets`, of which these are the names
    that the plan declares. `must_be_marked`: first it is written down that it begins, for it must
    not be repeated. `lasts` is how long its run may take; `spills` if values among `names` may be
    passed by reference; `waited` is what of its `timeout.queue` is used up.
    """

    run: str
    namespace: str
    workflow: str
    path: str
    number: int
    step: BoundStep
    names: Mapping[str, Json]
    secrets: tuple[str, ...]
    must_be_marked: bool
    lasts: timedelta = timedelta()
    spills: bool = False
    waited: timedelta = timedelta()


def attempt_of(run: Run, launch: Launch) -> Attempt:
    """Return an attempt that the machine wants made."""
    header = run.header
    return Attempt(
        header.id, header.namespace, header.workflow, launch.path, launch.attempt, launch.step,
        machine.names(run, launch.path), run.bound.plan.secrets, launch.journal_start,
        run.bound.plan.root.timeout, run.spills,
    )  # fmt: skip


def first_of(attempt: Attempt) -> tuple[int | None, str]:
    """Return the level that a step asks for, None if for none, and whose turn it then is.

    Raise EvaluationError or ValueError for a level that is none, or a `fair_key` that is too long.
    """
    step = attempt.step
    level = None if step.level is None else step.level.evaluate(attempt.names)
    if level is not None and level not in LEVELS:
        raise ValueError(f"priority must give one of {', '.join(LEVELS)}; it gave {level!r}")
    key = "" if step.fair_key is None else str(step.fair_key.evaluate(attempt.names))
    if len(key) > LONGEST_KEY:
        raise ValueError(f"a fair_key has at most {LONGEST_KEY} characters, not {len(key)}")
    return None if level is None else LEVELS[str(level)], key


def kept_out(attempt: Attempt) -> str:
    """Return what of an attempt its pool does not let in, as a sentence, or an empty text."""
    step, terms = attempt.step, attempt.step.plan.terms
    if terms is None or step.uses is None:
        return ""
    refused = [] if terms.takes(step.uses.operation) else [step.uses.operation]
    if terms.secrets is not None:
        told = sorted(step.secrets.difference(terms.secrets))
        refused += [f"secret {name!r}" for name in told]
    return f"pool {step.plan.pool!r} does not let in {' and '.join(refused)}" if refused else ""
