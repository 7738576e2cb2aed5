"""JSON answers."""

from collections.abc import Mapping, Sequence

import orjson
from starlette.responses import Response

from engine.core.values import Json


def json_answer(
    value: Json, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a value as a JSON response."""
    return Response(orjson.dumps(value), status, headers, "application/json")


def listed(items: Sequence[Json], following: str | None) -> Response:
    """Return a page of a list; `following` is the cursor of the next one."""
    return json_answer({"items": items, "next": following})
