"""What an event came to for a trigger."""

from collections.abc import Mapping
from enum import StrEnum

from engine.core.frozen import frozen
from engine.core.trigger.gate import NO_GATES, Gates
from engine.core.values import Json


class Said(StrEnum):
    """What was decided.

    `unmatched` by the trigger's keys, `filtered` by its filter, `duplicate` by its `dedupe` or the
    workflow's idempotency key, `limited` by its `rate` or because too many wait; `held` by its
    `debounce` or `batch`, and `superseded` by a later event of that `debounce`.
    `skipped` is a time at which the clock was to start a run, and did not.
    """

    STARTED = "started"
    UNMATCHED = "unmatched"
    FILTERED = "filtered"
    INVALID = "invalid"
    DENIED = "denied"
    ERROR = "error"
    DUPLICATE = "duplicate"
    LIMITED = "limited"
    HELD = "held"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"


@frozen
class Decision:
    """What an event comes to for one trigger; `inputs` are complete and fit if it starts a run.

    `item` is the place in the list of a `fan_out`, 0 without one. With `gates` it is what the
    event comes to once it is through them; one that is `held` is decided on again then.
    """

    trigger: str
    said: Said
    reason: str = ""
    inputs: Mapping[str, Json] | None = None
    item: int = 0
    gates: Gates = NO_GATES


@frozen
class Firing:
    """What of the events that were held together came to a decision, by their `places`.

    `event` is what their run reads. What is in no firing was superseded.
    """

    places: tuple[int, ...]
    event: Mapping[str, Json]
    decision: Decision
