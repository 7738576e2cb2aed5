"""How much history there is, since when, and whether a controller looks after it."""

from datetime import UTC, datetime, timedelta

import psycopg

from engine.errors import Misconfigured
from engine.store import partitions, views
from engine.store.partitions import Partition
from engine.store.pool import connect

_LATE = timedelta(days=1)
_LARGE = 256 << 20


async def ask(url: str, keep: timedelta | None) -> tuple[list[str], list[str]]:
    """Return a sentence on the history, and what is not as it should be.

    Raise Misconfigured for a database of another version, Unavailable where none answers.
    """
    try:
        async with await connect(url, "doctor") as connection:
            there, default = await partitions.listed(connection)
            oldest = await views.oldest(connection)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise Misconfigured("the database is of another version: run `sark migrate`") from None
    size = sum(each.size for each in there) + default
    since = "no run yet" if oldest is None else f"the oldest run is of {oldest:%Y-%m-%d}"
    first = f", the oldest up to {there[0].span.end:%Y-%m-%d}" if there else ""
    told = f"{since}; journals of {size >> 20} MiB in {len(there)} partitions{first}"
    return [told], list(_lacks(there, default, keep, datetime.now(UTC)))


def _lacks(
    there: list[Partition], default: int, keep: timedelta | None, now: datetime
) -> list[str]:
    found = []
    if not any(each.span.begin <= now + _LATE < each.span.end for each in there):
        found.append("nobody has made a partition for tomorrow: start `sark controller`")
    late = [each.name for each in there if keep is not None and each.span.end < now - keep - _LATE]
    if late:
        found.append(f"history.keep is over for {', '.join(late)}: the controller's log says why")
    if default > _LARGE:
        found.append(
            f"{default >> 20} MiB are in journal_default, which is not dropped but deleted from: "
            "there was no controller for long"
        )
    return found
