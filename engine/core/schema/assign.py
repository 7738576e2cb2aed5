"""Whether a value of one schema can be one of another."""

from collections.abc import Iterator, Mapping, Sequence

from engine.core.kind import named
from engine.core.schema.plain import fits_plainly
from engine.core.schema.reference import refers
from engine.core.schema.shape import COMBINING, LISTS, arms, element, types, values
from engine.core.schema.validator import validator
from engine.core.values import Json

MAX_DEPTH = 30
MAX_PAIRS = 10_000  # of a part here with a part there; branches in branches multiply
_RANGES = (
    ("minimum", "maximum", "value"),
    ("minLength", "maxLength", "length"),
    ("minItems", "maxItems", "number of items"),
)
_BOUNDS = frozenset(each for low, high, _ in _RANGES for each in (low, high))


def assignable(source: Json, target: Json) -> str | None:
    """Return None if a value of `source` fits `target`, or might; else why it cannot.

    What would fit only by being empty (a list of strings for a list of integers) does not count
    as fitting. Of a value that is now this and now that (see `either`), each has to fit. No `$ref`
    is followed (see `inlined`). What takes too long to tell might fit.
    """
    return _Comparison().misfit(source, target)


class _Comparison:
    """Compares part with part, so often and no more; types of branches are found once."""

    def __init__(self) -> None:
        self._left = MAX_PAIRS
        self._types: dict[int, tuple[Json, frozenset[str]]] = {}

    def misfit(self, source: Json, target: Json, depth: int = 0) -> str | None:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            return None
        if not isinstance(target, dict) or not isinstance(source, dict):
            return "nothing may stand here" if target is False else None
        apart = arms(source)
        if len(apart) > 1:
            reasons = (self.misfit(each, target, depth + 1) for each in apart)
            return next((each for each in reasons if each), None)
        if COMBINING.isdisjoint(source) and COMBINING.isdisjoint(target):
            return self._plain(source, target, depth)
        for part in _list(source, "allOf"):
            reason = self.misfit(part, target, depth + 1)
            if reason:
                return reason
        for part in _list(target, "allOf"):
            reason = self.misfit(source, part, depth + 1)
            if reason:
                return reason
        given = _all(self.misfit(each, target, depth + 1) for each in _branches(source))
        wanted = _all(self.misfit(source, each, depth + 1) for each in _branches(target))
        return given or wanted or self._plain(source, target, depth)

    def _plain(
        self, source: Mapping[str, Json], target: Mapping[str, Json], depth: int
    ) -> str | None:
        """Return why no value fits, by what the two say themselves, branches apart."""
        given, wanted = self._types_of(source), self._types_of(target)
        if not given & wanted:
            return f"expected {named(wanted)}, and it is {named(given)}"
        listed = values(source)
        if listed is not None:
            return _values_misfit(listed, target)
        reason = _apart(source, target)
        if reason is None and given & wanted == {"array"}:
            inside = self.misfit(element(source), element(target), depth + 1)
            reason = _nested("an element", inside)
        if reason is None and given & wanted == {"object"}:
            reason = self._object(source, target, depth)
        return reason

    def _types_of(self, schema: Mapping[str, Json]) -> frozenset[str]:
        if COMBINING.isdisjoint(schema):
            return types(schema)
        if id(schema) not in self._types:
            self._types[id(schema)] = (schema, types(schema))
        return self._types[id(schema)][1]

    def _object(
        self, source: Mapping[str, Json], target: Mapping[str, Json], depth: int
    ) -> str | None:
        has, wants = _named(source), _named(target)
        for name in _list(target, "required"):
            if str(name) not in has and source.get("additionalProperties") is False:
                return f"it lacks the property `{name}`"
        if target.get("additionalProperties") is False and "patternProperties" not in target:
            for name in _list(source, "required"):
                if name in has and name not in wants:
                    return f"the property `{name}` is not allowed"
        for name, wanted in wants.items():
            if name in has:
                reason = _nested(f"`{name}`", self.misfit(has[name], wanted, depth + 1))
                if reason:
                    return reason
        return None


def _values_misfit(listed: Sequence[Json], target: Mapping[str, Json]) -> str | None:
    """Return why none of a few known values fits."""
    if refers(target):
        return None
    if any(fits_plainly(target, each) for each in listed):
        return None
    problems = [validator(target).problems(each) for each in listed]
    return problems[0][0][1] if all(problems) else None


def _apart(source: Mapping[str, Json], target: Mapping[str, Json]) -> str | None:
    """Return why two ranges have nothing in common."""
    if _BOUNDS.isdisjoint(source) or _BOUNDS.isdisjoint(target):
        return None
    for low, high, noun in _RANGES:
        if _is_above(source.get(low), target.get(high)):
            return f"its {noun} is at least {source[low]}, and at most {target[high]} may be"
        if _is_above(target.get(low), source.get(high)):
            return f"its {noun} is at most {source[high]}, and at least {target[low]} must be"
    return None


def _is_above(least: Json, most: Json) -> bool:
    return isinstance(least, int | float) and isinstance(most, int | float) and least > most


def _nested(where: str, reason: str | None) -> str | None:
    return f"{where}: {reason}" if reason else None


def _all(reasons: Iterator[str | None]) -> str | None:
    """Return the first reason if there is one for every branch."""
    first = next(reasons, None)
    return first if first and all(reasons) else None


def _branches(schema: Mapping[str, Json]) -> Sequence[Json]:
    return _list(schema, "anyOf") or _list(schema, "oneOf")


def _list(schema: Mapping[str, Json], keyword: str) -> Sequence[Json]:
    found = schema.get(keyword)
    return found if isinstance(found, LISTS) else ()


def _named(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}
