"""How a process is: what keeps it from its work, and what only slows it."""

import asyncio
from collections.abc import Mapping
from dataclasses import field

from engine.broker import HintBroker
from engine.core.frozen import frozen

_PATIENCE = 2.0
NO_BROKER = "no broker is set; runs are found by the sweep"


@frozen
class Health:
    """What was looked at, each with what is wrong with it: an empty text where nothing is.

    `failed` keeps the process from its work, `degraded` makes it slower. `more` is told beside.
    """

    failed: Mapping[str, str]
    degraded: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Return `ready`, `degraded` or `unready`."""
        if any(self.failed.values()):
            return "unready"
        return "degraded" if any(self.degraded.values()) else "ready"

    @property
    def reasons(self) -> list[str]:
        """Return what is wrong, what keeps it from its work first."""
        return [each for each in (*self.failed.values(), *self.degraded.values()) if each]

    def told(self) -> dict[str, object]:
        """Return it as JSON."""
        failed = {name: _check(reason, "failed") for name, reason in self.failed.items()}
        degraded = {name: _check(reason, "degraded") for name, reason in self.degraded.items()}
        return {"status": self.status, "checks": {**failed, **degraded}, **self.more}


def _check(reason: str, word: str) -> dict[str, str]:
    return {"status": word, "reason": reason} if reason else {"status": "ok"}


async def of_broker(broker: HintBroker | None) -> str:
    """Return what is wrong with Redis, or an empty text; wait two seconds at most."""
    if broker is None:
        return NO_BROKER
    try:
        async with asyncio.timeout(_PATIENCE):
            fault = await asyncio.to_thread(broker.fault)
    except TimeoutError:
        fault = f"Redis has not answered within {_PATIENCE:g} s"
    return fault and f"{fault}; runs are found by the sweep"
