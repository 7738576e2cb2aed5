"""A secret that was written into a spec: every command that reads it tells where, none what."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import cli
from tests.cli.test_diff import HELLO, commit
from tests.core.exposed import DRAWN, KEY, SECRETS
from tests.git.repo import Repo

TOKEN = SECRETS["a token of GitHub"]
# Mistakes on the line of a token, and around it, whose findings show and quote what is there.
LEAKY = f"""\
apiVersion: sark/v1
kind: Workflow
name: hello
labels: {{password: "{DRAWN}", a: [{TOKEN}]}}
steps:
  say: {{uses: echo.say@1, with: {{message: hello, {TOKEN}: {TOKEN}}}}}
  {TOKEN}: {{uses: echo.say@1, needs: [{TOKEN}], wiht: {{message: {TOKEN}}}}}
"""
BROKEN = f"{LEAKY}  x: [{TOKEN}\n"
COMMANDS = [
    "check .", "check . --no-cache --format json", "check . --format sarif",
    "check . --format github", "check . --fix --diff", "fmt . --check", "fmt . --diff",
    "plan", "plan --json", "plan --format markdown", "plan --format sarif", "plan --format github",
    "plan HEAD~1..HEAD", "plan flows/hello.yaml", "plan flows/hello.yaml --format mermaid",
    "diff HEAD~1..HEAD", "diff HEAD~1", "diff HEAD~2..HEAD --json", "test flows",
    "preview flows/hello.yaml", "run flows/hello.yaml",
]  # fmt: skip


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    made = Repo(tmp_path / "acme")
    monkeypatch.chdir(made.folder)
    commit(made, HELLO)
    return made


@pytest.mark.parametrize("text", [LEAKY, BROKEN], ids=["read", "broken"])
def test_no_command_prints_it(repo: Repo, text: str):
    """
    Checks, reviews in each form, diffs of text and of meaning, styles and runs: with findings that
    show the very line, in a file that can be read and in one that cannot, on both sides of a
    change.
    """
    commit(repo, text)
    commit(repo, text.replace("hello,", "you,"))
    for words in COMMANDS:
        told = CliRunner().invoke(cli, words.split())

        assert told.exit_code != 2, (words, told.output)
        assert "secret-in-spec" in told.output or not words.startswith("check"), words
        assert [] == [each for each in (TOKEN, DRAWN, TOKEN[-12:]) if each in told.output], words


def test_where_it_stands_is_shown(repo: Repo):
    """
    The finding has line and column, the line with the secret covered, and what to do about it.
    """
    (repo.folder / "flows/hello.yaml").write_text(HELLO.replace("hello}", f"'{TOKEN}'}}"))
    told = CliRunner().invoke(cli, ["check", "flows"])

    assert 1 == told.exit_code
    assert "error[secret-in-spec]: this looks like a token of GitHub" in told.stdout
    assert "--> flows/hello.yaml:5:44\n" in told.stdout
    assert f"message: '{'x' * len(TOKEN)}'" in told.stdout
    assert "have a new one issued, keep that on the server" in told.stdout


def test_the_style_leaves_the_file(repo: Repo):
    """
    `sark fmt` does not rewrite a file with a secret in it: what it would write is not the secret.
    """
    file = repo.folder / "flows/hello.yaml"
    file.write_text(HELLO.replace("hello}", f"   '{TOKEN}'}}"))
    before = file.read_text()
    told = CliRunner().invoke(cli, ["fmt", "flows"])

    assert 1 == told.exit_code
    assert "secret-in-spec" in told.output
    assert before == file.read_text()


def test_a_key_in_a_block_is_covered_line_by_line(repo: Repo):
    """
    Each line of a private key is covered where findings show it.
    """
    lines = "".join(f"  {line}\n" for line in KEY.split("\n"))
    (repo.folder / "flows/hello.yaml").write_text(f"{HELLO}title: x\ntitle: |\n{lines}")
    told = CliRunner().invoke(cli, ["check", "flows"])

    assert "this looks like a private key" in told.stdout
    assert [] == [line for line in KEY.split("\n") if line in told.stdout]
