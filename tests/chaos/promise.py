"""What each run of the load must come to, whatever blew."""

from typing import Any

from tests.stories.invariants import Told

# After so many deaths of its worker a step is given up as poison: docs/explanation/fault-model.md.
_DEATHS = 4


def broken(told: Told) -> str:
    """Return how a run that has ended breaks the promise of its workflow, empty if it keeps it."""
    row = told.row
    inputs: dict[str, Any] = dict(row.inputs)
    status, flags, outputs = _promised(row.workflow, inputs)
    if (row.status, tuple(row.flags)) != (status, flags):
        return "" if is_given_up(told) else f"{row.status} {row.flags}, not {status} {flags}"
    if outputs is None:
        return ""
    found: dict[str, Any] = dict(row.outputs) if isinstance(row.outputs, dict) else {}
    wrong = {name for name, value in outputs.items() if found.get(name) != value}
    return f"outputs {found}, not {outputs}" if wrong else ""


def is_given_up(told: Told) -> bool:
    """True if a run failed as the fault model says that it may, and its journal shows why.

    A step has died with its worker four times, or had begun and must not be begun again.
    """
    begun = {row.path for row in told.journal if row.kind == "started"}
    has_lost = any(row.kind in ("lost", "severed") for row in told.journal)
    for path, step in told.run.steps.items():
        match step.error:
            case {"type": "sark.poison"} if step.losses >= _DEATHS:
                return True
            case {"type": "sark.lost"} if path in begun and has_lost:
                return True
    return False


def _promised(
    workflow: str, inputs: dict[str, Any]
) -> tuple[str, tuple[str, ...], dict[str, Any] | None]:
    """Return status and flags, and the outputs where there are some."""
    order = inputs["order"]
    match workflow:
        case "nested":
            texts = inputs["items"]
            return "succeeded", (), {"order": order, "texts": texts, "turns": "3"}
        case "waiting":
            return "succeeded", (), {"order": order, "called": order}
        case "failing":
            if inputs["recovers"]:
                return "succeeded", ("degraded",), {"order": order}
            return "failed", (), None
        case "saga" if inputs["poor"]:
            return "compensated", (), None
        case "cancelled":
            return "cancelled", (), None
        case "looking":
            return "succeeded", (), {"order": order, "page": inputs["page"]}
    return "succeeded", (), {"order": order}


def held(workflow: str, status: str) -> int:
    """Return how many bookings of a run must still be held once it has ended."""
    if status != "succeeded":
        return 0
    return {"saga": 2, "racing": 1}.get(workflow, 0)
