"""What is said of a commit at its forge: a state, and the few words that there is room for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.forge.contract import State
from engine.reconcile.verdict import Stage, Verdict
from engine.settings import Source
from engine.store.statuses import Words

COMPILING = Words(State.PENDING, "compiling")


def contexts(sources: Sequence[Source]) -> Mapping[str, str]:
    """Return the context of each source that has a forge: `sark/<environment>`.

    Where two sources would speak of one repository in one context, the name of each follows.
    """
    told = [each for each in sources if each.forge is not None]
    shared = Counter(map(_place, told))
    return {
        each.name: f"sark/{each.environment}" + f"/{each.name}" * (shared[_place(each)] > 1)
        for each in told
    }


def active(now: datetime) -> Words:
    """A commit is live."""
    return Words(State.SUCCESS, f"active since {now:%H:%M:%S} UTC")


def pinned(told: str) -> Words:
    """A commit is taken up, and says that another is to be live."""
    return Words(State.SUCCESS, told)


def superseded(by: str) -> Words:
    """A newer commit came before this one was live, which it will not be."""
    return Words(State.PENDING, f"superseded by {by[:12]}")


def settled(verdict: Verdict) -> Words:
    """A commit is not live, for a reason that lasts."""
    if verdict.stage is Stage.UNHELD:
        return Words(State.PENDING, f"held: {verdict.message}")
    return Words(State.FAILURE, verdict.message)


def _place(source: Source) -> tuple[str, str, str]:
    assert source.forge is not None, "only sources that have a forge are asked"
    return source.forge.url, source.forge.repository.lower(), source.environment
