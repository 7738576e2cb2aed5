"""Real Git repositories in temporary folders, honest ones and hostile ones."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.git.mirror import MAX_FILE, Mirror

# A person's own settings (signatures, hooks, another first branch) are not what is tested.
ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Repo:
    """A repository with a work tree, used as a person would."""

    def __init__(self, folder: Path, hashes: str = "sha1") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", f"--object-format={hashes}")

    @property
    def url(self) -> str:
        return str(self.folder)

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str, data: bytes | None = None) -> str:
        """Run git here and return what it prints."""
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            input=data,
            capture_output=True,
            check=False,
            env={**os.environ, **ENVIRONMENT},
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def commit(
        self, files: Mapping[str, str], message: str = "change", gone: Sequence[str] = ()
    ) -> str:
        """Write files, remove others, commit, and return the commit."""
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        for name in gone:
            (self.folder / name).unlink()
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head

    def commit_tree(self, *entries: tuple[str, str, str, bytes]) -> str:
        """Commit a tree of (mode, kind, content or id, raw name), as no git command would."""
        raw = b""
        for mode, kind, content, name in entries:
            made = content if kind == "id" else self.write(kind, content.encode())
            raw += mode.encode() + b" " + name + b"\0" + bytes.fromhex(made)
        tree = self.write("tree", raw)
        commit = self.git("commit-tree", "-m", "hostile", tree)
        self.git("update-ref", "refs/heads/main", commit)
        return commit

    def write(self, kind: str, data: bytes) -> str:
        """Write an object without git's own checks and return its id."""
        return self.git("hash-object", "-w", "--literally", "-t", kind, "--stdin", data=data)


def spec(name: str, message: str = "hi") -> str:
    """Return a small workflow."""
    return (
        f"apiVersion: sark/v1\nkind: Workflow\nname: {name}\nsteps:\n"
        f"  say:\n    uses: echo.say@1\n    with: {{message: {message}}}\n"
    )


def broken(name: str) -> str:
    """Return a workflow with a misspelt field on line 7."""
    return spec(name).replace("with:", "wiht:")


def contents(mirror: Mirror, commit: str, root: str = ".") -> dict[str, bytes | None]:
    """Return the files of a commit with what is in them."""
    blobs = mirror.tree(commit, root).blobs
    with mirror.objects() as objects:
        data = objects.read(sorted(set(blobs.values())), MAX_FILE)
    return {path: data[blob] for path, blob in blobs.items()}
