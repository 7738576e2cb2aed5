"""`shell.run@1` with programs that behave."""

import asyncio
import errno
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.contract import ErrorClass, Failed, Json, Outcome, SettingError
from adapters.shell import create
from tests.adapters.speaking import call, failed, opened, outputs


def run(timeout: float = 20, /, **arguments: Json) -> Outcome:
    """Return what a command leads to."""

    async def story() -> Outcome:
        async with opened(create({})) as operation:
            return await operation.invoke(call(timeout, **arguments))

    return asyncio.run(story())


def stdout(**arguments: Json) -> str:
    """Return what a command that succeeds has written."""
    return str(outputs(run(**arguments))["stdout"])


def refusal(timeout: float = 20, /, **arguments: Json) -> Failed:
    """Return the failure that a command must lead to."""
    return failed(run(timeout, **arguments))


def test_a_program_and_its_arguments() -> None:
    """
    An argument is one argument, whatever is in it: no shell reads it.
    """
    hostile = "$(id); `id` | x > y * \" '"

    found = outputs(run(argv=["printf", "%s.", hostile, 7]))

    expected = {"exit_code": 0, "stdout": f"{hostile}.7.", "stderr": "", "truncated": False}
    assert expected == found


def test_values_reach_a_script_by_env_args_and_stdin() -> None:
    """
    What a script is given is printed literally, and never executed.
    """
    text = stdout(
        script='printf "%s|" "$NAME" "$1" "$2"; cat',
        env={"NAME": "$(touch x) `id`", "N": 1},
        args=["a b", 2],
        stdin="in\nput",
    )

    assert text == "$(touch x) `id`|a b|2|in\nput"


@pytest.mark.parametrize(("script", "expected"), [("true", 0), ("echo a; echo b >&2", 2)])
def test_what_a_program_writes_is_its_progress(script: str, expected: int) -> None:
    """
    Whatever is written to an output is heard as a beat, and a silent program is not heard.
    """
    beats: list[None] = []

    async def story() -> None:
        async with opened(create({})) as operation:
            made = replace(call(20, script=script), beat=lambda: beats.append(None))
            outputs(await operation.invoke(made))

    asyncio.run(story())

    assert expected == len(beats)


def test_a_script_ends_at_its_first_error_and_unset_name() -> None:
    """
    A script is run by `sh -eu`.
    """
    assert refusal(script="false; echo on").details["exit_code"] == 1
    assert "UNSET" in str(refusal(script='echo "$UNSET"').details["stderr"])


