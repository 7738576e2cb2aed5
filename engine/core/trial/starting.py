"""How the run of a test starts: its trigger, its event and its inputs."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.core import absence, forge, schedule
from engine.core.expression import EvaluationError
from engine.core.inputs import BoundInputs, InputsError
from engine.core.spec.workflow_test import Given
from engine.core.trial.problem import Path, Problem
from engine.core.trial.subject import Subject
from engine.core.trigger import CLOCK, BoundTrigger, Said, by_hand
from engine.core.values import Json, parse_duration
from engine.core.wording import listed, meant

_CODE = "test-unstarted"
_STARTS = (Said.STARTED, Said.HELD)


class Unstartable(Exception):
    """The trigger, the event and the inputs of a test start no run; `problems` say why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def started(subject: Subject, given: Given, now: datetime) -> tuple[Json, Mapping[str, Json]]:
    """Return what the run reads as `trigger`, and its inputs; raise Unstartable.

    A schedule starts it for the last instant that was due by `now`.
    """
    if given.trigger is None:
        return _by_hand(subject, given)
    trigger = subject.triggers.get(given.trigger)
    if trigger is None:
        known = subject.triggers
        message = f'{subject.plan.name} has no trigger "{given.trigger}"'
        hint = meant(given.trigger, known, f"it has {listed(known)}")
        raise Unstartable([Problem(_CODE, ("given", "trigger"), message, hint)])
    if given.inputs:
        trigger = BoundTrigger(trigger.plan, _Overridden(subject.inputs, given.inputs))
    event = _brought(trigger, given, now)
    decisions = trigger.decide(event)
    decision = next((each for each in decisions if each.said in _STARTS), decisions[0])
    if decision.said is Said.HELD:
        (fired,) = trigger.fire([decision.gates.names])
        event, decision = fired.event, fired.decision
    if decision.inputs is None:
        message = f"{given.trigger} starts no run ({decision.said.value}): {decision.reason}"
        raise Unstartable([Problem(_CODE, ("given", "event"), message)])
    return trigger.about(event), decision.inputs


def coming(given: Given) -> list[tuple[timedelta, Mapping[str, Json]]]:
    """Return the events that come while the run goes on, with how long after its start.

    One of GitHub's is as it comes from there, any other is a CloudEvent. Raise Unstartable for
    one that cannot be.
    """
    told = []
    for index, each in enumerate(given.events):
        event: Mapping[str, Json] = cloud_event(each.type, each.subject, each.data)
        if each.type.startswith(forge.PREFIX):
            path: Path = ("given", "events", index, "data")
            event = {**_payload(each.data, path, forge.names(each.type)[-1]), "type": each.type}
        told.append((parse_duration(each.at), event))
    return sorted(told, key=lambda one: one[0])


def cloud_event(kind: str, subject: str | None, data: Json) -> dict[str, Json]:
    """Return an event as a run reads it."""
    return {"id": "event", "source": "test", "type": kind, "subject": subject, "data": data}


def _brought(trigger: BoundTrigger, given: Given, now: datetime) -> Mapping[str, Json]:
    """Return what sets a trigger off: an event, or the time."""
    settings = trigger.plan.settings
    if not isinstance(settings, Mapping) or trigger.plan.type not in CLOCK:
        return _payload(given.event, ("given", "event"), trigger.plan.type)
    if given.event is not None:
        message = f"{given.trigger} is set off by the clock; no event comes with it"
        raise Unstartable([Problem(_CODE, ("given", "event"), message, "take it out", key=True)])
    if trigger.plan.type == "absent":
        return absence.of(settings).about(now)
    told = schedule.of(settings)
    at = told.before(now + timedelta(seconds=1))
    if at is None:
        message = f"{given.trigger} was not due in the 50 years before the test's clock"
        raise Unstartable([Problem(_CODE, ("given", "trigger"), message)])
    return told.about(at)


class _Overridden(BoundInputs):
    """Inputs of a workflow of which a test says some itself."""

    def __init__(self, whole: BoundInputs, told: Mapping[str, Json]) -> None:
        self._whole, self._told = whole, told

    def complete(self, given: Json, about: Json) -> Mapping[str, Json]:
        filled = {**given, **self._told} if isinstance(given, Mapping) else given
        return self._whole.complete(filled, about)


def _by_hand(subject: Subject, given: Given) -> tuple[Json, Mapping[str, Json]]:
    """Start a run as a person does, whatever triggers the workflow has."""
    if given.event is not None:
        message, hint = "an event comes through a trigger", "add `trigger` beside it"
        raise Unstartable([Problem(_CODE, ("given", "event"), message, hint, key=True)])
    hand = by_hand(subject.plan.triggers)
    kind = hand.type if hand is not None else "manual"
    about = _about(hand.id if hand is not None else kind, kind, {})
    try:
        return about, subject.inputs.complete(given.inputs, about)
    except InputsError as error:
        told = [_unfit(pointer, words) for pointer, words in error.problems]
        raise Unstartable(told) from None
    except (EvaluationError, ValueError) as error:
        message = f"a default of an input has no value: {error}"
        raise Unstartable([Problem(_CODE, ("given", "inputs"), message)]) from None


def _unfit(pointer: str, words: str) -> Problem:
    path: Path = ("given", "inputs", *pointer.split("/")[1:])
    name = f' "{pointer[1:]}"' if pointer else "s"
    return Problem(_CODE, path, f"the input{name}: {words}")


def _payload(told: Json, path: Path, kind: str) -> Mapping[str, Json]:
    """Return an event as a trigger gets it; a pull request may be told as runs read it."""
    event = {} if told is None else told
    if not isinstance(event, Mapping):
        raise Unstartable([Problem(_CODE, path, "an event is an object")])
    try:
        is_read = kind == forge.PULL and "pull_request" not in event
        return event if is_read else forge.told(kind, event)
    except ValueError as error:
        raise Unstartable([Problem(_CODE, path, str(error))]) from None


def _about(name: str, kind: str, event: Json) -> dict[str, Json]:
    return {"id": name, "type": kind, "kind": kind, "event": event}
