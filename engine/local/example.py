"""The example repository: specs that come with the program and need nothing else, in Git."""

import os
import shutil
import subprocess
from pathlib import Path

from engine.errors import Misconfigured
from engine.git.environment import CONFIGURATION, NOTHING, Reach, environment, program

_SPECS = Path(__file__).parents[2] / "specs"
# The others call servers of their own, which a machine that tries them out has not.
_FIRST = ("count-greetings.yaml", "hello.yaml", "release-note.yaml")


def make(folder: Path) -> Path:
    """Return the example repository; make it, with a first commit, if it is not there."""
    if (folder / ".git").exists():
        return folder
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for name in _FIRST:
        shutil.copy(_SPECS / name, half)
    _git(half, "init", "-q", "-b", "main")
    _git(half, "config", "user.name", "SARK example")
    _git(half, "config", "user.email", "example@sark.invalid")
    _git(half, "add", ".")
    _git(half, "commit", "-q", "-m", "Example workflows")
    half.rename(folder)
    return folder


def bundle(folder: Path, file: Path) -> None:
    """Write all that is committed in the repository to one file."""
    _git(folder, "bundle", "create", "-q", str(file), "--all")


def unbundle(file: Path, folder: Path) -> None:
    """Make a repository of what `bundle` has written."""
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    _git(half, "clone", "-q", str(file), ".", to=Reach("file"))
    _git(half, "remote", "remove", "origin")
    half.rename(folder)


def _git(folder: Path, *words: str, to: Reach = NOTHING) -> None:
    """Run git with no settings but ours: a person's hooks and signatures are not for this."""
    if shutil.which("git") is None:
        raise Misconfigured("git is not on PATH; install it")
    ours = environment(to)
    done = subprocess.run(  # nosec B603
        [*program(os.environ, ours), *CONFIGURATION, *words],
        cwd=folder, env={**os.environ, **ours}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Misconfigured(f"git {words[0]} failed in {folder}: {done.stderr.strip()}")
