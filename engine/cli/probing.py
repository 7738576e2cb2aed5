"""How the processes say that they are: the server, and whoever has a port of its own."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from engine.probe import FOLDER

_PATIENCE = 5


def asked(url: str) -> tuple[str, str]:
    """Return the status that a process tells of itself, and what is wrong with it, if anything.

    Raise OSError where nobody answers.
    """
    try:
        with urlopen(f"{url}/readyz", timeout=_PATIENCE) as answer:  # nosec B310 - our own URL
            told = answer.read(1 << 20)
    except HTTPError as error:
        told = error.read(1 << 20)
    try:
        found: Mapping[str, Any] = json.loads(told)
        reasons = [each["reason"] for each in found["checks"].values() if "reason" in each]
        return str(found["status"]), "; ".join(reasons)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise OSError("what answers there is no process of SARK") from None


def listed(state: Path) -> Iterator[tuple[str, str]]:
    """Yield the kind and the URL of each process that has written down where it answers."""
    for file in sorted((state / FOLDER).glob("*.json")):
        try:
            for each in json.loads(file.read_text()):
                yield each["labels"]["process"], f"http://{each['targets'][0]}"
        except (OSError, ValueError, LookupError, TypeError):
            continue  # it has ended meanwhile, or is none of ours
