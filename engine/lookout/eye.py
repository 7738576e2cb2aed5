"""One look at the files of a trigger: calls of its adapter, made as those of a step are.

Policy, secrets, time and the shapes of what goes in and out are looked after by the executor.
"""

from collections.abc import Mapping
from typing import Any

from engine.active import Hook
from engine.core.attempt import Attempt
from engine.core.binding import BoundStep
from engine.core.event import Failed
from engine.core.frozen import frozen
from engine.core.lookout import MOST_FILES, Sighting, listing
from engine.core.values import Json
from engine.executor import Executor


@frozen
class Blind:
    """A look that failed: the type of its error, and what it says."""

    type: str
    detail: str


class Eye:
    """Sees the files of triggers, page by page."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def see(self, hook: Hook) -> Mapping[str, Sighting] | Blind:
        """Return all files that a trigger means, by path; or why that cannot be told."""
        step = listing(hook.settings)
        names: dict[str, Json] = {"paths": hook.settings["paths"], "after": ""}
        found: dict[str, Sighting] = {}
        while True:
            prepared = self._executor.prepare(_attempt(hook, step, names))
            outcome = await self._executor.make(prepared)
            if isinstance(outcome, Failed):
                return Blind(str(outcome.error["type"]), str(outcome.error["detail"]))
            told: Mapping[str, Any] = outcome.outputs
            for each in told["files"]:
                seen = Sighting(each["path"], each["size"], each["modified"], each["version"])
                found[seen.path] = seen
            if len(found) > MOST_FILES:
                return Blind("file.limit", f"a trigger may see {MOST_FILES:,} files, and no more")
            if told["next"] is None:
                return found
            names = {**names, "after": told["next"]}


def _attempt(hook: Hook, step: BoundStep, names: Mapping[str, Json]) -> Attempt:
    """Return the call for one page as an attempt that belongs to no run."""
    workflow, connection = hook.workflow, hook.settings["connection"]
    return Attempt(
        "lookout", workflow.namespace, workflow.name, hook.trigger, 1, step, names,
        tuple(connection.get("secrets", ())), must_be_marked=False,
    )  # fmt: skip
