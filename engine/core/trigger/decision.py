"""What an event came to for a trigger."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.core.values import Json


class Said(StrEnum):
    """What was decided.

    `unmatched` by the trigger's keys, `filtered` by its filter, `duplicate` by the workflow's
    idempotency key.
    """

    STARTED = "started"
    UNMATCHED = "unmatched"
    FILTERED = "filtered"
    INVALID = "invalid"
    DENIED = "denied"
    ERROR = "error"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event came to for one trigger; `inputs` are complete and fit if it started.

    `item` is the place in the list of a `fan_out`, 0 without one.
    """

    trigger: str
    said: Said
    reason: str = ""
    inputs: Mapping[str, Json] | None = None
    item: int = 0
