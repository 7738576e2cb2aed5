"""`sark check`, `plan`, `schema`, `explain`, `init`: what the files tell, with no server."""

import json
import re
from pathlib import Path
from typing import cast

import click
import pytest
from click.testing import CliRunner, Result

from engine.cli import cli
from engine.cli.output import guarded
from engine.core.compiler.codes import CODES

ROOT = Path(__file__).parents[2]
GOOD = """\
apiVersion: sark/v1
kind: Workflow
name: demo
steps:
  a: {uses: echo.say@1, with: {message: hi}}
  b: {uses: echo.say@1, with: {message: "{{ steps.a.outputs.message }}"}, needs: [a]}
finally:
  steps:
    c: {uses: echo.say@1, with: {message: "{{ run.status }}"}}
"""
BAD = GOOD.replace("message: hi", "mesage: hi")


def sark(*words: str, stdin: str | None = None) -> Result:
    """Run a command as the shell would, exit code included."""
    return CliRunner().invoke(
        cast(click.Command, _guarded), list(words), input=stdin, prog_name="sark"
    )


class _Guarded:
    """The command line with its guard, in the form that the runner takes."""

    name = "sark"

    def main(self, args: list[str], prog_name: str, **_: object) -> None:
        guarded(lambda: cli.main(args, prog_name=prog_name, standalone_mode=False))


_guarded = _Guarded()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "bad.yaml").write_text(BAD)
    return tmp_path


def test_a_good_folder_has_no_finding(folder: Path) -> None:
    """
    A folder is searched for specs; names that begin with a dot are passed over.
    """
    done = sark("check", str(folder))

    assert 0 == done.exit_code
    assert "no finding in 1 file" in done.stderr


def test_a_file_that_is_named_is_checked_wherever_it_is(folder: Path) -> None:
    """
    A hidden folder that a person names is a folder like any other.
    """
    done = sark("check", str(folder / ".hidden"))

    assert 1 == done.exit_code
    assert "unknown-argument" in done.stdout
    assert "1 file" in done.stderr


def test_findings_as_json(folder: Path) -> None:
    """
    `check --format json` prints every finding with its place, and how many files there were.
    """
    (folder / "bad.yaml").write_text(BAD)
    done = sark("check", str(folder), "--format", "json")
    told = json.loads(done.stdout)

    assert 1 == done.exit_code
    assert 2 == told["files"]
    first = told["findings"][0]
    assert {"code", "severity", "message", "file", "line", "column", "hint"} <= set(first)
    assert str(folder / "bad.yaml") == first["file"]


@pytest.mark.parametrize("format_", ["sarif", "github", "text"])
def test_findings_for_others(folder: Path, format_: str) -> None:
    """
    The same findings as SARIF, as annotations, and as text with a caret.
    """
    (folder / "bad.yaml").write_text(BAD)
    done = sark("check", str(folder), "--format", format_)

    assert 1 == done.exit_code
    assert {"sarif": '"2.1.0"', "github": "::error file=", "text": "^^^"}[format_] in done.stdout


def test_stdin_is_checked() -> None:
    """
    `-` reads a spec from standard input.
    """
    assert 0 == sark("check", "-", stdin=GOOD).exit_code
    assert 1 == sark("check", "-", stdin=BAD).exit_code


def test_what_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    """
    A path that does not exist ends with code 2 and says so.
    """
    done = sark("check", str(tmp_path / "gone"))

    assert 2 == done.exit_code
    assert "there is no file or folder" in done.stderr


def test_a_file_is_checked_once_however_often_it_is_named(folder: Path) -> None:
    """
    A file and the folder that it is in are one workflow, and no duplicate.
    """
    done = sark("check", str(folder / "good.yaml"), str(folder), f"{folder}/./good.yaml")

    assert (0, "no finding in 1 file\n") == (done.exit_code, done.stderr)


def test_a_folder_without_specs_is_said(tmp_path: Path) -> None:
    """
    A path that was mistyped does not pass in silence.
    """
    done = sark("check", str(tmp_path), "--format", "json")

    assert (0, 0) == (done.exit_code, json.loads(done.stdout)["files"])
    assert f"no spec (*.yaml, *.yml) is below {tmp_path}" in done.stderr


