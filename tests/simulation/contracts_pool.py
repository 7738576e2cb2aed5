"""What the statements on workers, and on what is handed out to them, promise."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from engine.core.priority import AGEING
from engine.store import handouts, workers
from tests.simulation.database import Contract, Row, Transaction

Values = Mapping[str, Any]
Answer = list[tuple[Any, ...]]


def offer(told: Transaction, values: Values) -> None:
    names = ("h_runs", "h_paths", "h_attempts", "h_namespaces", "h_plans", "h_pools", "h_labels",
             "h_parallelisms", "h_bodies", "h_patiences", "h_levels")  # fmt: skip
    for (
        run,
        path,
        attempt,
        namespace,
        plan,
        pool,
        labels,
        parallelism,
        body,
        patience,
        level,
    ) in zip(*(values[name] for name in names), strict=True):
        of_run = told.get("runs", run)
        if of_run is None:
            continue
        row = {
            "id": told.database.number("handouts"), "run_id": run, "path": path,
            "attempt": attempt, "namespace": namespace, "plan": plan, "pool": pool,
            "labels": orjson.loads(labels), "parallelism": parallelism, "body": body,
            "handed_at": told.now, "expires_at": told.now + timedelta(milliseconds=patience),
            "worker": None, "taken_at": None, "marked": False, "revoked": False,
            "place": told.now - (of_run["priority"] if level is None else level) * AGEING,
        }  # fmt: skip
        told.insert("handouts", row, or_nothing=True)


def revoke(told: Transaction, values: Values) -> None:
    gone = set(zip(values["r_runs"], values["r_paths"], values["r_attempts"], strict=True))
    for row in told.rows("handouts"):
        # One that this same statement has offered is not seen.
        if (row["run_id"], row["path"], row["attempt"]) in gone and _is_kept(told, row):
            told.lock("handouts", row)
            told.put("handouts", {**row, "revoked": True})


def _is_kept(told: Transaction, row: Row) -> bool:
    return (row["id"],) in told.database.tables["handouts"]


def out(told: Transaction, values: Values) -> Answer:
    rows = [row for row in told.rows("handouts") if not row["revoked"]]
    rows += [row for row in told.rows("inbox") if row["attempt"] > 0]
    return [(row["run_id"], row["path"], row["attempt"]) for row in rows
            if row["run_id"] in values["runs"]]  # fmt: skip


def holders(told: Transaction, values: Values) -> Answer:
    return [(each,) for each in dict.fromkeys(
        row["worker"] for row in told.rows("handouts")
        if row["run_id"] in values["runs"] and row["revoked"] and row["worker"] is not None
    )]  # fmt: skip


def waiting(told: Transaction, values: Values) -> Answer:
    return list(dict.fromkeys((row["namespace"], row["pool"]) for row in _mine(told, values)))


def _mine(told: Transaction, values: Values) -> list[Row]:
    """Return what a worker may take: of its pools, for its labels, and nobody's yet."""
    labels = None if values["labels"] is None else orjson.loads(values["labels"])
    return [
        row for row in told.rows("handouts")
        if (values["pools"] is None or row["pool"] in values["pools"])
        and (labels is None or row["labels"].items() <= labels.items())
        and row["worker"] is None and not row["revoked"] and row["expires_at"] > told.now
        and row["plan"] not in values["unreadable"]
    ]  # fmt: skip


def alone(told: Transaction, values: Values) -> Answer:
    told.advise(7322, hash((values["namespace"], values["pool"])))
    return []


def take(told: Transaction, values: Values) -> Answer:
    me = told.get("workers", values["worker"])
    if me is not None:
        told.lock("workers", me, "key share")
    place = (values["namespace"], values["pool"])
    of_pool = [row for row in told.rows("handouts") if (row["namespace"], row["pool"]) == place]
    live = sum(row["worker"] is not None for row in of_pool)
    due = [row for row in _mine(told, values) if row in of_pool]
    due.sort(key=lambda row: (row["place"], row["id"]))
    due = [row for row in due if not told.is_locked("handouts", row)][: values["limit"]]
    answer = []
    for number, row in enumerate(due, live + 1):
        if me is not None and number <= row["parallelism"]:
            told.put("handouts", {**row, "worker": me["id"], "taken_at": told.now})
            answer.append((
                row["id"], row["run_id"], row["path"], row["attempt"], row["namespace"],
                row["plan"], row["pool"], orjson.loads(row["body"]), row["handed_at"], told.now,
            ))  # fmt: skip
    return answer


def of(told: Transaction, values: Values) -> list[Row]:
    """Return the rows of these ids that the worker has, in the order of the ids."""
    rows = (told.get("handouts", each) for each in values["ids"])
    return [row for row in rows if row is not None and row["worker"] == values["worker"]]


def mark(told: Transaction, values: Values) -> Answer:
    answer = []
    for row in of(told, values):
        if not row["revoked"]:
            told.lock("handouts", row)
            told.put("handouts", {**row, "marked": True})
            answer.append((row["id"],))
    return answer


def release(told: Transaction, values: Values) -> Answer:
    for row in of(told, values):
        told.lock("handouts", row)
        told.put("handouts", {**row, "worker": None, "taken_at": None, "marked": False})
    return []


def revoked(told: Transaction, values: Values) -> Answer:
    return [(row["id"],) for row in told.rows("handouts")
            if row["worker"] == values["worker"] and row["revoked"]]  # fmt: skip


