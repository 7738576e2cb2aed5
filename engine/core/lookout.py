"""A `file` trigger: what it asks its adapter, and what two looks at the same files come to.

A file is told of once it was the same in two looks in a row: what is still being written changes
in between. Nothing is told of files that were there at the first look.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from engine.core.binding import BoundStep
from engine.core.facts import LISTING
from engine.core.frozen import frozen
from engine.core.plan import Effect, Step, Timeout, Uses
from engine.core.values import Json, digest

TYPE = "file"
MOST_FILES = 10_000
"""How many files one trigger may see."""
LONGEST_LOOK = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
"""How long is waited at most, after looks that failed, where `every` is no longer."""


@frozen
class Sighting:
    """A file as it was seen last: `version` then, empty if it was not there any more.

    `told` is the version that was told of, or was there at the first look; empty before that.
    `size` and `modified` are of when it was there last.
    """

    path: str
    size: int
    modified: str
    version: str
    told: str = ""


@frozen
class Change:
    """What has become of a file: `created`, `changed` or `deleted`; `sighting` is as it is then."""

    kind: str
    sighting: Sighting

    def about(self) -> dict[str, Json]:
        """Return what expressions read as `event`; of what is gone, as it was last."""
        seen = self.sighting
        return {
            "path": seen.path, "change": self.kind, "size": seen.size, "modified": seen.modified,
            "version": seen.told,
        }  # fmt: skip


@frozen
class Look:
    """What one look came to: what is to be remembered anew, forgotten, and told of."""

    changed: tuple[Sighting, ...] = ()
    forgotten: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


def definition(settings: Mapping[str, Json]) -> str:
    """Return the digest of what says which files are meant: with another it begins anew."""
    return digest({key: settings.get(key) for key in ("connection", "paths")})


def listing(settings: Mapping[str, Json]) -> BoundStep:
    """Return the step that lists a page of the files; it reads `paths` and `after`.

    They are no part of the arguments as written, for a name of a file is no template.
    """
    connection = settings["connection"]
    assert isinstance(connection, Mapping)
    given = connection.get("with")
    arguments = {**(given if isinstance(given, Mapping) else {}), "after": "{{ after }}"}
    arguments["paths"] = "{{ paths }}"
    uses = Uses(LISTING, arguments, Effect.READ, repeatable=True)
    return BoundStep(Step("", uses, timeout=Timeout(attempt=LONGEST_LOOK)), 0)


def first(found: Mapping[str, Sighting]) -> Look:
    """Return what the first look comes to: all that is there is known, and nothing is told."""
    return Look(tuple(replace(each, told=each.version) for each in found.values()))


def compare(known: Mapping[str, Sighting], found: Mapping[str, Sighting]) -> Look:
    """Return what a look comes to, by path; the oldest changes are told of first."""
    changed, forgotten, changes = [], [], []
    for path in sorted(known.keys() | found.keys()):
        before, seen = known.get(path), found.get(path)
        after, kind = _gone(known[path]) if seen is None else _there(before, seen)
        if kind:
            changes.append(Change(kind, after or known[path]))
        if after is None:
            forgotten.append(path)
        elif after != before:
            changed.append(after)
    changes.sort(key=lambda each: (each.sighting.modified, each.sighting.path))
    return Look(tuple(changed), tuple(forgotten), tuple(changes))


def pause(every: timedelta, faults: int) -> timedelta:
    """Return how long to wait before the next look, after so many in a row that failed."""
    if every >= LONGEST_PAUSE:
        return every
    return min(every * (1 << min(faults, 10)), LONGEST_PAUSE)


def _there(before: Sighting | None, seen: Sighting) -> tuple[Sighting, str]:
    """Return how a file that is there is remembered, and what has become of it."""
    told = before.told if before is not None else ""
    if before is None or before.version != seen.version or seen.version == told:
        return replace(seen, told=told), ""
    return replace(seen, told=seen.version), "changed" if told else "created"


def _gone(before: Sighting) -> tuple[Sighting | None, str]:
    """Return how a file that is not there is remembered, if it is, and what has become of it."""
    if not before.told:
        return None, ""
    if before.version:
        return replace(before, version=""), ""
    return None, "deleted"
