"""The habits that a machine can hold: messages of commits, and what runs in CI."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONG = "fix(git): " + "x" * 62


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("fix(git): fold letters in a root\n", True),
        ("feat: start a run\n\nThe body says why.\n", True),
        ("refactor(core)!: name it once\n# Please enter the message\n", True),
        ("fixup! fix(git): fold letters in a root\n", True),
        (LONG, True),
        (f"{LONG}x\n", False),
        ("fix(git): fold letters\nwith no line between\n", False),
        ("git: fold letters in a root\n", False),
        ("more work\n\nfix(git): not the first line\n", False),
    ],
)
def test_the_message_of_a_commit(message: str, passes: bool, tmp_path: Path) -> None:
    """
    A message is a Conventional Commit of 72 columns, or the commit is refused.
    """
    (tmp_path / "message").write_text(message)
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit.languages.pygrep", "--negate", "--multiline",
         pattern(), str(tmp_path / "message")],
        check=False, capture_output=True,
    )  # fmt: skip

    assert passes == (done.returncode == 0)


def pattern() -> str:
    """Return the pattern of the hook, as the configuration has it."""
    lines = (ROOT / ".pre-commit-config.yaml").read_text().splitlines()
    return next(line.strip() for line in lines if line.strip().startswith("\\A"))


def test_what_others_wrote_is_pinned_by_commit() -> None:
    """
    An action runs as the very commit that was looked at, whatever its tag says later.
    """
    told = "".join(each.read_text() for each in (ROOT / ".github" / "workflows").iterdir())
    used = re.findall(r"uses: *(\S+)", told)

    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each) for each in used)


def test_others_can_use_our_hooks() -> None:
    """
    pre-commit takes the hooks that this repository offers.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", ".pre-commit-hooks.yaml"],
        check=False, cwd=ROOT,
    )  # fmt: skip

    assert 0 == done.returncode
