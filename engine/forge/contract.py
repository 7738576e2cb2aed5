"""What SARK asks of a forge, whatever its make. Each call is one HTTP conversation.

All raise Unavailable where trying later may help (no answer, a rate limit, 5xx; `after` says
when), Denied where the credential may not, NotFound where there is no such thing.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from engine.core.frozen import frozen
from engine.core.review import Annotation, Conclusion

__all__ = ["Annotation", "Check", "Comment", "Forge", "Pull", "State"]


class State(StrEnum):
    """What is said of a commit, in the words of GitHub's statuses."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@frozen
class Pull:
    """A pull request as the forge tells it now.

    `base` and `base_sha` are the branch that it goes into and its head, `head_sha` what it would
    bring. `is_fork`: the head is in another repository. `author` is a login.
    """

    number: int
    title: str
    author: str
    base: str
    base_sha: str
    head_sha: str
    is_fork: bool
    is_draft: bool
    is_open: bool
    merged_sha: str = ""


@frozen
class Comment:
    """A comment on a pull request; `is_ours` if this credential wrote it."""

    id: int
    author: str
    body: str
    is_ours: bool


@frozen
class Check:
    """A check of a commit; `conclusion` is None while it is under way. `text` is shown below the
    `summary`.
    """

    name: str
    sha: str
    title: str
    summary: str
    conclusion: Conclusion | None = None
    cancelled: bool = False
    annotations: Sequence[Annotation] = ()
    url: str = ""
    text: str = ""

    @property
    def state(self) -> State:
        """Return what is said in its place where there are no checks, or none for us.

        What waits for somebody is pending, so that it holds a merge up as the check would.
        """
        if self.cancelled:
            return State.FAILURE
        match self.conclusion:
            case None | Conclusion.ACTION_REQUIRED:
                return State.PENDING
            case Conclusion.FAILURE:
                return State.FAILURE
            case Conclusion.SUCCESS | Conclusion.NEUTRAL:
                return State.SUCCESS


class Forge(Protocol):
    """One repository at one forge. Texts are cut to what the forge takes."""

    async def pull(self, number: int) -> Pull: ...

    async def open_pulls(self, base: str) -> Sequence[Pull]:
        """Return the open pull requests into a branch, newest first, 300 at most."""

    async def files(self, number: int) -> Sequence[str]:
        """Return the paths that a pull request touches, of 3,000 files at most; moved by both."""

    async def status(self, sha: str, context: str, state: State, text: str, url: str) -> None:
        """Say how a commit stands in a context, as `sark/production`."""

    async def check(self, told: Check, id_: int | None = None) -> int:
        """Make a check, or write one again by its id; return its id.

        Of annotations the worst 200 are shown; they are added to those that a check has. At a forge
        without checks this is a status of the same name, and the id is 0; so it is at GitHub for
        whoever is no app.
        """

    async def find_check(self, sha: str, name: str) -> int | None:
        """Return the latest check of ours of this name on a commit, if there is one.

        At a forge without checks there is none to be found, nor two.
        """

    async def comments(self, number: int) -> Sequence[Comment]:
        """Return the comments of a pull request, oldest first, 1,000 at most."""

    async def comment(self, number: int, body: str, id_: int | None = None) -> int:
        """Write a comment, or one again by its id; return its id."""

    async def react(self, comment: int, word: str) -> None:
        """Answer a comment by an emoji, as `eyes`."""

    async def approvers(self, number: int, head: str) -> Sequence[str]:
        """Return who approves a pull request at this very head, by the newest word of each.

        Where they are many, those who may push come first, as far as the forge lists them. At one
        that does not say of which commit somebody approves that is nobody.
        """

    async def may_write(self, login: str) -> bool:
        """True if somebody may push to the repository."""

    async def is_member(self, login: str, team: str) -> bool:
        """True if somebody is of a team, as `acme/payments`."""

    async def open_pull(self, branch: str, base: str, title: str, body: str) -> int:
        """Ask for a branch to be merged; return the number, that of the open one if there is."""

    async def authorization(self) -> str:
        """Return the value of the `Authorization` header by which Git may fetch now.

        It is good for five minutes at least.
        """
