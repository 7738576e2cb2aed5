"""Which handler serves a request, by its path and method."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from re import Pattern
from typing import Any

from starlette.requests import Request
from starlette.routing import compile_path

from webhooks.address import Handler, Parameter
from webhooks.problem import Refusal


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one path, such as `/runs/{id}`; `query` as an address has it."""

    method: str
    path: str
    handler: Handler
    query: Mapping[str, Parameter] | None = None


class Router:
    """The routes in their order. What reads is served to HEAD as well.

    No redirect is ever answered: it would hold the Host that the client told.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        places: dict[str, dict[str, Route]] = {}
        for each in routes:
            methods = places.setdefault(each.path, {})
            methods[each.method] = each
            if each.method == "GET":
                methods["HEAD"] = each
        self._places: list[tuple[Pattern[str], Mapping[str, Route]]] = [
            (compile_path(path)[0], methods) for path, methods in places.items()
        ]

    def find(self, request: Request) -> Handler:
        """Return the handler, and note in the scope what the path says; raise Refusal."""
        scope: Any = request.scope
        allowed: set[str] = set()
        for pattern, methods in self._places:
            found = pattern.fullmatch(scope["path"])
            if found is None:
                continue
            route = methods.get(scope["method"])
            if route is not None:
                scope["path_params"] = found.groupdict()
                scope["known"] = route.query
                return route.handler
            allowed |= methods.keys()
        if allowed:
            detail = "this address does not take this method"
            raise Refusal("http.method_not_allowed", detail, {"Allow": ", ".join(sorted(allowed))})
        raise Refusal("http.not_found", "there is nothing at this address")
