"""`/reviews`: what pull requests would change, and what stands in their way."""

from starlette.requests import Request
from starlette.responses import Response

from engine.errors import NotFound
from engine.store import reviews, sources
from engine.store.reviews import ReviewRow
from policies.facts import Resource
from webhooks.api import page
from webhooks.auth.guard import allow_read, visible
from webhooks.doors import doors
from webhooks.problem import Data

_MOST = 5_000
_LONGEST = 10


async def listed(request: Request) -> Response:
    """`GET /reviews`: those of open pull requests, by source and number."""
    told = page.query(request)
    seen = await visible(request, "source.read", "source")
    async with doors(request).pool.connection() as connection:
        mine = [each.name for each in await sources.all_of(connection) if each.namespace in seen]
        wanted = [each for each in mine if told.get("source", each) == each]
        found = await reviews.all_of(connection, wanted, _MOST, every=told.get("all") == "true")
    return page.cut(found, told, _key, _told)


async def shown(request: Request) -> Response:
    """`GET /reviews/{source}/{number}`: one, with its plan in full."""
    page.query(request)
    source, number = request.path_params["source"], request.path_params["number"]
    missing = f"there is no review of pull request {number} in source {source}"
    async with doors(request).pool.connection() as connection:
        row = await sources.read(connection, source)
        found = await reviews.of_number(connection, source, whole(number))
    if row is None or found is None:
        raise NotFound(missing)
    await allow_read(request, "source.read", Resource("source", row.name, row.namespace), missing)
    return Data({**_told(found), "text": found.body, "notes": found.notes})


def whole(number: str) -> int:
    """Return the number of a pull request, and 0, which none has, for what is no number."""
    is_number = number.isascii() and number.isdecimal() and len(number) < _LONGEST
    return int(number) if is_number else 0


def _key(row: ReviewRow) -> str:
    return f"{row.source}/{row.number:010}"


def _told(row: ReviewRow) -> dict[str, object]:
    return {
        "source": row.source,
        "number": row.number,
        "title": row.title,
        "author": row.author,
        "open": row.is_open,
        "head": row.head or None,
        "base": row.base or None,
        "conclusion": row.conclusion,
        "plan": row.digest or None,
        "workflows": row.workflows,
        "approvals": [
            {"rule": rule, "team": team} for rule in sorted(row.asks) for team in row.teams(rule)
        ],
        "live": row.landed or None,
        "waits": row.wanted > row.handled,
        "fault": row.fault or None,
        "updated_at": row.updated_at,
    }
