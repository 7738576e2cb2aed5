"""What the statements between runs and the world promise: inbox, outbox, events, leases."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from engine.store import events, handouts, inbox, leases, outbox, pool, schedules
from tests.simulation.contracts_pool import of
from tests.simulation.database import Contract, Transaction

Values = Mapping[str, Any]
Answer = list[tuple[Any, ...]]


def _write(
    told: Transaction, run: UUID, kind: str, path: str, key: str, data: bytes, attempt: int = 0
) -> bool:
    """Write a row for a run that has not ended; False if it has, or was told the same."""
    row = told.get("runs", run)
    if row is None or row["ended_at"] is not None:
        return False
    new = {"id": told.database.number("inbox"), "run_id": run, "kind": kind, "path": path,
           "key": key, "data": data, "attempt": attempt}  # fmt: skip
    return told.insert("inbox", new, or_nothing=True)


def _count(told: Transaction, runs: list[UUID]) -> dict[UUID, tuple[int | None, str]]:
    """Count on each run what it was told, and let one without an owner be due."""
    heard = {}
    for identity, number in Counter(runs).items():
        run = told.get("runs", identity)
        assert run is not None
        told.lock("runs", run)
        due = min(run["due_at"], told.now) if run["owner"] is None else run["due_at"]
        told.put("runs", {**run, "unheard": run["unheard"] + number, "due_at": due})
        heard[identity] = (run["owner"], run["pool"])
    return heard


def tell(told: Transaction, values: Values) -> Answer:
    names = ("runs", "kinds", "paths", "keys", "data")
    rows = sorted(zip(*(values[name] for name in names), strict=True), key=lambda row: row[0])
    written = [row[0] for row in rows if _write(told, *row)]
    return list(_count(told, written).values())


def read(told: Transaction, values: Values) -> Answer:
    owned = {run["id"] for run in told.rows("runs")
             if run["owner"] == values["owner"] and run["unheard"] > 0}  # fmt: skip
    rows = sorted((row for row in told.rows("inbox") if row["run_id"] in owned),
                  key=lambda row: row["id"])  # fmt: skip
    return [(row["id"], row["run_id"], row["kind"], row["path"], row["attempt"],
             orjson.loads(row["data"])) for row in rows[: values["limit"]]]  # fmt: skip


def sweep(told: Transaction, values: Values) -> Answer:
    for row in told.rows("inbox"):
        run = told.get("runs", row["run_id"])
        if run is not None and run["ended_at"] is not None:
            told.lock("inbox", row, "update")
            told.delete("inbox", row)
    return []


def clock(told: Transaction, _: Values) -> Answer:
    return [(told.database.now(),)]


def end_handouts(told: Transaction, values: Values) -> Answer:
    """Delete rows that the worker has, and write to their runs; the runs are locked first."""
    told_of = {each: (kind, data) for each, kind, data in zip(
        values["ids"], values["kinds"], values["data"], strict=True)}  # fmt: skip
    rows = of(told, values)
    for run in sorted({row["run_id"] for row in rows}):
        if (held := told.get("runs", run)) is not None:
            told.lock("runs", held)
    for row in rows:
        told.lock("handouts", row, "update")
    written = []
    for row in sorted(rows, key=lambda row: row["run_id"]):
        told.delete("handouts", row)
        kind, data = told_of[row["id"]]
        number = row["attempt"]
        if not row["revoked"] and _write(
            told, row["run_id"], kind, row["path"], str(number), data, number
        ):
            written.append(row["run_id"])
    heard = _count(told, written)
    return [(row["id"], row["run_id"] in heard, *heard.get(row["run_id"], (None, None)))
            for row in rows]  # fmt: skip


def work(told: Transaction, values: Values) -> Answer:
    return [(any(row["refused"] is None for row in told.rows("outbox")), False, False, None)]


def take(told: Transaction, values: Values) -> Answer:
    rows = sorted((row for row in told.rows("outbox") if row["refused"] is None),
                  key=lambda row: row["id"])  # fmt: skip
    answer = []
    for row in rows[: values["limit"]]:
        run = told.get("runs", row["run_id"]) or {}
        answer.append((
            row["id"], row["run_id"], row["namespace"], run.get("workflow", ""), row["kind"],
            row["path"], orjson.loads(row["data"]), run.get("chain", 0),
        ))  # fmt: skip
    return answer


def forget(told: Transaction, values: Values) -> Answer:
    for each in values["ids"]:
        if (row := told.get("outbox", each)) is not None:
            told.lock("outbox", row, "update")
            told.delete("outbox", row)
    return []


def keep(told: Transaction, values: Values) -> Answer:
    row = {**values, "at": told.now}
    return [(told.now,)] if told.insert("events", row, or_nothing=True) else []


def watchers(told: Transaction, values: Values) -> Answer:
    event = orjson.loads(values["event"])
    return [
        (row["run_id"], row["path"]) for row in told.rows("watches")
        if row["namespace"] == values["namespace"] and row["event"] in values["types"]
        and (row["key"] is None or row["key"] == _at(event, row["at"]))
    ]  # fmt: skip


def watch(told: Transaction, values: Values) -> Answer:
    told.insert("watches", {
        "run_id": values["run"], "path": values["path"], "event": values["event"],
        "namespace": values["namespace"], "at": values["at"],
        "key": None if values["key"] is None else orjson.loads(values["key"]),
    }, or_nothing=True)  # fmt: skip
    return []


def past(told: Transaction, values: Values) -> Answer:
    key = None if values["key"] is None else orjson.loads(values["key"])
    answer = []
    for row in told.rows("events"):
        whole = {"type": row["type"], "subject": row["subject"], "data": orjson.loads(row["data"])}
        if (
            (row["namespace"], row["type"]) == (values["namespace"], values["event"])
            and row["at"] >= values["since"]
            and (key is None or key == _at(whole, values["at"]))
        ):
            answer.append((row["id"], row["namespace"], row["type"], row["subject"], row["source"],
                           whole["data"], row["identity"], row["at"]))  # fmt: skip
    return sorted(answer, key=lambda each: (each[-1], each[0]))[: values["limit"]]


def _at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path, as `#>` does."""
    for word in path.split(".") if path else ():
        value = value.get(word) if isinstance(value, dict) else None
    return value