def test_what_is_no_text_is_a_finding(tmp_path: Path) -> None:
    """
    A binary file is refused with a place, and steers no terminal.
    """
    (tmp_path / "image.yaml").write_bytes(b"\x89PNG\r\n\x1b[31m\x00\xff")
    done = sark("check", str(tmp_path))

    assert 1 == done.exit_code
    assert "error[not-utf-8]" in done.stdout
    assert "\x1b" not in done.stdout


def test_sarif_is_what_github_takes(folder: Path) -> None:
    """
    Each result names a rule of the tool, a level, a sentence, and a place in a file.
    """
    (folder / "bad.yaml").write_text(BAD)
    log = json.loads(sark("check", str(folder), "--format", "sarif").stdout)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]

    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    assert run["results"]
    for result in run["results"]:
        assert result["ruleId"] == rules[result["ruleIndex"]]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].endswith(".yaml")
        assert place["region"]["startLine"] > 0


@pytest.mark.parametrize("path", [[], ["."], ["./"]])
@pytest.mark.parametrize("format_", ["github", "sarif", "text"])
def test_a_file_is_named_by_its_bare_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: list[str], format_: str
) -> None:
    """
    What is found in this folder is told of `a.yaml` and not of `./a.yaml`, of which a forge knows
    no file.
    """
    (folder / "a.yaml").write_text("x: 1\n")
    monkeypatch.chdir(folder)

    told = sark("check", *path, "--format", format_).stdout

    assert "a.yaml" in told
    assert "./" not in told


def test_annotations_of_github_are_one_line_each(folder: Path) -> None:
    """
    What a name or message holds cannot end a workflow command or begin another.
    """
    (folder / "a,b:c%.yaml").write_text(BAD)
    told = sark("check", str(folder / "a,b:c%.yaml"), "--format", "github").stdout.splitlines()

    assert told
    assert [] == [line for line in told if not line.startswith(("::error ", "::warning "))]
    assert "a%2Cb%3Ac%25.yaml,line=5," in told[0]


def test_a_plan_is_a_tree(tmp_path: Path) -> None:
    """
    A step stands below the last that it waits for; others are named, `*` for what was inferred.
    """
    steps = {"a": "", "b": "", "c": "needs: [a], ", "d": "needs: [a], ", "e": "needs: [c, b], "}
    said = "{{ steps.d.outputs.message }}"
    body = "".join(
        f'  {n}: {{uses: echo.say@1, {k}with: {{message: "{said if n == "e" else n}"}}}}\n'
        for n, k in steps.items()
    )
    file = tmp_path / "tree.yaml"
    file.write_text(f"apiVersion: sark/v1\nkind: Workflow\nname: tree\nsteps:\n{body}")
    told = sark("plan", str(file)).stdout.splitlines()
    drawn = [line[2:8].rstrip() for line in told[5:10]]

    assert ["● a", "├─ c", "│  ↓ e", "└─ d", "● b"] == drawn
    assert "after b, d*" in told[7]


def test_a_plan_shows_steps_edges_and_digest(folder: Path) -> None:
    """
    `sark plan` tells what runs after what; inferred edges are marked.
    """
    done = sark("plan", str(folder / "good.yaml"))

    assert 0 == done.exit_code
    assert "● a" in done.stdout
    assert "↓ b" in done.stdout
    assert "finally" in done.stdout
    (encoded,) = json.loads(sark("plan", str(folder / "good.yaml"), "--json").stdout)
    assert encoded["digest"][:12] in done.stdout
    assert (12, "0s") == (encoded["bounds"]["adapter_calls"], encoded["bounds"]["undoing"])
    assert "adapter calls  12" in done.stdout


def test_a_plan_tells_when_the_clock_starts_it(tmp_path: Path) -> None:
    """
    `--at` shows the next three starts from any instant on, and says how one is written.
    """
    file = tmp_path / "nightly.yaml"
    file.write_text(
        "apiVersion: sark/v1\nkind: Workflow\nname: nightly\ntriggers: {night: {type: schedule,"
        " cron: '30 2 * * *', timezone: Europe/Oslo}}\n"
        "steps: {a: {uses: echo.say@1, with: {message: a}}}\n"
    )
    told = sark("plan", str(file), "--at", "2026-03-28T12:00:00Z")
    now = sark("plan", str(file))
    wrong = sark("plan", str(file), "--at", "2026-03-28")

    assert (
        "  next     night: 2026-03-29T03:00:00+02:00, 2026-03-30T02:30:00+02:00,"
        " 2026-03-31T02:30:00+02:00"
    ) in told.stdout.splitlines()
    assert 3 == now.stdout.count("T02:30:00+") + now.stdout.count("T03:00:00+")
    assert (2, True) == (wrong.exit_code, "'2026-03-28' does not match" in wrong.output)


