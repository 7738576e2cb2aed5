"""The conditions of a source: its stages, a roll-up, and some that are told while they hold.

`SourceReady`, `SourceVerified`, `Compiled`, `Authorised`, `Unheld` and `Active` are about the
commit that was looked at last, the second only where signatures are asked for. `Ready` is true
when all of them are. `Reconciling` (the look will be repeated) and `Stalled` (it takes a person)
stand there only when they are true, as in Kubernetes' kstatus; so do the flags `Suspended` and
`Pinned`, and `RolledBack`, which is false where a rollback was refused.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any, TypeAlias

from engine.core.values import Json
from engine.reconcile.hold import Flag
from engine.reconcile.verdict import Stage, Verdict

Told: TypeAlias = dict[str, Json]
_STAGES = tuple(Stage)
_FLAGS = ("Suspended", "Pinned", "RolledBack")
# What holds a commit and is over by itself.
_ENDING = frozenset({"Suspended", "Freeze"})


def conditions(
    before: Sequence[Mapping[str, Any]], verdict: Verdict, revision: str | None,
    active: str | None, now: datetime, unasked: Set[Stage] = frozenset(),
    flags: Sequence[Flag] = (),
) -> list[Told]:  # fmt: skip
    """Return the conditions after a verdict on `revision`; `since` says how long each has held.

    Of stages that are `unasked` for nothing is said. A stage behind the one that stopped keeps
    what was said of it before: nothing new is known.
    """
    old = {str(each["type"]): each for each in before}
    stages = [stage for stage in _STAGES if stage not in unasked]
    told = [each for stage in stages if (each := _stage(stage, verdict, revision, active, old))]
    against = next((each for each in told if each["status"] is not True), None)
    told.append(_ready(against, revision))
    told += _passing(verdict, against, revision)
    told += [_condition(*flag, revision) for flag in flags]
    return [_since(each, old.get(str(each["type"])), now) for each in told]


def resumed(before: Sequence[Mapping[str, Any]], revision: str, now: datetime) -> list[Told]:
    """Return the conditions when the repository answers and its head was judged before."""
    old = {str(each["type"]): each for each in before}
    source = old.get(Stage.SOURCE, {})
    if source.get("status") is True:
        return [dict(each) for each in before]
    told = [_condition(Stage.SOURCE, True, "Ok", "", revision)]
    told += [dict(old[stage]) for stage in _STAGES if stage in old and stage != Stage.SOURCE]
    against = next((each for each in told if each["status"] is not True), None)
    told.append(_ready(against, revision))
    told += _passing(Verdict(Stage.ACTIVE), against, revision)
    told += [dict(old[flag]) for flag in _FLAGS if flag in old]
    return [_since(each, old.get(str(each["type"])), now) for each in told]


def flagged(
    before: Sequence[Mapping[str, Any]], flag: Flag, revision: str | None, now: datetime
) -> list[Told]:
    """Return the conditions with one more, in the place of what was said of its type."""
    kept = [dict(each) for each in before if each["type"] != flag[0]]
    return [*kept, _since(_condition(*flag, revision), None, now)]


def unconfigured(before: Sequence[Mapping[str, Any]], count: int, now: datetime) -> list[Told]:
    """Return the conditions of a source that the configuration does not name any more."""
    message = (
        f"the configuration does not name it any more; its {count} workflows stay live until a "
        "source of this name, or another source with workflows of these names, takes them over"
    )
    old = {str(each["type"]): each for each in before}
    kept = [dict(each) for kind, each in old.items() if kind in _STAGES and kind != Stage.SOURCE]
    source = _condition(Stage.SOURCE, False, "Unconfigured", message, None)
    stalled = _condition("Stalled", True, "Unconfigured", message, None)
    told = [source, *kept, _ready(source, None), stalled]
    return [_since(each, old.get(str(each["type"])), now) for each in told]


def _stage(
    stage: Stage, verdict: Verdict, revision: str | None, active: str | None,
    old: Mapping[str, Mapping[str, Any]],
) -> Told | None:  # fmt: skip
    place, stopped = _STAGES.index(stage), _STAGES.index(verdict.stage)
    if verdict.is_good or place < stopped:
        return _condition(stage, True, "Ok", "", revision)
    if place == stopped:
        return _condition(stage, False, verdict.reason, verdict.message, revision)
    if stage is Stage.ACTIVE and revision is not None and revision != active:
        stays = f"{active[:12]} stays live" if active else "nothing is live yet"
        return _condition(
            stage, False, verdict.reason, f"{revision[:12]} is not live; {stays}", revision
        )
    return dict(old[stage]) if stage in old else None


def _ready(against: Told | None, revision: str | None) -> Told:
    if against is None:
        return _condition("Ready", True, "Ok", "", revision)
    return _condition("Ready", False, str(against["reason"]), against["message"], revision)


def _passing(verdict: Verdict, against: Told | None, revision: str | None) -> list[Told]:
    if verdict.passing:
        return [_condition("Reconciling", True, verdict.reason, verdict.message, revision)]
    if against is None:
        return []
    kind = "Reconciling" if against["reason"] in _ENDING else "Stalled"
    return [_condition(kind, True, str(against["reason"]), against["message"], revision)]


def _condition(kind: str, status: bool, reason: str, message: Json, revision: str | None) -> Told:
    return {
        "type": str(kind),
        "status": status,
        "reason": reason,
        "message": message,
        "revision": revision,
    }


def _since(told: Told, old: Mapping[str, Any] | None, now: datetime) -> Told:
    same = old is not None and all(old.get(key) == told[key] for key in ("status", "reason"))
    return {**told, "since": old["since"] if old is not None and same else now.isoformat()}