def unwatch(told: Transaction, values: Values) -> Answer:
    for row in told.rows("watches"):
        if (row["run_id"], row["path"]) == (values["run"], values["path"]):
            told.lock("watches", row, "update")
            told.delete("watches", row)
    return []


def forget_watches(told: Transaction, values: Values) -> Answer:
    """Forget what runs waited for that have ended; no event here is old enough to be forgotten."""
    for row in told.rows("watches"):
        run = told.get("runs", row["run_id"])
        if run is not None and run["ended_at"] is not None:
            told.lock("watches", row, "update")
            told.delete("watches", row)
    return []


def lead(told: Transaction, values: Values) -> Answer:
    told.advise(values["space"], values["duty"], session=True)
    return []


def nothing(told: Transaction, values: Values) -> Answer:
    return []


def yes(told: Transaction, values: Values) -> Answer:
    return [(True,)]


CONTRACTS: dict[str, Contract] = {
    inbox._TELL: tell, inbox._READ: read, inbox._SWEEP: sweep, handouts._END: end_handouts,
    outbox._WORK: work, outbox._TAKE: take, outbox._FORGET: forget, events._KEEP: keep,
    events._WATCHERS: watchers, events._WATCH: watch,
    events._PAST + events._OF_TYPE + events._OLDEST: past, events._UNWATCH: unwatch,
    events._SWEEP: forget_watches, leases._LEAD: lead,
    pool._IN_FORCE: yes, schedules._NOW: clock,
    **dict.fromkeys((leases._UNBOUNDED, leases._KEPT_ALIVE, leases._BOUNDED), nothing),
}  # fmt: skip
