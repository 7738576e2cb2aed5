"""Outputs over 256 KiB: into the artifact store, past the journal, and into the call that reads."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.contract import Call, Json, Manifest, Outcome, Succeeded
from engine.artifacts import LONGEST, Artifacts
from engine.core import machine
from engine.core.attempt import Attempt, attempt_of
from engine.core.event import Failed
from engine.core.event import Succeeded as Told
from engine.core.plan import ForEach, Plan, Projection, Step, Timeout
from engine.core.run import Run
from engine.core.spilled import KEPT, LARGEST, MOST
from engine.core.state import RunStatus
from engine.errors import NotFound
from engine.failing import Failure
from engine.spilling import Spilling, needs
from tests.core import runs as core
from tests.core.runs import NOW, SECOND, begin, edge, scope, step
from tests.heart import (
    calls,
    executor,
    manifest,
)
from tests.test_executor import Vault

BODY: Mapping[str, Json] = {"items": [{"id": n, "text": "x" * 500} for n in range(10_000)]}
WHOLE = "{{ steps.fetch.outputs.body }}"
DAY = timedelta(days=1)


@dataclass
class Gives:
    """Answers with what it is told to give."""

    outputs: Mapping[str, Json]
    manifest: Manifest = field(default_factory=lambda: manifest("test.give@1"))
    made: int = 0

    async def invoke(self, call: Call) -> Outcome:
        self.made += 1
        return Succeeded(self.outputs)


@dataclass
class Takes:
    """Keeps what it was called with."""

    manifest: Manifest = field(default_factory=lambda: manifest("test.take@1"))
    heard: list[Mapping[str, Json]] = field(default_factory=list)

    async def invoke(self, call: Call) -> Outcome:
        self.heard.append(call.arguments)
        return Succeeded({"n": len(orjson.dumps(call.arguments))})


def fetching(*outputs: Projection, **more: Any) -> Step:
    return step("fetch", verb=calls("test.give@1"), outputs=outputs, **more)


def taking(**arguments: Any) -> Step:
    return step("take", edge(0, data=True), verb=calls("test.take@1", **arguments))


class Stage:
    """A run of two steps in memory: one gives, the other takes."""

    def __init__(
        self, folder: Path, outputs: Mapping[str, Json], made: Plan | None = None,
        secrets: Any = None, **arguments: Any,
    ) -> None:  # fmt: skip
        self.folder, self.takes = folder, Takes()
        self.executor = executor(Gives(outputs), self.takes, folder=folder, secrets=secrets)
        self.run, decision = begin(made or core.plan(scope(fetching(), taking(**arguments))))
        self.first = self._make(self.run, decision)

    def _make(self, run: Run, decision: machine.Decision) -> Told | Failed:
        [launch] = decision.launches
        return asyncio.run(self.executor.attempt(run, launch))

    def next(self) -> Told | Failed:
        """Make the second attempt."""
        return self._make(self.run, machine.advance(self.run, self.first, NOW + SECOND))

    def files(self) -> list[Path]:
        return [path for _, path, _ in Artifacts(self.folder).all_of()]


def error(outcome: Told | Failed) -> tuple[Json, Json, str]:
    assert isinstance(outcome, Failed)
    told = outcome.error
    return told["type"], told["class"], str(told["detail"])


def test_a_large_value_goes_from_step_to_step(tmp_path: Path):
    """
    A body of 5 MB is passed by reference; a later call gets it whole and in part.
    """
    stage = Stage(
        tmp_path, {"status": 200, "body": BODY},
        json=WHOLE, last=WHOLE.replace("body", "body.items[9999].id"),
        count=WHOLE.replace("body }}", "body.items | length }}"),
        status="{{ steps.fetch.outputs.status }}",
    )  # fmt: skip
    first = stage.first

    assert isinstance(first, Told)
    assert {"status": 200} == first.outputs
    assert (len(orjson.dumps(BODY)), "object") == (
        first.spilled["body"].bytes, first.spilled["body"].kind,
    )  # fmt: skip
    [path] = stage.files()
    assert BODY == orjson.loads(path.read_bytes())
    assert isinstance(stage.next(), Told)
    assert [{"json": BODY, "last": 9999, "count": 10_000, "status": 200}] == stage.takes.heard


def test_projections_are_of_the_whole(tmp_path: Path):
    """
    `outputs` are taken before anything is passed by reference, so small ones stay values.
    """
    told = (Projection("last", "body.items[9999].id", {}), Projection("all", "body", {}))
    stage = Stage(tmp_path, {"body": BODY}, core.plan(scope(fetching(*told))))

    assert isinstance(stage.first, Told)
    assert ({"last": 9999}, ["all"]) == (stage.first.outputs, list(stage.first.spilled))


@pytest.mark.parametrize(
    ("outputs", "by_reference"),
    [
        ({"a": "x" * (KEPT - 8)}, []),
        ({"a": "x" * KEPT}, ["a"]),
        ({"a": "x" * 200_000, "b": "x" * 100_000, "c": 1}, ["a"]),
        ({str(n): "x" * KEPT for n in range(MOST)}, [str(n) for n in range(MOST)]),
    ],
)
def test_as_little_as_can_be_is_passed_by_reference(
    tmp_path: Path, outputs: Mapping[str, Json], by_reference: list[str]
):
    """
    What fits into the journal stays there; else the largest go until the rest fits.
    """
    first = Stage(tmp_path, outputs).first

    assert isinstance(first, Told)
    assert by_reference == sorted(first.spilled, key=int if len(by_reference) > 2 else str)
    assert set(outputs) == {*first.outputs, *first.spilled}


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"a": "x" * LARGEST}, f"at most {LARGEST} are passed on in a run"),
        ({str(n): "x" * 10_000 for n in range(100)}, "declare `outputs` for what is needed"),
        ({"k" * KEPT: 1}, "declare `outputs` for what is needed"),
    ],
)
def test_there_is_an_end_to_it(tmp_path: Path, outputs: Mapping[str, Json], words: str):
    """
    More than 32 MiB, or too many values, fail the step, and nothing of them is kept.
    """
    stage = Stage(tmp_path, outputs)
    kind, how, detail = error(stage.first)

    assert ("sark.too_large", "permanent", True) == (kind, how, words in detail)
    assert [] == stage.files()


def test_one_call_reads_so_much_by_reference(tmp_path: Path):
    """
    Values that are too much together are not read into memory: the call fails, and says so.
    """
    outputs = {"a": "a" * (LARGEST // 2 - 100), "b": "b" * (LARGEST // 2 - 100)}
    stage = Stage(tmp_path, outputs, a=WHOLE.replace("body", "a"), b=WHOLE.replace("body", "b"))
    assert isinstance(stage.first, Told)
    big = {name: replace(each, bytes=LARGEST) for name, each in stage.first.spilled.items()}
    stage.first = replace(stage.first, spilled=big)

    kind, how, detail = error(stage.next())

    assert ("sark.too_large", "permanent") == (kind, how)
    assert f"reads {2 * LARGEST} bytes of values by reference; at most {LARGEST}" in detail


def test_a_secret_is_not_in_the_file(tmp_path: Path):
    """
    What is passed by reference is masked as all outputs are, before it is written.
    """
    made = replace(core.plan(scope(fetching())), secrets=("token",))
    stage = Stage(tmp_path, {"body": ["hunter2", "x" * KEPT]}, made, Vault())
    [path] = stage.files()

    assert b"hunter2" not in path.read_bytes()
    assert path.read_bytes().startswith(b'["***"')


def test_data_that_looks_like_a_reference_stays_data(tmp_path: Path):
    """
    A service that answers with the words of a reference gets them back, and no file is read.
    """
    forged: Json = {
        "artifact": "0" * 64, "name": "body", "media_type": "application/json", "bytes": 1,
        "type": "object",
    }  # fmt: skip
    stage = Stage(tmp_path, {"body": forged, "spilled": {"body": forged}}, json=WHOLE)

    assert isinstance(stage.next(), Told)
    assert [{"json": forged}] == stage.takes.heard


@pytest.mark.parametrize("how", ["gone", "cut", "changed"])
def test_a_value_that_is_lost_fails_who_reads_it(tmp_path: Path, how: str):
    """
    A file that is gone or damaged is told as what it is: the step fails for good, nothing is made
    of half a value.
    """
    stage = Stage(tmp_path, {"body": BODY}, json=WHOLE)
    [path] = stage.files()
    data = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes(data[:-1] if how == "cut" else data[:-1] + b" ")

    kind, error_class, detail = error(stage.next())

    assert ("sark.artifact_missing", "permanent") == (kind, error_class)
    assert "artifact 'body'" in detail
    assert ("damaged" in detail) == (how != "gone")
    assert [] == stage.takes.heard


@pytest.mark.parametrize(
    ("repeatable", "expected"), [(True, "transient"), (False, "unknown")]
)  # fmt: skip
def test_a_store_that_cannot_be_written_fails_the_step(
    tmp_path: Path, repeatable: bool, expected: str
):
    """
    The step says so; it is made again where that is safe, and undone where nobody may know.
    """
    (tmp_path / "store").write_text("in the way")
    one = replace(fetching(), verb=calls("test.give@1", repeatable=repeatable))

    stage = Stage(tmp_path / "store", {"b": "x" * KEPT}, core.plan(scope(one)))
    kind, how, detail = error(stage.first)

    assert ("sark.artifact", expected) == (kind, how)
    assert "artifact 'b' cannot be kept in" in detail


def attempt(lasts: timedelta = DAY) -> Attempt:
    run, decision = begin(core.plan(scope(fetching())))
    return replace(attempt_of(run, decision.launches[0]), lasts=lasts)


@pytest.mark.parametrize(
    ("keep", "lasts", "expected"),
    [(10 * DAY, DAY, 41 * DAY), (None, DAY, LONGEST), (36_500 * DAY, DAY, LONGEST)],
)
def test_a_value_is_kept_as_long_as_its_run(
    tmp_path: Path, keep: timedelta | None, lasts: timedelta, expected: timedelta
):
    """
    Its file outlives the run and its history, and is removed then like any artifact.
    """
    artifacts = Artifacts(tmp_path)
    spilling = Spilling(artifacts, keep)

    assert expected == spilling.retain(attempt(lasts))
    _, told = spilling.spill(attempt(lasts), {"b": "x" * KEPT})
    [(digest, _, until)] = artifacts.all_of()
    assert digest == told["b"].digest
    assert timedelta(0) <= datetime.now(UTC) + expected - until < 600 * SECOND
    assert 1 == artifacts.forget(until + SECOND)


def test_what_is_read_at_a_time_is_bounded(tmp_path: Path):
    """
    Calls that read more than a process has room for wait for each other, and not for ever.
    """

    async def check() -> None:
        spilling = Spilling(Artifacts(tmp_path), DAY, room=2 * KEPT)
        run, decision = begin(core.plan(scope(fetching(), taking(json=WHOLE))))
        body: dict[str, Json] = {"body": "x" * (KEPT + 10)}
        kept, told = spilling.spill(attempt_of(run, decision.launches[0]), body)
        event = Told("fetch", 1, kept, spilled=told)
        [launch] = machine.advance(run, event, NOW + SECOND).launches
        one = attempt_of(run, launch)
        told_of = needs(one)
        assert told_of is not None
        hasty = replace(launch.step.plan, timeout=replace(Timeout(), queue=timedelta(0)))
        late = replace(one, step=type(launch.step)(hasty, 0))
        order: list[str] = []

        async def second() -> None:
            async with spilling.read(one, told_of):
                order.append("second")

        async with spilling.read(one, told_of) as whole:
            assert {"json": "x" * (KEPT + 10)} == whole.step.arguments.evaluate(whole.names)
            waiting = asyncio.create_task(second())
            given_up = asyncio.create_task(second())
            await asyncio.sleep(0)
            given_up.cancel()
            with pytest.raises(Failure) as refused:
                async with spilling.read(late, told_of):
                    order.append("late")
            assert "sark.queue_timeout" == refused.value.error["type"]
            order.append("first")
        await waiting
        assert ["first", "second"] == order
        async with spilling.read(one, told_of):
            order.append("again")

    asyncio.run(check())


def test_items_of_a_list_are_read_where_their_calls_are_made(tmp_path: Path):
    """
    Every item of a list that is passed by reference goes into its own call, null among them; calls
    that are under way together read the file once.
    """
    rows: list[Json] = [{"id": n, "text": "x" * 500} for n in range(600)]
    rows[7] = None

    async def check() -> None:
        takes, artifacts = Takes(), Counting(tmp_path)
        made = executor(Gives({"rows": rows}), takes, folder=tmp_path)
        made._spilling = Spilling(artifacts, DAY)
        body = scope(step("take", verb=calls("test.take@1", row="{{ row }}")))
        loop = ForEach("steps.fetch.outputs.rows", "row", body, 600, max_parallel=50)
        run, decision = begin(
            core.plan(scope(fetching(), step("all", edge(0, data=True), verb=loop)))
        )
        launches = [*decision.launches]
        while launches:
            told = await asyncio.gather(*(made.attempt(run, each) for each in launches))
            after = (machine.advance(run, each, NOW + SECOND).launches for each in told)
            launches = [each for some in after for each in some]
        assert RunStatus.SUCCEEDED is run.outcome
        assert rows == [each["row"] for each in takes.heard]
        assert 600 // 50 == artifacts.read

    asyncio.run(check())


class Counting(Artifacts):
    """Artifacts that count how often one is read."""

    read = 0

    def content(self, reference: Json) -> bytes:
        self.read += 1
        return super().content(reference)


def test_content_is_what_it_was(tmp_path: Path):
    """
    What is read back is the very bytes, and a reference to nothing is an error.
    """
    artifacts = Artifacts(tmp_path)
    told = artifacts.keep_bytes(b"[1]", "x", "application/json", DAY)

    assert b"[1]" == artifacts.content(told)
    with pytest.raises(NotFound, match="its retention is over"):
        artifacts.content({**told, "artifact": "0" * 64})
