"""A hundred thousand runs that wait at once, half for an instant and half for an event.

All but some wait for hours. Of those that do not, the lag is told: from the instant that a run
waits for, or from the sending of its event, to the instant at which its owner has heard of it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.figures import Row
from benchmarks.shapes import resting, told_latency
from benchmarks.stack import Stack

_RUNS = 100_000
_WOKEN = 500  # of each half
_EVERY = timedelta(milliseconds=20)
# An owner keeps what waits for less than half a minute; these runs are to have none meanwhile.
_AHEAD = timedelta(seconds=45)
_LONG = timedelta(hours=12)
_LINKS = 16
_PATIENCE = 300.0
_WAITING: LiteralString = """
    SELECT count(*) FROM runs WHERE status = 'waiting' AND owner IS NULL AND workflow = ANY(%s)
"""
_RUNG: LiteralString = """
    SELECT coalesce(json_agg(1000 * extract(epoch FROM at - (data #>> '{}')::timestamptz)), '[]')
      FROM journal WHERE run_id = ANY(%s) AND kind = 'alarm'
"""
_HEARD: LiteralString = """
    SELECT json_object_agg(inputs->>'key', extract(epoch FROM at))
      FROM runs JOIN journal ON run_id = id
     WHERE id = ANY(%s) AND kind = 'arrived'
"""
_ENDED: LiteralString = """
    SELECT coalesce(array_agg(id), '{}') FROM runs WHERE status = 'succeeded' AND workflow = ANY(%s)
"""
_LIVE: LiteralString = "SELECT count(*) FROM runs WHERE ended_at IS NULL AND workflow = ANY(%s)"


def waiting(bench: Bench, count: int = _RUNS) -> None:
    """Tell what waiting runs cost, and how late those are that are woken."""
    with Stack() as stack:
        before = _memory(stack)
        began = time.perf_counter()
        woken = _start(stack, count)
        took = time.perf_counter() - began
        rest = resting(stack)
        memory = _memory(stack)
        bench.tell(
            {
                "shape": f"waiting{count // 1000}k",
                "started_per_second": round(count / took),
                "memory_mb_more": round(memory - before),
                "cpu_percent": rest["cpu_percent"],
                "cpu_by_process": rest["cpu_by_process"],
            }
        )
        bench.tell({"shape": "wake_by_timer", **_timers(stack, woken)})
        bench.tell({"shape": "wake_by_event", **_events(stack)})
        left = stack.one(_LIVE, ["sleeper", "listener"])
        if left != count - 2 * _WOKEN:
            raise RuntimeError(f"{count - 2 * _WOKEN} runs were to wait on, {left} do")


def _start(stack: Stack, count: int) -> Sequence[str]:
    """Start all runs; return those that an instant soon is to wake, all of them waiting by then."""
    load, half = stack.load(_LINKS), count // 2
    far = {"until": (datetime.now(UTC) + _LONG).isoformat()}
    load.start_each("sleeper", (far for _ in range(half - _WOKEN)))
    load.start_each("listener", ({"key": f"k{number}"} for number in range(half)))
    soon = datetime.now(UTC) + _AHEAD
    near = ({"until": (soon + _EVERY * number).isoformat()} for number in range(_WOKEN))
    woken = load.start_each("sleeper", near)
    load.close()
    _until(stack, _WAITING, ["sleeper", "listener"], lambda found: found == count)
    return woken


def _timers(stack: Stack, woken: Sequence[str]) -> Row:
    """Return how late the instants were told that have come by now."""
    stack.wait(woken, 0.1)
    return told_latency(stack.one(_RUNG, list(woken)))


def _events(stack: Stack) -> Row:
    """Send events one after the other and return how late they were heard."""
    load, sent = stack.load(1), {}
    for number in range(_WOKEN):
        key = f"k{number}"
        sent[key] = time.time()
        load.send(_event(key))
        time.sleep(_EVERY.total_seconds())
    load.close()
    ended = _until(stack, _ENDED, ["listener"], lambda found: len(found) == _WOKEN)
    heard: Mapping[str, float] = stack.one(_HEARD, ended)
    return told_latency([1000 * (heard[key] - at) for key, at in sent.items()])


def _event(key: str) -> Mapping[str, object]:
    return {
        "specversion": "1.0", "id": key, "source": "/bench", "type": "bench.told",
        "data": {"key": key},
    }  # fmt: skip


def _until(
    stack: Stack, statement: LiteralString, workflows: Sequence[str], enough: Callable[[Any], bool]
) -> Any:
    """Ask again and again until an answer is enough; return it."""
    limit = time.monotonic() + _PATIENCE
    while not enough(found := stack.one(statement, list(workflows))):
        if time.monotonic() > limit:
            raise TimeoutError(f"waiting runs: {str(found)[:200]} after {_PATIENCE} s")
        time.sleep(0.5)
    return found


def _memory(stack: Stack) -> float:
    return sum(processes.memory(stack.pid).values())
