"""What must hold at every instant, and what must hold once a world has come to rest."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

import orjson
import psycopg

from engine.core import machine
from engine.core.binding import Bound
from engine.core.event import Row, from_row
from engine.core.run import Header, Run
from tests.simulation.database import Database
from tests.simulation.database import Row as Kept
from tests.simulation.load import plans
from tests.simulation.service import Service
from tests.simulation.wire import Asked, Server

_OUTCOMES = frozenset({"succeeded", "failed", "orphaned"})
_WRITES = ("turn", "COMMIT", "world.tell", "world.end_handouts", "pool.take", "starts")
_BOUNDS = {plan.digest: Bound(plan) for plan in plans().values()}


class Broken(AssertionError):
    """A promise is broken; the message says which."""


class Watchman:
    """Looks at the database after each statement; `broken` is the first promise that was."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.broken = ""
        server.watch = self.look

    def look(self, asked: Asked, told: object) -> None:
        """See whether a statement that has just been done was allowed to."""
        if not asked.name.startswith(_WRITES):
            return
        try:
            if isinstance(told, psycopg.IntegrityError):
                raise Broken(f"a constraint has kept something out: {told}")
            _fenced(self._server.database, asked)
            _counted(self._server.database)
        except Broken as broken:
            self.broken = self.broken or f"{broken}, after {asked.name}"


def _fenced(database: Database, asked: Asked) -> None:
    """Stale writes hit nothing: who is buried writes no turn."""
    if asked.name.startswith("turn") and asked.values.get("runs", asked.values.get("ids")):
        worker = asked.values["owner"]
        if (worker,) not in database.tables["workers"]:
            raise Broken(f"worker {worker} is buried, and has written a turn")
        owned = {run["id"] for run in database.tables["runs"].values() if run["owner"] == worker}
        changed = set(asked.values.get("ids", ()))
        strange = set(asked.values.get("runs", ())) - owned - changed
        if strange:
            raise Broken(f"worker {worker} has written to the journal of another's run")


def _counted(database: Database) -> None:
    """A run knows how much it was told; a pool has no more at work than its slots."""
    told = Counter(row["run_id"] for row in database.tables["inbox"].values())
    for run in database.tables["runs"].values():
        if run["ended_at"] is None and run["unheard"] != told[run["id"]]:
            raise Broken(f"run {run['id'].int} counts {run['unheard']} of {told[run['id']]} rows")
    taken = [row for row in database.tables["handouts"].values() if row["worker"] is not None]
    if len(taken) > min((row["parallelism"] for row in taken), default=1):
        raise Broken(f"{len(taken)} workers have a slot of a pool of one")


def at_rest(database: Database, service: Service, acknowledged: Iterable[UUID]) -> None:
    """All of a world's runs have ended, and nothing is left of them."""
    runs = database.tables["runs"]
    missing = [each.int for each in acknowledged if (each,) not in runs]
    if missing:
        raise Broken(f"runs {missing} were acknowledged, and are gone")
    children = Counter(row["workflow"] for row in runs.values() if row["chain"] > 1)
    parents = 0
    for row in runs.values():
        run, told = _replayed(database, row)
        _called(service, run, told)
        _undone(service, run)
        parents += any(each.path == "child" and each.took_effect for each in run.steps.values())
    if children["ladder"] != parents:
        raise Broken(f"{parents} runs have started {children['ladder']} others")


def _replayed(database: Database, row: Kept) -> tuple[Run, list[Row]]:
    """Return a run rebuilt from its journal, which must say what its row says."""
    name = f"run {row['id'].int}"
    rows = sorted((each for each in database.tables["journal"].values()
                   if each["run_id"] == row["id"]), key=lambda each: each["seq"])  # fmt: skip
    if [each["seq"] for each in rows] != list(range(1, len(rows) + 1)):
        raise Broken(f"the journal of {name} has a gap")
    outcomes = Counter(
        (each["path"], each["attempt"]) for each in rows if each["kind"] in _OUTCOMES
    )
    if max(outcomes.values(), default=1) > 1:
        raise Broken(f"{name} has two outcomes of one attempt")
    header = Header(str(row["id"]), row["namespace"], row["workflow"], "", row["plan"],
                    orjson.loads(row["trigger"]), orjson.loads(row["inputs"]),
                    row["created_at"])  # fmt: skip
    bound = _BOUNDS[row["plan"]]
    run, _ = machine.begin(bound, header, row["started_at"] or row["created_at"])
    told = [Row(each["seq"], each["at"], each["kind"], each["path"], each["attempt"],
                orjson.loads(each["data"])) for each in rows]  # fmt: skip
    if any(machine.advance(run, from_row(each), each.at).echo for each in told):
        raise Broken(f"the journal of {name} has an event that was not heard")
    kept = (row["status"], row["ended_at"], _loaded(row["error"]))
    if kept != (machine.status(run).value, run.ended_at, run.error):
        raise Broken(f"{name} is {kept}, and its journal says {machine.status(run)} {run.error}")
    return run, told


def _loaded(data: bytes | None) -> object:
    return None if data is None else orjson.loads(data)


def _called(service: Service, run: Run, rows: list[Row]) -> None:
    """No attempt is called twice, none that was not made, and all of a step under one key."""
    for path, step in run.steps.items():
        told = service.calls.get((run.header.id, path), [])
        name = f"{path} of run {UUID(run.header.id).int}"
        if len(set(told)) != len(told):
            raise Broken(f"an attempt of {name} was called twice: {told}")
        if told and max(told) > step.attempt:
            raise Broken(f"{name} was called as attempt {max(told)}, and had {step.attempt}")
        if len(service.keys.get((run.header.id, path), ())) > 1:
            raise Broken(f"{name} was called under several keys")
        if step.took_effect and step.step.uses is not None and not told:
            raise Broken(f"{name} has succeeded, and nobody was called")
        uses = step.step.uses
        again = set(told) - {max(told, default=0)} - _refused(rows, path)
        if uses is not None and not uses.repeatable and again:
            raise Broken(f"{name} must not be repeated, and was called {len(told)} times")


def _refused(rows: list[Row], path: str) -> set[int]:
    """Return the attempts of a step that the far side has plainly refused."""
    told = (row for row in rows if (row.kind, row.path) == ("failed", path))
    return {row.attempt for row in told if isinstance(row.data, dict)
            and row.data["type"] == "sim.refused"}  # fmt: skip


def _undone(service: Service, run: Run) -> None:
    """What was booked is given back exactly where the run did not go through."""
    status = machine.status(run).value
    for path, step in run.steps.items():
        if step.step.plan.compensation is None:
            continue
        key = f"{run.header.id}:{path}"
        name = f"{path} of run {UUID(run.header.id).int}"
        is_back = key in service.given_back
        if is_back and not service.calls.get((run.header.id, path)) and not step.doubt:
            raise Broken(f"{name} was given back, and never asked for")
        if status in ("compensated", "cancelled") and key in service.booked and not is_back:
            raise Broken(f"{name} is booked, and the run is {status}")
        is_alone = not step.scope.path
        if status == "succeeded" and is_alone and is_back:
            raise Broken(f"{name} was given back, and the run has succeeded")
