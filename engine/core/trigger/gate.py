"""What an event that is wanted must still get through: a key, a rate, others to wait for.

Here is what a trigger asks for; whether an event gets it, `ledger` says.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from typing import TypeAlias

from engine.core.expression import Compiled, compile_value
from engine.core.frozen import frozen
from engine.core.kind import SCALARS, kind, named
from engine.core.plan import Rate
from engine.core.values import Json, canonical, parse_duration

LONGEST_KEY = 500


@frozen
class Dedupe:
    """Of the events with this key, the first within the window counts."""

    key: str
    window: timedelta


@frozen
class Debounce:
    """Of the events with this key that come close together, the last counts."""

    key: str
    quiet: timedelta
    max_wait: timedelta


@frozen
class Batch:
    """The events with this key start a run together."""

    key: str
    max_items: int
    max_wait: timedelta


Hold: TypeAlias = Debounce | Batch


@frozen
class Gates:
    """What one event, or item, must get through, in this order.

    `names` are what its run will read, kept with it if it is held.
    """

    dedupe: Dedupe | None = None
    rate: Rate | None = None
    hold: Hold | None = None
    names: Mapping[str, Json] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return not (self.dedupe is None and self.rate is None and self.hold is None)


NO_GATES = Gates()


class BoundGates:
    """The keys `dedupe`, `rate`, `debounce` and `batch` of a trigger, compiled once."""

    def __init__(self, settings: Mapping[str, Json]) -> None:
        self._dedupe, self._rate = _told(settings, "dedupe"), _told(settings, "rate")
        self._debounce, self._batch = _told(settings, "debounce"), _told(settings, "batch")
        self._dedupe_key = _template(self._dedupe, "key")
        self._group = _template(self._rate, "group")
        self._hold_key = _template(self._debounce or self._batch, "key")

    @property
    def is_batch(self) -> bool:
        return bool(self._batch)

    @property
    def is_debounce(self) -> bool:
        return bool(self._debounce)

    def of(self, names: Mapping[str, Json]) -> Gates:
        """Return what an event must get through.

        `names` are what its expressions read. Raise EvaluationError or ValueError for a key that
        has no value, or that is no key.
        """
        return Gates(self._once(names), self._often(names), self._held(names), self._kept(names))

    def _once(self, names: Mapping[str, Json]) -> Dedupe | None:
        if not self._dedupe:
            return None
        key = _key("dedupe.key", self._dedupe_key, names)
        return Dedupe(key, _span(self._dedupe, "window"))

    def _often(self, names: Mapping[str, Json]) -> Rate | None:
        if not self._rate:
            return None
        group = _key("rate.group", self._group, names)
        return Rate(group, _number(self._rate, "limit"), _span(self._rate, "per"))

    def _held(self, names: Mapping[str, Json]) -> Hold | None:
        if self._debounce:
            key = _key("debounce.key", self._hold_key, names)
            spans = _span(self._debounce, "for"), _span(self._debounce, "max_wait")
            return Debounce(key, *spans)
        if self._batch:
            key = _key("batch.key", self._hold_key, names)
            return Batch(key, _number(self._batch, "max_items"), _span(self._batch, "max_wait"))
        return None

    def _kept(self, names: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return what a held event keeps: of a batch that fans out, the item alone."""
        if self._batch and "item" in names:
            return {"item": names["item"]}
        return {name: names[name] for name in ("event", "item") if name in names}


def _told(settings: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    told = settings.get(key)
    return told if isinstance(told, Mapping) else {}


def _template(told: Mapping[str, Json], key: str) -> Compiled | None:
    text = told.get(key)
    return None if text is None else compile_value(text)


def _span(told: Mapping[str, Json], key: str) -> timedelta:
    return parse_duration(str(told[key]))


def _number(told: Mapping[str, Json], key: str) -> int:
    return int(str(told[key]))


def _key(what: str, template: Compiled | None, names: Mapping[str, Json]) -> str:
    """Return the text by which events are compared; without a template all are of one kind."""
    if template is None:
        return ""
    value = template.evaluate(names)
    if kind(value) not in SCALARS:
        raise ValueError(f"{what} must give a text; it gave {named(kind(value))}")
    text = value if isinstance(value, str) else canonical(value).decode()
    if not 0 < len(text) <= LONGEST_KEY:
        raise ValueError(f"{what} gave {len(text)} characters; it may have 1 to {LONGEST_KEY}")
    if "\0" in text:
        raise ValueError(f"{what} gave a text with a NUL in it")
    return text
