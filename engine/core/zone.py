"""Time zones by name, of the pinned release of tzdata: data of the program, not of a machine.

A host's own zone files differ between hosts and change under a run; these change with the lock.
"""

from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

_DATA = "tzdata"


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Return the names of all zones, as `Europe/Oslo` and `UTC`."""
    return frozenset(resources.files(_DATA).joinpath("zones").read_text("utf-8").split())


@lru_cache(maxsize=1_000)
def zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; raise ValueError if there is none."""
    if name not in names():
        raise ValueError("there is no such time zone; write one as `Europe/Oslo`")
    with resources.files(_DATA).joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, name)
