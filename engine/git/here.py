"""The repository that a person works in: commits by the names that he has for them. Read only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Invalid
from engine.git.command import Runner, first
from engine.git.objects import Objects
from engine.git.tree import Tree, inside, listed

_MARK = ".git"


@dataclass(frozen=True, slots=True)
class Here:
    """The repository around a folder; `root` is that folder, as paths in the repository begin."""

    runner: Runner
    root: str

    def commit(self, name: str) -> str:
        """Return the commit that a name means, as `HEAD~1` or a tag; raise Invalid for none."""
        answer = self.runner.ask(
            ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], 60
        )
        if answer.status != 0:
            raise Invalid(f"the repository has no commit {name!r}: {_why(answer.told)}")
        return answer.out.decode().strip()

    def fork(self, one: str, other: str) -> str:
        """Return the last commit that two have in common; raise Invalid if they have none."""
        answer = self.runner.ask(["merge-base", "--end-of-options", one, other], 60)
        if answer.status != 0:
            raise Invalid(f"{one[:12]} and {other[:12]} have no commit in common")
        return answer.out.decode().strip()

    def tree(self, commit: str) -> Tree:
        """Return the files of a commit below the root; raise Refused for what a source has not."""
        where = ["--", inside(self.root)] if self.root else []
        told = self.runner.run("ls-tree", "-r", "-z", "--full-tree", commit, *where)
        return listed(commit, self.root, told)

    def contents(self, tree: Tree, limit: int) -> Mapping[str, bytes | None]:
        """Return what each file holds by its path; None for one of more than `limit` bytes."""
        with Objects(self.runner) as objects:
            found = objects.read(sorted(set(tree.blobs.values())), limit)
        return {path: found[blob] for path, blob in tree.blobs.items()}


def here(folder: Path) -> Here:
    """Return the repository that a folder is in; raise Invalid if it is in none."""
    place = folder.resolve()
    top = next((each for each in (place, *place.parents) if (each / _MARK).exists()), None)
    if top is None:
        raise Invalid(f"{folder} is in no Git repository")
    root = place.relative_to(top).as_posix()
    return Here(Runner(top / _MARK), "" if root == "." else root)


def _why(told: str) -> str:
    return first(told) if told.strip() else "it names nothing, or no commit"
