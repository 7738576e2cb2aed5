"""Who has approved what rules ask for; it counts for the very plan that it was said of."""

from collections.abc import Sequence
from dataclasses import replace

from engine.core.frozen import frozen
from engine.core.review.model import Effect, Ruling, Rulings


@frozen
class Approval:
    """Somebody, by login, approves for a team what a rule asks for, if the plan has this digest."""

    rule: str
    team: str
    digest: str
    by: str


def approved(rulings: Rulings, approvals: Sequence[Approval], digest: str, author: str) -> Rulings:
    """Return rulings with who has approved them; nobody approves what he has written himself.

    Whether each of them may speak for his team was asked before.
    """
    who = {
        (each.rule, each.team): each.by for each in approvals
        if each.digest == digest and each.by.lower() != author.lower()
    }  # fmt: skip
    return replace(rulings, rulings=tuple(_approved(each, who) for each in rulings.rulings))


def _approved(ruling: Ruling, who: dict[tuple[str, str], str]) -> Ruling:
    by = who.get((ruling.rule, ruling.team), "")
    return replace(ruling, approved_by=by) if by and ruling.effect is Effect.APPROVAL else ruling
