"""What `sark promote` finds out: from the server what was tried, from the repository what comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import unified_diff
from functools import cached_property
from pathlib import Path

from engine.cli import proposing
from engine.cli.client import Client, at
from engine.cli.ends import Ends, Side, errors
from engine.cli.output import items
from engine.cli.pinned import PinFile
from engine.cli.proposing import Place, place
from engine.core.frozen import frozen
from engine.core.promotion import Gate, Ran, same, soaked, stricter, verified
from engine.core.review import Head
from engine.core.values import Json, parse_duration
from engine.errors import Invalid, NotFound
from engine.git import writing
from engine.git.here import Here, here
from engine.git.tree import inside

_MOST_RUNS = 10_000


@frozen
class Asked:
    """What was asked for at the terminal."""

    origin: str
    goal: str
    folder: Path
    soak: timedelta | None
    verify: Sequence[str]


@dataclass(frozen=True)
class Promotion:
    """A commit on its way from one environment to another, in the repository around us."""

    asked: Asked
    client: Client
    origin: Place
    goal: Place
    repository: Here
    base: str

    @property
    def commit(self) -> str:
        """The commit that is live where it was tried."""
        return self.origin.active

    @cached_property
    def since(self) -> datetime:
        """When it has become so."""
        found = items(self.client.get(at("commits", self.commit)))
        told = next((each for each in found if each["source"] == self.origin.name), {})
        since = told.get("active_since")
        if not isinstance(since, str):
            raise NotFound(f"{self.commit[:12]} is not live in {self.asked.origin} any more")
        return datetime.fromisoformat(since)

    @cached_property
    def document(self) -> PinFile:
        """The file of the environment that it goes to."""
        return PinFile(self.repository, self.asked.goal, self.base)

    @property
    def path(self) -> str:
        return self.document.path

    @property
    def before(self) -> bytes:
        return self.document.before

    @cached_property
    def after(self) -> bytes:
        """What the file is to say; nothing but the one line is another."""
        return self.document.naming(self.commit)

    @property
    def is_idle(self) -> bool:
        """True if the file names the commit already."""
        return self.document.facts.get("revision") == self.commit

    def gates(self, now: datetime) -> tuple[list[Gate], tuple[str, ...]]:
        """Return what must be so, and the workflows that differ by the environments."""
        origin, soak, verify = _written(self.document.facts)
        least, names, vain = stricter((soak, verify), self.asked.soak, self.asked.verify)
        from_ = self.asked.origin
        told = f"{self.asked.goal} takes what was tried in {origin or from_}"
        route = Gate("route", origin in ("", from_), told)
        asked = [Gate("flags", False, vain)] if vain else []
        plans, differs = self._plans()
        runs = verified(self._runs(), names)
        return [route, *asked, soaked(self.since, now, least), runs, plans], differs

    def patch(self) -> str:
        """Return the change as `git apply` takes it."""
        old, new = (each.decode().splitlines(keepends=True) for each in (self.before, self.after))
        lines = unified_diff(old, new, f"a/{self.path}", f"b/{self.path}")
        ends = (each if each.endswith("\n") else f"{each}\n{_NO_END}" for each in lines)
        return "".join(ends)

    def write(self, branch: str, message: str) -> str:
        """Make the commit on a new branch and return it; no file of the work tree changes."""
        ref = writing.check_branch(self.repository, branch)
        made = writing.tree(self.repository, self.base, {self.path: self.after})
        commit = writing.commit(self.repository, self.base, made, message)
        writing.branch(self.repository, ref, commit)
        return commit

    def _plans(self) -> tuple[Gate, tuple[str, ...]]:
        page = self.client.pages("/workflows", namespace=self.origin.namespace, limit=200)
        tried = {str(each["name"]): str(each["plan"]) for each in page
                 if each["source"] == self.origin.name}  # fmt: skip
        coming = self._compiled(self.asked.goal, {self.path: self.after})
        if found := errors(coming):
            span = found[0].span
            place = f"{inside(self.repository.root)}{span.file}:{span.line}:{span.column}"
            told = f"{len(found)} errors, the first at {place}: {found[0].message}"
            return Gate("plans", False, told), ()
        own = self._compiled(self.asked.origin, {})
        return same(tried, _digests(coming), _digests(own))

    def _compiled(self, environment: str, files: Mapping[str, bytes | None]) -> Side:
        """Return what the commit compiles to in an environment whose files are others."""
        made = writing.tree(self.repository, self.commit, self._replaced(files)) if files else ""
        return Ends(self.repository, environment).of_commit(Head(environment, self.commit), made)

    def _replaced(self, files: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
        """Return the same with the file gone that described the goal in the commit."""
        then = PinFile(self.repository, self.asked.goal, self.commit).file
        gone = {} if then is None else {inside(self.repository.root) + then: None}
        return {**gone, **files}

    def _runs(self) -> list[Ran]:
        """Return the runs of the commit where it was tried, since it is live there."""
        found = []
        pages = self.client.pages("/runs", namespace=self.origin.namespace, limit=200)
        for number, run in enumerate(pages):
            if datetime.fromisoformat(str(run["created_at"])) < self.since:
                break
            if number >= _MOST_RUNS:
                raise Invalid(f"there are more than {_MOST_RUNS:,} runs since; promote sooner")
            if run["commit"] == self.commit:
                found.append(Ran(str(run["id"]), str(run["workflow"]), str(run["status"])))
        return found


_NO_END = "\\ No newline at end of file\n"


def prepared(asked: Asked, client: Client) -> Promotion:
    """Return what is to be promoted.

    Raise Invalid or NotFound where the sources, the commits or the branch are not to be found.
    """
    if asked.origin == asked.goal:
        raise Invalid(f"{asked.goal} is promoted from another environment, not from itself")
    around = here(asked.folder)
    sources = list(client.pages("/sources", limit=200))
    origin, goal = (_place(sources, each, around.root) for each in (asked.origin, asked.goal))
    if (origin.url, origin.root) != (goal.url, goal.root):
        raise Invalid(
            f"sources {origin.name} and {goal.name} are of different folders or repositories; "
            "a commit of one is nothing to the other"
        )
    if not origin.active:
        raise NotFound(f"nothing is live in {asked.origin} yet: `sark sources` says why")
    repository = replace(around, root=goal.root)
    head = proposing.base(repository, goal)
    for commit in filter(None, (origin.active, goal.observed)):
        proposing.check(repository, commit, head, goal)
    return Promotion(asked, client, origin, goal, repository, head)


def _place(sources: Sequence[Mapping[str, Json]], environment: str, root: str) -> Place:
    found = [each for each in sources if each["environment"] == environment]
    if len(found) > 1:
        found = [each for each in found if place(each).root == root]
    if len(found) != 1:
        known = ", ".join(sorted({str(each["environment"]) for each in sources})) or "none"
        count = "no source is" if not found else "more than one source is"
        raise Invalid(
            f"{count} bound to {environment} (there are: {known}); with more than one, name the "
            "folder of the specs with --path"
        )
    return place(found[0])


def _written(facts: Mapping[str, Json]) -> tuple[str, timedelta, Sequence[str]]:
    """Return what a document says of promotions to it."""
    told = facts.get("promotion")
    if not isinstance(told, Mapping):
        return "", timedelta(), ()
    verify = told["verify"]
    assert isinstance(verify, Sequence)
    return str(told["from"]), parse_duration(str(told["soak"])), [str(each) for each in verify]


def _digests(side: Side) -> Mapping[str, str]:
    return {name: plan.digest for name, plan in side.compiled.plans.items()}
