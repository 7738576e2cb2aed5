"""What events come to that were held together, when they leave: by the trigger as it is then."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

from engine.core.frozen import frozen
from engine.core.trigger import BoundTrigger, Firing, Said
from engine.core.values import Json
from engine.store.gates import Held
from engine.store.passages import Gone
from engine.store.starts import TAKEN, NewRun


@frozen
class Refusal:
    """Why an event that was decided to start a run starts none."""

    said: Said
    reason: str


# Makes the run of an event that was held: what it reads as `trigger`, and its inputs.
Makes: TypeAlias = Callable[[Held, Mapping[str, Json], Mapping[str, Json]], NewRun | Refusal]


@frozen
class Fired:
    """The runs that a bunch starts, and what becomes of each of its events if they begin."""

    runs: tuple[NewRun, ...]
    gone: tuple[Gone, ...]

    def ended(self, begun: Collection[UUID], reasons: Mapping[UUID, str]) -> list[Gone]:
        """Return what became of each event; a run begins only if its idempotency key was free.

        `reasons` has which run that key has instead.
        """
        return [
            each if each.run is None or each.run in begun
            else replace(
                each, said=Said.DUPLICATE, reason=reasons.get(each.run, TAKEN), run=None
            )
            for each in self.gone
        ]  # fmt: skip


def lost(held: Sequence[Held]) -> Fired:
    """Return what becomes of events whose trigger has gone while they were held."""
    reason = "the trigger has gone while the event was held"
    return Fired((), tuple(Gone(each.id, Said.UNMATCHED, reason) for each in held))


def fired(trigger: BoundTrigger, held: Sequence[Held], makes: Makes) -> Fired:
    """Return what becomes of the events of a bunch, which are in the order in which they came."""
    runs: list[NewRun] = []
    gone: dict[int, Gone] = {}
    for each in trigger.fire([_names(one) for one in held]):
        # Events of several chains are one more of the longest.
        last = replace(held[each.places[-1]], chain=max(held[place].chain for place in each.places))
        made = _made(trigger, each, last, makes)
        if isinstance(made, NewRun):
            runs.append(made)
        for place in each.places:
            gone[place] = _gone(held[place], made, len(each.places))
    reason = f"debounce: a later event took its place, that of delivery {held[-1].delivery}"
    return Fired(
        tuple(runs),
        tuple(
            gone.get(place) or Gone(each.id, Said.SUPERSEDED, reason)
            for place, each in enumerate(held)
        ),
    )


def _made(trigger: BoundTrigger, each: Firing, last: Held, makes: Makes) -> NewRun | Refusal:
    decision = each.decision
    if decision.inputs is None:
        return Refusal(decision.said, decision.reason)
    about = trigger.delivered(each.event, last.delivery, last.actor, last.chain)
    return makes(last, about, decision.inputs)


def _gone(held: Held, made: NewRun | Refusal, count: int) -> Gone:
    if isinstance(made, Refusal):
        return Gone(held.id, made.said, made.reason)
    reason = f"one of {count:,} events that one run reads" if count > 1 else ""
    return Gone(held.id, Said.STARTED, reason, made.id)


def _names(held: Held) -> Mapping[str, Json]:
    assert isinstance(held.names, Mapping)
    return held.names
