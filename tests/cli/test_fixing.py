"""`sark check --fix`: slips of the finger put right, and nothing else touched."""

import json
from pathlib import Path

from tests.cli.test_specs import sark

WRONG = """\
\ufeffapiVersion: sark/v1
kind: Workflow
name: demo   # a comment stays
inptus:
  count: {type: integer, default: 3}
stpes:
  fetch: {uses: "echo.sya@1", with: {mesage: "ü {{ inputs.cuont }} {{ run.sttus }}"}}
  b: {uses: echo.say@1, needs: [fetc], with: {message: "{{ steps.fetch.outputs.mesage }}"}}
"""
RIGHT = """\
\ufeffapiVersion: sark/v1
kind: Workflow
name: demo   # a comment stays
inputs:
  count: {type: integer, default: 3}
steps:
  fetch: {uses: "echo.say@1", with: {message: "ü {{ inputs.count }} {{ run.status }}"}}
  b: {uses: echo.say@1, needs: [fetch], with: {message: "{{ steps.fetch.outputs.message }}"}}
"""


def test_slips_are_put_right_until_none_is_left(tmp_path: Path) -> None:
    """
    `--fix` mends slips in keys, names, operations and references, and says what it did.
    """
    file = tmp_path / "a.yaml"
    file.write_text(WRONG)

    done = sark("check", "--fix", str(file))

    assert (0, RIGHT) == (done.exit_code, file.read_text())
    assert f"fixed {file}:6:1: stpes is steps now" in done.stderr.splitlines()
    assert 8 == done.stderr.count("fixed ")


def test_a_diff_writes_nothing(tmp_path: Path) -> None:
    """
    `--diff` shows what `--fix` would do; the findings are those of the file as it is.
    """
    file = tmp_path / "a.yaml"
    file.write_text(WRONG)

    done = sark("check", "--diff", str(file))

    assert (1, WRONG) == (done.exit_code, file.read_text())
    assert {"-stpes:", "+steps:"} <= set(done.stdout.splitlines())


def test_a_guess_is_left_to_a_person(tmp_path: Path) -> None:
    """
    A word that is not plainly a slip stays, and is found as before.
    """
    file = tmp_path / "a.yaml"
    text = RIGHT.replace("steps.fetch", "steps.fetch2")
    file.write_text(text)

    done = sark("check", "--fix", "--format", "json", str(file))

    (found,) = json.loads(done.stdout)["findings"]
    assert (1, text) == (done.exit_code, file.read_text())
    assert ("unknown-step", False) == (found["code"], found["fix"]["sure"])


def test_line_ends_stay(tmp_path: Path) -> None:
    """
    A file from Windows keeps its line ends.
    """
    file = tmp_path / "a.yaml"
    file.write_bytes(WRONG.replace("\n", "\r\n").encode())

    sark("check", "--fix", str(file))

    assert RIGHT.replace("\n", "\r\n").encode() == file.read_bytes()


def test_stdin_cannot_be_fixed() -> None:
    """
    There is no file to rewrite: `-` with `--fix` is a wrong use of the command.
    """
    done = sark("check", "--fix", "-", stdin=WRONG)

    assert 2 == done.exit_code


def test_a_remembered_finding_keeps_its_fix(tmp_path: Path) -> None:
    """
    What an earlier check found out is fixed as well as what is found now.
    """
    file = tmp_path / "a.yaml"
    file.write_text(WRONG)
    sark("check", str(tmp_path))

    done = sark("check", "--fix", str(tmp_path))

    assert (0, RIGHT) == (done.exit_code, file.read_text())
