"""Commands in new comments: heard once, if who has written them may, and the words are still his.

The delivery is signed, and yet the comment is fetched again: whoever may edit another's comment
would speak with his voice. What is refused is said in the check, never in a comment.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.core.frozen import frozen
from engine.core.review.approval import Approval
from engine.core.review.command import HELP, Command, Verb, parse
from engine.core.review.inert import code
from engine.core.review.owners import ANY_OF, MAX_OWNERS
from engine.errors import NotFound
from engine.forge.contract import Comment, Forge, Pull
from engine.review import previewing
from engine.review.task import Answer
from engine.store import remarks, reviews
from engine.store.leases import Session
from engine.store.remarks import Command as Written
from engine.store.reviews import ReviewRow

_LOG = logging.getLogger("sark.review")
_MOST_NOTES = 10
_SHORT = 8
_MOST_NAMED = 5
_MOST_APPROVERS = 20


@frozen
class Hearing:
    """Hears what is said to the reviews of one source.

    `is_alone`: no other source has the same pull requests, so what is said here is meant here.
    """

    forge: Forge
    session: Session
    is_alone: bool

    async def hear(self, row: ReviewRow, pull: Pull) -> ReviewRow:
        """Take every command that nobody has answered yet; return the row with notes on them."""
        async with self.session.turn() as connection:
            unheard = await remarks.unheard(connection, row.source, row.number)
        if not unheard:
            return row
        now = {each.id: each for each in await self.forge.comments(row.number)}
        notes = row.notes.splitlines()
        for each in unheard:
            row, note = await self._answer(row, pull, each, now.get(each.comment))
            notes += [f"- {note}"] if note else []
            row = replace(row, notes="\n".join(notes[-_MOST_NOTES:]))
            async with self.session.turn() as connection:
                await reviews.save(connection, row)
                await remarks.heard(connection, row.source, each.comment)
        return row

    async def approvals(self, row: ReviewRow) -> Sequence[Approval]:
        """Return the approvals of those who may still give them."""
        async with self.session.turn() as connection:
            told = await remarks.approvals(connection, row.source, row.number)
        may = {(each.by, each.team): False for each in told}
        for by, team in may:
            may[by, team] = await self._speaks_for(by, team)
        return [each for each in told if may[each.by, each.team]]

    async def reviewed(self, row: ReviewRow, pull: Pull, told: Answer) -> Sequence[Approval]:
        """Return what people approve by reviews at the forge, of rules that say that these count.

        A merge group has those of the pull request whose very change it is.
        """
        heads = [(pull.number, pull.head_sha)]
        if not told.by_review:
            return ()
        if not pull.number:
            async with self.session.turn() as connection:
                same = await reviews.of_plan(connection, told.digest)
            heads = [(e.number, e.head) for e in same if e.source == row.source and e.is_open]
        asked = [
            (rule, team) for rule in told.by_review for team in (told.asks or {}).get(rule, ())
        ]
        return [
            Approval(rule, team, told.digest, by)
            for number, head in heads
            for by in (await self.forge.approvers(number, head))[:_MOST_APPROVERS]
            for rule, team in asked
            if await self._speaks_for(by, team)
        ]

    async def _answer(
        self, row: ReviewRow, pull: Pull, told: Written, now: Comment | None
    ) -> tuple[ReviewRow, str]:
        """Do what a comment says; return the row, and a note if there is one."""
        command = parse(told.body)
        if command is None or now is None or now.is_ours:
            return row, ""
        who = code(told.author)
        if now.author != told.author or now.body != told.body:
            return row, f"{who}: a comment that was edited is not heard; write a new one."
        is_author = told.author.lower() == pull.author.lower()
        may = await self.forge.may_write(told.author)
        if not may and not is_author:
            return row, f"{who}: who may not write to the repository is not heard."
        refusal = (
            await self._refusal(row, command, told.author, is_author)
            or next(_untrusted(row, command, pull, may), "")
        )  # fmt: skip
        if not self.is_alone and refusal and command.verb is Verb.APPROVE:
            return row, ""  # it is meant for another source
        if refusal:
            return row, f"{who}: {refusal}"
        await self._eye(told.comment)
        match command.verb:
            case Verb.APPROVE:
                for team in await self._teams(told.author, row.teams(command.rule)):
                    approval = Approval(command.rule, team, row.digest, told.author)
                    async with self.session.turn() as connection:
                        await remarks.approve(connection, row.source, row.number, approval)
            case Verb.HELP:
                return row, HELP
            case Verb.RETEST:
                return replace(row, said=""), ""
            case Verb.OK:
                return replace(row, trusted=command.plan), ""
            case Verb.PREVIEW:
                return previewing.ask(row, command.workflow, dict(command.inputs)), ""
            case Verb.PLAN:
                pass
        return row, ""

    async def _refusal(self, row: ReviewRow, command: Command, author: str, is_author: bool) -> str:
        """Return why a command is not done, or nothing."""
        match command.verb:
            case Verb.APPROVE:
                return next(_unapprovable(row, command, is_author), "") or (
                    "" if await self._teams(author, row.teams(command.rule))
                    else f"only a member of {_named(row.teams(command.rule))} who may write "
                    f"approves {code(command.rule)}."
                )  # fmt: skip
            case Verb.OK if command.plan != row.checked:
                return f"the head is {code(row.checked[:_SHORT])} by now; nothing was trusted."
            case Verb.HELP if not command.is_known:
                return f"this is no command. {HELP}"
        return ""

    async def _teams(self, login: str, teams: Sequence[str]) -> list[str]:
        """Return those of some teams for which somebody may speak."""
        return [each for each in teams if await self._speaks_for(login, each)]

    async def _speaks_for(self, login: str, team: str) -> bool:
        """True if somebody is one of a team, or of several of which one is enough."""
        if not await self.forge.may_write(login):
            return False
        for each in team.split(ANY_OF)[:MAX_OWNERS]:
            if each.startswith("@"):
                is_one = each[1:].lower() == login.lower()
            else:
                is_one = "@" not in each and await self.forge.is_member(login, each)
            if is_one:
                return True
        return False

    async def _eye(self, comment: int) -> None:
        """Show that a comment was seen; it matters to nobody if it is gone."""
        try:
            await self.forge.react(comment, "eyes")
        except NotFound as error:
            _LOG.info("%s", error)


def _named(teams: Sequence[str]) -> str:
    """Return teams as a sentence names them, the first few."""
    return ", or of ".join(map(code, teams[:_MOST_NAMED]))


def _untrusted(row: ReviewRow, command: Command, pull: Pull, may: bool) -> Iterator[str]:
    """Yield why nothing of a head is tried out, or trusted to be."""
    if command.verb in (Verb.OK, Verb.PREVIEW) and not may:
        yield f"only who may write to the repository says {code(f'/sark {command.verb}')}."
    if command.verb is Verb.PREVIEW and pull.is_fork and row.trusted != pull.head_sha:
        trust = code(f"/sark ok {pull.head_sha}")
        yield f"this is from a fork; trust its head by {trust}, then ask again."


def _unapprovable(row: ReviewRow, command: Command, is_author: bool) -> Iterator[str]:
    if is_author:
        yield "nobody approves a change of his own."
    if not row.digest or row.digest[:_SHORT] != command.plan:
        now = code(row.digest[:_SHORT]) if row.digest else "not made yet"
        yield f"the plan is {now}; look at it again, then approve that."
    if command.rule not in row.asks:
        asked = ", ".join(code(each) for each in sorted(row.asks)) or "nothing"
        yield f"no rule {code(command.rule)} asks for an approval; what does: {asked}."
