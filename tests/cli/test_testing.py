"""`sark test`: what authors read of their tests, and what programs read."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.test_specs import sark

WORKFLOW = """\
apiVersion: sark/v1
kind: Workflow
name: demo
steps:
  a:
    uses: http.request@1
    with: {method: GET, url: https://x.example/a}
    outputs: {n: {type: integer, from: body.n}}
  b: {uses: echo.say@1, with: {message: "{{ steps.a.outputs.n }}"}}
  c: {uses: echo.say@1, with: {message: bye}, needs: [b], if: steps.a.outputs.n > 1}
"""
TEST = """\
apiVersion: sark/v1
kind: WorkflowTest
name: right
workflow: demo
mock: {a: {outputs: {n: 1}, takes: 90s}}
expect: {run: {state: succeeded}}
"""
WRONG = """\
---
apiVersion: sark/v1
kind: WorkflowTest
name: wrong <&>
workflow: demo
mock: {a: {outputs: {n: 1}}, c: {}}
expect:
  steps: {b: failed, c: succeeded}
coverage: {edges: 1}
""".replace(" <&>", "")
# The elements of the xUnit plugin's junit-10.xsd that are written: what each may hold, what
# attributes it may have, and those that it must.
JUNIT = {
    "testsuites": (
        {"testsuite"},
        {"name", "tests", "failures", "errors", "disabled", "time"},
        set(),
    ),
    "testsuite": (
        {"testcase", "properties", "system-out", "system-err"},
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id"},
        {"name", "tests", "failures", "errors"},
    ),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name", "classname", "time", "assertions", "status", "group"},
        {"name"},
    ),
    "failure": (set(), {"message", "type"}, set()),
    "system-out": (set(), set(), set()),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "demo.yaml").write_text(WORKFLOW)
    (tmp_path / "demo.test.yaml").write_text(TEST)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tests_that_pass(folder: Path) -> None:
    """
    A line for each, how many passed, and of each workflow the edges that none went through.
    """
    done = sark("test")

    assert 0 == done.exit_code
    assert done.stdout.startswith("succeeded  demo  right  ")
    assert "1 of 1 tests passed in " in done.stderr
    assert (
        "demo: 50% of its edges (2 of 4)\n  not taken: a -> c\n  not taken: b -> c\n" in done.stderr
    )


def test_a_test_that_fails_shows_what_happened_beside_what_was_expected(folder: Path) -> None:
    """
    Each expectation that does not hold stands at its line; then comes the course of the run.
    """
    (folder / "demo.test.yaml").write_text(TEST + WRONG)

    done = sark("test")

    assert 1 == done.exit_code
    assert "error[test-failed]: expected b to be failed; it was succeeded\n" in done.stdout
    assert "  --> demo.test.yaml:14:11\n" in done.stdout
    assert (
        "warning[test-unused]: unused mock: the run never called c; it was skipped" in done.stdout
    )
    lines = [
        "  at   step  what happened        expected",
        "  +0s  a     succeeded",
        "  +0s  b     succeeded, no mock   failed ✗",
        "  +0s  c     skipped (condition)  succeeded ✗",
    ]
    assert "\n".join(lines) in done.stdout
    assert "error[test-coverage]: the tests of demo go through 50.0% of its edges" in done.stdout
    assert "1 of 2 tests passed" in done.stderr


def test_the_timeline_of_a_test_that_passes(folder: Path) -> None:
    """
    `--timeline` shows when each step ended on the test's clock.
    """
    assert "  +1m30s  b     succeeded, no mock\n" in sark("test", "--timeline").stdout


def test_a_step_that_the_run_never_came_to(folder: Path) -> None:
    """
    What was expected and never reached stands at the end of the timeline.
    """
    text = WORKFLOW + "  d: {block: {steps: {e: {wait: {for: 1s}}}}, if: 1 > 2}\n"
    (folder / "demo.yaml").write_text(text)
    expect = "expect: {steps: {d.e: succeeded, a: {attempts: 1}, b: {state: succeeded}}}"
    (folder / "demo.test.yaml").write_text(
        TEST.replace("{outputs: {n: 1}, takes: 90s}", "[{error: {type: x, class: transient}}]")
        .replace("expect: {run: {state: succeeded}}", expect)
    )  # fmt: skip

    done = sark("test")

    assert 1 == done.exit_code
    assert "d.e   never reached" in done.stdout
    assert "failed (x), 4 attempts" in done.stdout


def test_a_filter(folder: Path) -> None:
    """
    `--filter` takes the tests whose name holds a text; one that nothing holds is a mistake.
    """
    (folder / "demo.test.yaml").write_text(TEST + WRONG)

    done, none = sark("test", "--filter", "right"), sark("test", "--filter", "left")

    assert 0 == done.exit_code
    assert "1 of 1 tests passed" in done.stderr
    assert "edges" not in done.stderr
    assert 1 == none.exit_code
    assert "sark: no test has 'left' in its name" in none.stderr


def test_a_folder_with_no_test(folder: Path) -> None:
    """
    It is said, and is no failure.
    """
    (folder / "demo.test.yaml").unlink()

    done = sark("test")

    assert 0 == done.exit_code
    assert "sark: no test is here" in done.stderr


def test_a_file_by_itself(folder: Path) -> None:
    """
    Its workflow is looked for below the root of the repository.
    """
    assert 0 == sark("test", "demo.test.yaml").exit_code


def test_a_spec_with_an_error(folder: Path) -> None:
    """
    Nothing is tried out before all specs are right.
    """
    (folder / "demo.yaml").write_text(WORKFLOW.replace("bye", "'{{ steps.x.outputs.y }}'"))

    done = sark("test")

    assert 1 == done.exit_code
    assert "unknown-step" in done.stderr
    assert "sark: specs with errors cannot be tried out" in done.stderr


def test_a_file_beside_the_test(folder: Path) -> None:
    """
    An artifact that a mock names stands beside the test, in whatever folder that is.
    """
    artifact = "artifacts: {log: {path: out.log}}"
    text = WORKFLOW.replace("from: body.n}}", f"from: body.n}}}}\n    {artifact}")
    text = text.replace("http.request@1", "shell.run@1").replace("body.n", "exit_code")
    text = text.replace("{method: GET, url: https://x.example/a}", "{argv: [make]}")
    (folder / "demo.yaml").write_text(text)
    (folder / "demo.test.yaml").unlink()
    (folder / "t").mkdir()
    (folder / "t" / "demo.yaml").write_text(TEST.replace("takes: 90s", "artifacts: {log: a.log}"))

    gone = sark("test")
    (folder / "t" / "a.log").touch()
    there = sark("test")

    assert "error[test-file]: there is no file a.log beside the test" in gone.stdout
    assert (1, 0) == (gone.exit_code, there.exit_code)


@pytest.mark.parametrize("words", [("--json",), ("--format", "json")])
def test_tests_as_json(folder: Path, words: tuple[str, ...]) -> None:
    """
    Programs read each finding with its place, and all edges that are missing.
    """
    (folder / "demo.test.yaml").write_text(TEST + WRONG)

    told = json.loads(sark("test", *words).stdout)

    assert [("right", True), ("wrong", False)] == [(t["name"], t["passed"]) for t in told["tests"]]
    first = told["tests"][1]["findings"][0]
    assert ("test-failed", "error", 14, 11) == tuple(
        first[each] for each in ("code", "severity", "line", "column")
    )
    assert {"demo": {"part": 0.5, "edges": 4, "missing": ["a -> c", "b -> c"]}} == told["coverage"]
    assert ["test-coverage"] == [each["code"] for each in told["findings"]]


def test_tests_as_junit(folder: Path) -> None:
    """
    CI services get XML of the form that they read, with the timeline of what failed.
    """
    text = TEST + WRONG.replace("coverage", "description: 'a <b> & \\x01'\ncoverage")
    (folder / "demo.test.yaml").write_text(text.replace("{n: 1}}, c", '{n: "<&>\\x01"}}, c'))
    wrong_mock = sark("test", "--format", "junit").stdout
    (folder / "demo.test.yaml").write_text(text)

    for written in (wrong_mock, sark("test", "--format", "junit").stdout):
        root = ET.fromstring(written)
        for each in root.iter():
            inner, may, must = JUNIT[each.tag]
            assert {child.tag for child in each} <= inner
            assert must <= set(each.attrib) <= may
        assert "testsuites" == root.tag
        assert [("demo", "2", "1"), ("coverage", "1", "1")] == [
            (each.get("name"), each.get("tests"), each.get("failures")) for each in root
        ]
        assert ("3", "2") == (root.get("tests"), root.get("failures"))
    assert "c     skipped (condition)  succeeded ✗" in written
