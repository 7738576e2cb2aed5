"""What a workflow can reach: secrets, other machines, other workflows, and what it may destroy."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import urlsplit

from engine.core.anatomy import parts
from engine.core.facts import HOST, Catalogue
from engine.core.frozen import frozen
from engine.core.plan import Approve, Await, Call, Effect, Emit, Plan, Start, Step, Uses
from engine.core.values import Json

_OPEN = "{{"


@frozen
class Reach:
    """Names, each once, in order. `hosts` are hosts of addresses, or what else says where a call
    goes, as an image or a repository; an address that a run decides is told as its template.
    `destroys` are steps whose call may destroy something, `asks` those that ask people.
    """

    secrets: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    awaits: tuple[str, ...] = ()
    destroys: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()

    @classmethod
    def of(cls, all_: Iterable["Reach"]) -> "Reach":
        """Return what some can reach together."""
        every = list(all_)
        return cls(**{
            name: _sorted(word for each in every for word in getattr(each, name))
            for name in _NAMES
        })  # fmt: skip

    def without(self, other: "Reach") -> "Reach":
        """Return what the other cannot reach."""
        if NOTHING in (self, other):
            return self  # as for each of ten thousand workflows that are compared with nothing
        return Reach(**{
            name: tuple(each for each in getattr(self, name) if each not in getattr(other, name))
            for name in _NAMES
        })  # fmt: skip

    def told(self) -> dict[str, tuple[str, ...]]:
        """Return what there is, by its kind."""
        return {name: getattr(self, name) for name in _NAMES if getattr(self, name)}


_NAMES = tuple(each.name for each in fields(Reach))
NOTHING = Reach()

Known: TypeAlias = Mapping[str, Reach]
"""What plans reach by one catalogue, by the digests of the plans."""
NONE: Known = MappingProxyType({})


def reach(plan: Plan, catalogue: Catalogue, known: Known = NONE) -> Reach:
    """Return what a plan can reach, with all that it calls; what is known is looked up."""
    return known.get(plan.digest) or _found(plan, catalogue)


def _found(plan: Plan, catalogue: Catalogue) -> Reach:
    steps = [(part.path_of(step), step) for part in parts(plan) for step in part.scope.steps]
    calls = [(path, each.verb) for path, each in steps if isinstance(each.verb, Uses)]
    return Reach(
        secrets=_sorted(plan.secrets),
        hosts=_sorted(host for _, verb in calls for host in _hosts(verb, catalogue)),
        operations=_sorted(verb.operation for _, verb in calls),
        workflows=_sorted(_workflows(each for _, each in steps)),
        emits=_sorted(each.verb.type for _, each in steps if isinstance(each.verb, Emit)),
        awaits=_sorted(
            each.verb.event for _, each in steps if isinstance(each.verb, Await) and each.verb.event
        ),
        destroys=_sorted(path for path, verb in calls if verb.effect is Effect.DESTRUCTIVE),
        asks=_sorted(path for path, each in steps if isinstance(each.verb, Approve)),
    )


def _workflows(steps: Iterable[Step]) -> Iterator[str]:
    return (each.verb.workflow for each in steps if isinstance(each.verb, Call | Start))


def _hosts(verb: Uses, catalogue: Catalogue) -> Iterator[str]:
    """Yield where a call goes, as far as its plan tells."""
    operation = catalogue.get(verb.operation)
    for place in operation.places(HOST) if operation is not None else ():
        value: Json = verb.arguments
        for word in place.split("."):
            value = value.get(word) if isinstance(value, Mapping) else None
        if isinstance(value, str):
            yield _host(value)


def _host(text: str) -> str:
    """Return the host of an address, if that is the same in every run; else the text."""
    try:
        host = urlsplit(text.partition(_OPEN)[0]).hostname
    except ValueError:
        return text
    # A template within the host, or right behind it, decides where it ends.
    authority = text.partition("//")[2].partition("/")[0]
    return text if host is None or _OPEN in authority else host


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))
