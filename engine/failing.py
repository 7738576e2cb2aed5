"""How an attempt has failed: an RFC 9457 problem with a class, that fits into a journal."""

from collections.abc import Mapping

import orjson

from adapters import contract
from engine.core.binding import BoundStep
from engine.core.values import Json
from engine.guard.refusal import Refused

_LARGEST_ERROR = 16 * 1024
_LONGEST_DETAIL = 4_000


class Failure(Exception):
    """The attempt has failed; `error` says how."""

    def __init__(self, error: Mapping[str, Json]) -> None:
        super().__init__(error["detail"])
        self.error = error


def problem(kind: str, detail: str, error_class: str) -> dict[str, Json]:
    """Return an error of the engine's own."""
    return {"type": kind, "detail": detail, "class": error_class}


def told(failed: contract.Failed) -> dict[str, Json]:
    """Return the error of an operation that has failed."""
    error = {**failed.details, **problem(failed.type, failed.message, failed.error_class.value)}
    if failed.retry_after is not None:
        error["retry_after"] = failed.retry_after.total_seconds()
    return error


def refused(refusal: Refused) -> dict[str, Json]:
    """Return the error of a call that was not let through."""
    error = problem(refusal.type, str(refusal), refusal.error_class)
    if refusal.retry_after is not None:
        error["retry_after"] = refusal.retry_after.total_seconds()
    return error


def cut_off(step: BoundStep, kind: str, words: str) -> dict[str, Json]:
    """Return the error of an attempt that was ended from outside."""
    error_class = "transient" if may_repeat(step) else "unknown"
    return problem(kind, f"{words}; whether it took effect is unknown", error_class)


def may_repeat(step: BoundStep) -> bool:
    """True if another attempt does no harm, whatever this one did."""
    return step.uses is not None and step.uses.repeatable


def bounded(error: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return an error that fits into a journal; of one that does not, what counts.

    References to artifacts count, as far as there is room: nothing else finds their files.
    """
    if len(orjson.dumps(error)) <= _LARGEST_ERROR:
        return error
    detail = str(error["detail"])[:_LONGEST_DETAIL] + " (cut)"
    cut = {"type": str(error["type"])[:200], "detail": detail, "class": error["class"]}
    whole = {**cut, "artifacts": error["artifacts"]} if "artifacts" in error else cut
    return whole if len(orjson.dumps(whole)) <= _LARGEST_ERROR else cut
