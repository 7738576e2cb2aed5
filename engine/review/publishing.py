"""What is said of a review at the forge: one check on its head, one comment edited in place.

Each step is written down before the next is taken, and what may have been done without having been
written down is looked for first. So a leader that is killed leaves one check and one comment.
"""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from engine.core.frozen import frozen
from engine.core.review import LIMIT, Annotation, Conclusion, marker, with_line
from engine.core.values import digest
from engine.errors import NotFound
from engine.forge.contract import Check, Forge
from engine.review import previewing
from engine.store import reviews
from engine.store.leases import Session
from engine.store.reviews import ReviewRow

CHECK = "sark / plan"
"""The name of the check of a source that has its pull requests for itself."""
_MORE = 4000
_NO_ROOM = "There is no room here for all that was asked for; ask in a smaller change."
_UNDER_WAY = "The plan is being made."
_CANCELLED = "A newer commit has taken its place."


@frozen
class Said:
    """What is to be said. `digest` tells it from what was said before; with `is_quiet`, no comment
    is made for it, and one that is there is edited.
    """

    conclusion: Conclusion
    title: str
    comment: str
    digest: str
    annotations: Sequence[Annotation] = ()
    is_quiet: bool = False


@frozen
class Publisher:
    """Tells the forge of the reviews of one source. `name` is that of its checks, `page` where the
    server shows a review, "" if nobody knows where the server is.
    """

    forge: Forge
    session: Session
    name: str
    page: str

    async def begin(self, row: ReviewRow, sha: str) -> ReviewRow:
        """Say that a head is looked at, and that one before it is not any more."""
        if row.checked == sha and row.check_id is not None:
            return row
        if row.checked != sha:
            if row.check_id is not None and not row.said:
                await self.cancel(row)
            row = replace(row, checked=sha, check_id=None, annotated="", said="")
            await self.save(row)
        return await self._check(row, _UNDER_WAY, "", None)

    async def cancel(self, row: ReviewRow) -> None:
        """Say that a newer head has taken the place of the one that is looked at."""
        told = self._told(row, _CANCELLED, _CANCELLED)
        await self.forge.check(replace(told, cancelled=True), row.check_id)

    async def publish(self, row: ReviewRow, said: Said) -> ReviewRow:
        """Say what a review has come to; nothing is written where it was said before."""
        previews = previewing.told(row)
        told = digest([said.digest, said.conclusion.value, row.notes, row.checked, previews])
        if told == row.said:
            return row
        beside = [] if row.check_id else _beside(row, LIMIT + _MORE - len(said.comment))
        if row.number and not (said.is_quiet and row.comment_id is None and not beside):
            row = await self._comment(row, "\n\n".join([said.comment, *beside]))
        summary = f"{said.comment}\n\n{row.notes}" if row.notes else said.comment
        row = await self._check(row, said.title, summary, said.conclusion, said.annotations)
        return replace(row, said=told, conclusion=said.conclusion.value)

    async def add_line(self, row: ReviewRow, line: str) -> None:
        """Put a last line into the comment, if there is one."""
        if row.comment_id is None:
            return
        body = next(
            (each.body for each in await self.forge.comments(row.number)
             if each.is_ours and each.id == row.comment_id), "",
        )  # fmt: skip
        if body:
            await self.forge.comment(row.number, with_line(body, line), row.comment_id)

    async def save(self, row: ReviewRow) -> None:
        """Write down how far it has come."""
        async with self.session.turn() as connection:
            await reviews.save(connection, row)

    async def _check(
        self, row: ReviewRow, title: str, summary: str, conclusion: Conclusion | None,
        annotations: Sequence[Annotation] = (),
    ) -> ReviewRow:  # fmt: skip
        """Write the check. The forge adds words about lines to those that it has: where they are
        others than before, the check is made anew, which takes the place of the old one.
        """
        shown = digest(orjson.loads(orjson.dumps(annotations))) if annotations else ""
        id_, more = row.check_id, annotations
        if row.annotated:
            more = () if shown == row.annotated else annotations
            id_ = id_ if shown == row.annotated else None
        elif id_ is None:
            id_ = await self.forge.find_check(row.checked, self.name)
        told = replace(self._told(row, title, summary), conclusion=conclusion, annotations=more)
        row = replace(row, check_id=await self.forge.check(told, id_), annotated=shown)
        await self.save(row)
        return row

    def _told(self, row: ReviewRow, title: str, summary: str) -> Check:
        page = f"{self.page}/reviews/{row.source}/{row.number}" if self.page and row.number else ""
        return Check(self.name, row.checked, title, summary[: LIMIT + _MORE], url=page,
                     text=previewing.told(row))  # fmt: skip

    async def _comment(self, row: ReviewRow, text: str) -> ReviewRow:
        """Write the one comment: that which is known, or which begins as ours do, or a new one."""
        id_ = row.comment_id
        if id_ is None:
            mark = marker(row.source)
            known = await self.forge.comments(row.number)
            ours = (each.id for each in known if each.is_ours and each.body.startswith(mark))
            id_ = next(ours, None)
        try:
            id_ = await self.forge.comment(row.number, text, id_)
        except NotFound:  # somebody has deleted it
            id_ = await self.forge.comment(row.number, text)
        row = replace(row, comment_id=id_)
        await self.save(row)
        return row


def _beside(row: ReviewRow, room: int) -> list[str]:
    """Return what a check tells beside a plan, for a comment of a forge that has no check for us.

    There is room for so many characters; what has none is said to be left out.
    """
    told: list[str] = []
    for each in filter(None, (row.notes, *previewing.texts(row))):
        if len(each) + 2 > room - len(_NO_ROOM) - 2:
            return [*told, _NO_ROOM]
        told.append(each)
        room -= len(each) + 2
    return told
