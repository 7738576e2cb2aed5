"""The pool whose workers make a call: its terms, and whether it lets the call in."""

from collections.abc import Mapping

from engine.core import plan
from engine.core.compiler.findings import listed
from engine.core.compiler.node import Node
from engine.core.compiler.site import ARGUMENTS, Use
from engine.core.compiler.world import World
from engine.core.plan import Pool
from engine.core.values import Json

_READ_THERE = ARGUMENTS | {Use.KEY}
_ANY = Pool()


def terms_of(world: World, node: Node, uses: plan.Uses | None) -> Pool | None:
    """Return the terms of a step's pool; find what that pool does not let in."""
    name = node.spec.pool
    written = None if name is None or uses is None else world.neighbours.pool(name)
    if written is None or uses is None:
        return None
    terms = _terms(written)
    if not terms.takes(uses.operation):
        message = f'pool "{name}" takes no {uses.operation}'
        hint = "add it to `adapters` of the pool, or name another pool"
        expected = listed(sorted(terms.adapters or ()), "nothing")
        world.findings.error("pool-refuses", message, node.at("uses"), hint=hint, expected=expected)
    _check_secrets(world, node, terms)
    return terms


def _terms(written: Mapping[str, Json]) -> Pool:
    """Return the terms that a document states; of one that cannot be read, any."""
    labels, parallelism = written.get("workers"), written.get("parallelism")
    return Pool(
        tuple(sorted((key, str(each)) for key, each in labels.items()))
        if isinstance(labels, Mapping)
        else (),
        parallelism if isinstance(parallelism, int) else _ANY.parallelism,
        _names(written.get("adapters")),
        _names(written.get("secrets")),
    )


def _names(told: Json) -> tuple[str, ...] | None:
    return tuple(map(str, told)) if isinstance(told, list | tuple) else None


def _check_secrets(world: World, node: Node, terms: Pool) -> None:
    """Find secrets that a step reads and its pool must not see."""
    if terms.secrets is None:
        return
    for site in node.sites:
        for reference in site.compiled.references if site.use in _READ_THERE else ():
            name, *rest = map(str, reference.path)
            if name == "secrets" and rest and rest[0] not in terms.secrets:
                message = f'secret "{rest[0]}" may not go to pool "{node.spec.pool}"'
                hint = "add it to `secrets` of the pool, or name another pool"
                expected = listed(sorted(terms.secrets), "no secret")
                world.findings.error(
                    "pool-refuses", message, site.at(reference), hint=hint, expected=expected
                )
