"""When the clock starts workflows next."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from engine.active import ActiveSet
from engine.core import schedule
from engine.core.plan import Trigger
from engine.store.workflows import Active

_TYPE = "schedule"


def told(trigger: Trigger, waiting: int, now: datetime) -> dict[str, object]:
    """Return when a trigger is due next, and how many starts of it wait; nothing without a clock.

    `next` is None where it is never due again.
    """
    if trigger.type != _TYPE:
        return {}
    return {"next": _earliest([trigger.settings], now), "waiting": waiting}


def first(triggers: Iterable[Trigger], now: datetime) -> str | None:
    """Return when the first of some triggers is due next, None if none is."""
    return _earliest([each.settings for each in triggers if each.type == _TYPE], now)


def soonest(active: ActiveSet, workflow: Active, now: datetime) -> str | None:
    """Return when the clock starts a workflow next, None if it never does."""
    hooks = active.clocks.get((workflow.namespace, workflow.name), ())
    return _earliest([each.settings for each in hooks if each.type == _TYPE], now)


def _earliest(settings: Iterable[object], now: datetime) -> str | None:
    times = []
    for each in settings:
        assert isinstance(each, Mapping)
        made = schedule.of(each)
        at = made.after(now)
        if at is not None:
            times.append((at, made.told(at)))
    return min(times)[1] if times else None
