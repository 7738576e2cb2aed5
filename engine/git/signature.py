"""Whether commits are signed by whom a source trusts: git's own verification, and what it means.

Only `G` of git's `%G?` counts: a good signature by a key that is known, whose time is not over,
and that was not revoked. An SSH key that nobody knows is `U`, although ssh-keygen calls it good.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine.core.frozen import frozen
from engine.git.command import Runner
from engine.git.environment import Reach
from engine.git.keys import Keys

MOST_COMMITS = 1_000
_SECONDS = 300.0
_LEFT_BEHIND = 3600.0
# Each field ends with a NUL, which no commit can hold; then git puts a newline.
_FORMAT = "%H%x00%an%x00%G?%x00%GK%x00%GS%x00"
_FIELDS = 5
_MOST_NAMED = 5


@frozen
class Signed:
    """What the signatures of a commit, or of all since the live one, come to.

    `reason` is empty if every one counts, else a word for what is wrong with one of them.
    `message` says whose signatures they are, or whose is not.
    """

    message: str
    reason: str = ""


@frozen
class _Mark:
    """What git says of one commit's signature."""

    sha: str
    author: str
    letter: str
    key: str
    signer: str

    @property
    def kind(self) -> str:
        return "SSH" if self.key.startswith("SHA256:") else "GPG"


def judge(inside: Runner, folder: Path, keys: Keys, live: str | None, head: str) -> Signed:
    """Return what the signatures say: of `head`, and in the mode `range` of all since `live`.

    `folder` is where a folder of our own may be made for as long as it takes. Raise Misconfigured
    for keys that cannot be used, GitFailed as commands do.
    """
    now = datetime.now(UTC)
    since = live if keys.mode == "range" and live != head else None
    if since is not None and (count := _count(inside, since, head)) > MOST_COMMITS:
        return Signed(_too_many(count, since), "RangeTooLong")
    with _room(folder) as room:
        keys.lay_out(room, now)
        variables = (("GNUPGHOME", str(room / "gnupg")),)
        trusting = Reach(configuration=room / "config", variables=variables)
        marks = _marks(replace(inside, reach=trusting), since, head)
    doubted = [each for each in marks if each.letter != "G" or not each.signer]
    if doubted:
        return _doubt(doubted, len(marks), keys.late(now), since)
    return Signed(_told(marks))


def _count(inside: Runner, since: str, head: str) -> int:
    words = ("rev-list", "--count", f"--max-count={MOST_COMMITS + 1}", f"{since}..{head}", "--")
    return int(inside.run(*words))


def _marks(runner: Runner, since: str | None, head: str) -> list[_Mark]:
    """Return the marks of a commit, or of all that it has and `since` has not, newest first."""
    which = ("-1", head) if since is None else (f"{since}..{head}",)
    words = ("log", "--no-show-signature", f"--format={_FORMAT}", *which, "--")
    fields = runner.run(*words, timeout=_SECONDS).decode("utf-8", "replace").split("\0")[:-1]
    rows = (fields[i : i + _FIELDS] for i in range(0, len(fields), _FIELDS))
    return [_Mark(*(_plain(each) for each in row)) for row in rows]


def _told(marks: Sequence[_Mark]) -> str:
    """Return whose signatures they are: `SSH signature ok, dana@acme`."""
    names = list(dict.fromkeys(each.signer for each in marks))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    kinds = " and ".join(sorted({each.kind for each in marks}, reverse=True))
    by = ", ".join(names[:_MOST_NAMED]) + more
    if len(marks) == 1:
        return f"{kinds} signature ok, {by}"
    return f"{kinds} signatures of {len(marks)} commits ok, {by}"


def _doubt(
    doubted: Sequence[_Mark], all_: int, late: Mapping[str, str], live: str | None
) -> Signed:
    worst = doubted[0]
    reason, words = _why(worst, late)
    message = f"{worst.sha[:12]} by {worst.author or 'nobody'} {words}"
    if all_ > 1:
        message += f"; so it is with {len(doubted)} of {all_} commits since {(live or '')[:12]}"
    way = "git commit --amend --no-edit -S"
    if live is not None:
        way = f"git rebase --rebase-merges --exec '{way}' {live[:12]}"
    return Signed(f"{message}; sign by a key of this source ({way}) and push again", reason)


def _why(mark: _Mark, late: Mapping[str, str]) -> tuple[str, str]:
    """Return a reason and its words for a mark that does not count."""
    key = f"the {mark.kind} key {mark.key}"
    match mark.letter:
        case "N":
            return "Unsigned", "is not signed"
        case "U" | "E" if mark.key in late:
            return "KeyExpired", f"is signed by {key} of {late[mark.key]}, whose time is over"
        case "U" | "E" | "G" if mark.key:
            return "KeyUnknown", f"is signed by {key}, which this source does not know"
        case "X" | "Y":
            return "KeyExpired", f"is signed by {key} of {mark.signer}, whose time is over"
        case "R":
            return "KeyRevoked", f"is signed by {key} of {mark.signer}, which was revoked"
        case _:
            return (
                "SignatureBad",
                "has a signature that does not hold, or by a key that was revoked",
            )


def _too_many(count: int, live: str) -> str:
    more = "more than " if count > MOST_COMMITS else ""
    return (
        f"there are {more}{MOST_COMMITS} commits since {live[:12]}, which is live, and no more are "
        'verified at once; set verify = "head" until this commit is live'
    )


@contextmanager
def _room(folder: Path) -> Iterator[Path]:
    """Give an empty folder that nobody else can read; sweep those that a dead process has left."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in folder.iterdir():
        if time.time() - each.stat().st_mtime > _LEFT_BEHIND:
            shutil.rmtree(each, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as room:
        yield Path(room)


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text).strip()[:200]
