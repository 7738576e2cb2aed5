"""A review: one change of one source, and all that is known of it. Data alone, nothing of a forge.

The command line, the server's worker for pull requests and the pages tell the same review, so
they tell the same.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from engine.core import change
from engine.core.change import Change
from engine.core.diagnostic import Diagnostic, Severity
from engine.core.frozen import frozen
from engine.core.review.owners import Touched


class Effect(StrEnum):
    """What a rule of a policy says to a change, the mildest first."""

    ALLOW = "allow"
    WARN = "warn"
    APPROVAL = "needs approval"
    DENY = "deny"


@frozen
class Ruling:
    """What one rule says about one workflow, or about the change as a whole (`workflow` is "").

    `file` (below the source's root) and `line` (1 or more) say where, if the rule does; "" and 0
    else. `team` is who must approve, as in `acme/payments`, `by_review` that a review at the forge
    is enough; `approved_by` who has, "" for nobody yet.
    """

    rule: str
    effect: Effect
    reason: str
    workflow: str = ""
    file: str = ""
    line: int = 0
    team: str = ""
    approved_by: str = ""
    by_review: bool = False

    @property
    def is_open(self) -> bool:
        """True if somebody must approve who has not."""
        return self.effect is Effect.APPROVAL and not self.approved_by


@frozen
class Rulings:
    """What policies say: what they object to, and the names of all their rules, in order.

    `flips` are decisions that come out otherwise because policies themselves change, each a line.
    """

    rulings: tuple[Ruling, ...] = ()
    rules: tuple[str, ...] = ()
    flips: tuple[str, ...] = ()

    @property
    def silent(self) -> tuple[str, ...]:
        """Return the names of the rules that have nothing against the change."""
        spoken = {each.rule for each in self.rulings if each.effect is not Effect.ALLOW}
        return tuple(each for each in self.rules if each not in spoken)


@frozen
class Head:
    """One end of a change: `name` is what people call it, as `main` or `working tree`; `commit`
    is a full hash, "" for files that are in no commit.
    """

    name: str
    commit: str = ""


@frozen
class Impact:
    """What a running system says of a workflow that changes.

    `in_flight` counts the runs that are under way by the commit that they are pinned to.
    `also` are other open pull requests that touch the workflow, by number.
    """

    in_flight: Mapping[str, int]
    also: tuple[int, ...] = ()


@frozen
class Annotation:
    """A word about a line of a file, `level` being notice, warning or failure.

    `path` is from the repository's top.
    """

    path: str
    line: int
    level: str
    title: str
    message: str


@frozen
class Guard:
    """A removal that must be said in so many words: `gone` of `of` workflows; see R5."""

    gone: int
    of: int


@frozen
class Live:
    """What has become of a change that was merged: live since `at`, as a full `commit`.

    `after` is how long that took from the merge on, None where that is not known.
    """

    at: datetime
    commit: str
    after: timedelta | None = None
    as_reviewed: bool = True


class Conclusion(StrEnum):
    """How a check ends, in the words of GitHub's checks."""

    SUCCESS = "success"
    FAILURE = "failure"
    ACTION_REQUIRED = "action_required"
    NEUTRAL = "neutral"


@frozen
class Review:
    """A change of a source's workflows, and what is to be said of it.

    `findings` are those of the head; files in them, as in plans, are below `root`, which is ""
    for the repository's top. `impact` is by workflow, None where no running system was asked.
    `callers` are workflows that do not change and call, follow or hear one that does: pairs of
    the one that changes and the caller. `what_if` are lines on how recorded runs would go under
    the new plans. `pull` is the number of the pull request, 0 for none. `seconds` is how long it
    took. `touched` are the specs whose text is another one, as far as somebody has looked.
    `kept` is how long the history of a workflow that is gone is kept, None where nobody says.
    `owners` is whose the files are, by the `CODEOWNERS` of the base; None where there is none.
    """

    source: str
    environment: str
    root: str
    base: Head
    head: Head
    specs: int
    changes: tuple[Change, ...]
    findings: tuple[Diagnostic, ...] = ()
    rulings: Rulings = Rulings()
    impact: Mapping[str, Impact] | None = None
    callers: tuple[tuple[str, str], ...] = ()
    guard: Guard | None = None
    what_if: tuple[str, ...] = ()
    pull: int = 0
    is_fork: bool = False
    is_draft: bool = False
    live: Live | None = None
    seconds: float = 0.0
    touched: frozenset[str] = frozenset()
    kept: timedelta | None = None
    owners: Touched | None = None

    def path(self, file: str) -> str:
        """Return a file below the root as the repository has it."""
        root = self.root.strip("/")
        return f"{root}/{file}" if root not in ("", ".") else file

    @property
    def errors(self) -> Sequence[Diagnostic]:
        return [each for each in self.findings if each.severity is Severity.ERROR]

    @property
    def digest(self) -> str:
        """Return what names the change, whatever commits bring it; approvals are bound to it."""
        return change.digest(self.changes)

    @property
    def conclusion(self) -> Conclusion:
        """Return how its check ends; nobody waits for a draft."""
        if self.is_draft:
            return Conclusion.NEUTRAL
        if self.errors or any(each.effect is Effect.DENY for each in self.rulings.rulings):
            return Conclusion.FAILURE
        if self.guard is not None or any(each.is_open for each in self.rulings.rulings):
            return Conclusion.ACTION_REQUIRED
        return Conclusion.SUCCESS if self.changes else Conclusion.NEUTRAL
