"""A circuit breaker as a value: closed, open, half-open, by what its calls came to.

Closed, it counts calls over a sliding window of `SLICES` parts. Once enough were made and too many
failed, it opens and lets nothing through. Then it is half-open: a few calls are trials, and close
it if all of them pass, or open it again. (M. Nygard, "Release It!", 2007.)

Each change of state begins a new round. What a call came to counts in the round in which it was
let through and in no other, so a late answer from before an outage neither opens nor closes it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from engine.core.frozen import frozen
from engine.core.plan import Circuit

SLICES = 10


class CircuitState(StrEnum):
    """Closed lets calls through, open none, half-open a few."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@frozen
class Slice:
    """What was told in one part of the window, which began at `since`."""

    since: datetime
    calls: int
    failures: int


@frozen
class Tally:
    """What calls that were let through in one round have come to."""

    round: int
    calls: int = 0
    failures: int = 0


@frozen
class Breaker:
    """What is known of a breaker.

    `until`: open, it lets nothing through before; half-open, trials that have told nothing by then
    are given up for lost. `slices` are of the round, oldest first. `trials` were let through, and
    `passed` of them have succeeded.
    """

    state: CircuitState = CircuitState.CLOSED
    round: int = 0
    until: datetime | None = None
    slices: tuple[Slice, ...] = ()
    trials: int = 0
    passed: int = 0


@frozen
class Passed:
    """The call may be made, in this round."""

    round: int


@frozen
class Stopped:
    """The call must not be made; it may be worth asking again after `rest`."""

    rest: timedelta


def ask(breaker: Breaker, rules: Circuit, now: datetime) -> tuple[Breaker, Passed | Stopped]:
    """Ask for one call; return the breaker from then on, and the answer."""
    if breaker.until is None:
        return breaker, Passed(breaker.round)
    if now < breaker.until:
        if breaker.state is CircuitState.OPEN or breaker.trials >= rules.half_open_calls:
            return breaker, Stopped(breaker.until - now)
        tried = replace(breaker, trials=breaker.trials + 1)
    else:
        until = now + rules.open_for
        tried = Breaker(CircuitState.HALF_OPEN, breaker.round + 1, until, trials=1)
    return tried, Passed(tried.round)


def tell(breaker: Breaker, rules: Circuit, tally: Tally, now: datetime) -> Breaker:
    """Return the breaker once it knows what calls have come to."""
    if tally.round != breaker.round or not tally.calls:
        return breaker
    match breaker.state:
        case CircuitState.CLOSED:
            return _counted(breaker, rules, tally, now)
        case CircuitState.HALF_OPEN:
            if tally.failures:
                return _opened(breaker, rules, now)
            passed = breaker.passed + tally.calls
            if passed >= rules.half_open_calls:
                return Breaker(round=breaker.round + 1)
            return replace(breaker, passed=passed)
    return breaker


def _counted(breaker: Breaker, rules: Circuit, tally: Tally, now: datetime) -> Breaker:
    kept = [each for each in breaker.slices if each.since > now - rules.window]
    is_same = bool(kept) and now < kept[-1].since + rules.window / SLICES
    last = kept.pop() if is_same else Slice(now, 0, 0)
    failures = last.failures + tally.failures
    kept.append(Slice(last.since, last.calls + tally.calls, failures))
    calls, failures = sum(each.calls for each in kept), sum(each.failures for each in kept)
    if failures and calls >= rules.min_calls and failures >= calls * rules.failure_ratio:
        return _opened(breaker, rules, now)
    return replace(breaker, slices=tuple(kept))


def _opened(breaker: Breaker, rules: Circuit, now: datetime) -> Breaker:
    return Breaker(CircuitState.OPEN, breaker.round + 1, now + rules.open_for)
