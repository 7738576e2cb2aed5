"""What changes between two sets of plans: workflows, and in each what is said otherwise."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from engine.core import bounds, values
from engine.core.bounds import Bounds
from engine.core.change.places import Said, said
from engine.core.change.reach import NONE, NOTHING, Known, Reach, reach
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.picture import words
from engine.core.plan import Plan
from engine.core.values import Json, format_duration


class Kind(StrEnum):
    """What becomes of a workflow, or of a place in it."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@frozen
class Line:
    """A place of which something else is said; `old` or `new` is None where nothing was or is.

    For a step that comes or goes this is what it does, and nothing of what is in it is told.
    """

    kind: Kind
    place: str
    old: Json = None
    new: Json = None


@frozen
class Change:
    """A workflow that changes. `old` and `new` are its plans, one of them None where it is new or
    gone; `gains` is what it reaches that it did not before, `first` of that what no workflow did.
    """

    name: str
    old: Plan | None
    new: Plan | None
    lines: tuple[Line, ...] = ()
    gains: Reach = NOTHING
    loses: Reach = NOTHING
    first: Reach = NOTHING

    @property
    def kind(self) -> Kind:
        if self.old is None:
            return Kind.ADDED
        return Kind.REMOVED if self.new is None else Kind.CHANGED

    @property
    def file(self) -> str:
        """Where it is written, or was."""
        plan = self.new or self.old
        assert plan is not None
        return plan.file


def compare(
    old: Mapping[str, Plan], new: Mapping[str, Plan], catalogue: Catalogue, known: Known = NONE
) -> tuple[Change, ...]:
    """Return the changes from one set of plans to another, by the names of the workflows.

    Plans of one digest are equal, wherever they are written. What some of them reach may be
    `known` already.
    """
    reached = Reach.of(reach(each, catalogue, known) for each in old.values())
    names = sorted(old.keys() | new.keys())
    return tuple(
        _change(name, old.get(name), new.get(name), catalogue, reached, known)
        for name in names
        if _digest(old.get(name)) != _digest(new.get(name))
    )


def digest(changes: Iterable[Change]) -> str:
    """Return the SHA-256 that names what changes: the same for the same change of the same plans,
    whatever commits bring it.
    """
    return values.digest([[each.name, _digest(each.old), _digest(each.new)] for each in changes])


def digest_between(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Return what `digest` does, of the digests of plans by the names of their workflows."""
    names = (each for each in sorted(old.keys() | new.keys()) if old.get(each) != new.get(each))
    return values.digest([[each, old.get(each, ""), new.get(each, "")] for each in names])


NO_CHANGE = digest_between({}, {})
"""What names a change in which no workflow differs."""


def _digest(plan: Plan | None) -> str:
    return "" if plan is None else plan.digest


def _change(
    name: str, old: Plan | None, new: Plan | None, catalogue: Catalogue, reached: Reach,
    known: Known,
) -> Change:  # fmt: skip
    had = NOTHING if old is None else reach(old, catalogue, known)
    has = NOTHING if new is None else reach(new, catalogue, known)
    lines = () if old is None or new is None else tuple(_lines(old, new))
    gains = has.without(had)
    return Change(name, old, new, lines, gains, had.without(has), gains.without(reached))


def _lines(old: Plan, new: Plan) -> Iterator[Line]:
    """Yield what two plans of a workflow say otherwise, never nothing."""
    before, after = said(old), said(new)
    told = [*_places(before, after), *_bounds(bounds.of(old), bounds.of(new))]
    # What is not told by a place, as the order in which steps are written, is told by its digest.
    yield from told or [Line(Kind.CHANGED, "plan", old.digest[:12], new.digest[:12])]


def _places(before: Said, after: Said) -> Iterator[Line]:
    gone = [each for each in before.steps if each not in after.steps]
    come = [each for each in after.steps if each not in before.steps]
    whole = (*gone, *come)
    for place in _merged(before.places, after.places):
        old, new = before.places.get(place), after.places.get(place)
        if old != new and not any(_is_in(place, each) for each in whole):
            kind = Kind.ADDED if old is None else Kind.REMOVED if new is None else Kind.CHANGED
            yield Line(kind, place, old, new)
    for place in gone:
        if not any(_is_in(place, each) for each in gone if each != place):
            yield Line(Kind.REMOVED, place, old=words.what(before.steps[place].verb))
    for place in come:
        if not any(_is_in(place, each) for each in come if each != place):
            yield Line(Kind.ADDED, place, new=words.what(after.steps[place].verb))


def _bounds(old: Bounds, new: Bounds) -> Iterator[Line]:
    told: dict[str, tuple[Json, Json]] = {
        "adapter calls": (old.adapter_calls, new.adapter_calls),
        "at once": (old.fan_out, new.fan_out),
        "duration": (format_duration(old.duration), format_duration(new.duration)),
        "events": (old.events, new.events),
        "other runs": (old.runs, new.runs),
    }
    for name, (before, after) in told.items():
        if before != after:
            yield Line(Kind.CHANGED, f"at worst, {name}", before, after)


def _merged(old: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
    """Return the places of both, those of the new plan in its order, what is gone at the end."""
    return [*new, *(each for each in old if each not in new)]


def _is_in(place: str, step: str) -> bool:
    return place == step or place.startswith((f"{step}.", f"{step}["))