def test_the_environment_holds_nothing_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A program sees its own variables, a few of ours, and no secret of the worker.
    """
    monkeypatch.setenv("SARK_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    lines = stdout(argv=["env"], env={"OWN": "1"}).split()

    ours = {"PATH", "HOME", "TMPDIR", "LANG", "SARK_RUN", "SARK_STEP", "SARK_ATTEMPT", "SARK_KEY"}
    assert ours | {"OWN"} == {line.partition("=")[0] for line in lines}
    assert "SARK_KEY=key-1" in lines


def test_the_folder_is_new_and_private() -> None:
    """
    Each call works in an empty folder of its own, that only its user can open.
    """
    script = 'pwd; stat -c %a "$HOME"; ls -A "$HOME"; mkdir -p a/b; chmod 0 a; echo x > y'
    home, mode, *listing = stdout(script=script, cwd="sub/folder").split()

    assert home.endswith("/sub/folder")
    assert (mode, listing) == ("700", ["sub"])


def test_no_descriptor_of_the_worker_is_inherited() -> None:
    """
    A program has its three standard streams and nothing else.
    """
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        numbers = stdout(argv=["ls", "/proc/self/fd"]).split()
    finally:
        os.close(descriptor)

    assert numbers == ["0", "1", "2", "3"]  # 3 is the folder that ls reads


def test_exit_codes_that_are_fine() -> None:
    """
    Codes in ok_exit are a success; another code fails with what the program said last.
    """
    assert outputs(run(script="exit 3", ok_exit=[0, 3]))["exit_code"] == 3

    found = refusal(script="echo out; echo err >&2; exit 4")
    assert (found.type, found.error_class) == ("shell.exit", ErrorClass.PERMANENT)
    assert found.details == {"exit_code": 4, "stdout": "out\n", "stderr": "err\n"}


def test_the_message_of_a_failed_program_ends_with_its_last_words() -> None:
    """
    Whoever is told that a step has failed reads why, and no secret.
    """
    said = {
        "exit 4": "the program ended with exit code 4",
        "echo one >&2; echo 'no such file' >&2; echo >&2; exit 4": (
            "the program ended with exit code 4: no such file"
        ),
        'echo "login with $TOKEN" >&2; exit 4': (
            "the program ended with exit code 4: login with ***"
        ),
        "head -c 3000 /dev/zero | tr '\\0' x >&2; exit 4": (
            f"the program ended with exit code 4: {'x' * 200}"
        ),
    }
    for script, told in said.items():
        assert told == refusal(script=script, env={"TOKEN": "s3cr3t-token"}).message


def test_output_as_json() -> None:
    """
    With `parse: json` the output is a value, and output that is none fails the step.
    """
    assert outputs(run(script="echo '{\"a\": [1]}'", parse="json"))["json"] == {"a": [1]}

    deep = "yes [ | head -n 300 | tr -d '\\n'; yes ] | head -n 300 | tr -d '\\n'"
    for script in ("true", "echo '{'", "echo 1 2", "echo NaN", "yes 1 | head -c 100000", deep):
        assert refusal(script=script, parse="json").type == "shell.output"


def test_long_output_keeps_its_two_ends() -> None:
    """
    All of it is read and little of it kept, with a line that says how much is missing.
    """
    found = outputs(run(script="echo first; yes | head -c 50000000; echo last", max_output=1000))
    text = str(found["stdout"])

    assert found["truncated"] is True
    assert text.startswith("first\ny\n")
    assert text.endswith("y\nlast\n")
    assert "[... 49999011 bytes left out ...]" in text
    assert len(text) < 1100


def test_output_that_is_no_text() -> None:
    """
    Bytes that are no UTF-8, and NUL, come back as replacement characters.
    """
    assert stdout(argv=["printf", r"a\377b\000\303\245"]) == "a\ufffdb\ufffdå"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("no-such-program", "No such file"),
        ("/etc/passwd", "Permission denied"),
        ("/", "Permission denied"),
    ],
)
def test_programs_that_cannot_be_executed(program: str, reason: str) -> None:
    """
    Nothing has run, and the error says why.
    """
    found = refusal(argv=[program])

    assert (found.type, found.error_class) == ("shell.spawn", ErrorClass.PERMANENT)
    assert reason in found.message


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "BASH_ENV",
        "ENV",
        "PATH",
        "IFS",
        "PYTHONPATH",
        "HOME",
        "PYTHONSTARTUP",
        "GIT_SSH_COMMAND",
        "BASH_FUNC_x%%",
        "BASH_FUNC_x",
        "SHELLOPTS",
        "PS4",
        "NODE_OPTIONS",
        "PERL5OPT",
        "RUBYOPT",
        "JAVA_TOOL_OPTIONS",
        "ld_preload",
        "GCONV_PATH",
        "DYLD_INSERT_LIBRARIES",
        "SARK_KEY",
        "A=B",
        "A B",
        "",
        "1A",
        "GLIBC_TUNABLES",
    ],
)
def test_variables_that_are_refused(name: str) -> None:
    """
    No variable may change what a program loads or runs.
    """
    found = refusal(argv=["true"], env={name: "secret-value"})

    assert (found.type, found.error_class) == ("shell.invalid", ErrorClass.PERMANENT)
    assert "secret-value" not in found.message


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"argv": ["true"], "script": "true"},
        {"argv": []},
        {"argv": [""]},
        {"argv": "true"},
        {"argv": ["a\x00b"]},
        {"argv": ["true", None]},
        {"argv": ["true", float("inf")]},
        {"argv": ["true", "\ud800"]},
        {"argv": ["true", "x" * 140_000]},
        {"argv": ["true"] + ["x" * 130_000] * 10},
        {"argv": ["true"], "args": ["x"]},
        {"script": 1},
        {"argv": ["true"], "cwd": "/tmp"},
        {"argv": ["true"], "cwd": "../x"},
        {"argv": ["true"], "cwd": "a/../../x"},
        {"argv": ["true"], "stdin": 1},
        {"argv": ["true"], "env": ["A"]},
        {"argv": ["true"], "env": {"A": ["x"]}},
        {"argv": ["true"], "parse": "yaml"},
        {"argv": ["true"], "ok_exit": []},
        {"argv": ["true"], "ok_exit": [256]},
        {"argv": ["true"], "max_output": 0},
        {"argv": ["true"], "limits": {"cpu_seconds": 10**9}},
        {"argv": ["true"], "limits": {"user_tasks": 1}},
        {"argv": ["true"], "limits": {"cpu_seconds": 0}},
        {"argv": ["true"], "limits": 1},
    ],
)
def test_arguments_that_make_no_command(arguments: dict[str, Json]) -> None:
    """
    What cannot be run as it was meant is not run at all.
    """
    found = refusal(**arguments)

    assert (found.type, found.error_class) == ("shell.invalid", ErrorClass.PERMANENT)


def test_a_secret_that_a_program_prints_is_not_in_its_error() -> None:
    """
    Values of env are covered in what an error shows of the output.
    """
    found = refusal(
        script='echo "login with $TOKEN failed" >&2; exit 1', env={"TOKEN": "s3cr3t-token"}
    )

    assert found.details["stderr"] == "login with *** failed\n"


def test_secrets_are_on_no_command_line() -> None:
    """
    Whoever may list processes sees argv, and neither env nor stdin.
    """
    script = "cat /proc/$$/cmdline /proc/$PPID/cmdline | tr '\\0' ' '"

    assert "s3cr3t" not in stdout(script=script, env={"TOKEN": "s3cr3t"}, stdin="s3cr3t")


def test_stdin_that_nobody_reads() -> None:
    """
    A program that ends without reading a large input is no failure.
    """
    assert outputs(run(argv=["true"], stdin="x" * 5_000_000))["exit_code"] == 0
    assert stdout(argv=["wc", "-c"], stdin="x" * 5_000_000) == "5000000\n"


def test_many_programs_at_a_time() -> None:
    """
    Two hundred programs started together all give their own output, with a few at a time.
    """

    async def story() -> list[Json]:
        async with opened(create({"parallel": 8})) as operation:
            commands = [call(60, argv=["echo", number]) for number in range(200)]
            return [
                outputs(each)["stdout"]
                for each in await asyncio.gather(*map(operation.invoke, commands))
            ]

    assert [f"{number}\n" for number in range(200)] == asyncio.run(story())


def test_waiting_for_a_slot_counts() -> None:
    """
    A call that finds no free slot within its time says that nothing has run.
    """

    async def story() -> Failed:
        async with opened(create({"parallel": 1})) as operation:
            slow = asyncio.create_task(operation.invoke(call(argv=["sleep", "1"])))
            await asyncio.sleep(0.2)
            found = failed(await operation.invoke(call(0.2, argv=["true"])))
            await slow
            return found

    found = asyncio.run(story())
    assert (found.type, found.error_class) == ("shell.spawn", ErrorClass.TRANSIENT)


def test_a_full_disk_is_transient() -> None:
    """
    Where no folder can be made nothing has run, and it may work later.
    """

    def full() -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def story() -> Failed:
        async with opened(create({})) as operation:
            return failed(await operation.invoke(replace(call(argv=["true"]), folder=full)))

    found = asyncio.run(story())
    assert (found.type, found.error_class) == ("shell.spawn", ErrorClass.TRANSIENT)


def test_settings_that_cannot_be() -> None:
    """
    An unknown or senseless limit is refused at the start.
    """
    with pytest.raises(SettingError, match='did you mean "memory_mib"'):
        create({"memory_mb": 1})
    with pytest.raises(SettingError, match="cpu_seconds"):
        create({"cpu_seconds": 0})


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_privileges_cannot_be_gained() -> None:
    """
    A set-uid program has no effect: the kernel's no_new_privs is set.
    """
    assert stdout(script="grep NoNewPrivs /proc/self/status").split()[1] == "1"
