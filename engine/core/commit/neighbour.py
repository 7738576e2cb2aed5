"""What one document may know of the rest of its commit, and a note of all that it asked.

What a document compiles to depends on its text, on the catalogue, and on the answers to these
questions alone. Whoever keeps it keeps the questions too: as long as they would be answered the
same, it need not be compiled again.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from engine.core import values
from engine.core.commit.declared import Declared, Kind
from engine.core.frozen import frozen
from engine.core.values import Json, parse_duration

if TYPE_CHECKING:
    from engine.core.plan import Circuit

_FILE = "file"
_NAMES = "names"
VARIABLE = "variable"
_ELSEWHERE = "elsewhere"
_CONNECTION = "connection"


class Companions(Protocol):
    """The files that stand beside the specs, by their path below the root."""

    def stamp(self, path: str) -> str:
        """Return the id of a file's content, "" if there is no such file."""

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None if there is no such file, or it is too large."""


class NoCompanions:
    """There is no file beside the specs."""

    def stamp(self, _: str) -> str:
        return ""

    def read(self, _: str) -> bytes | None:
        return None


@frozen
class Interface:
    """A workflow as its callers see it: closed JSON Schemas of what it takes and gives."""

    inputs: Mapping[str, Json]
    outputs: Mapping[str, Json]


@frozen
class Variable:
    """What the environments of a commit say of a variable.

    `values` are those that some give it, by environment; the `lacking` describe none of that name.
    With an environment that cannot be read it `is_unsure` what is there.
    """

    values: Mapping[str, Json]
    lacking: tuple[str, ...] = ()
    is_unsure: bool = False


@frozen(order=True)
class Question:
    """What was asked of the commit, and the digest of the answer; "" is nothing."""

    about: str
    name: str
    answer: str


class Commit:
    """All that the files of a commit declare, and the files beside them.

    Of two documents with one identity the first counts; that there are two is found elsewhere.
    `environment` is the name of the one that the commit is compiled for; without one, that is any
    that it describes.
    """

    def __init__(
        self,
        documents: Iterable[Declared] = (),
        companions: Companions | None = None,
        environment: str = "",
    ) -> None:
        self.companions = companions or NoCompanions()
        self.environment = environment
        self._documents: dict[str, dict[str, Declared]] = {kind: {} for kind in Kind}
        kind, named = Kind.WORKFLOW, self._documents[Kind.WORKFLOW]
        for each in documents:
            if each.kind is not kind:
                kind, named = each.kind, self._documents[each.kind]
            named.setdefault(each.name, each)

    @property
    def documents(self) -> Iterator[Declared]:
        """Every document that counts."""
        return (each for named in self._documents.values() for each in named.values())

    def find(self, kind: Kind, name: str) -> Declared | None:
        """Return the document of a kind and name."""
        return self._documents[kind].get(name)

    def names(self, kind: Kind) -> Iterable[str]:
        """Return the names of a kind."""
        return self._documents[kind].keys()

    @property
    def places(self) -> tuple[str, ...]:
        """Return the environments that the commit may be compiled for, in order."""
        if self.environment:
            return (self.environment,)
        return tuple(sorted(self._documents[Kind.ENVIRONMENT]))

    def variable(self, name: str) -> Variable:
        """Return what every environment says of a variable."""
        known = self._documents[Kind.ENVIRONMENT]
        told = {each: _part(known[each], "variables") for each in sorted(known)}
        broken = {each for each, found in known.items() if found.facts is None}
        lacking = {each for each, said in told.items() if name not in said} - broken
        lacking |= {each for each in self.places if each not in known}
        said = {each: said[name] for each, said in told.items() if name in said}
        return Variable(said, tuple(sorted(lacking)), bool(broken))

    def variables(self) -> list[str]:
        """Return the names of all variables."""
        known = self._documents[Kind.ENVIRONMENT].values()
        return sorted({name for each in known for name in _part(each, "variables")})

    def overlay(self, name: str) -> Mapping[str, Json]:
        """Return what the environment that is compiled for says otherwise of a connection."""
        found = next(map(self._documents[Kind.ENVIRONMENT].get, self.places), None)
        told = None if found is None else _part(found, "connections").get(name)
        said = told.items() if isinstance(told, Mapping) else ()
        return {key: each for key, each in said if each is not None}

    def holds(self, asked: Iterable[Question]) -> bool:
        """True if every question would be answered as it was."""
        return all(each.answer == self.answer(each.about, each.name) for each in asked)

    def answer(self, about: str, name: str) -> str:
        """Return the digest of what there is to say, "" for nothing."""
        if about == _FILE:
            return self.companions.stamp(name)
        if about in (VARIABLE, _ELSEWHERE):
            told = self.variable(name)
            return values.digest(
                [list(self.places), dict(told.values), list(told.lacking), told.is_unsure]
            )
        if about == _CONNECTION:
            return values.digest(self.overlay(name))
        if about == _NAMES:
            return values.digest(self.variables() if not name else sorted(self._documents[name]))
        found = self._documents[about].get(name)
        return "" if found is None else found.digest or "broken"


class Neighbours:
    """What one document may know of its commit. `asked` is what it has asked so far."""

    def __init__(self, commit: Commit | None = None) -> None:
        self._commit = commit or Commit()
        self._asked: dict[tuple[str, str], Question] = {}

    @property
    def asked(self) -> tuple[Question, ...]:
        return tuple(sorted(self._asked.values()))

    def workflow(self, name: str) -> Interface | None:
        """Return what a workflow takes and gives, None if there is none of that name.

        Of one that cannot be read nothing is known: it may take and give anything.
        """
        found = self._find(Kind.WORKFLOW, name)
        if found is None:
            return None
        inputs, outputs = (_part(found, key) for key in ("inputs", "outputs"))
        return Interface(inputs, outputs)

    def breaker(self, name: str) -> "Circuit | None":
        """Return a circuit breaker as steps hold it, None if there is none of that name."""
        found = self._find(Kind.BREAKER, name)
        return None if found is None else circuit(name, found.facts)

    def pool(self, name: str) -> Mapping[str, Json] | None:
        """Return a pool as it is written, None if there is none of that name.

        Of this and the next, one that cannot be read says nothing: it is an empty mapping.
        """
        return self._written(Kind.POOL, name)

    def calendar(self, name: str) -> Mapping[str, Json] | None:
        """Return a calendar as it is written, None if there is none of that name."""
        return self._written(Kind.CALENDAR, name)

    def connection(self, name: str) -> Mapping[str, Json] | None:
        """Return a connection as it is written, None if there is none of that name."""
        return self._written(Kind.CONNECTION, name)

    def connection_here(self, name: str) -> Mapping[str, Json] | None:
        """Return the same with what the environment says otherwise, that is compiled for."""
        self._note(_CONNECTION, name)
        found = self.connection(name)
        return found and overlaid(found, self._commit.overlay(name))

    @property
    def places(self) -> tuple[str, ...]:
        """Return the environments that the commit may be compiled for, in order.

        They are part of the answer to every question about a variable.
        """
        return self._commit.places

    def variable(self, name: str) -> Variable:
        """Return what every environment says of a variable."""
        self._note(VARIABLE, name)
        return self._commit.variable(name)

    def elsewhere(self, name: str) -> Mapping[str, Json]:
        """Return the values of a variable by environment, for one that describes it itself."""
        self._note(_ELSEWHERE, name)
        return self._commit.variable(name).values

    def variables(self) -> list[str]:
        """Return the names of all variables, for a hint."""
        self._note(_NAMES, "")
        return self._commit.variables()

    def file(self, path: str) -> bytes | None:
        """Return the content of a file below the root, None if there is none to be had."""
        self._note(_FILE, path)
        return self._commit.companions.read(path)

    def has_file(self, path: str) -> bool:
        """True if there is such a file, even if it is too large to be read."""
        self._note(_FILE, path)
        return self._commit.answer(_FILE, path) != ""

    def names(self, kind: Kind) -> list[str]:
        """Return all names of a kind, for a hint."""
        self._note(_NAMES, kind)
        return sorted(self._commit.names(kind))

    def _written(self, kind: Kind, name: str) -> Mapping[str, Json] | None:
        found = self._find(kind, name)
        if found is None:
            return None
        return found.facts if isinstance(found.facts, Mapping) else {}

    def _find(self, kind: Kind, name: str) -> Declared | None:
        self._note(kind, name)
        return self._commit.find(kind, name)

    def _note(self, about: str, name: str) -> None:
        if (about, name) not in self._asked:
            self._asked[about, name] = Question(about, name, self._commit.answer(about, name))


def overlaid(written: Mapping[str, Json], other: Mapping[str, Json]) -> dict[str, Json]:
    """Return a mapping with what another says in its place, key by key as deep as both go.

    What is null there takes nothing away, unlike in RFC 7386: it is a value.
    """
    told = dict(written)
    for key, value in other.items():
        old = told.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        told[key] = overlaid(old, value) if both else value  # type: ignore[arg-type]
    return told


def circuit(name: str, facts: Json) -> "Circuit":
    """Return the breaker that a document describes; of one that cannot be read, any."""
    from engine.core.plan import Circuit

    told = facts if isinstance(facts, Mapping) else _ANY_BREAKER
    return Circuit(
        name,
        parse_duration(str(told["window"])),
        float(str(told["failure_ratio"])),
        int(str(told["min_calls"])),
        parse_duration(str(told["open_for"])),
        int(str(told["half_open_calls"])),
    )


_ANY_BREAKER: Mapping[str, Json] = {
    "window": "1m",
    "failure_ratio": 0.5,
    "min_calls": 1,
    "open_for": "1m",
    "half_open_calls": 1,
}


def _part(found: Declared, key: str) -> Mapping[str, Json]:
    facts = found.facts
    told = facts.get(key) if isinstance(facts, Mapping) else None
    return told if isinstance(told, Mapping) else {}
