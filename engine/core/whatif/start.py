"""The start of a recorded run under another plan, that may take other inputs."""

from collections.abc import Mapping
from dataclasses import replace

from engine.core.binding import Bound
from engine.core.inputs import BoundInputs
from engine.core.run import Header
from engine.core.values import Json


def started(bound: Bound, header: Header) -> Header:
    """Return the header with the inputs that a plan takes: as recorded, new ones by their defaults.

    What the plan takes no more is left out: whoever starts it would no longer give it.
    Raise InputsError for what the plan refuses, EvaluationError for a default with no value.
    """
    declared = bound.plan.inputs
    given = {name: value for name, value in header.inputs.items() if _is_taken(declared, name)}
    return replace(header, inputs=BoundInputs(declared).complete(given, header.trigger))


def _is_taken(declared: Json, name: str) -> bool:
    if not isinstance(declared, Mapping) or declared.get("additionalProperties") is not False:
        return True
    properties = declared.get("properties")
    return isinstance(properties, Mapping) and name in properties
