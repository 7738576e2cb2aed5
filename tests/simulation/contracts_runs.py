"""What the statements on runs, journals and plans promise."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
import psycopg

from engine.core.priority import AGEING
from engine.store import journal, plans, runs
from tests.simulation.contracts_pool import offer, place_of, revoke
from tests.simulation.database import Contract, Transaction

Values = Mapping[str, Any]
Answer = list[tuple[Any, ...]]


def columns(values: Values, *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows that several arrays are."""
    return zip(*(values[name] for name in names), strict=True)


def turn(parts: Sequence[str]) -> Contract:
    """Return the statement of an owner's turn that has these parts.

    All of it sees what was there before it; its claim comes last, for it gives the answer.
    """

    def write(told: Transaction, values: Values) -> Answer:
        told.is_lazy = "lazily" in parts
        claimable = _due(told, values) if "claimed" in parts else []
        for part in parts:
            if part in _PARTS:
                _PARTS[part](told, values)
        return [_claim(told, values, each) for each in claimable]

    return write


def start(told: Transaction, values: Values) -> Answer:
    """Write runs that are not there yet; none of them has a key, a delivery or a group."""
    begun = []
    names = ("ids", "namespaces", "workflows", "plans", "triggers", "inputs", "pools",
             "priorities", "chains")  # fmt: skip
    for identity, namespace, workflow, plan, trigger, inputs, pool, priority, chain in columns(
        values, *names
    ):
        row = {
            "id": identity, "namespace": namespace, "workflow": workflow, "commit_sha": "",
            "plan": plan, "trigger": trigger, "inputs": inputs, "pool": pool, "status": "queued",
            "flags": "{}", "outputs": None, "error": None, "cancel": None, "owner": None,
            "lost": False, "suspect": False, "priority": priority, "wake_at": None,
            "due_at": told.now - priority * AGEING,
            "created_at": told.now, "started_at": None, "ended_at": None, "unheard": 0,
            "chain": chain,
        }  # fmt: skip
        if told.insert("runs", row, or_nothing=True):
            begun.append(("begun", str(identity), ""))
    return [("seen", "", ""), *begun]


def _due(told: Transaction, values: Values) -> list[Mapping[str, Any]]:
    """Lock the runs that may be claimed, and pass over those that another has locked."""
    places, suspects = [], 0
    for run in sorted(told.rows("runs"), key=lambda run: run["due_at"]):
        place = place_of(told, run, values["pool"])
        is_left = run["id"] in values["left_runs"] or run["plan"] in values["left_plans"]
        if place is not None and not is_left and not told.is_locked("runs", run):
            suspects += run["suspect"]
            if not run["suspect"] or suspects <= values["suspects"]:
                places.append((place, run))
    return [run for _, run in sorted(places, key=lambda each: each[0])][: values["limit"]]


def _claim(told: Transaction, values: Values, run: Mapping[str, Any]) -> tuple[Any, ...]:
    started = run["started_at"] or values["now"]
    status = run["status"] if run["status"] == values["keeps"] else values["status"]
    new = {**run, "owner": values["owner"], "wake_at": None, "lost": False,
           "suspect": False, "status": status, "started_at": started,
           "due_at": run["created_at"]}  # fmt: skip
    told.put("runs", new)
    return (
        run["id"], run["namespace"], run["workflow"], run["commit_sha"], run["plan"],
        orjson.loads(run["trigger"]), orjson.loads(run["inputs"]), run["cancel"],
        run["created_at"], started, run["lost"], run["suspect"],
        run["started_at"] is not None, run["unheard"] > 0,
    )  # fmt: skip


def append(told: Transaction, values: Values) -> None:
    names = ("runs", "seqs", "ats", "kinds", "paths", "attempts", "data")
    for run, seq, at, kind, path, attempt, data in columns(values, *names):
        row = {"run_id": run, "seq": seq, "at": at, "kind": kind, "path": path,
               "attempt": attempt, "data": data}  # fmt: skip
        told.insert("journal", row)


def send(told: Transaction, values: Values) -> None:
    names = ("o_runs", "o_namespaces", "o_kinds", "o_paths", "o_data")
    for run, namespace, kind, path, data in columns(values, *names):
        _send(told, run, namespace, kind, path, data)


