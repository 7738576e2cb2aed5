"""Verbs that wait with no worker: `wait` for an instant, `await` an event, `approve`."""

from collections.abc import Mapping
from datetime import UTC, datetime

from engine.core import forge
from engine.core.binding import BoundApprove, BoundAwait, BoundCancel, BoundWait, evaluate, project
from engine.core.expression import Compiled, EvaluationError, holds
from engine.core.machine.decision import Ask, Watch
from engine.core.machine.turn import Turn, problem
from engine.core.plan import Otherwise
from engine.core.quoting import shown
from engine.core.run import Ballot, StepRun
from engine.core.spilled import ByReference, found
from engine.core.values import Json, canonical, digest, parse_duration


def wait(turn: Turn, step: StepRun, verb: BoundWait) -> None:
    """Wait for a span or an instant; raise ValueError if the text is neither, or out of range."""
    names = step.scope.readable()
    try:
        until = _after(turn, verb, names) if verb.duration is not None else _instant(verb, names)
    except OverflowError:
        raise ValueError("`wait` reaches beyond the year 9999") from None
    turn.wait(step, max(until, turn.now))


def _after(turn: Turn, verb: BoundWait, names: Mapping[str, Json]) -> datetime:
    assert verb.duration is not None
    return turn.now + parse_duration(str(verb.duration.evaluate(names)))


def _instant(verb: BoundWait, names: Mapping[str, Json]) -> datetime:
    """Return the instant of `until` in UTC, which it is in where it names no zone."""
    assert verb.until is not None
    text = str(verb.until.evaluate(names))
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        message = f'"{shown(text)}" is no instant: write 2026-03-29T02:30:00Z'
        raise ValueError(message) from None
    return told.astimezone(UTC) if told.tzinfo is not None else told.replace(tzinfo=UTC)


def await_(turn: Turn, step: StepRun, verb: BoundAwait) -> None:
    turn.wait(step, turn.now + verb.plan.within)
    watch(turn, step, verb)


def watch(turn: Turn, step: StepRun, verb: BoundAwait) -> None:
    """Say that a waiting step must hear of its event.

    One may come as soon as the run is acknowledged, long before a worker begins it.
    """
    assert step.started_at is not None
    back, plan = verb.plan.lookback, verb.plan
    since = turn.run.header.created_at if back is None else step.started_at - back
    at, key = _key(plan.correlation, verb.correlation, step.scope.readable())
    told = Watch(step.path, plan.event, since, at, key, plan.callback)
    turn.decision.watches.append(told)


def watch_cancels(turn: Turn) -> None:
    """Say that the run must hear of the events that end it early."""
    run = turn.run
    for each in run.bound.cancel_when:
        try:
            at, key = _key(each.plan.correlation, each.correlation, run.root.names)
        except (EvaluationError, ValueError):
            continue  # this run has nothing that an event could be about
        since = run.header.created_at
        turn.decision.watches.append(Watch("", each.plan.event, since, at, key))


def arrive(turn: Turn, step: StepRun, event: Mapping[str, Json]) -> StepRun | None:
    """End an `await` with an event that it waits for; any other changes nothing.

    What comes to a signed address is read as its body alone.
    """
    verb = step.step.verb
    assert isinstance(verb, BoundAwait)
    told = event if verb.plan.callback is None else event["data"]
    try:
        if not _matches(verb.match, {**step.scope.readable(), "event": told}):
            return None
        outputs = project(step.step.projections, {"event": told})
    except (EvaluationError, ValueError) as fault:
        turn.fail(step, problem("sark.expression", f"await: {fault}"))
        return step
    turn.succeed(step, outputs)
    return step


def cancelling(turn: Turn, event: Mapping[str, Json]) -> BoundCancel | None:
    """Return what of `cancel_when` an event meets; one that is in error is met by none."""
    for each in turn.run.bound.cancel_when:
        if each.plan.event not in forge.names(str(event.get("type"))):
            continue
        try:
            if _matches(each.match, {**turn.run.root.names, "event": event}):
                return each
        except (EvaluationError, ValueError):
            continue
    return None


def expire_await(turn: Turn, step: StepRun, verb: BoundAwait) -> None:
    step.timed_out = True
    if verb.plan.on_timeout is Otherwise.FAIL:
        detail = f"no {verb.plan.event or 'callback'} has come in time"
        return turn.fail(step, problem("sark.timeout", detail))
    turn.succeed(step, {each.name: None for each in step.step.projections})


def approve(turn: Turn, step: StepRun, verb: BoundApprove) -> None:
    binds = evaluate(verb.binds, step.scope.readable())
    _must_be_here(binds)
    asked = digest({"plan": turn.run.header.plan, "step": step.path, "binds": binds})
    step.progress = Ballot(asked)
    turn.wait(step, turn.now + verb.plan.expires)
    ask(turn, step, verb)


def ask(turn: Turn, step: StepRun, verb: BoundApprove) -> None:
    """Say that people must be asked; raise EvaluationError if there is no saying what."""
    names, plan = step.scope.readable(), verb.plan
    assert isinstance(step.progress, Ballot)
    assert step.due is not None
    turn.decision.asks.append(
        Ask(
            step.path, plan.by, plan.min, plan.exclude, step.due, str(verb.show.evaluate(names)),
            plan.form, evaluate(verb.binds, names), step.progress.asked,
        )
    )  # fmt: skip


def decide(
    turn: Turn, step: StepRun, by: str, approved: bool, asked: str, form: Mapping[str, Json]
) -> StepRun | None:
    """Count a decision; one on something else than is asked now, or a second one, is an echo."""
    ballot, verb = step.progress, step.step.verb
    assert isinstance(ballot, Ballot)
    assert isinstance(verb, BoundApprove)
    if asked != ballot.asked or by in ballot.approvers:
        return None
    if not approved:
        _reject(turn, step, verb, problem("sark.rejected", f"{by} has rejected it"), [by])
        return step
    ballot.approvers.append(by)
    ballot.form.update(form)
    if len(ballot.approvers) >= verb.plan.min:
        turn.succeed(step, _decision("approved", ballot.approvers, ballot.form))
    return step


def expire_approval(turn: Turn, step: StepRun, verb: BoundApprove) -> None:
    """Nobody answered, or too few: that is a no."""
    step.timed_out = True
    error = problem("sark.expired", "the approval has expired")
    if verb.plan.on_expiry == "fail":
        return turn.fail(step, error)
    return _reject(turn, step, verb, error, [])


def _reject(
    turn: Turn, step: StepRun, verb: BoundApprove, error: dict[str, Json], by: list[str]
) -> None:
    if verb.plan.on_reject is Otherwise.FAIL:
        return turn.fail(step, error)
    return turn.succeed(step, _decision("rejected", by, {}))


def _decision(word: str, by: list[str], form: dict[str, Json]) -> dict[str, Json]:
    return {"decision": word, "by": list(by), "form": dict(form)}


def _matches(match: Compiled | None, names: dict[str, Json]) -> bool:
    return match is None or holds(match, names, "`match`")


def _key(
    correlation: tuple[str, str] | None, value: Compiled | None, names: Mapping[str, Json]
) -> tuple[str, str | None]:
    """Return where in an event the key of the index stands, and what it must be."""
    if correlation is None or value is None:
        return "", None
    told = value.evaluate(names)
    _must_be_here(told)
    return correlation[0], canonical(told).decode()


def _must_be_here(value: Json) -> None:
    """Raise ByReference if anything of a value that is digested or compared is passed so."""
    for _, each in found(value):
        raise ByReference(each)
