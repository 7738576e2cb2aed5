"""What an owner hands out: the attempts of a decision that workers of pools make."""

from collections.abc import Iterable
from uuid import UUID

import orjson

from engine.core.attempt import attempt_of, first_of
from engine.core.event import Failed
from engine.core.expression import EvaluationError
from engine.core.handout import packed
from engine.core.machine import Launch
from engine.core.plan import Pool
from engine.core.run import Run
from engine.store.handouts import Offer

# What the expressions of one call may read, in JSON.
LARGEST = 4 * 1024 * 1024


def handed_out(run: Run, launches: Iterable[Launch]) -> tuple[list[Offer], list[Failed]]:
    """Return what is offered of these launches, and the failures of what is too large for that.

    What the owner makes itself is in neither.
    """
    offers, failures = list[Offer](), list[Failed]()
    for launch in launches:
        terms = launch.step.plan.terms
        if terms is not None:
            try:
                offers.append(_offer(run, launch, terms))
            except _CannotBe as fault:
                failures.append(Failed(launch.path, launch.attempt, fault.error))
    return offers, failures


class _CannotBe(Exception):
    """An attempt cannot be handed out; `error` is what its step fails with."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.error = {"type": kind, "detail": detail, "class": "permanent"}


def _offer(run: Run, launch: Launch, terms: Pool) -> Offer:
    header, plan, attempt = run.header, launch.step.plan, attempt_of(run, launch)
    try:
        level, _ = first_of(attempt)
    except (EvaluationError, ValueError) as fault:
        raise _CannotBe("sark.argument", str(fault)) from fault
    body = orjson.dumps(packed(attempt, run.bound.places[id(plan)]), default=dict)
    if len(body) > LARGEST:
        raise _CannotBe(
            "sark.too_large",
            f"what the step reads is {len(body)} bytes; at most {LARGEST} go to a worker of "
            f"pool {plan.pool!r}",
        )
    return Offer(
        UUID(header.id), launch.path, launch.attempt, header.namespace, header.plan, plan.pool,
        dict(terms.labels), terms.parallelism, body, plan.timeout.queue, level,
    )  # fmt: skip
