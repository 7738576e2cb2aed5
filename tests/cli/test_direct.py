"""`sark run FILE`: no server, the same compiler, machine and adapters."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm import command

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: here\n"
TYPED = (
    HEAD
    + """\
inputs:
  who: {type: string}
  count: {type: integer, default: 1}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.who }} {{ inputs.count }}"}}
outputs:
  text: {type: string, value: "{{ steps.say.outputs.message }}"}
"""
)
FAIL = HEAD + 'steps: {break: {uses: shell.run@1, with: {argv: [sh, -c, "exit 3"]}}}\n'
SLOW = (
    HEAD
    + """\
steps:
  doze: {uses: shell.run@1, with: {argv: [sleep, "30"]}}
finally:
  steps:
    last: {uses: shell.run@1, with: {argv: [sleep, "0"]}}
"""
)
SECRET = (
    HEAD
    + """\
secrets: [key]
steps:
  tell: {uses: shell.run@1, with: {argv: [sh, -c, "echo it is $K"], env: {K: "{{ secrets.key }}"}}}
outputs:
  text: {type: string, value: "{{ steps.tell.outputs.stdout }}"}
"""
)
VARIABLES = (
    HEAD
    + """\
secrets: [key]
inputs: {who: {type: string}}
env: {WHO: "{{ inputs.who }}", MODE: common, LANG: C}
steps:
  tell:
    uses: shell.run@1
    with: {script: 'echo "$WHO $MODE $LANG $KEY"', env: {LANG: nb_NO}}
    env: {MODE: own, KEY: "{{ secrets.key }}"}
  other: {uses: shell.run@1, with: {script: 'echo "$WHO $MODE $LANG ${KEY-none}"'}}
outputs:
  told: {type: string, value: "{{ steps.tell.outputs.stdout }}"}
  other: {type: string, value: "{{ steps.other.outputs.stdout }}"}
"""
)
POOL = """\
apiVersion: sark/v1
kind: Pool
name: small
resources: {memory: 256Mi}
---
"""
HEAVY = (
    POOL
    + HEAD
    + """\
inputs: {mib: {type: integer}}
steps:
  hold:
    uses: shell.run@1
    pool: small
    with: {argv: [python3, -c, "import sys; bytearray(int(sys.argv[1]) << 20)", "{{ inputs.mib }}"]}
"""
)


def sark(
    folder: Path, text: str, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a spec in a folder, as a process of its own."""
    (folder / "here.yaml").write_text(text)
    return command("run", "here.yaml", *words, env=surroundings(**environment), folder=folder)


def surroundings(**environment: str) -> dict[str, str]:
    """Return an environment in which the command line is found and nothing is set."""
    told = {k: v for k, v in os.environ.items() if not k.startswith("SARK_")}
    return {**told, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}


def test_a_run_has_the_form_of_a_run(tmp_path: Path) -> None:
    """
    With --json a run here looks as one of the server's, and its inputs are typed by the spec.
    """
    done = sark(tmp_path, TYPED, "-i", "who=5", "-i", "count=2", "--wait", "--json")
    run = json.loads(done.stdout)

    assert 0 == done.returncode
    assert {"who": "5", "count": 2} == run["inputs"]
    assert {"text": "5 2"} == run["outputs"]
    assert set(run) == {
        "id", "namespace", "workflow", "status", "flags", "commit", "plan", "trigger", "inputs",
        "outputs", "error", "objectives", "created_at", "started_at", "ended_at", "steps",
    }  # fmt: skip
    assert "" == done.stderr


@pytest.mark.parametrize(("below", "missed"), [("1ms", True), ("10m", False)])
def test_a_run_tells_which_objectives_it_missed(tmp_path: Path, below: str, missed: bool) -> None:
    """
    What a workflow should hold to is told at the end, with the instant at which it was due.
    """
    text = f"{HEAD}objectives: [{{id: quick, duration_below: {below}}}]\n"
    text += 'steps: {doze: {uses: shell.run@1, with: {argv: [sleep, "0.1"]}}}\n'

    told = json.loads(sark(tmp_path, text, "--json").stdout)
    shown = sark(tmp_path, text).stdout

    assert [("quick", missed)] == [(each["id"], each["missed"]) for each in told["objectives"]]
    assert "  quick: due " in shown
    assert missed == (", missed\n" in shown)


