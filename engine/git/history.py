"""What commits say of themselves, as git log tells it."""

from datetime import UTC, datetime

from engine.core.frozen import frozen

# Each field ends with a NUL, which no commit can hold; then git puts a newline.
FORMAT = "%H%x00%an%x00%ct%x00%s%x00%(trailers:key=Sark-Prune,valueonly,separator=%x2C)%x00"
_FIELDS = 5
_LONGEST = 200


@frozen
class CommitFacts:
    """What a commit says of itself. `prunes` are the counts of its `Sark-Prune` trailers."""

    sha: str
    author: str
    subject: str
    at: datetime
    prunes: frozenset[int] = frozenset()


def parse(told: bytes) -> list[CommitFacts]:
    """Return the commits of a `git log` in FORMAT, in its order."""
    fields = told.decode("utf-8", "replace").split("\0")[:-1]
    return [_facts(fields[i : i + _FIELDS]) for i in range(0, len(fields), _FIELDS)]


def _facts(fields: list[str]) -> CommitFacts:
    sha, author, at, subject, prunes = fields
    counts = frozenset(int(each) for each in prunes.split(",") if _is_count(each.strip()))
    when = datetime.fromtimestamp(int(at), UTC)
    return CommitFacts(sha.strip(), _short(author), _short(subject), when, counts)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _short(text: str) -> str:
    """Return one line that a terminal, a page and PostgreSQL can take."""
    plain = "".join(each if each.isprintable() else " " for each in text).strip()
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
