"""`container.run@1` and `container.build@1`, with an engine that does as it is told."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from adapters.container import create
from adapters.contract import ErrorClass, Json, SettingError, Succeeded
from tests.adapters.containing import BUILD, HERE, REF, RUN, Bench
from tests.adapters.engine import image_of, standing
from tests.adapters.speaking import call, failed, opened, outputs

PERMANENT = ErrorClass.PERMANENT


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A stand-in engine with one image."""
    with standing(tmp_path) as engine:
        yield Bench(engine)


def test_a_program_and_what_it_says(bench: Bench) -> None:
    """
    An argument is one argument, whatever is in it; both outputs and the code come back.
    """
    hostile = "$(id); `id` | x > y * \" '"
    argv: Json = ["sh", "-c", 'printf "%s." "$@"; echo err >&2', "x", hostile, 7]

    found = outputs(bench.run(argv=argv))

    expected = {"exit_code": 0, "stdout": f"{hostile}.7.", "stderr": "err\n", "truncated": False}
    assert expected == found
    assert [] == bench.engine.containers()


def test_a_container_has_next_to_nothing(bench: Bench) -> None:
    """
    No network, no capability, no way to gain one, a root that is read-only, and finite limits.
    """
    bench.run()

    words = " ".join(bench.created())
    for each in (
        "--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges",
        "--memory 2048m --memory-swap 2048m", "--cpus 2", "--pids-limit 512", "--ulimit core=0",
        "--tmpfs /tmp:rw,nosuid,nodev,size=256m", "--pull never", "--log-driver none",
    ):  # fmt: skip
        assert each in words
    assert "--privileged" not in words
    assert "--workdir" not in words


def test_what_an_author_may_ask_for(bench: Bench) -> None:
    """
    A network, a folder to work in, and lower limits than the operator's.
    """
    limits: Json = {"memory_mib": 64, "cpus": 0.5, "processes": 8}
    bench.run(network="default", cwd="/app", limits=limits)

    words = bench.created()
    assert "--network" not in words
    joined = " ".join(words)
    for each in ("--workdir /app", "--memory 64m", "--cpus 0.5", "--pids-limit 8"):
        assert each in joined


def test_the_image_s_own_entry_point_does_not_come_between(bench: Bench) -> None:
    """
    argv is the whole command: its first word takes the place of the entry point.
    """
    bench.run(argv=["make", "unit"])

    assert ["--entrypoint", "make", HERE, "unit"] == bench.created()[-4:]


def test_files_that_a_program_leaves(bench: Bench, tmp_path: Path) -> None:
    """
    What a program writes under /work is in the folder of the call, where artifacts are found.
    """
    folder = tmp_path / "a,folder"
    folder.mkdir()
    script = "mkdir /work/out; echo '<testsuite/>' > /work/out/junit.xml"
    given = call(image=HERE, argv=["sh", "-c", script])

    outputs(bench.ask("container.run@1", replace(given, folder=lambda: folder)))

    assert "<testsuite/>\n" == (folder / "out/junit.xml").read_text()
    assert ["out"] == [each.name for each in folder.iterdir()]
    (mount,) = (each for each in bench.created() if each.startswith("type=bind"))
    assert f'type=bind,"source={folder}",target=/work' == mount


def test_variables_come_by_a_file(bench: Bench) -> None:
    """
    No value stands on a command line; a program has its own variables and those of its step.
    """
    text = bench.stdout(argv=["env"], env={"TOKEN": 's3cr3t = "x"', "N": 1, "PATH": "/bin"})

    expected = {
        'TOKEN=s3cr3t = "x"', "N=1", "PATH=/bin",
        "SARK_RUN=run-1", "SARK_STEP=step", "SARK_ATTEMPT=1", "SARK_KEY=key-1",
    }  # fmt: skip
    lines = set(text.splitlines())
    assert expected == {each for each in lines if not each.startswith("HOME=")}
    assert "s3cr3t" not in str([each["words"] for each in bench.engine.heard()])


