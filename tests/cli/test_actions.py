"""`sark plan --github-actions`, against local Git and a small forge on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.cli import cli
from tests.cli.test_diff import HELLO, commit
from tests.git.repo import Repo

BOT = "github-actions[bot]"
REPOSITORY = "acme/workflows"
ROOT = Path(__file__).parents[2]


class Forge(ThreadingHTTPServer):
    """Keeps the comments of pull request 7. `status` is what it answers to writing."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[dict[str, Any]] = []
        self.status = 201
        self.login = BOT
        self.is_json = True
        self.tokens: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def say(self, login: str, body: str) -> None:
        self.comments.append({"id": len(self.comments), "user": {"login": login}, "body": body})


class _Handler(BaseHTTPRequestHandler):
    server: Forge

    def do_GET(self) -> None:
        place, _, query = self.path.partition("?")
        if place == "/user":  # as for the token of a job
            status = 403 if self.server.login == BOT else 200
            return self._answer(status, {"login": self.server.login})
        assert place == f"/repos/{REPOSITORY}/issues/7/comments"
        page = int(query.rpartition("&page=")[2]) if "&page=" in query else 1
        rest = self.server.comments[100 * page - 100 :]
        url = f"{self.server.url}{place}?per_page=100&page={page + 1}"
        self._answer(200, rest[:100], f'<{url}>; rel="next"' if len(rest) > 100 else "")

    def do_POST(self) -> None:
        body = self._body()
        if self.server.status < 400:
            self.server.say(self.server.login, body)
        self._answer(self.server.status, {"id": len(self.server.comments)})

    def do_PATCH(self) -> None:
        self.server.comments[int(self.path.rpartition("/")[2])]["body"] = self._body()
        self._answer(200, {"id": 1})

    def _body(self) -> str:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return str(told["body"])

    def _answer(self, status: int, body: object, link: str = "") -> None:
        self.server.tokens.add(self.headers["Authorization"])
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if link:
            self.send_header("Link", link)
        if status == 307:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode() if self.server.is_json else b"<html>")

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of a test free of requests."""


@pytest.fixture
def forge() -> Iterator[Forge]:
    with Forge() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """Return a repository whose HEAD is the merge of a pull request, as a job has it."""
    made = Repo(tmp_path / "repo")
    commit(made, HELLO)
    made.git("checkout", "-qb", "topic")
    commit(made, HELLO.replace("message: hello", "message: you"))
    made.git("checkout", "-q", "main")
    commit(made, HELLO.replace("hello", "other"), "flows/other.yaml")
    made.git("merge", "-q", "--no-ff", "topic", "-m", "merge")
    monkeypatch.chdir(made.folder)
    return made


def job(repo: Repo, forge: Forge, *words: str, event: object = None, **more: str) -> Result:
    place = repo.folder.parent
    pull = {
        "number": 7,
        "draft": True,
        "base": {"ref": "main"},
        "head": {"ref": "topic", "sha": "c" * 40, "repo": {"full_name": "fork/workflows"}},
    }
    (place / "event.json").write_text(json.dumps(event or {"pull_request": pull}))
    told = {
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_API_URL": forge.url,
        "GITHUB_TOKEN": "t0k",
        "GITHUB_EVENT_PATH": str(place / "event.json"),
        "GITHUB_STEP_SUMMARY": str(place / "summary.md"),
        **more,
    }
    return CliRunner().invoke(
        cli, ["plan", "--github-actions", "--root", "flows", *words], env=told
    )


def summary(repo: Repo) -> str:
    return (repo.folder.parent / "summary.md").read_text()


def test_a_job_writes_one_comment_and_writes_it_again(repo: Repo, forge: Forge):
    """
    The pull request gets one comment, which the next job edits; what others wrote under the same
    mark is left alone. The summary of the job is the same text, with no command that nobody hears.
    """
    marker = f"<!-- sark:plan v1 source={REPOSITORY}/flows/prod -->"
    for number in range(120):
        forge.say("stranger", f"{marker} {number}")
    first = job(repo, forge, "--env", "prod")
    again = job(repo, forge, "HEAD^1..HEAD", "--env", "prod")
    (comment,) = [each["body"] for each in forge.comments if each["user"]["login"] == BOT]

    assert (0, 0) == (first.exit_code, again.exit_code), first.output
    assert {"Bearer t0k"} == forge.tokens
    assert 121 == len(forge.comments)
    assert comment.startswith(f"{marker}\n### SARK plan: 1 changed\n")
    assert f"(https://github.com/{REPOSITORY}/blob/{'c' * 40}/flows/hello.yaml)" in comment
    assert "From a fork: checked without running anything" in comment
    assert "base `main@" in comment
    assert "/sark" not in comment
    assert summary(repo).endswith(comment)


def test_errors_are_marked_at_their_lines(repo: Repo, forge: Forge):
    """
    What is wrong shows in the diff, and the job fails.
    """
    repo.git("checkout", "-qb", "wrong")
    commit(repo, HELLO.replace("uses", "usse"))
    done = job(repo, forge)

    assert 1 == done.exit_code
    assert done.stdout.startswith("::error file=flows/hello.yaml,line=5,")
    assert "This commit would not be activated" in forge.comments[0]["body"]


def test_a_push_has_a_summary_and_no_comment(repo: Repo, forge: Forge):
    """
    Where no pull request has set the job off, nothing is commented.
    """
    done = job(repo, forge, event={"ref": "refs/heads/main"})

    assert (0, []) == (done.exit_code, forge.comments)
    assert "### SARK plan: 1 changed" in summary(repo)


@pytest.mark.parametrize(
    ("status", "told"),
    [(403, "a job may with `permissions: pull-requests: write`"),
     (404, "GitHub answered 404 Not Found to POST /repos/acme/workflows/issues/7/comments"),
     (307, "the repository has moved"), (500, "500"), (0, "says that it is JSON, and is not"),
     (-1, "GitHub: GET /repos/acme/workflows/issues/7/comments")],
)  # fmt: skip
def test_a_comment_that_may_not_be_is_a_notice(repo: Repo, forge: Forge, status: int, told: str):
    """
    A job that may only read, as that of a fork, says so and passes; its summary is there.
    """
    forge.status, forge.is_json = status, status != 0
    more = {"GITHUB_API_URL": "http://127.0.0.1:9"} if status < 0 else {}
    done = job(repo, forge, **more)

    assert 0 == done.exit_code
    assert "::notice title=sark plan::no comment: " in done.stdout
    assert told in done.stdout
    assert "1 changed" in summary(repo)


def test_a_token_of_somebody_else_edits_its_own_comment(repo: Repo, forge: Forge):
    """
    With a token that is not the job's, the comment is that of whoever it belongs to, and one.
    """
    forge.login = "reviewer"
    job(repo, forge)
    job(repo, forge)

    assert ["reviewer"] == [each["user"]["login"] for each in forge.comments]


def test_a_token_is_not_sent_in_the_clear(repo: Repo, forge: Forge):
    """
    An API by plain HTTP at another machine gets no token.
    """
    done = job(repo, forge, GITHUB_API_URL="http://github.example/api")

    assert "no comment: GITHUB_API_URL: a token is sent over http to a loopback" in done.stdout
    assert "t0k" not in done.output


def test_a_job_without_a_token_comments_nothing(repo: Repo, forge: Forge):
    """
    Whoever wants no comment gives no token.
    """
    done = job(repo, forge, GITHUB_TOKEN="", GITHUB_STEP_SUMMARY="")

    assert (0, set()) == (done.exit_code, forge.tokens)


def test_it_is_for_jobs(repo: Repo, forge: Forge):
    """
    Outside of a job, and with an event that cannot be read, the command says what is missing.
    """
    (repo.folder.parent / "bad.json").write_text("{")
    none = job(repo, forge, GITHUB_REPOSITORY="")
    bad = job(repo, forge, GITHUB_EVENT_PATH=str(repo.folder.parent / "bad.json"))

    assert "GITHUB_REPOSITORY is not owner/name" in str(none.exception)
    assert "GITHUB_EVENT_PATH is no JSON" in str(bad.exception)


def test_the_action_calls_what_there_is(repo: Repo, forge: Forge, tmp_path: Path):
    """
    The script of the action runs: with pipx put in its place by one that knows where we are.
    """
    import os
    import subprocess
    import sys

    from ruamel.yaml import YAML

    told = YAML(typ="safe").load((ROOT / ".github/actions/plan/action.yml").read_text())
    (step,) = told["runs"]["steps"]
    pipx = tmp_path / "bin" / "pipx"
    pipx.parent.mkdir()
    pipx.write_text(f'#!/bin/sh\nshift 4\nexec {sys.executable} -m engine.cli "$@"\n')
    pipx.chmod(0o755)
    done = subprocess.run(
        ["bash", "-ec", step["run"]], cwd=repo.folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{pipx.parent}:{os.environ['PATH']}", "SARK_PLAN_ROOT": "flows",
             "SARK_PLAN_ENV": "", "SARK_PLAN_RANGE": told["inputs"]["range"]["default"],
             "SARK_PLAN_PACKAGE": "sark-engine", "GITHUB_REPOSITORY": REPOSITORY,
             "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    assert "### SARK plan: 1 changed" in (tmp_path / "summary.md").read_text()
    assert set(told["inputs"]) == {"root", "environment", "range", "token", "package"}
