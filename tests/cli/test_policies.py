"""Policies of a work tree: listed, checked and tested, as a person types it."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.test_specs import sark

SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: hello
steps:
  say: {uses: echo.say@1, with: {message: hello}}
"""
POLICY = """\
rule("owned", "Every workflow has an owner.");
deny("owned", change, "has no owner") if change.is_unowned;
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policies" / "more").mkdir(parents=True)
    (tmp_path / "hello.yaml").write_text(SPEC)
    (tmp_path / "policies" / "more" / "owners.polar").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_rules_are_listed(folder: Path) -> None:
    """
    Each rule is told with what it is for and where it stands.
    """
    assert "owned  Every workflow has an owner.  policies/more/owners.polar:1\n" in (
        sark("policies").stdout
    )
    assert [
        {
            "name": "owned",
            "sentence": "Every workflow has an owner.",
            "file": "policies/more/owners.polar",
            "line": 1,
            "about": "change",
        }
    ] == json.loads(sark("policies", "--json").stdout)


def test_what_is_built_in_is_listed_without_policies(folder: Path) -> None:
    """
    Who has no policy sees the rules that judge; one file without rules turns them off.
    """
    (folder / "policies/more/owners.polar").rename(folder / "owners.polar")
    built_in = sark("policies").stdout
    (folder / "policies/none.polar").write_text("# nothing is asked\n")

    assert "new-secret" in built_in
    assert "built-in/change.polar:3" in built_in
    assert "No rule judges a change here." in sark("policies").stderr


def test_a_mistake_in_a_policy_is_found_by_check(folder: Path) -> None:
    """
    `sark check` shows the line of a policy, again and again until it is mended.
    """
    file = folder / "policies/more/owners.polar"
    file.write_text(POLICY.replace("is_unowned", "is_unownd"))
    first, second = sark("check"), sark("check")
    other = sark("policies")
    file.write_text(POLICY)

    assert (1, 1, 1) == (first.exit_code, second.exit_code, other.exit_code)
    assert first.stdout == second.stdout
    assert "error[policy-fact]: `change` has no fact `is_unownd`" in first.stdout
    assert " --> policies/more/owners.polar:2:49\n" in first.stdout
    assert 'did you mean "is_unowned"?' in first.stdout
    assert "every change would be denied" in other.stderr
    assert 0 == sark("check").exit_code


def test_fixing_specs_hides_no_policy(folder: Path) -> None:
    """
    `sark check --fix` mends specs, and still ends with 1 for a policy.
    """
    (folder / "policies/more/owners.polar").write_text(POLICY + "deny(")
    (folder / "hello.yaml").write_text(SPEC.replace("message:", "mesage:"))
    done = sark("check", "--fix")

    assert 1 == done.exit_code
    assert SPEC == (folder / "hello.yaml").read_text()
    assert "policy-syntax" in done.stdout


def test_a_link_is_no_policy(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """
    What a source would not read does not judge here either.
    """
    outside = tmp_path_factory.mktemp("outside") / "x.polar"
    outside.write_text("broken")
    (folder / "policies/x.polar").symlink_to(outside)

    assert 0 == sark("check").exit_code


def test_what_is_no_plain_file_is_no_policy(folder: Path) -> None:
    """
    A pipe is not waited for, and a link is not followed, be it the folder itself.
    """
    os.mkfifo(folder / "policies" / "pipe.polar")
    piped = sark("policies").stdout
    (folder / "policies").rename(folder / "elsewhere")
    (folder / "policies").symlink_to(folder / "elsewhere")
    linked = sark("policies").stdout

    assert "owned " in piped
    assert "pipe" not in piped
    assert "owned " not in linked
    assert "built-in/change.polar" in linked
