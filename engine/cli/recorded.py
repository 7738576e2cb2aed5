"""Recorded runs as the server tells them, ready to be driven through another plan."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice

from engine.cli.client import Client, at
from engine.cli.output import members
from engine.core.binding import Bound
from engine.core.codec import Undecodable, UnknownFormat, decode
from engine.core.event import Row
from engine.core.run import Header
from engine.core.state import ENDED
from engine.core.values import Json, canonical
from engine.core.whatif import LAST, Extent, Recording, Room
from engine.errors import Invalid

_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_ROWS = 100_000


def is_run(name: str) -> bool:
    """True for the id of a run, and not the name of a workflow."""
    return _RUN.fullmatch(name) is not None


class Reader:
    """Reads recordings of one server; a plan is read and made ready once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._bounds: dict[str, Bound] = {}

    def run(self, identity: str) -> Recording:
        """Return the recording of a run; raise Invalid for one that has none to go by."""
        run = members(self._client.get(at("runs", identity)))
        if run["status"] not in ENDED:
            raise Invalid(
                f"run {identity} is {run['status']}; what if is told of runs that have ended"
            )
        return self.recording(run)

    def newest(self, namespace: str, workflow: str, last: int) -> Iterator[Recording]:
        """Yield the last runs of a workflow that have begun and ended, newest first."""
        for line in islice(self._begun(namespace, workflow), last):
            yield self.recording(self._whole(line))

    def reviewed(
        self, namespace: str, workflow: str, room: Room
    ) -> tuple[tuple[Recording, ...], int]:
        """Return the last runs of a workflow that there is room for, and the number of others."""
        found, left = list[Recording](), 0
        for line in islice(self._begun(namespace, workflow), LAST):
            try:
                recording = self.recording(self._whole(line))
            except Invalid:  # too long, or of a plan that another program wrote
                left += 1
                continue
            size = len(canonical([recording.header.inputs, *(row.data for row in recording.rows)]))
            if room.take(Extent(len(recording.rows), size)):
                found.append(recording)
            else:
                left += 1
        return tuple(found), left

    def _begun(self, namespace: str, workflow: str) -> Iterator[Mapping[str, Json]]:
        """Yield the lines of runs of a workflow that have begun and ended, newest first."""
        for line in self._client.pages("/runs", namespace=namespace, workflow=workflow, limit=200):
            if line["status"] in ENDED and line["started_at"] is not None:
                yield line

    def _whole(self, line: Mapping[str, Json]) -> Mapping[str, Json]:
        return members(self._client.get(at("runs", str(line["id"]))))

    def recording(self, run: Mapping[str, Json]) -> Recording:
        """Return the recording of a run that was read whole; raise Invalid if it never began."""
        identity = str(run["id"])
        if run["started_at"] is None:
            raise Invalid(f"run {identity} never began, so nothing of it is recorded")
        trigger, inputs = run["trigger"], members(run["inputs"])
        header = Header(
            identity, str(run["namespace"]), str(run["workflow"]), str(run["commit"]),
            str(run["plan"]), trigger, inputs, _instant(run["created_at"]),
        )  # fmt: skip
        bound = self._bound(identity, header.plan)
        return Recording(bound, header, _instant(run["started_at"]), self._rows(identity))

    def _bound(self, identity: str, digest: str) -> Bound:
        if digest not in self._bounds:
            told = members(self._client.get(at("runs", identity, "plan")))
            try:
                self._bounds[digest] = Bound(decode(told["plan"]))
            except (UnknownFormat, Undecodable) as error:
                raise Invalid(f"run {identity}: {error}") from None
        return self._bounds[digest]

    def _rows(self, identity: str) -> list[Row]:
        """Return the journal of a run; raise Invalid for one that is longer than 100,000 rows."""
        found: list[Row] = []
        for told in self._client.pages(at("runs", identity, "journal"), limit=200):
            seq, attempt = int(str(told["seq"])), int(str(told["attempt"]))
            kind, path = str(told["kind"]), str(told["path"])
            found.append(Row(seq, _instant(told["at"]), kind, path, attempt, told["data"]))
            if len(found) > _MOST_ROWS:
                raise Invalid(f"run {identity} has a journal of more than {_MOST_ROWS:,} rows")
        return found


def _instant(value: Json) -> datetime:
    return datetime.fromisoformat(str(value))