def end(told: Transaction, values: Values) -> None:
    for run, namespace, workflow in columns(values, "e_runs", "e_namespaces", "e_workflows"):
        if (namespace, workflow) in told.database.follows:
            _send(told, run, namespace, "ended", "", b"null")


def _send(told: Transaction, run: UUID, namespace: str, kind: str, path: str, data: bytes) -> None:
    identity = told.database.number("outbox")
    row = {"id": identity, "run_id": run, "namespace": namespace, "kind": kind, "path": path,
           "data": data, "refused": None}  # fmt: skip
    told.insert("outbox", row)


def take(told: Transaction, values: Values) -> None:
    for each in values["told"]:
        row = told.get("inbox", each)
        if row is not None:
            told.lock("inbox", row, "update")
            told.delete("inbox", row)


def change(told: Transaction, values: Values) -> None:
    names = ("ids", "statuses", "flags", "outputs", "errors", "wakes", "ends", "dues", "kept",
             "lost", "suspect", "heard", "taken")  # fmt: skip
    for told_row in columns(values, *names):
        new = dict(zip(names, told_row, strict=True))
        run = told.get("runs", new["ids"])
        if run is None or run["owner"] != values["owner"]:
            continue
        told.lock("runs", run)
        has_heard = (run["cancel"] is None or new["heard"]) and run["unheard"] <= new["taken"]
        if run["unheard"] < new["taken"]:
            raise psycopg.errors.CheckViolation("runs_unheard_check")
        told.put("runs", {
            **run, "status": new["statuses"], "flags": new["flags"], "outputs": new["outputs"],
            "error": new["errors"], "wake_at": new["wakes"], "ended_at": new["ends"],
            "owner": run["owner"] if new["kept"] else None, "lost": new["lost"],
            "suspect": new["suspect"], "unheard": run["unheard"] - new["taken"],
            "due_at": (new["dues"] or run["due_at"]) if has_heard else told.now,
        })  # fmt: skip


def keep(told: Transaction, values: Values) -> None:
    worker = told.get("workers", values["owner"])
    if worker is not None:
        told.lock("workers", worker)
        told.put("workers", {**worker, "beat_at": told.now})


_PARTS = {
    "kept": keep, "appended": append, "sent": send, "offered": offer, "revoked": revoke,
    "taken": take, "ended": end, "changed": change,
}  # fmt: skip


def cancel(told: Transaction, values: Values) -> Answer:
    run = told.get("runs", values["id"])
    if run is None or run["ended_at"] is not None or run["cancel"] is not None:
        return []
    told.lock("runs", run)
    told.put("runs", {
        **run, "cancel": orjson.loads(values["cancel"]), "wake_at": None,
        "due_at": min(run["due_at"], run["created_at"] - run["priority"] * AGEING),
    })  # fmt: skip
    return [(run["owner"], run["pool"])]


def cancelled(told: Transaction, values: Values) -> Answer:
    return [(run["id"], run["cancel"]) for run in told.rows("runs")
            if run["owner"] == values["owner"] and run["cancel"] is not None]  # fmt: skip


def read_journals(told: Transaction, values: Values) -> Answer:
    names = ("run_id", "seq", "at", "kind", "path", "attempt")
    rows = [row for row in told.rows("journal") if row["run_id"] in values["runs"]]
    rows.sort(key=lambda row: (row["run_id"], row["seq"]))
    return [(*(row[name] for name in names), orjson.loads(row["data"])) for row in rows]


def read_plans(told: Transaction, values: Values) -> Answer:
    found = (told.get("plans", digest) for digest in values["digests"])
    return [(each["digest"], orjson.loads(each["body"])) for each in found if each is not None]


def insert_plans(told: Transaction, values: Values) -> Answer:
    for digest, form, body in columns(values, "digests", "formats", "bodies"):
        told.insert("plans", {"digest": digest, "format": form, "body": body}, or_nothing=True)
    return []


CONTRACTS: dict[str, Contract] = {
    runs._CANCEL: cancel, runs._CANCELLED: cancelled, journal._READ_MANY: read_journals,
    plans._READ_MANY: read_plans, plans._INSERT: insert_plans,
}  # fmt: skip
