"""The files of an attempt: artifacts come in as paths, and files go out as artifacts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import contract, shell, text
from adapters.contract import Call, Json, Manifest, Outcome, Role
from engine.artifacts import Artifacts
from engine.core.event import Failed, Succeeded
from engine.core.plan import Artifact
from engine.executor import Executor
from tests.core.runs import begin, plan, scope, step
from tests.heart import Allow, NoSecrets, calls

DAY = timedelta(days=1)
NOTHING: Mapping[str, Json] = {}
ANY: dict[str, Any] = {"type": "object"}
ROLES = {"/file": (Role.FILE,), "/more/*": (Role.FILE,), "/by/*/file": (Role.FILE,)}


class Does:
    """Does what a function does, with files."""

    manifest = Manifest(
        "test.do@1", "do", ANY, ANY, "pure", True, (), roles=ROLES, files=("made", "link")
    )

    def __init__(self, what: Callable[[Call], Awaitable[Any]]) -> None:
        self._what = what

    async def invoke(self, call: Call) -> Outcome:
        outcome: Outcome = await self._what(call)
        return outcome


@dataclass(frozen=True)
class Place:
    """A store and a folder for the folders of attempts."""

    folder: Path

    @property
    def artifacts(self) -> Artifacts:
        return Artifacts(self.folder / "artifacts")

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    def executor(self, *operations: contract.Operation) -> Executor:
        found = {each.manifest.name: each for each in operations}
        return Executor(found, Allow(), NoSecrets(), self.artifacts, self.scratch)

    def reference(self, content: str = "id\n1\n") -> Mapping[str, Json]:
        path = self.folder / "given"
        path.write_text(content)
        return self.artifacts.keep(path, "raw", "text/csv", DAY)

    def attempt(
        self, what: Callable[[Call], Awaitable[Any]], wanted: Sequence[Artifact] = (),
        repeatable: bool = True, given: Mapping[str, Json] = NOTHING,
    ) -> Succeeded | Failed:  # fmt: skip
        verb = calls("test.do@1", repeatable=repeatable, **given)
        return self.run(Does(what), replace(step("a", verb=verb), artifacts=tuple(wanted)))

    def run(self, operation: contract.Operation, made: Any) -> Succeeded | Failed:
        run, decision = begin(plan(scope(made)))
        return asyncio.run(self.executor(operation).attempt(run, decision.launches[0]))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "scratch").mkdir()
    return Place(tmp_path)


def error(outcome: Succeeded | Failed) -> Mapping[str, Json]:
    assert isinstance(outcome, Failed)
    return outcome.error


def artifacts_of(outcome: Succeeded | Failed) -> Mapping[str, Json]:
    assert isinstance(outcome, Succeeded), outcome
    return outcome.artifacts


async def nothing(call: Call) -> Outcome:
    return contract.Succeeded({})


async def makes(call: Call) -> Outcome:
    path = call.folder() / "made"
    path.write_text("made here")
    (call.folder() / "out").mkdir()
    (call.folder() / "out" / "report.xml").write_text("<report/>")
    (call.folder() / "out" / "elsewhere").symlink_to("/etc/passwd")
    (call.folder() / "out" / "nearby").symlink_to("report.xml")
    return contract.Succeeded({}, {"made": path, "link": call.folder() / "out" / "elsewhere"})


def test_an_artifact_comes_in_as_a_path(place: Place) -> None:
    """
    Wherever an operation takes a file, it finds the absolute path of one; all else is untouched.
    """
    reference, seen = place.reference(), list[Mapping[str, Json]]()

    async def looks(call: Call) -> Outcome:
        seen.append(call.arguments)
        return contract.Succeeded({})

    given: dict[str, Json] = {
        "file": reference, "more": [reference, reference],
        "by": {"x": {"file": reference, "n": 1}}, "other": reference,
    }  # fmt: skip
    assert isinstance(place.attempt(looks, given=given), Succeeded)
    path = str(place.artifacts.path(reference))
    by = {"x": {"file": path, "n": 1}}
    assert [{"file": path, "more": [path] * 2, "by": by, "other": reference}] == seen
    assert Path(path).is_absolute()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"file": "/etc/passwd"}, "/file: expected an artifact"),
        ({"file": None}, "/file: expected an artifact"),
        ({"more": ["/etc/passwd"]}, "/more/0: expected an artifact"),
        ({"by": {"x": {"file": 1}}}, "/by/x/file: expected an artifact"),
        ({"file": {"artifact": "../x", "name": "raw", "bytes": 1}}, "/file: artifact 'raw'"),
        ({"file": {"artifact": "a" * 64, "name": "raw", "bytes": 1}}, "is not in"),
    ],
)
def test_what_is_no_artifact_is_not_a_file(
    place: Place, given: Mapping[str, Json], sentence: str
) -> None:
    """
    No path reaches an operation that does not come from the store; the error says where it stood.
    """

    async def never(call: Call) -> Outcome:
        raise AssertionError("it must not be called")

    found = error(place.attempt(never, given=given))
    assert ("sark.argument", "permanent") == (found["type"], found["class"])
    assert sentence in str(found["detail"])


def test_a_folder_that_nobody_asks_for_is_not_made(place: Place) -> None:
    """
    An operation without files costs no folder.
    """
    place.scratch.rmdir()

    assert {} == artifacts_of(place.attempt(nothing))
    assert not place.scratch.exists()


async def breaks(call: Call) -> Outcome:
    call.folder()
    raise ValueError


async def fails(call: Call) -> Outcome:
    (call.folder() / "x").touch()
    return contract.Failed("test.do", "no", contract.ErrorClass.PERMANENT)


@pytest.mark.parametrize("what", [makes, fails, breaks])
def test_the_folder_goes_with_the_attempt(
    place: Place, what: Callable[[Call], Awaitable[Any]]
) -> None:
    """
    However the attempt ended, nothing of its folder is left.
    """
    place.attempt(what)

    assert [] == list(place.scratch.iterdir())


def test_the_folder_goes_with_a_cancelled_attempt(place: Place) -> None:
    """
    A cancelled attempt leaves no folder either.
    """

    async def waits(call: Call) -> Outcome:
        (call.folder() / "x").touch()
        await asyncio.sleep(60)
        raise AssertionError

    async def story() -> None:
        run, decision = begin(plan(scope(step("a", verb=calls("test.do@1")))))
        attempt = place.executor(Does(waits)).attempt(run, decision.launches[0])
        task = asyncio.create_task(attempt)
        while not list(place.scratch.iterdir()):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert [] == list(place.scratch.iterdir())


@pytest.mark.parametrize(
    ("wanted", "content"),
    [
        (Artifact("raw", source="made", media_type="text/csv", retain=DAY), "made here"),
        (Artifact("raw", path="out/report.xml", media_type="text/csv", retain=DAY), "<report/>"),
        (Artifact("raw", path="out/nearby", media_type="text/csv", retain=DAY), "<report/>"),
    ],
)
def test_what_a_step_declares_is_kept(place: Place, wanted: Artifact, content: str) -> None:
    """
    A file that the operation names, and one in its folder, outlive it: the outcome refers to them.
    """
    reference = artifacts_of(place.attempt(makes, [wanted]))["raw"]

    assert content == place.artifacts.path(reference).read_text()
    assert isinstance(reference, Mapping)
    told = {"name": "raw", "media_type": "text/csv", "bytes": len(content)}
    assert told == {name: reference[name] for name in told}
    assert 0 == place.artifacts.forget(datetime.now(UTC) + DAY / 2)
    assert 1 == place.artifacts.forget(datetime.now(UTC) + DAY)


@pytest.mark.parametrize(
    ("what", "wanted", "sentence"),
    [
        (makes, Artifact("raw", source="gone"), "gave no file 'gone'; it gave link, made"),
        (nothing, Artifact("raw", source="made"), "gave no file 'made'; it gave none"),
        (makes, Artifact("raw", source="link"), "it is a link"),
        (nothing, Artifact("raw", path="x"), "the operation made none"),
        (makes, Artifact("raw", path="gone"), "'gone' is not in the folder"),
        (makes, Artifact("raw", path="out"), "it is no regular file"),
        (makes, Artifact("raw", path="out/elsewhere"), "leads out of the folder"),
        (makes, Artifact("raw", path="../../../../etc/passwd"), "the folder of the attempt"),
        (makes, Artifact("raw", path="/etc/passwd"), "leads out of the folder"),
    ],
)
def test_what_cannot_be_kept(
    place: Place, what: Callable[[Call], Awaitable[Any]], wanted: Artifact, sentence: str
) -> None:
    """
    A file that is not there, is no file, or lies elsewhere fails the step, and nothing is kept.
    """
    found = error(place.attempt(what, [wanted]))

    assert ("sark.artifact", "permanent") == (found["type"], found["class"])
    assert sentence in str(found["detail"])
    assert [] == list(place.scratch.iterdir())


@pytest.mark.parametrize(("repeatable", "expected"), [(True, "transient"), (False, "permanent")])
def test_a_store_that_cannot_be_written(place: Place, repeatable: bool, expected: str) -> None:
    """
    The step may be made again where that is safe; what was done is not done twice for a file.
    """
    (place.folder / "artifacts").write_text("in the way")
    found = error(place.attempt(makes, [Artifact("raw", source="made")], repeatable))

    assert ("sark.artifact", expected) == (found["type"], found["class"])


async def leaves(call: Call) -> Outcome:
    await makes(call)
    details: Json = "x" * 20_000 if call.arguments.get("loud") else ""
    return contract.Failed("test.do", "no", contract.ErrorClass.PERMANENT, None, {"log": details})


async def stumbles(call: Call) -> Outcome:
    await makes(call)
    raise ValueError


@pytest.mark.parametrize(
    ("what", "loud", "told"),
    [(leaves, False, "test.do"), (leaves, True, "test.do"), (stumbles, False, "adapter.defect")],
)
def test_what_a_failed_attempt_has_left_is_kept(
    place: Place, what: Callable[[Call], Awaitable[Any]], loud: bool, told: str
) -> None:
    """
    A report of red tests outlives its step: the error refers to it, however much else it says.
    """
    report = Artifact("report", path="out/report.xml")
    found = error(place.attempt(what, [report], given={"loud": loud}))

    assert (told, "permanent") == (found["type"], found["class"])
    assert isinstance(found["artifacts"], Mapping)
    path = place.artifacts.path(found["artifacts"]["report"])
    assert "<report/>" == path.read_text()
    assert [] == list(place.scratch.iterdir())


def test_what_cannot_be_kept_of_a_failure_changes_nothing(place: Place) -> None:
    """
    The failure stays what it was where a file is missing, lies elsewhere or was to be given.
    """
    report = Artifact("report", path="out/report.xml")
    others = [
        Artifact("a", path="gone"),
        Artifact("b", path="out/elsewhere"),
        Artifact("c", source="made"),
    ]
    found = error(place.attempt(leaves, [*others, report]))

    assert isinstance(found["artifacts"], Mapping)
    assert ["report"] == list(found["artifacts"])
    for what, wanted in ((leaves, others), (fails, [report]), (leaves, [])):
        found = error(place.attempt(what, wanted))
        assert ("test.do", False) == (found["type"], "artifacts" in found)


def test_a_broken_store_does_not_hide_a_failure(place: Place) -> None:
    """
    What went wrong is told, also where nothing can be kept of it.
    """
    (place.folder / "artifacts").write_text("in the way")
    found = error(place.attempt(leaves, [Artifact("report", path="out/report.xml")]))

    assert ("test.do", False) == (found["type"], "artifacts" in found)


def test_a_text_is_written_for_whoever_keeps_it(place: Place) -> None:
    """
    `text.render@1` gives its text as a file, and makes none for a step that keeps none.
    """
    (render,) = text.create({}).operations()
    made = step("a", verb=calls("text.render@1", template="å 1\n"))
    kept = replace(made, artifacts=(Artifact("page", source="file", media_type="text/plain"),))
    reference = artifacts_of(place.run(render, kept))["page"]

    assert "å 1\n" == place.artifacts.path(reference).read_text("utf-8")
    place.scratch.rmdir()
    assert {} == artifacts_of(place.run(render, made))
    assert not place.scratch.exists()


@pytest.mark.parametrize("code", [0, 1])
def test_what_a_script_leaves_is_kept(place: Place, code: int) -> None:
    """
    A path is relative to the folder that a program is at home in, whatever its `cwd` and its end.
    """

    async def story() -> Succeeded | Failed:
        adapter = shell.create({})
        await adapter.open()
        try:
            script = f'echo "<ok/>" > "$HOME/out.xml"; exit {code}'
            made = step("a", verb=calls("shell.run@1", script=script, cwd="sub"))
            kept = replace(made, artifacts=(Artifact("report", path="out.xml"),))
            run, decision = begin(plan(scope(kept)))
            executor = place.executor(*adapter.operations())
            return await executor.attempt(run, decision.launches[0])
        finally:
            await adapter.close()

    outcome = asyncio.run(story())
    kept = artifacts_of(outcome) if code == 0 else error(outcome)["artifacts"]
    assert isinstance(kept, Mapping)
    reference = kept["report"]
    assert "<ok/>\n" == place.artifacts.path(reference).read_text()
