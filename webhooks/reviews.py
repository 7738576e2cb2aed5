"""Writes down what a signed delivery wants reviewed, before it is answered.

Only numbers are raised: the controller looks at what is there by then. So a delivery that comes
twice, late or not at all changes nothing but when that is.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

from engine.core.review.wish import Heard, Look, Rerun, Wish
from engine.git.address import parse
from engine.settings import Settings, Source
from engine.store import remarks, reviews
from engine.store.pool import Pool
from engine.store.remarks import Command


class Reviews:
    """Knows which sources have their pull requests in one repository."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self._pool = pool
        reviewed = [each for each in settings.sources if each.is_reviewed]
        self._beside: Mapping[str, Sequence[Source]] = {
            each.name: [other for other in reviewed if parse(other.url) == parse(each.url)]
            for each in settings.sources
        }

    async def ask(self, source: str, told: Wish | None) -> bool:
        """Raise what a delivery to a source wants, for every source of its repository.

        False if it wants nothing, or nobody has reviews there.
        """
        beside = self._beside[source]
        if told is None or not beside:
            return False
        names = [each.name for each in beside]
        async with self._pool.connection() as connection:
            match told:
                case Look(is_over=True):
                    await reviews.over(connection, names, told.ref)
                case Look():
                    meant = _meant(beside, told)
                    await reviews.want(
                        connection, meant, told.ref, told.number, told.base, told.head, told.before
                    )
                    left = [each for each in names if each not in meant]
                    await reviews.want_again(connection, left, told.ref)
                case Rerun():
                    await reviews.rerun(connection, names, told.check)
                case Heard():
                    command = Command(told.comment, told.number, told.author, told.body)
                    await remarks.hear(connection, names, command)
                    await reviews.want_again(connection, names, told.ref)
                case _:
                    assert_never(told)
        return True


def _meant(beside: Sequence[Source], look: Look) -> list[str]:
    """Return the sources whose branch a pull request goes into; all of them for a merge group."""
    every = look.number == 0 or not look.base
    return [each.name for each in beside if every or each.ref == look.base]
