"""A page of sections in so many characters: what does not fit is left out whole, and said to be."""

from collections.abc import Sequence
from itertools import accumulate

from engine.core.frozen import frozen

_GAP = "\n\n"


@frozen
class Section:
    """Items, a line each, under their `head`.

    `rest` stands for items that are left out, `{}` being how many; without one, all of them are
    shown or none. So many `more` were not even made, as there is no room for them. `share` is how
    many such sections would fill the page: it takes no more of it. Sections of a lower `rank` are
    given room first.
    """

    items: Sequence[str]
    head: str = ""
    rest: str = ""
    rank: int = 0
    share: int = 1
    more: int = 0

    def within(self, room: int) -> str:
        """Return as much as fits into `room` characters, nothing if that is no item."""
        lines = [*([self.head] if self.head else []), *self.items]
        whole = "\n".join(lines)
        if len(whole) <= room and not self.more:
            return whole
        return self._shortened(room) if self.rest else ""

    def _shortened(self, room: int) -> str:
        every = len(self.items) + self.more
        left = room - len(self.head) - len(self.rest) - len(f"{every:,}") - 1
        count = sum(size <= left for size in accumulate(len(each) + 1 for each in self.items))
        shown = [*([self.head] if self.head else []), *self.items[:count]]
        rest = self.rest.format(f"{every - count:,}")
        return "\n".join([*shown, rest]) if count else ""


def page(sections: Sequence[Section], limit: int) -> str:
    """Return the sections in their order, in `limit` characters at most."""
    shown: dict[int, str] = {}
    left = limit
    for place, each in sorted(enumerate(sections), key=lambda told: told[1].rank):
        text = each.within(min(left, limit // each.share) - len(_GAP)) if each.items else ""
        if text:
            shown[place] = text
            left -= len(text) + len(_GAP)
    return _GAP.join(shown[place] for place in sorted(shown)) + "\n" * bool(shown)
