"""Previews that people ask a review for: kept with it until they are made, then told in its check.

Each is made in a process of its own, as a plan is. Nothing of it is a run: no row is written but
the review's, no adapter is called, and no secret is known where it is made.
"""

import asyncio
import logging
import pickle  # nosec B403 - written here, and read by a child of ours
from collections.abc import Mapping
from dataclasses import replace

import orjson

from engine.core.facts import Operations
from engine.core.frozen import frozen
from engine.core.preview import LIMIT
from engine.core.review.inert import code, prose
from engine.git.failure import Refused
from engine.git.pulls import Pulls
from engine.review.judging import told_by
from engine.review.preview import Task
from engine.review.task import Unjudged
from engine.store.reviews import ReviewRow

_LOG = logging.getLogger("sark.review")
_PROGRAM = "engine.review.preview"
_SECONDS = 60.0
MOST = 3
"""How many previews of a head are shown; the latest."""


def ask(row: ReviewRow, workflow: str, inputs: Mapping[str, str]) -> ReviewRow:
    """Ask for a preview; it takes the place of an earlier one of the same workflow."""
    others = [each for each in row.previews if each["workflow"] != workflow]
    wanted = {"workflow": workflow, "inputs": dict(inputs), "text": ""}
    return replace(row, previews=[*others, wanted][-MOST:])


def texts(row: ReviewRow) -> list[str]:
    """Return what there is to say of each preview of a review, the latest first."""
    return [str(each["text"]) for each in reversed(row.previews) if each["text"]]


def told(row: ReviewRow) -> str:
    """Return what there is to say of the previews of a review, in one text."""
    return "\n\n".join(texts(row))


@frozen
class Previewing:
    """Makes the previews of one source; see `engine.review.hearing` for `is_alone`."""

    pulls: Pulls
    operations: Operations
    root: str
    environment: str
    is_alone: bool

    async def fill(self, row: ReviewRow, head: str) -> ReviewRow:
        """Return a review with those of its previews made that are not yet.

        `head` is that of its pull request. One of a workflow that this source has not is left out
        where it may be meant for another source.
        """
        made = []
        for each in row.previews:
            text = each["text"] or await self._text(row, head, each)
            made += [{**each, "text": text}] if text else []
        return replace(row, previews=made)

    async def _text(self, row: ReviewRow, head: str, wanted: Mapping[str, object]) -> str:
        workflow, inputs = str(wanted["workflow"]), wanted["inputs"]
        assert isinstance(inputs, Mapping)
        try:
            task = await asyncio.to_thread(self._task, row, head, workflow, inputs)
            out = await told_by(_PROGRAM, "preview", pickle.dumps(task), _SECONDS)
            is_known, text = _decoded(out)
            return text if is_known or self.is_alone else ""
        except (Unjudged, Refused) as error:
            _LOG.warning("source %s, %s, preview of %s: %s", row.source, row.ref, workflow, error)
            return _nothing(workflow, str(error))

    def _task(self, row: ReviewRow, head: str, workflow: str, inputs: Mapping[str, str]) -> Task:
        """Return what a child is to try out: the workflow in what the merge would be."""
        if row.head != head:
            raise Unjudged("the head was refused, and nothing of it is read")
        merged = self.pulls.merge(row.base, row.head)
        if merged.conflicts:
            raise Unjudged("the head does not merge; resolve the conflict, then ask again")
        tree = self.pulls.tree(merged.tree, self.root)
        return Task(
            tree, self.pulls.place, self.operations, self.environment, workflow, dict(inputs)
        )


def _nothing(workflow: str, why: str) -> str:
    return f"### SARK preview of {code(workflow)}: there is none\n\n{prose(why)}\n"


def _decoded(out: bytes) -> tuple[bool, str]:
    """Return whether there is such a workflow, and the text; raise Unjudged for anything else."""
    try:
        is_known, text = orjson.loads(out)
    except (TypeError, ValueError):
        is_known = text = None
    if not isinstance(is_known, bool) or not isinstance(text, str) or not 0 < len(text) <= LIMIT:
        raise Unjudged("the process that makes previews has answered what is none")
    return is_known, text.replace("\0", "\ufffd")
