"""`/decisions`: what deliveries came to, and why; those that erred are kept and listed here."""

from starlette.requests import Request
from starlette.responses import Response

from engine.core.trigger import Said
from engine.errors import Invalid, NotFound
from engine.store import decisions
from engine.store.decisions import DecisionRow
from webhooks.api import page
from webhooks.auth.guard import visible
from webhooks.doors import Doors, doors


async def listed(request: Request) -> Response:
    """`GET /namespaces/{namespace}/decisions`: newest first, by word and workflow."""
    told = page.query(request)
    said, size, before = told.get("said"), page.limit(told), _place(told)
    if said is not None and said not in {each.value for each in Said}:
        known = ", ".join(Said)
        raise Invalid(f"no decision is {said!r}", (("/said", f"one of: {known}"),))
    namespace = request.path_params["namespace"]
    if namespace not in await visible(request, "decision.read", "decision"):
        raise NotFound(f"there is no namespace {namespace[:64]}")
    opened = doors(request)
    async with opened.pool.connection() as connection:
        found = await decisions.listed(
            connection, namespace, said, told.get("workflow"), before, size + 1
        )
    last = str(found[size - 1].id) if len(found) > size else None
    return page.page([_line(opened, each) for each in found[:size]], last)


def _line(opened: Doors, row: DecisionRow) -> dict[str, object]:
    return {
        "namespace": row.namespace,
        "workflow": row.workflow,
        "trigger": row.trigger,
        "item": row.item,
        "said": row.said,
        "reason": opened.secrets.mask(row.reason) if row.reason else "",
        "run": row.run_id,
        "route": row.route,
        "delivery": row.delivery,
        "at": row.at,
    }


def _place(told: dict[str, str]) -> int | None:
    """Return the place in the list that a cursor names."""
    text = page.after(told)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise page.bad_cursor()
    return int(text)
