"""`shell.run@1` with an image: the program runs in a container."""

import asyncio
from pathlib import Path

import pytest

from adapters.contract import Json, Outcome
from adapters.shell import create
from engine.operations import open_operations
from tests.adapters.engine import Standing, standing
from tests.adapters.speaking import call, failed, opened, outputs

IMAGE = f"registry.example/acme/tools@sha256:{'6d' * 32}"


def ask(engine: Standing, **given: Json) -> Outcome:
    """Return what a program leads to, in a process that has an engine for containers."""

    async def story() -> Outcome:
        settings: dict[str, Json] = {"container": {"command": engine.command}}
        async with open_operations(settings) as operations:
            return await operations["shell.run@1"].invoke(call(60, **{"image": IMAGE, **given}))

    return asyncio.run(story())


def test_a_program_with_an_image_runs_in_a_container(tmp_path: Path) -> None:
    """
    It is made of the image, has a network, and gives what any program gives.
    """
    with standing(tmp_path) as engine:
        told = outputs(ask(engine, argv=["sh", "-c", "echo $WORD"], env={"WORD": "hello"}))

        (words,) = engine.asked("create")

    expected = {"exit_code": 0, "stdout": "hello\n", "stderr": "", "truncated": False}
    assert expected == told
    assert IMAGE in words
    assert "--network" not in words


def test_its_failures_are_those_of_the_shell(tmp_path: Path) -> None:
    """
    Whoever handles `shell.exit` handles it wherever the program ran.
    """
    with standing(tmp_path) as engine:
        told = failed(ask(engine, argv=["sh", "-c", "exit 3"]))

    assert ("shell.exit", 3) == (told.type, told.details["exit_code"])


@pytest.mark.parametrize(
    "given", [{"script": "echo"}, {"argv": ["true"], "stdin": "x"}, {"argv": ["true"], "cwd": "a"}]
)
def test_what_a_container_does_not_take_is_refused(tmp_path: Path, given: dict[str, Json]) -> None:
    """
    Nothing that is written beside an image is silently left out.
    """
    with standing(tmp_path) as engine:
        told = failed(ask(engine, **given))

        assert [] == engine.asked("create")

    assert "shell.invalid" == told.type
    assert "beside image" in told.message


def test_where_there_are_no_containers_an_image_is_refused() -> None:
    """
    An adapter that stands alone says so, and runs nothing on the machine instead.
    """

    async def story() -> Outcome:
        async with opened(create({})) as operation:
            return await operation.invoke(call(60, image=IMAGE, argv=["true"]))

    assert "shell.invalid" == failed(asyncio.run(story())).type
