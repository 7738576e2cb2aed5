"""A trigger of a plan, asked about every event: pure, and the same for whoever asks.

The order is that of the language: the trigger's own keys, `payload`, `fan_out`, `filter`, what
`dedupe`, `rate`, `debounce` and `batch` will be asked, `with`, then the inputs as the plan declares
them. An error on the way is a decision of its own, never a plain no.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from engine.core import forge
from engine.core.expression import (
    Compiled,
    EvaluationError,
    compile_value,
    holds,
    parse_expression,
)
from engine.core.inputs import BoundInputs, InputsError
from engine.core.kind import kind, named
from engine.core.plan import Trigger
from engine.core.schema import Validator, validator
from engine.core.trigger.decision import Decision, Firing, Said
from engine.core.trigger.gate import BoundGates
from engine.core.values import Json

MOST_ITEMS = 1_000
# The type of a trigger that waits for the end of another workflow's runs.
ENDED = "workflow"
# How many runs may start each other in turn where `max_chain` says nothing.
MOST_CHAINED = 16
# The types of triggers that no event sets off.
CLOCK = frozenset({"schedule", "absent"})


class BoundTrigger:
    """A trigger of a plan, compiled once and asked about every event."""

    def __init__(self, plan: Trigger, inputs: BoundInputs) -> None:
        self.plan = plan
        self._inputs = inputs

    def decide(self, event: Mapping[str, Json]) -> tuple[Decision, ...]:
        """Return what an event comes to; one of GitHub's is as `forge.told` gives it.

        For what the clock sets off it is what `trigger` holds besides.
        It is one decision, or with a `fan_out` one for each item of its list, in that order.
        """
        identity = self.plan.id
        try:
            reason = self._mismatch(event)
            if reason:
                return (Decision(identity, Said.UNMATCHED, reason),)
            unfit = self._payload.problems(self._body(event)) if self._payload else []
            if unfit:
                told = InputsError([(str(pointer), words) for pointer, words in unfit])
                return (Decision(identity, Said.INVALID, f"payload: {told}"),)
            items = self._items(event)
        except (EvaluationError, ValueError) as error:
            return (Decision(identity, Said.ERROR, str(error)),)
        if not items:
            return (Decision(identity, Said.FILTERED, "fan_out gave an empty list"),)
        return tuple(
            replace(self._one(event, item), item=place) for place, item in enumerate(items)
        )

    def about(self, event: Mapping[str, Json]) -> dict[str, Json]:
        """Return what expressions of the run read as `trigger`."""
        told = {"id": self.plan.id, "type": self.plan.type, "kind": self.plan.type}
        if self.plan.type in CLOCK:
            return {**told, "event": {}, **event}
        return {**told, "event": event}

    def delivered(
        self, event: Mapping[str, Json], delivery: str, actor: str, chain: int
    ) -> dict[str, Json]:
        """Return the same for the run of a delivery: by whom it came, and which of a chain it is.

        `actor` is empty where nobody is known; the first of a chain does not say so.
        """
        sender = {"actor": actor} if actor else {}
        place = {"chain": chain} if chain > 1 else {}
        return {**self.about(event), "delivery": delivery, **sender, **place}

    def fire(self, held: Sequence[Mapping[str, Json]]) -> tuple[Firing, ...]:
        """Return what events come to that were held together, oldest first.

        Each of `held` are the names that it kept. With `batch` one run reads all of them, with
        `debounce` the last counts; a trigger that has neither by now takes one after the other.
        """
        if self._gates.is_batch:
            items = [each.get("item", each.get("event")) for each in held]
            event: dict[str, Json] = {"items": items}
            return (Firing(tuple(range(len(held))), event, self._start(event, {})),)
        places = [len(held) - 1] if self._gates.is_debounce else range(len(held))
        return tuple(self._alone(place, held[place]) for place in places)

    def _alone(self, place: int, kept: Mapping[str, Json]) -> Firing:
        told = kept.get("event")
        event = told if isinstance(told, Mapping) else {}
        item = {name: value for name, value in kept.items() if name == "item"}
        return Firing((place,), event, self._start(event, item))

    def _one(self, event: Mapping[str, Json], item: Mapping[str, Json]) -> Decision:
        """Return what an item of an event comes to, or the event itself if `item` is empty."""
        identity = self.plan.id
        names = {"event": event, "trigger": self.about(event), **item}
        try:
            if not self._is_wanted(names):
                return Decision(identity, Said.FILTERED, f"filter is false: {self.plan.filter}")
            gates = self._gates.of(names)
        except (EvaluationError, ValueError) as error:
            return Decision(identity, Said.ERROR, str(error))
        if gates.hold is not None:
            return Decision(identity, Said.HELD, gates=gates)
        return replace(self._start(event, item), gates=gates)

    def _start(self, event: Mapping[str, Json], item: Mapping[str, Json]) -> Decision:
        """Return what `with` and the inputs make of an event that nothing stands against."""
        identity, about = self.plan.id, self.about(event)
        try:
            names = {"event": about["event"], "trigger": about, **item}
            given = self._arguments.evaluate(names)
            inputs = self._inputs.complete(given, about)
        except InputsError as error:
            return Decision(identity, Said.INVALID, f"inputs: {error}")
        except (EvaluationError, ValueError) as error:
            return Decision(identity, Said.ERROR, str(error))
        return Decision(identity, Said.STARTED, inputs=inputs)

    def overlong(self, chain: int) -> str:
        """Return why a run may not be the `chain`-th that others start in turn, or nothing."""
        told = self._settings.get("max_chain")
        return overlong(chain, told if isinstance(told, int) else MOST_CHAINED)

    @cached_property
    def _gates(self) -> BoundGates:
        return BoundGates(self._settings)

    @cached_property
    def _arguments(self) -> Compiled:
        return compile_value(self.plan.arguments or {})

    @cached_property
    def _filter(self) -> Compiled | None:
        return None if self.plan.filter is None else parse_expression(self.plan.filter)

    @cached_property
    def _payload(self) -> Validator | None:
        schema = self._settings.get("payload")
        return None if schema is None else validator(schema)

    @cached_property
    def _fan_out(self) -> Compiled | None:
        told = self._settings.get("fan_out")
        return None if told is None else parse_expression(str(told))

    @cached_property
    def _settings(self) -> Mapping[str, Json]:
        return _settings(self.plan)

    def _body(self, event: Mapping[str, Json]) -> Json:
        """Return what `payload` speaks of: the data of a CloudEvent, the body of a webhook.

        One of GitHub's is its payload.
        """
        if str(self._settings.get("event", "")).startswith(forge.PREFIX):
            return event
        return event.get("data" if self.plan.type == "event" else "body")

    def _mismatch(self, event: Mapping[str, Json]) -> str:
        if self.plan.type.startswith(forge.PREFIX):
            return forge.mismatch(self.plan.type, self._settings, event)
        return _state_mismatch(self._settings, event) if self.plan.type == ENDED else ""

    def _items(self, event: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
        """Return the names that each item adds; without a `fan_out` it is one that adds none."""
        if self._fan_out is None:
            return ({},)
        found = self._fan_out.evaluate({"event": event, "trigger": self.about(event)})
        if isinstance(found, str) or not isinstance(found, Sequence):
            raise ValueError(f"fan_out must give a list; it gave {named(kind(found))}")
        if len(found) > MOST_ITEMS:
            raise ValueError(f"fan_out gave {len(found):,} items; it may give {MOST_ITEMS:,}")
        return [{"item": item} for item in found]

    def _is_wanted(self, names: Mapping[str, Json]) -> bool:
        return self._filter is None or holds(self._filter, names, "filter")


def by_hand(triggers: Sequence[Trigger]) -> Trigger | None:
    """Return the trigger under which a person or a program starts a workflow, if it has one."""
    told = [each for each in triggers if each.type in ("api", "manual")]
    return min(told, key=lambda each: each.type, default=None)


def followed(triggers: Sequence[Trigger]) -> frozenset[str]:
    """Return the workflows for the end of whose runs one of the triggers waits."""
    return frozenset(str(_settings(each)["workflow"]) for each in triggers if each.type == ENDED)


def overlong(chain: int, most: int = MOST_CHAINED) -> str:
    """Return why a run may not be the `chain`-th that others start in turn, or nothing."""
    if chain <= most:
        return ""
    return f"it would be run {chain} of a chain of runs that start each other; at most {most} may"


def _state_mismatch(settings: Mapping[str, Json], event: Mapping[str, Json]) -> str:
    states, state = settings.get("states"), event.get("state")
    if isinstance(states, Sequence) and state in states:
        return ""
    return f"the run has ended as {state}"


def _settings(plan: Trigger) -> Mapping[str, Json]:
    return plan.settings if isinstance(plan.settings, Mapping) else {}
