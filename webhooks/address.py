"""An address of the edge: what is asked there, by what policy, and what may be answered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Schema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One word of a request beside its body: its schema, and what it says."""

    schema: Schema
    meaning: str


@dataclass(frozen=True, slots=True)
class Body:
    """What a request brings; `schema` is the name of a shape, or empty where anything goes."""

    schema: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer; `schema` is the name of a shape, or empty for plain text."""

    schema: str
    meaning: str
    headers: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """One method at one path; the routes and the reference of the API are made from it.

    `actions` are what the policy is asked about, `problems` the codes of `problems.py`. A `query`
    of None is not looked at; any other holds all the parameters that there are.
    """

    method: str
    path: str
    handler: Handler
    meaning: str
    answers: Mapping[int, Answer]
    actions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    query: Mapping[str, Parameter] | None = None
    headers: Mapping[str, Parameter] = field(default_factory=dict)
    body: Body | None = None


def needs_token(path: str) -> bool:
    """Return whether nothing at all is said at a path to whoever has no token."""
    return path.startswith("/api/") or path == "/metrics"
