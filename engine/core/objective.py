"""What a run should hold to: by which instant it has ended, and whether that was missed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from engine.core.frozen import frozen
from engine.core.values import Json, parse_duration
from engine.core.zone import zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MISSED = "sark.objective.missed"
"""The type of the event that tells of it."""

_SECOND = timedelta(seconds=1)


@frozen
class Objective:
    """The run has ended before `due`, or that is `missed`."""

    id: str
    due: datetime
    missed: bool = False


def promised(settings: Json, since: datetime) -> tuple[Objective, ...]:
    """Return the objectives of a run that was made at `since`, by the settings of its plan."""
    told = settings.get("objectives", ()) if isinstance(settings, Mapping) else ()
    listed = told if isinstance(told, Sequence) else ()
    return tuple(
        Objective(str(each["id"]), _due(each, since).astimezone(UTC))
        for each in listed
        if isinstance(each, Mapping)
    )


def judge(
    objectives: Iterable[Objective], ended_at: datetime | None, now: datetime
) -> tuple[Objective, ...]:
    """Return the objectives as they stand `now`: one that is missed stays so."""
    until = now if ended_at is None else ended_at
    return tuple(replace(each, missed=each.missed or until >= each.due) for each in objectives)


def next_due(objectives: Iterable[Objective]) -> datetime | None:
    """Return the instant at which the next objective would be missed, None if all have been."""
    return min((each.due for each in objectives if not each.missed), default=None)


def to_json(objectives: Iterable[Objective]) -> list[dict[str, Json]]:
    """Return objectives as the row of a run and the API have them."""
    return [
        {"id": each.id, "due": each.due.isoformat(), "missed": each.missed} for each in objectives
    ]


def from_json(told: Json) -> tuple[Objective, ...]:
    """Return the objectives that `to_json` wrote."""
    listed = told if isinstance(told, Sequence) else ()
    return tuple(
        Objective(str(each["id"]), datetime.fromisoformat(str(each["due"])), bool(each["missed"]))
        for each in listed
        if isinstance(each, Mapping)
    )


def _due(told: Mapping[str, Json], since: datetime) -> datetime:
    below = told.get("duration_below")
    if below is not None:
        return since + parse_duration(str(below))
    of_day = time.fromisoformat(str(told["finish_before"]))
    return _next(of_day, zone(str(told["timezone"])), since)


def _next(of_day: time, where: "ZoneInfo", since: datetime) -> datetime:
    """Return the next instant after `since` at which the clock of a zone shows a time of day."""
    day = since.astimezone(where).date()
    found = _instant(day, of_day, where)
    while found <= since:
        day += timedelta(days=1)
        found = _instant(day, of_day, where)
    return found


def _instant(day: date, of_day: time, where: "ZoneInfo") -> datetime:
    """Return the first instant of a day at which the clock shows a time, or a later one.

    So what the clock shows twice is meant the first time, and what it leaps over is the instant
    of the leap.
    """
    wall = datetime.combine(day, of_day)
    first, second = (wall.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return first
    # The clock leaps over it between the two (PEP 495): look for the second of the leap.
    before, after = second, first
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        shown = middle.astimezone(where).replace(tzinfo=None)
        before, after = (middle, after) if shown < wall else (before, middle)
    return after.replace(microsecond=0)