@pytest.mark.parametrize(
    ("format_", "begin", "edge"),
    [
        ("mermaid", "flowchart TB", "n2 --> n3"),
        ("dot", 'digraph "demo" {', "n2 -> n3;"),
        ("svg", "<svg ", 'class="line needs"'),
    ],
)
def test_a_plan_is_a_picture(folder: Path, format_: str, begin: str, edge: str) -> None:
    """
    `sark plan --format` draws a workflow for whoever looks at it where.
    """
    drawn = sark("plan", str(folder / "good.yaml"), "--format", format_).stdout

    assert drawn.startswith(begin)
    assert edge in drawn


def test_an_svg_is_of_one_workflow(folder: Path) -> None:
    """
    Two pictures are no file: whoever asks for them is told to name one.
    """
    (folder / "other.yaml").write_text(GOOD.replace("name: demo", "name: other"))
    done = sark("plan", str(folder), "--format", "svg")

    assert 2 == done.exit_code
    assert "svg is of one workflow; PATH has 2: name one file" in done.stderr


def test_a_plan_of_a_broken_spec_shows_its_findings(folder: Path) -> None:
    """
    What cannot be compiled has no plan, and says why.
    """
    (folder / "bad.yaml").write_text(BAD)
    done = sark("plan", str(folder / "bad.yaml"))

    assert 1 == done.exit_code
    assert "unknown-argument" in done.stderr


def test_codes_are_explained() -> None:
    """
    `sark explain CODE` prints the rule; a wrong code gets a suggestion.
    """
    assert "unknown-argument" in sark("explain", "unknown-argument").stdout
    done = sark("explain", "unknown-argumnt")
    assert 1 == done.exit_code
    assert "did you mean unknown-argument?" in done.stderr


def test_every_code_is_explained_and_has_its_place_in_the_reference() -> None:
    """
    Whatever `sark check` and `sark test` may say can be looked up, here and in the docs.
    """
    page = (ROOT / "docs" / "reference" / "errors.md").read_text()

    assert [f"{code}\n\n{told}\n" for code, told in CODES.items()] == [
        sark("explain", code).stdout for code in CODES
    ]
    assert sorted(CODES) == [line[3:] for line in page.splitlines() if line.startswith("## ")]


def test_init_writes_a_repository_that_checks(tmp_path: Path) -> None:
    """
    What `sark init` writes has no finding, an editor finds its schema, and nothing is overwritten.
    """
    assert 0 == sark("init", str(tmp_path / "new")).exit_code
    spec = tmp_path / "new" / "workflows" / "hello.yaml"
    schema = spec.read_text().splitlines()[0].partition("$schema=")[2]
    assert (spec.parent / schema).is_file()
    assert 0 == sark("check", str(tmp_path / "new")).exit_code
    again = sark("init", str(tmp_path / "new"))
    assert 1 == again.exit_code
    assert "overwrites nothing" in again.stderr


def test_a_wrong_command_gets_a_suggestion() -> None:
    """
    A mistyped command is a usage error that names the one you meant.
    """
    done = sark("chekc")

    assert 2 == done.exit_code
    assert "Did you mean 'check'?" in done.stderr


def test_a_wrong_option_gets_a_suggestion() -> None:
    """
    A mistyped option is a usage error that names the one you meant.
    """
    done = sark("check", "--fromat", "json")

    assert 2 == done.exit_code
    assert re.search(r"Did you mean .*'--format'", done.stderr)


def test_colour_is_for_those_who_want_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Piped there is none; FORCE_COLOR brings it, and NO_COLOR has the last word.
    """
    words = ("check", str(folder / ".hidden"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert "\x1b" not in sark(*words).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in sark(*words).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in sark(*words).stdout


def test_the_schema_is_printed() -> None:
    """
    `sark schema` prints JSON Schema 2020-12.
    """
    told = json.loads(sark("schema").stdout)

    assert "https://json-schema.org/draft/2020-12/schema" == told["$schema"]
