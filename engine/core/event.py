"""What can happen to a run, each one a row of the journal and back."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import TypeAlias, assert_never

from engine.core.frozen import frozen
from engine.core.spilled import Spilled, decode, encode
from engine.core.values import Json


@frozen
class Started:
    """An attempt that must not be repeated is about to be made."""

    path: str
    attempt: int


@frozen
class Succeeded:
    """An attempt gave its outputs, projected as the step declares them.

    `artifacts` are references to the files that it keeps, by name. `cached`: an earlier call's
    outputs stand in for it. `spilled` are the outputs that are too large to be among the others.
    """

    path: str
    attempt: int
    outputs: Mapping[str, Json]
    artifacts: Mapping[str, Json] = field(default_factory=dict)
    cached: bool = False
    spilled: Mapping[str, Spilled] = field(default_factory=dict)


@frozen
class Failed:
    """An attempt failed. `error` is an RFC 9457 problem with `type`, `detail` and `class`.

    `retry_after`, in seconds, is a member of it where the far side asked for a pause.
    """

    path: str
    attempt: int
    error: Mapping[str, Json]


@frozen
class Alarm:
    """The instant `at` has come, for which a step or a scope had asked."""

    path: str
    at: datetime


@frozen
class Arrived:
    """An event for which the step at `path` waits, or may wait: the machine asks its `match`.

    `event` is as `engine.core.plan.Await` reads it. An empty path is for `cancel_when`.
    """

    path: str
    event: Mapping[str, Json]


@frozen
class Decided:
    """A person, who may, has decided on an approval.

    `asked` is the digest of what the person was shown: the plan and the bound values.
    """

    path: str
    by: str
    approved: bool
    asked: str
    form: Mapping[str, Json] = field(default_factory=dict)
    note: str = ""


@frozen
class OwnerLost:
    """The run has lost its owner while attempts may have been under way.

    It is to `blame` what was under way where the process has died or was fenced off: a step may be
    why. Nothing is where PostgreSQL has lost the session, or the owner let go in good order.
    """

    blame: bool = True


@frozen
class Orphaned:
    """The worker of a pool that had taken this attempt has died or was fenced off.

    `marked`: it had said that it begins what must not be repeated. It is to `blame` as with
    `OwnerLost`.
    """

    path: str
    attempt: int
    marked: bool
    blame: bool = True


@frozen
class Cancel:
    """Somebody wants the run to end."""

    by: str
    reason: str


@frozen
class Pause:
    """Somebody wants nothing new to begin before `until`, or before they say so."""

    by: str
    reason: str
    until: datetime


@frozen
class Resume:
    """Somebody wants a paused run to go on."""

    by: str
    reason: str


Event: TypeAlias = (
    Started | Succeeded | Failed | Alarm | Arrived | Decided | OwnerLost | Orphaned | Cancel
    | Pause | Resume
)  # fmt: skip


@frozen
class Row:
    """An event as the journal keeps it: `seq` counts from 1 within the run."""

    seq: int
    at: datetime
    kind: str
    path: str
    attempt: int
    data: Json


class UnknownEvent(ValueError):
    """A row holds an event that this version does not know; the message says which."""


def to_row(event: Event, seq: int, at: datetime) -> Row:
    """Return the journal's row for an event that was told at `at`."""
    match event:
        case Succeeded(path, attempt, outputs, artifacts, cached, spilled):
            if not (artifacts or cached or spilled):
                return Row(seq, at, "succeeded", path, attempt, outputs)
            return Row(seq, at, _kind(spilled), path, attempt, _more(event))
        case Failed(path, attempt, error):
            return Row(seq, at, "failed", path, attempt, error)
        case Started(path, attempt):
            return Row(seq, at, "started", path, attempt, None)
        case Alarm(path, due):
            return Row(seq, at, "alarm", path, 0, due.isoformat())
        case Arrived(path, event_):
            return Row(seq, at, "arrived", path, 0, event_)
        case Decided(path, by, approved, asked, form, note):
            decision: dict[str, Json] = {"by": by, "approved": approved, "asked": asked}
            return Row(seq, at, "decided", path, 0, {**decision, "form": form, "note": note})
        case OwnerLost(blame):
            return Row(seq, at, "lost" if blame else "severed", "", 0, None)
        case Orphaned(path, attempt, marked, blame):
            kind = "orphaned" if blame else "severed"
            return Row(seq, at, kind, path, attempt, {"marked": marked})
        case Cancel() | Pause() | Resume():
            kind = type(event).__name__.lower()
            wish: dict[str, Json] = {"by": event.by, "reason": event.reason}
            until = {"until": event.until.isoformat()} if isinstance(event, Pause) else {}
            return Row(seq, at, kind, "", 0, {**wish, **until})
        case _:
            assert_never(event)


def from_row(row: Row) -> Event:
    """Return the event of a row; raise UnknownEvent if this version does not know it."""
    match row.kind, row.data:
        case "succeeded", Mapping() as outputs:
            return Succeeded(row.path, row.attempt, outputs)
        case ("produced" | "spilled" | "counted") as kind, {
            "outputs": Mapping() as outputs,
            "artifacts": Mapping() as artifacts,
            "cached": bool() as cached,
        }:
            spilled = {} if kind == "produced" else _references(row.data)
            return Succeeded(row.path, row.attempt, outputs, artifacts, cached, spilled)
        case "failed", Mapping() as error:
            return Failed(row.path, row.attempt, error)
        case "started", _:
            return Started(row.path, row.attempt)
        case "alarm", str() as due:
            return Alarm(row.path, datetime.fromisoformat(due))
        case "arrived", Mapping() as event:
            return Arrived(row.path, event)
        case "decided", {
            "by": str() as by,
            "approved": bool() as approved,
            "asked": str() as asked,
            "form": Mapping() as form,
            "note": str() as note,
        }:
            return Decided(row.path, by, approved, asked, form, note)
        case ("lost" | "severed") as kind, None:
            return OwnerLost(kind == "lost")
        case ("orphaned" | "severed") as kind, {"marked": bool() as marked}:
            return Orphaned(row.path, row.attempt, marked, kind == "orphaned")
        case ("cancel" | "pause" | "resume") as kind, {
            "by": str() as by,
            "reason": str() as reason,
            **rest,
        }:
            return _wish(kind, by, reason, str(rest.get("until")))
        case _:
            raise UnknownEvent(f"journal row {row.seq} holds an unknown event {row.kind!r}")


def _wish(kind: str, by: str, reason: str, until: str) -> Event:
    """Return what somebody wants of the run."""
    if kind == "pause":
        return Pause(by, reason, datetime.fromisoformat(until))
    return Cancel(by, reason) if kind == "cancel" else Resume(by, reason)


def _kind(spilled: Mapping[str, Spilled]) -> str:
    """Return what a success that brings more is called: by references, and how long lists are.

    Who does not know these kinds cannot take a run for one without such values, or one that does
    not go through their items.
    """
    if not spilled:
        return "produced"
    return "spilled" if all(each.length is None for each in spilled.values()) else "counted"


def _more(told: Succeeded) -> dict[str, Json]:
    """Return all that a success brings."""
    more: dict[str, Json] = {
        "outputs": told.outputs, "artifacts": told.artifacts, "cached": told.cached,
    }  # fmt: skip
    if told.spilled:
        more["spilled"] = {name: encode(each) for name, each in told.spilled.items()}
    return more


def _references(data: Json) -> dict[str, Spilled]:
    match data:
        case {"spilled": Mapping() as told}:
            return {name: decode(each) for name, each in told.items()}
    raise ValueError("a journal row of spilled outputs holds no references")