def late(told: Transaction, values: Values) -> Answer:
    waiting = (row for row in told.rows("handouts") if row["worker"] is None)
    rows = [row for row in waiting if row["expires_at"] <= told.now or row["revoked"]]
    rows.sort(key=lambda row: row["expires_at"])
    millisecond = timedelta(milliseconds=1)
    return [(row["id"], row["path"], row["attempt"], row["pool"],
             (row["expires_at"] - row["handed_at"]) // millisecond) for row in rows]  # fmt: skip


def of_the_dead(told: Transaction, values: Values) -> Answer:
    rows = [row for row in told.rows("handouts") if row["worker"] in values["dead"]]
    for row in sorted(rows, key=lambda row: row["id"]):
        told.lock("handouts", row, "update")
    return [(row["worker"], row["id"], row["path"], row["attempt"], row["marked"]) for row in rows]


def register(told: Transaction, values: Values) -> Answer:
    identity = told.database.number("workers")
    labels = None if values["labels"] is None else orjson.loads(values["labels"])
    told.insert("workers", {
        "id": identity, "pool": values["pool"], "backend": told.session.pid,
        "started_at": told.now, "beat_at": told.now, "serves": values["pools"], "labels": labels,
    })  # fmt: skip
    return [(identity,)]


def lock(told: Transaction, values: Values) -> Answer:
    told.advise(values["space"], values["id"], session=True)
    told.session.worker = values["id"]
    return []


def place_of(told: Transaction, run: Row, pool: str) -> datetime | None:
    """Return where a run stands that may be claimed, else None; nobody here has a group."""
    if run["pool"] != pool or run["owner"] is not None or run["ended_at"] is not None:
        return None
    due: datetime = run["due_at"]
    if run["started_at"] is None:
        return due
    level = 4 if run["suspect"] else run["priority"]
    return due - level * AGEING if due <= told.now else None


def beat(told: Transaction, values: Values) -> Answer:
    me = told.get("workers", values["me"])
    if me is None:
        return []
    told.lock("workers", me)
    told.put("workers", {**me, "beat_at": told.now})
    labels = None if me["labels"] is None else orjson.dumps(me["labels"])
    served = {"pools": me["serves"], "labels": labels, "unreadable": []}
    mine = {"worker": me["id"]}
    suspicious = any(dead or silent for _, dead, silent in suspects(told, values))
    runs = list(told.rows("runs"))
    claimable = any(place_of(told, run, me["pool"]) is not None for run in runs)
    heard = any(run["owner"] == me["id"] and (run["cancel"] is not None or run["unheard"] > 0)
                for run in runs)  # fmt: skip
    # Nothing is coming: virtual time goes from look to look.
    return [(told.now, claimable, heard, [], bool(_mine(told, served)), bool(revoked(told, mine)),
             bool(late(told, values)), suspicious)]  # fmt: skip


def suspects(told: Transaction, values: Values) -> Answer:
    held = told.database.locks
    found = [
        (row["id"], not held.get(("advisory", values["space"], row["id"])),
         row["beat_at"] < told.now - values["lease"])
        for row in told.rows("workers") if row["id"] != values["me"]
    ]  # fmt: skip
    strange = dict.fromkeys(
        row["worker"] for row in told.rows("handouts")
        if row["worker"] not in (None, values["me"]) and not told.get("workers", row["worker"])
    )  # fmt: skip
    return [*found, *((each, True, False) for each in strange)]


def terminate(told: Transaction, values: Values) -> Answer:
    for each in values["silent"]:
        row = told.get("workers", each)
        session = told.database.sessions.get(row["backend"]) if row is not None else None
        if row is None or session is None or session.name != values["name"]:
            continue
        if session.started_at <= row["started_at"]:
            told.database.terminate(session)
    return []


def fence(told: Transaction, values: Values) -> Answer:
    for each in values["dead"]:
        told.advise(values["space"], each)
    return []


def delete(told: Transaction, values: Values) -> Answer:
    found = [row for row in told.rows("workers") if row["id"] in values["dead"]]
    for row in found:
        told.lock("workers", row, "update")
        told.delete("workers", row)
    return [(row["id"], row["started_at"] < told.database.started_at) for row in found]


def orphan(told: Transaction, values: Values) -> Answer:
    for run in told.rows("runs"):
        if run["owner"] in values["dead"]:
            told.lock("runs", run)
            told.put("runs", {**run, "owner": None, "lost": True, "wake_at": None,
                              "suspect": run["owner"] not in values["severed"],
                              "due_at": run["created_at"]})  # fmt: skip
    return []


CONTRACTS: dict[str, Contract] = {
    handouts._OUT: out, handouts._HOLDERS: holders, handouts._WAITING: waiting,
    handouts._ALONE: alone, handouts._TAKE: take, handouts._MARK: mark,
    handouts._RELEASE: release, handouts._REVOKED: revoked, handouts._EXPIRED: late,
    handouts._OF_THE_DEAD: of_the_dead, workers._REGISTER: register, workers._LOCK: lock,
    workers._BEAT: beat, workers._SUSPECTS: suspects, workers._TERMINATE: terminate,
    workers._FENCE: fence, workers._DELETE: delete, workers._ORPHAN: orphan,
}  # fmt: skip
