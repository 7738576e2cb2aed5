"""Stored plans, for those who start runs and tell of them."""

from datetime import timedelta

from engine.core.binding import Bound
from engine.core.codec import Undecodable, UnknownFormat, decode
from engine.errors import Unavailable
from engine.store import plans
from engine.store.pool import Connection

_AFTER = timedelta(seconds=5)


async def bound(connection: Connection, digest: str) -> Bound:
    """Return a plan, bound; raise Unavailable if it is one of another version of this program.

    While versions are mixed, another server may know it.
    """
    try:
        return Bound(decode(await plans.read(connection, digest)))
    except (UnknownFormat, Undecodable) as error:
        raise Unavailable(
            f"plan {digest[:12]} was compiled by another version of SARK: {error}; "
            "ask again, and upgrade what still runs the version before", _AFTER,
        ) from error  # fmt: skip
