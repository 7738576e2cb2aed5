"""One `file` trigger, from what a look came to until what is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from engine.active import Hook
from engine.core import lookout
from engine.core.lookout import TYPE, Change, Look, Sighting
from engine.core.trigger import Said
from engine.core.values import digest, parse_duration
from engine.intake import Delivery, Kind
from engine.lookout.eye import Blind
from engine.store import lookouts
from engine.store.lookouts import Lookout, Untold
from engine.store.pool import Connection
from engine.store.schedules import Key, Skipped

_LONGEST_NAME = 200


@dataclass(slots=True)
class Post:
    """A trigger and how far it is: `row` is as it is written."""

    hook: Hook
    row: Lookout

    @property
    def key(self) -> Key:
        return self.row.key

    @property
    def every(self) -> timedelta:
        return every(self.hook)

    async def settle(
        self, connection: Connection, found: Mapping[str, Sighting], now: datetime
    ) -> bool:
        """Write what a look has found; return whether there is something to tell of."""
        known = await lookouts.known(connection, self.key)
        look = lookout.compare(known, found) if self.row.begun else lookout.first(found)
        untold = [self._untold(each, now) for each in look.changes if self._is_wanted(each)]
        await _write(connection, self.key, look, untold)
        told = replace(self.row, due_at=now + self.every, begun=True, faults=0, fault="")
        await lookouts.looked(connection, told)
        self.row = told
        return bool(untold)

    async def miss(self, connection: Connection, blind: Blind, now: datetime) -> Skipped | None:
        """Write that a look failed; return the decision on it, once for each kind of failure."""
        faults = self.row.faults + 1
        pause = lookout.pause(self.every, faults)
        told = replace(self.row, due_at=now + pause, faults=faults, fault=blind.type)
        is_known = told.fault == self.row.fault
        await lookouts.looked(connection, told)
        self.row = told
        if is_known:
            return None
        words = f"its files cannot be looked at, which is tried again: {blind.detail}"
        return skipped(self.key, self._name(now), f"{words} ({blind.type})")

    def _is_wanted(self, change: Change) -> bool:
        return change.kind in self.hook.settings["changes"]

    def _untold(self, change: Change, now: datetime) -> Untold:
        return Untold(self.key, change, f"{self._name(now)}/{_short(change.sighting.path)}")

    def _name(self, now: datetime) -> str:
        """Return a name that no other look has: each ends at an instant of its own."""
        at = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        return f"{self.key.workflow}/{self.key.trigger}/{at}"


def every(hook: Hook) -> timedelta:
    """Return how often the files of a trigger are looked at."""
    return parse_duration(str(hook.settings["every"]))


def delivery(untold: Untold) -> Delivery:
    """Return what the intake is told of a file, under the one name that it has."""
    key, event = untold.key, untold.change.about()
    return Delivery(
        _route(key), untold.delivery, Kind.FILE, key.namespace, orjson.dumps(event), event,
        source=key.workflow, hooks=frozenset([(key.workflow, key.trigger)]),
    )  # fmt: skip


def skipped(key: Key, name: str, reason: str) -> Skipped:
    """Return a decision that starts nothing, for an error."""
    return Skipped(key, _route(key), name, TYPE, Said.ERROR, reason)


async def _write(connection: Connection, key: Key, look: Look, untold: list[Untold]) -> None:
    """Write what a look came to. What is gone is remembered until that was told."""
    by_path = {each.change.sighting.path: each for each in untold}
    seen = {each: by_path.get(each.path) for each in look.changed}
    seen |= {
        each.change.sighting: each for each in untold if each.change.sighting not in seen
    }  # fmt: skip
    await lookouts.put(connection, key, seen)
    await lookouts.lose(connection, key, [each for each in look.forgotten if each not in by_path])


def _route(key: Key) -> str:
    """Return a route that no path of a webhook can be."""
    return f"{key.namespace}:{TYPE}"


def _short(path: str) -> str:
    """Return a path as a part of a name: of a longer one the beginning, and a digest."""
    if len(path) <= _LONGEST_NAME:
        return path
    return f"{path[: _LONGEST_NAME - 17]}~{digest(path)[:16]}"
