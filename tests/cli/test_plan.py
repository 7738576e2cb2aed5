"""`sark plan` in a repository: the review of a change, as a person types it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import cli
from engine.cli.ends import Ends
from engine.core.review import Head
from engine.git.here import here
from engine.source import Cache
from tests.cli.test_diff import HELLO, commit
from tests.git.repo import Repo

YOU = HELLO.replace("message: hello", "message: you")
WRONG = HELLO.replace("uses", "usse")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    made = Repo(tmp_path / "acme")
    monkeypatch.chdir(made.folder)
    return made


def plan(*words: str, env: Mapping[str, str | None] | None = None) -> Result:
    return CliRunner().invoke(cli, ["plan", *words], env=env)


def write(repo: Repo, text: str, name: str = "flows/hello.yaml") -> None:
    (repo.folder / name).write_text(text)


def test_what_is_here_is_reviewed(repo: Repo):
    """
    In a repository `sark plan` tells what the files as they are change, and changes nothing.
    """
    first = commit(repo, HELLO)
    same = plan()
    write(repo, YOU)
    told = plan()

    assert (0, 0) == (same.exit_code, told.exit_code)
    assert f"No workflow changes: the compiled result is that of {first[:7]}.\n" in same.stdout
    assert told.stdout.startswith(
        f"Source   acme   root .\nCompare  {first[:7]} (HEAD)  ->  working tree (1 file)\n"
    )
    assert "  ~ hello                              flows/hello.yaml\n" in told.stdout
    assert "steps.say.with.message           hello -> you\n" in told.stdout
    assert "      in flight  offline\n" in told.stdout
    assert ": 0 to add, 1 to change, 0 to remove. 1 warning.\n" in told.stdout


def test_a_branch_is_reviewed_from_where_it_began(repo: Repo, tmp_path: Path):
    """
    In a clone the base is where HEAD has left the default branch of origin: what others have
    merged since is nothing of this change.
    """
    fork = commit(repo, HELLO)
    clone = Repo(tmp_path / "clone")
    clone.git("remote", "add", "origin", repo.url)
    clone.git("fetch", "-q", "origin")
    clone.git("reset", "-q", "--hard", "origin/main")
    commit(repo, HELLO.replace("hello", "other"), "flows/other.yaml")
    clone.git("fetch", "-q", "origin")
    clone.git("remote", "set-head", "origin", "main")
    commit(clone, YOU)
    told = json.loads(plan("--root", str(clone.folder), "--json").stdout)

    assert {"name": "origin/main", "commit": fork} == told["base"]
    assert {"name": "working tree", "commit": None} == told["head"]
    assert ["hello"] == [each["workflow"] for each in told["workflows"]]


def test_commits_are_reviewed(repo: Repo):
    """
    A..B, A...B and --against say what is compared; a folder may be named as the source's root.
    """
    one = commit(repo, HELLO)
    two = commit(repo, YOU)
    commit(repo, HELLO.replace("hello", "other"), "elsewhere/other.yaml")

    ranged = json.loads(plan(f"{one}..{two}", "flows", "--json").stdout)
    against = json.loads(plan("--against", one, "--root", "flows", "--env", "prod",
                              "--format", "json").stdout)  # fmt: skip

    assert (one, two) == (ranged["base"]["commit"], ranged["head"]["commit"])
    assert ranged["plan"] == against["plan"]
    assert ("acme", "prod", "flows") == tuple(
        against[each] for each in ("source", "environment", "root")
    )


def test_a_pull_request_is_merged_nowhere(repo: Repo, tmp_path: Path):
    """
    --pr fetches a pull request and reviews what its merge would come to; neither the work tree
    nor a branch moves. One that conflicts says so.
    """
    commit(repo, HELLO)
    commit(repo, HELLO.replace("hello", "other"), "flows/other.yaml")
    repo.git("checkout", "-qb", "topic", "HEAD~1")
    commit(repo, YOU)
    repo.git("update-ref", "refs/pull/7/head", "topic")
    repo.git("checkout", "-q", "main")
    clone = tmp_path / "clone"
    repo.git("clone", "-q", repo.url, str(clone))
    told = json.loads(plan("--pr", "7", "--root", str(clone), "--json").stdout)
    merged = plan("--pr", "7", "--root", str(clone))
    commit(repo, HELLO.replace("message: hello", "message: all"))
    conflict = plan("--pr", "7", "--root", str(clone))
    absent = plan("--pr", "8", "--root", str(clone))

    assert 7 == told["pull"]
    assert ["hello"] == [each["workflow"] for each in told["workflows"]]
    assert "(pull request 7)\n" in merged.stdout
    assert HELLO == (clone / "flows/hello.yaml").read_text()
    assert "pull request 7 cannot be merged into origin/HEAD" in str(conflict.exception)
    assert "pull request 8 cannot be fetched" in str(absent.exception)


def test_errors_are_shown_with_their_lines(repo: Repo):
    """
    What does not compile is told as `sark check` does, with the file as the repository has it,
    and what would stay live; the exit code is 1, and the machine formats have it, too.
    """
    first = commit(repo, HELLO)
    write(repo, WRONG)
    told, marks = plan("--root", "flows"), plan("--format", "github", "--root", "flows")
    sarif = json.loads(plan("--format", "sarif", "--root", "flows").stdout)
    markdown = plan("--format", "markdown")

    assert 1 == told.exit_code == marks.exit_code == markdown.exit_code
    assert "unknown-key" in told.stdout
    assert " --> flows/hello.yaml:5:9\n" in told.stdout
    assert "5 |   say: {usse: echo.say@1" in told.stdout
    assert told.stdout.endswith(f" in 1 of 1 changed file. {first[:7]} would stay active.\n")
    assert marks.stdout.startswith("::error file=flows/hello.yaml,line=")
    assert "error" == sarif["runs"][0]["results"][0]["level"]
    assert "This commit would not be activated\n" in markdown.stdout


def test_exit_codes_tell_what_a_script_wants_to_know(repo: Repo):
    """
    0 is valid, 3 waits for a person; with --detailed-exitcode 2 is a change and 0 is none.
    """
    for number in range(7):
        commit(repo, HELLO.replace("name: hello", f"name: w{number}"), f"flows/w{number}.yaml")
    none = plan("--detailed-exitcode")
    write(repo, YOU.replace("name: hello", "name: w0"), "flows/w0.yaml")
    change = plan("--detailed-exitcode")
    for number in range(1, 7):
        (repo.folder / f"flows/w{number}.yaml").unlink()
    held = plan("--detailed-exitcode")

    assert (0, 2, 3) == (none.exit_code, change.exit_code, held.exit_code)
    assert "It removes 6 of 7 workflows: the merge commit must say Sark-Prune: 6\n" in held.stdout


def test_colour_is_for_terminals(repo: Repo):
    """
    Lines are coloured where colour is wanted, and --no-color has the last word.
    """
    commit(repo, HELLO)
    write(repo, YOU)
    wanted = {"FORCE_COLOR": "1", "NO_COLOR": None}

    assert "\x1b[33m  ~ hello" in plan(env=wanted).stdout
    assert "\x1b" not in plan("--no-color", env=wanted).stdout
    assert "\x1b" not in plan().stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("HEAD..HEAD", "--format", "svg"), "is a picture of a PATH, and this is a review"),
        (("flows", "--format", "markdown"), "is of a review, and PATH names specs"),
        (("HEAD..HEAD", "--against", "HEAD"), "name one of RANGE, --against and --pr"),
        (("HEAD..HEAD", "--pr", "7"), "name one of RANGE, --against and --pr"),
        (("HEAD..HEAD", "flows", "flows"), "a review is of one folder"),
        (("HEAD..HEAD", "flows", "--root", "flows"), "a review is of one folder"),
        (("HEAD..HEAD", "nowhere"), "'nowhere' is none"),
        (("--against", "nowhere"), "the repository has no commit 'nowhere'"),
        (("HEAD...alone",), "have no commit in common"),
        (("--against", "alone", "--pr", "1"), "pull request 1 cannot be fetched"),
    ],
)
def test_what_cannot_be_reviewed_says_why(repo: Repo, words: tuple[str, ...], told: str):
    """
    Words that contradict each other, and names of nothing, are told in a sentence.
    """
    commit(repo, HELLO)
    repo.git("checkout", "-q", "--orphan", "alone")
    commit(repo, YOU)
    repo.git("checkout", "-q", "main")
    done = plan(*words)

    assert 0 != done.exit_code
    assert told in done.output + str(done.exception)


def test_what_has_not_changed_is_compiled_once(repo: Repo):
    """
    Of many specs of which one changes, both ends together compile one more than there are.
    """
    for number in range(5):
        write_to = f"flows/w{number}.yaml"
        first = commit(repo, HELLO.replace("name: hello", f"name: w{number}"), write_to)
    write(repo, YOU, "flows/w0.yaml")
    cache = Cache()
    reader = Ends(here(repo.folder), _cache=cache)
    reader.of_commit(Head("HEAD", first))
    before = len(cache.units)
    reader.of_folder()

    assert (5, 6) == (before, len(cache.units))


def test_files_of_a_repository_of_longer_hashes_are_known_again(tmp_path: Path):
    """
    The same holds where Git names contents by SHA-256.
    """
    repo = Repo(tmp_path / "long", "sha256")
    first = commit(repo, HELLO)
    cache = Cache()
    reader = Ends(here(repo.folder), _cache=cache)
    reader.of_commit(Head("HEAD", first))
    reader.of_folder()

    assert 1 == len(cache.units)


def test_policies_of_the_base_judge_what_is_here(repo: Repo):
    """
    What policies say stands in the plan and ends it with 3; those that the change itself brings
    judge nothing yet, and what they would decide otherwise is told.
    """
    ask = 'rule("ask", "Ask.");\napproval("ask", change, "acme/ops", "it changes") if {};\n'
    repo.commit({"policies/a.polar": ask.format("change.kind = change.kind")})
    commit(repo, HELLO)
    write(repo, YOU)
    asked = plan()
    write(repo, ask.format('change.kind = "removed"'), "policies/a.polar")
    loosened = plan("--json")

    assert 3 == asked.exit_code
    assert "  approval   ask                          acme/ops  hello  it changes\n" in asked.stdout
    told = json.loads(loosened.stdout)
    assert ("ask", "needs approval") == (
        told["rulings"][0]["rule"], told["rulings"][0]["effect"],
    )  # fmt: skip
    assert 1 <= len(told["flips"])
    assert 3 == loosened.exit_code


def test_what_is_here_is_what_a_commit_would_have(repo: Repo):
    """
    Files that Git ignores are not reviewed, nor are links that nobody would commit; a tracked file
    or a spec that is a link is refused as the reconciler refuses it, and nothing of it is shown.
    """
    repo.commit({".gitignore": "vendor/\n*.lnk\n"})
    commit(repo, HELLO)
    (repo.folder / "vendor").mkdir()
    write(repo, WRONG, "vendor/theirs.yaml")
    (repo.folder / "flows/.#hello.yaml").symlink_to("nobody@nowhere")
    same = plan()
    (repo.folder.parent / "secret.yaml").write_text("password: hunter2\n")
    (repo.folder / "flows/out.yaml").symlink_to(repo.folder.parent / "secret.yaml")
    linked = plan()

    assert (0, True) == (same.exit_code, "No workflow changes" in same.stdout), same.output
    assert 1 == linked.exit_code
    assert "'flows/out.yaml' is a symbolic link" in str(linked.exception)
    assert "hunter2" not in linked.output + str(linked.exception)


def test_large_files_are_said_of_specs_alone(repo: Repo):
    """
    A picture beside the specs may be large; a spec may not, in a commit or out of one.
    """
    repo.commit({"flows/picture.png": "x" * (300 << 10)})
    commit(repo, HELLO)
    fine = plan()
    write(repo, f"{HELLO}# {'x' * (300 << 10)}\n", "flows/large.yaml")
    here_, first = plan("--json"), repo.git("rev-parse", "HEAD").strip()
    repo.git("add", "-A")
    repo.git("commit", "-qm", "large")
    there = plan(f"{first}..HEAD", "--json")

    assert 0 == fine.exit_code, fine.exception
    for each in (here_, there):
        (found,) = json.loads(each.stdout)["findings"]
        assert ("spec-too-large", "flows/large.yaml") == (found["code"], found["file"])
        assert 1 == each.exit_code


def test_what_a_sparse_checkout_leaves_out_is_not_gone(repo: Repo):
    """
    Folders that are not checked out are told as the index has them: no removal, and a template in
    one of them is found.
    """
    templated = (
        HELLO.replace("name: hello", "name: other")
        .replace("uses: echo.say@1", "uses: text.render@1")
        .replace("{message: hello}", "{template: beside/text.j2}")
    )
    (repo.folder / "beside").mkdir()
    (repo.folder / "beside/text.j2").write_text("hi")
    commit(repo, templated, "far/other.yaml")
    first = commit(repo, HELLO)
    repo.git("sparse-checkout", "set", "--cone", "flows")
    same = plan()
    write(repo, YOU)
    told = plan("--format", "json")

    assert not (repo.folder / "far").exists()
    assert f"No workflow changes: the compiled result is that of {first[:7]}.\n" in same.stdout
    (change,) = json.loads(told.stdout)["workflows"]
    assert ("hello", "changed") == (change["workflow"], change["kind"])


def test_owners_of_what_changes_are_told(repo: Repo):
    """
    `sark plan` tells whose the files are by the base, and asks them where a policy does; a
    `CODEOWNERS` that is changed here does not count.
    """
    (repo.folder / ".github").mkdir(parents=True)
    (repo.folder / ".github/CODEOWNERS").write_text("/flows/ @acme/core @dana\n")
    (repo.folder / "policies").mkdir()
    (repo.folder / "policies/a.polar").write_text(
        'rule("owned", "Owners approve.");\n'
        'approval("owned", change, group, ["is theirs"]) if group in change.owner_groups;\n'
    )
    first = commit(repo, HELLO)
    write(repo, YOU)
    told = plan()
    (repo.folder / ".github/CODEOWNERS").unlink()
    gone = plan()
    second = commit(repo, YOU)
    committed = plan(f"{first}..{second}")

    assert (3, 3, 3) == (told.exit_code, gone.exit_code, committed.exit_code)
    assert (
        f"Owners   by .github/CODEOWNERS of {first[:7]}\n"
        "  acme/core or @dana           flows/hello.yaml\n"
    ) in told.stdout
    assert "another CODEOWNERS" not in told.stdout
    for each in (gone, committed):
        assert "  another CODEOWNERS comes with this change, and does not count\n" in each.stdout
    assert "  approval   owned                        acme/core or @dana  hello  is theirs" in (
        told.stdout
    )
