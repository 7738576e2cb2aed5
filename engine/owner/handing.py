"""What an owner hands out: the attempts of a decision that workers of pools make."""

from collections.abc import Iterable
from uuid import UUID

import orjson

from engine.core.attempt import attempt_of
from engine.core.event import Failed
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
            offer = _offer(run, launch, terms)
            if len(offer.body) <= LARGEST:
                offers.append(offer)
            else:
                failures.append(Failed(launch.path, launch.attempt, _too_large(offer)))
    return offers, failures


def _offer(run: Run, launch: Launch, terms: Pool) -> Offer:
    header, plan = run.header, launch.step.plan
    body = packed(attempt_of(run, launch), run.bound.places[id(plan)])
    return Offer(
        UUID(header.id), launch.path, launch.attempt, header.namespace, header.plan, plan.pool,
        dict(terms.labels), terms.parallelism, orjson.dumps(body, default=dict),
        plan.timeout.queue,
    )  # fmt: skip


def _too_large(offer: Offer) -> dict[str, str]:
    detail = (
        f"what the step reads is {len(offer.body)} bytes; at most {LARGEST} go to a worker of "
        f"pool {offer.pool!r}"
    )
    return {"type": "sark.too_large", "detail": detail, "class": "permanent"}
