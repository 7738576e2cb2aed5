"""Time zones by name, of the pinned release of tzdata: data of the program, not of a machine.

A host's own zone files differ between hosts and change under a run; these change with the lock.
"""

from functools import lru_cache
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DATA = "tzdata"


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Return the names of all zones, as `Europe/Oslo` and `UTC`."""
    with _opened("zones") as file:
        return frozenset(file.read().decode().split())


@lru_cache(maxsize=1_000)
def zone(name: str) -> "ZoneInfo":
    """Return the zone of an IANA name; raise ValueError if there is none."""
    if name not in names():
        raise ValueError("there is no such time zone; write one as `Europe/Oslo`")
    from zoneinfo import ZoneInfo

    with _opened("zoneinfo", *name.split("/")) as file:
        return ZoneInfo.from_file(file, name)


def _opened(*path: str) -> IO[bytes]:
    """Return a file of tzdata; what finds it is loaded only where there is a zone."""
    from importlib import resources

    return resources.files(_DATA).joinpath(*path).open("rb")
