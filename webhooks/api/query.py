"""Parameters of lists: finite, checked, and refused in words."""

from uuid import UUID

from starlette.requests import Request

from engine.errors import Invalid

_MOST = 200


def limit(request: Request, default: int = 50) -> int:
    """Return how many items are wanted, 1 to 200; raise Invalid."""
    told = request.query_params.get("limit", str(default))
    if not told.isdigit() or not 1 <= int(told) <= _MOST:
        raise Invalid("limit must be a number from 1 to 200", (("/limit", "out of range"),))
    return int(told)


def before(request: Request) -> UUID | None:
    """Return where the page before ended; raise Invalid."""
    told = request.query_params.get("cursor")
    if told is None:
        return None
    try:
        return UUID(told)
    except ValueError:
        raise Invalid("cursor must be what `next` was", (("/cursor", "unknown"),)) from None


def number(request: Request, name: str) -> int:
    """Return a count from 0; raise Invalid."""
    told = request.query_params.get(name, "0")
    if not told.isdigit() or len(told) > 9:
        raise Invalid(f"{name} must be a number from 0", ((f"/{name}", "not a number"),))
    return int(told)
