"""How history is cut into spans of time, and which of them are over."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from uuid import UUID

from engine.core.frozen import frozen

LOWEST = UUID(int=0)
HIGHEST = UUID(int=(1 << 128) - 1)
_WIDEST = 30
_PARTS = 12
_AHEAD = 2


@frozen(order=True)
class Span:
    """From `begin` to before `end`."""

    begin: datetime
    end: datetime


def width(keep: timedelta | None) -> timedelta:
    """Return how wide a span is where history is kept so long, None being for ever.

    A twelfth in whole days, from one to 30: so little is kept too long, in few spans.
    """
    return timedelta(days=_WIDEST if keep is None else min(_WIDEST, max(1, keep.days // _PARTS)))


def wanted(spans: Iterable[Span], at: datetime, width: timedelta) -> list[Span]:
    """Return the spans that lack, from `at` until two widths later, in their order.

    They begin and end at midnight of UTC, and overlap none of those there are.
    """
    there, found, point = sorted(spans), list[Span](), at
    while point < at + _AHEAD * width:
        held = next((each for each in there if each.begin <= point < each.end), None)
        if held is None:
            held = _between(there, point, width)
            found.append(held)
        point = held.end
    return found


def _between(there: Sequence[Span], point: datetime, width: timedelta) -> Span:
    """Return a span around a point that none of those there are holds."""
    midnight = datetime.combine(point.date(), time(), point.tzinfo)
    begin = max([midnight, *(each.end for each in there if each.end <= point)])
    return Span(begin, min([begin + width, *(each.begin for each in there if each.begin > point)]))


def gaps(held: Iterable[tuple[UUID, UUID]]) -> list[tuple[UUID, UUID]]:
    """Return the ranges of ids, first and the one behind the last, that none of those holds."""
    found, point = list[tuple[UUID, UUID]](), LOWEST
    for begin, end in sorted(held):
        if begin > point:
            found.append((point, begin))
        point = max(point, end)
    return [*found, (point, HIGHEST)] if point < HIGHEST else found