def test_the_command_line_has_little_of_the_worker_s(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The engine's command line learns where the engine is, and no secret of the worker.
    """
    monkeypatch.setenv("SARK_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/other.sock")

    bench.run()

    env = bench.engine.heard()[0]["env"]
    assert "unix:///run/other.sock" == env["DOCKER_HOST"]
    assert "SARK_DATABASE_URL" not in env


def test_exit_codes(bench: Bench) -> None:
    """
    Codes in ok_exit are a success; another fails with what the program said last.
    """
    assert outputs(bench.run(argv=["sh", "-c", "exit 3"], ok_exit=[0, 3]))["exit_code"] == 3

    script = "echo out; echo login with $TOKEN >&2; exit 4"
    found = bench.refusal(argv=["sh", "-c", script], env={"TOKEN": "s3cr3t-token"})
    assert ("container.exit", PERMANENT) == (found.type, found.error_class)
    assert {"exit_code": 4, "stdout": "out\n", "stderr": "login with ***\n"} == found.details


def test_long_output_keeps_its_two_ends(bench: Bench) -> None:
    """
    All of it is read and little of it kept.
    """
    script = "echo first; yes | head -c 1000000; echo last"
    found = outputs(bench.run(argv=["sh", "-c", script], max_output=1000))

    assert found["truncated"] is True
    assert str(found["stdout"]).startswith("first\ny\n")
    assert str(found["stdout"]).endswith("y\nlast\n")


def test_a_program_that_is_not_there(bench: Bench) -> None:
    """
    Nothing has run, and trying again would not help.
    """
    found = bench.refusal(argv=["no-such-program"])

    assert ("container.spawn", PERMANENT) == (found.type, found.error_class)
    assert "no-such-program" in found.message


def test_memory_that_is_not_there(bench: Bench) -> None:
    """
    A program that was ended for its memory is told by the limit, not by a code alone.
    """
    found = bench.refusal(argv=["hog"], limits={"memory_mib": 16})

    assert ("container.limit", PERMANENT) == (found.type, found.error_class)
    assert "limits.memory_mib = 16" in found.message


def test_what_the_engine_writes_is_progress(bench: Bench) -> None:
    """
    A program in a container is heard whenever it writes something.
    """
    heard = []
    for argv in (["true"], ["echo", "on"]):
        beats: list[int] = []
        made = replace(call(20, image=HERE, argv=argv), beat=partial(beats.append, 1))

        assert isinstance(bench.ask("container.run@1", made), Succeeded)
        heard.append(len(beats))

    assert heard[0] < heard[1]


def test_an_image_is_fetched_once(bench: Bench) -> None:
    """
    An image with a name is pulled by its digest if it is not there; an id never is.
    """
    image = f"registry.example:5000/acme/web:v1@{image_of('far')}"
    bench.run(image=image)
    bench.run(image=image)

    assert [[image]] == bench.engine.asked("pull")


@pytest.mark.parametrize(
    ("image", "error_class", "words"),
    [
        (image_of("nowhere"), PERMANENT, "not on this engine"),
        (f"registry.example/gone@{image_of('x')}", PERMANENT, "manifest unknown"),
        (f"registry.example/flaky@{image_of('x')}", ErrorClass.TRANSIENT, "timeout"),
    ],
)
def test_images_that_cannot_be_had(
    bench: Bench, image: str, error_class: ErrorClass, words: str
) -> None:
    """
    An image that is nowhere is an error for good; a registry that stumbles is asked again.
    """
    found = bench.refusal(image=image)

    assert ("container.image", error_class) == (found.type, found.error_class)
    assert words in found.message


@pytest.mark.parametrize(
    "changed",
    [
        {"image": "alpine:3"},
        {"image": "alpine"},
        {"image": "sha256:abc"},
        {"image": f"--privileged@{HERE}"},
        {"image": f"{HERE}\n"},
        {"argv": []},
        {"argv": [""]},
        {"argv": "true"},
        {"argv": ["a\x00b"]},
        {"env": {"A": "two\nlines"}},
        {"env": {"A": "x" * 33_000}},
        {"env": {"A=B": "x"}},
        {"env": {"A\n": "x"}},
        {"env": {"SARK_KEY": "x"}},
        {"env": ["A"]},
        {"cwd": "app"},
        {"cwd": 1},
        {"network": "host"},
        {"ok_exit": []},
        {"max_output": 1},
        {"limits": {"memory_mib": 4096}},
        {"limits": {"cpus": float("nan")}},
        {"limits": {"cpus": 0}},
        {"limits": {"processes": 1.5}},
        {"limits": {"files": 1}},
        {"limits": 1},
    ],
)
def test_arguments_that_make_no_container(changed: dict[str, Json]) -> None:
    """
    What cannot be run as it was meant is not run at all: no engine is even asked.
    """

    async def story() -> None:
        async with opened(create({"command": "/bin/false"}), "container.run@1") as operation:
            given = call(**{**RUN, **changed})
            found = failed(await operation.invoke(given))
            assert ("container.invalid", PERMANENT) == (found.type, found.error_class)
            assert next(iter(changed)) in found.message

    asyncio.run(story())


def test_a_build(bench: Bench) -> None:
    """
    A commit becomes an image; its id is what a container is run by.
    """
    found = outputs(bench.build(context="app", file="ci/Dockerfile", build_args={"V": 1}))

    digest = image_of(f"https://github.com/acme/web.git#{REF}:app")
    assert {"digest": digest} == found
    (words,) = bench.engine.asked("build")
    expected = ["--network", "none", "--file", "ci/Dockerfile", "--build-arg", "V=1"]
    assert [*expected, f"https://github.com/acme/web.git#{REF}:app"] == words[2:]
    assert outputs(bench.run(image=digest))["exit_code"] == 0


def test_a_build_of_a_private_repository(bench: Bench) -> None:
    """
    The token goes by the environment, to the engine that fetches the commit; a tag is made
    because it was asked for.
    """
    found = Bench(bench.engine, {"git_url": "https://git.acme.example/{repo}.git"})
    outputs(found.build(auth="ghs_token-of-the-app", tag="acme/web:pr-7", network="default"))

    (told,) = (each for each in bench.engine.heard() if each["words"][0] == "build")
    expected = ["--secret", "id=GIT_AUTH_TOKEN", "--tag", "acme/web:pr-7"]
    assert [*expected, f"https://git.acme.example/acme/web.git#{REF}"] == told["words"][3:]
    assert "ghs_token-of-the-app" == told["env"]["GIT_AUTH_TOKEN"]


def test_a_build_that_fails(bench: Bench) -> None:
    """
    A Dockerfile that fails is not built again, and the error has how the log ends.
    """
    found = failed(bench.build(file="Dockerfile.fails"))

    assert ("container.build", PERMANENT) == (found.type, found.error_class)
    assert "did not complete: exit code: 2" in found.message
    assert failed(bench.build(file="Dockerfile.silent")).type == "container.build"


@pytest.mark.parametrize(
    "changed",
    [
        {"ref": "main"},
        {"ref": "v1.2.3"},
        {"ref": "a1b2c3d"},
        {"ref": f"{REF}\n"},
        {"repo": "web"},
        {"repo": "acme/.."},
        {"repo": "acme/web#main"},
        {"context": "../x"},
        {"context": "a/../../x"},
        {"context": "/etc"},
        {"context": "a:b"},
        {"file": "-"},
        {"file": "-x"},
        {"tag": "Web"},
        {"tag": "--push"},
        {"network": "host"},
        {"build_args": {"A=B": 1}},
        {"build_args": {"A": "a\x00b"}},
        {"build_args": [1]},
    ],
)
def test_arguments_that_make_no_build(changed: dict[str, Json]) -> None:
    """
    A branch is another commit tomorrow, and no path leads out of the repository.
    """

    async def story() -> None:
        async with opened(create({"command": "/bin/false"}), "container.build@1") as operation:
            found = failed(await operation.invoke(call(**{**BUILD, **changed})))
            assert ("container.invalid", PERMANENT) == (found.type, found.error_class)
            assert next(iter(changed)) in found.message

    asyncio.run(story())


@pytest.mark.parametrize(
    "settings",
    [
        {"git_url": "https://github.com/acme/web.git"},
        {"git_url": "https://github.com/{repo}"},
        {"git_url": "https://github.com/{repo}/{branch}.git"},
        {"git_url": "--upload-pack={repo}.git"},
        {"user": "root"},
        {"cpus": 0},
        {"cpus": float("inf")},
        {"memory_mb": 1},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Json]) -> None:
    """
    A slip in the settings keeps the process from starting.
    """
    with pytest.raises(SettingError, match=next(iter(settings))):
        create(settings)
