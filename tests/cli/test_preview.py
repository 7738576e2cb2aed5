"""`sark preview`: what a run would come to, before anything is pushed."""

import json
from pathlib import Path

from tests.cli.test_specs import sark
from tests.cli.test_testing import TEST, WORKFLOW


def test_a_workflow_is_tried_out_with_nothing_called(tmp_path: Path):
    """
    The timeline says which step ends when and who has answered for it; programs read the same.
    """
    (tmp_path / "w.yaml").write_text(f"{WORKFLOW}---\n{TEST}")
    told = sark("preview", "demo", str(tmp_path))
    shown = sark("preview", "demo", str(tmp_path), "--json")

    assert 0 == told.exit_code, told.stderr
    assert "+1m30s  a     http.request@1  succeeded, by a mock" in told.stdout
    assert "demo: succeeded after 1m30s" in told.stdout
    assert ["mock", "double", None] == [each["by"] for each in json.loads(shown.stdout)["steps"]]


def test_what_cannot_be_tried_out_says_why(tmp_path: Path):
    """
    A workflow that is not there, an input of none, and a spec with an error end with 1; a wrong
    command with 2.
    """
    file = tmp_path / "w.yaml"
    file.write_text(WORKFLOW)
    unknown = sark("preview", "dem", str(tmp_path))
    unfit = sark("preview", "demo", str(tmp_path), "-i", "x=1")
    usage = sark("preview", "demo", str(tmp_path), "-i", "x")
    file.write_text(WORKFLOW.replace("with:", "wiht:"))
    broken = sark("preview", "demo", str(tmp_path))

    assert [1, 1, 2, 1] == [each.exit_code for each in (unknown, unfit, usage, broken)]
    assert 'did you mean "demo"?' in unknown.stdout
    assert 'the input "x"' in unfit.stdout
    assert "specs with errors cannot be tried out" in broken.stderr


def test_an_environment_gives_its_values(tmp_path: Path):
    """
    Of several environments the one that is named gives its values, by which a run decides.
    """
    for name, count in (("staging", 1), ("production", 5)):
        (tmp_path / f"{name}.yaml").write_text(
            f"apiVersion: sark/v1\nkind: Environment\nname: {name}\nvariables: {{COUNT: {count}}}\n"
        )
    (tmp_path / "w.yaml").write_text(
        "apiVersion: sark/v1\nkind: Workflow\nname: w\nsteps:\n"
        "  few: {uses: echo.say@1, with: {message: x}, if: 'variables.COUNT < 3'}\n"
        "  many: {uses: echo.say@1, with: {message: x}, if: 'variables.COUNT > 3'}\n"
    )

    def done(*words: str) -> dict[str, str]:
        told = sark("preview", "w", str(tmp_path), "--json", *words)
        return {each["path"]: each["state"] for each in json.loads(told.stdout)["steps"]}

    assert {"few": "succeeded", "many": "skipped"} == done("--env", "staging")
    assert {"few": "skipped", "many": "succeeded"} == done("--env", "production")