def test_inputs_that_do_not_fit_are_all_named(tmp_path: Path) -> None:
    """
    Each wrong or missing input is told; nothing runs.
    """
    done = sark(tmp_path, TYPED, "-i", "count=many")

    assert 1 == done.returncode
    assert "the property `who` is missing" in done.stderr
    assert "/count: expected an integer" in done.stderr


def test_a_failed_run_ends_with_1(tmp_path: Path) -> None:
    """
    Steps are told as they end, on stderr; the summary says what failed and why.
    """
    done = sark(tmp_path, FAIL)

    assert 1 == done.returncode
    assert "break  failed" in done.stderr
    assert "shell.exit in break: the program ended with exit code 3" in done.stdout


def test_a_timeout_cancels_the_run(tmp_path: Path) -> None:
    """
    `--timeout` ends the run, `finally` included, with 3.
    """
    done = sark(tmp_path, SLOW, "--timeout", "0.2")

    assert 3 == done.returncode
    assert "finally.last  succeeded" in done.stderr


def test_ctrl_c_cancels_the_run(tmp_path: Path) -> None:
    """
    Ctrl-C cancels the run, lets `finally` run, and ends with 130.
    """
    soon = "  soon: {set: {a: {type: integer, value: 1}}}\nfinally:"
    (tmp_path / "here.yaml").write_text(SLOW.replace("finally:", soon))
    run = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "run", "here.yaml"],
        cwd=tmp_path, env=surroundings(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stderr is not None
    assert "soon  succeeded" in run.stderr.readline()
    run.send_signal(signal.SIGINT)
    told = run.communicate(timeout=120)[1]

    assert 130 == run.returncode
    assert "Ctrl-C again ends it at once" in told
    assert "finally.last  succeeded" in told


def test_secrets_come_from_the_configuration_and_are_never_shown(tmp_path: Path) -> None:
    """
    A secret reaches the program and is masked in whatever it says; one that is not set is named.
    """
    (tmp_path / "sark.toml").write_text('[secrets.local]\nkey = "env:MY_KEY"\n')
    text = sark(tmp_path, SECRET, MY_KEY="geheim-1234")
    whole = sark(tmp_path, SECRET, "--json", MY_KEY="geheim-1234")
    unset = sark(tmp_path, SECRET)

    assert "it is ***" in text.stdout
    assert "geheim" not in text.stdout + text.stderr + whole.stdout + whole.stderr
    assert 1 == unset.returncode
    assert "the variable MY_KEY is not set" in unset.stdout


def test_variables_reach_the_programs_of_steps(tmp_path: Path) -> None:
    """
    A program sees the variables of its workflow, then of its step, then of `with`; a secret among
    them goes to that program alone, and is never shown.
    """
    (tmp_path / "sark.toml").write_text('[secrets.local]\nkey = "env:KEY_FOR_A_TEST"\n')

    done = sark(tmp_path, VARIABLES, "-i", "who=Ada", "--wait", KEY_FOR_A_TEST="abc123xyz")

    assert 0 == done.returncode, done.stderr
    assert "Ada own nb_NO ***" in done.stdout
    assert "Ada common C none" in done.stdout
    assert "abc123xyz" not in done.stdout + done.stderr


def test_the_resources_of_a_pool_bound_its_programs(tmp_path: Path) -> None:
    """
    A program that needs more memory than its step's pool gives fails; one that does not, does not.
    """
    fits = sark(tmp_path, HEAVY, "-i", "mib=1", "--wait")
    heavy = sark(tmp_path, HEAVY, "-i", "mib=1024", "--wait")

    assert 0 == fits.returncode, fits.stdout + fits.stderr
    assert 1 == heavy.returncode
    assert "shell.exit in hold" in heavy.stdout


def test_what_goes_with_a_server_is_refused(tmp_path: Path) -> None:
    """
    An option that would be ignored is a usage error.
    """
    done = sark(tmp_path, FAIL, "--key", "once")

    assert 2 == done.returncode
    assert "go with NAME, not with a file" in done.stderr


@pytest.mark.parametrize("file", ["gone.json", ".", "here.yaml"])
def test_a_file_of_inputs_that_cannot_be_read_is_a_sentence(tmp_path: Path, file: str) -> None:
    """
    A missing file, a folder, and what is not JSON end with 1 and no traceback.
    """
    done = sark(tmp_path, FAIL, "--inputs-file", file)

    assert 1 == done.returncode
    assert done.stderr.startswith(f"sark: {file}")
    assert "Traceback" not in done.stderr
