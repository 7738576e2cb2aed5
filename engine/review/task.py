"""What a child is given to judge, and what it answers.

The task goes down by pickle, for the child may trust its parent. The answer comes up as JSON and
is looked at as anybody's: what a stranger has written was read in that process.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from engine.core.diagnostic import Diagnostic
from engine.core.facts import Operations
from engine.core.frozen import frozen
from engine.core.review import LIMIT, Annotation, Conclusion, Head, Links, Place
from engine.core.review.approval import Approval
from engine.core.values import Json
from engine.core.whatif import MOST_WORKFLOWS
from engine.errors import SarkError
from engine.git.tree import Tree

MOST_TEXT = 1 << 20
REPLAY_SECONDS = 20.0
"""How long recorded runs are played; a review is told without them after that."""
_MOST_NAMES = 50_000
_MOST_ANNOTATIONS = 200
_LONGEST_WORD = 500
_LONGEST_TEAM = 20_000
MOST_TEAMS = 100
"""How many teams a rule asks for in a change, at most, so that they can approve it."""
_DIGEST = 64


class Unjudged(SarkError):
    """A child came to no answer; it was ended, or has told what is none."""

    code = "sark.review"


@frozen
class Asked:
    """Who asks for the change: a pull request, or a merge group, whose `number` is 0.

    `teams` are those of the author, as far as the policies of the base name them.
    """

    number: int
    author: str = ""
    teams: Sequence[str] = ()
    is_fork: bool = False
    is_draft: bool = False


@frozen
class Running:
    """What a running system says, as far as reviews tell it.

    `in_flight` counts runs by workflow and commit, `also` are the workflows that other open pull
    requests touch, `foreign` those of the namespace that are another source's, with its name.
    """

    in_flight: Mapping[str, Mapping[str, int]]
    also: Mapping[int, Sequence[str]]
    foreign: Mapping[str, str]


@frozen
class Owned:
    """A `CODEOWNERS`: where it stands, or "", and its blob; whether the head has another."""

    file: str = ""
    blob: str = ""
    is_changed: bool = False


@frozen
class Ground:
    """What changes of a source are compiled on: the tree that is live, in the repository at
    `folder`; None where nothing is known to be. It is the same source as long as a process lives.
    """

    live: Tree | None
    folder: Path
    operations: Operations
    environment: str


@frozen
class Task:
    """A change to be judged: two trees in the repository at `folder`, None for one without files.

    With `refused`, the head was refused before anything of it was read. Whoever `approvals` are of
    may approve, by what the forge says now. `confirmed` are counts
    of removals that commits confirm. `kept` is how long history is kept, None being for ever.
    `live` is the tree of the commit that is active, as far as the repository has it; `owners` the
    `CODEOWNERS` of the base.
    """

    place: Place
    namespace: str
    base: Head
    head: Head
    before: Tree | None
    after: Tree | None
    folder: Path
    operations: Operations
    asked: Asked
    running: Running
    approvals: Sequence[Approval]
    links: Links
    now: datetime
    confirmed: frozenset[int] = frozenset()
    kept: timedelta | None = None
    refused: Sequence[Diagnostic] = ()
    live: Tree | None = None
    owners: Owned = Owned()

    @property
    def ground(self) -> Ground:
        """Return what the change is compiled on."""
        return Ground(self.live, self.folder, self.operations, self.place.environment)


@frozen
class Answer:
    """What is to be said of a change: `comment` in Markdown, `text` in full for the page.

    `asks` are the teams that rules ask for, by the rules' names. `said` is a digest of all that
    the comment tells but for the time, so that nothing is written that was said before. `replays`
    are workflows whose recorded runs it would tell of; then it waits for them, and answers again.
    `by_review` are rules of which a review at the forge is an approval.
    """

    digest: str
    conclusion: Conclusion
    title: str
    comment: str
    text: str
    said: str
    workflows: Sequence[str] = ()
    asks: Mapping[str, Sequence[str]] | None = None
    annotations: Sequence[Annotation] = ()
    replays: Sequence[str] = ()
    by_review: Sequence[str] = ()

    def encode(self) -> bytes:
        """Return it as it leaves the child."""
        return orjson.dumps(self)


def decode(told: bytes) -> Answer:
    """Return what a child has answered; raise Unjudged for what is no answer."""
    try:
        data = orjson.loads(told)
        return Answer(
            _text(data["digest"], _DIGEST), Conclusion(data["conclusion"]),
            _text(data["title"], _LONGEST_WORD), _text(data["comment"], LIMIT + 1000),
            _text(data["text"], MOST_TEXT), _text(data["said"], _DIGEST),
            [_text(each, _LONGEST_WORD) for each in _list(data["workflows"], _MOST_NAMES)],
            {_text(k, _LONGEST_WORD): [_text(v, _LONGEST_TEAM) for v in _list(vs, MOST_TEAMS)]
             for k, vs in data["asks"].items()},
            [_annotation(each) for each in _list(data["annotations"], _MOST_ANNOTATIONS)],
            [_text(each, _LONGEST_WORD) for each in _list(data["replays"], MOST_WORKFLOWS)],
            [_text(each, _LONGEST_WORD) for each in _list(data["by_review"], _MOST_NAMES)],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unjudged("the process that makes plans has answered what is no plan") from None


def _annotation(told: Mapping[str, Json]) -> Annotation:
    line = told["line"]
    if not isinstance(line, int) or isinstance(line, bool) or line < 1:
        raise ValueError("a line is a number from 1 on")
    words = (_text(told[each], MOST_TEXT) for each in ("level", "title", "message"))
    return Annotation(_text(told["path"], MOST_TEXT), line, *words)


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError("a text was expected")
    return value.replace("\0", "\ufffd")


def _list(value: object, most: int) -> list[Mapping[str, Json]]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("a list was expected")
    return value
