"""A change that is made in Git and asked to be merged: for which source, onto what, and where.

The commit is made beside the work tree, pushed as the person who asks for it, and opened at the
forge of its source by the credential that the configuration has. Nothing is ever forced.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.errors import Invalid
from engine.git import writing
from engine.git.here import Here
from engine.git.tree import inside
from engine.settings import Settings, load

_TOLD = ("name", "namespace", "environment", "url", "ref", "active", "observed")
_HEADS = "refs/heads/"
_WEB = re.compile(
    r"(?:https://(?:[^/@]*@)?|ssh://git@|git@)(github\.com|gitlab\.com)[:/]"
    r"([\w.-]+(?:/[\w.-]+)+)/?"
)


@frozen
class Place:
    """A source as the server tells it. `root` has no slash at its end, and is "" for the top."""

    name: str
    namespace: str
    environment: str
    url: str
    ref: str
    root: str
    active: str
    observed: str

    @property
    def branch(self) -> str:
        """Return the branch that is followed; raise Invalid if that is none to commit to."""
        name = self.ref.removeprefix(_HEADS)
        if name == self.ref:
            raise Invalid(f"source {self.name} follows {self.ref}, which is no branch to commit to")
        return name


def place(source: Mapping[str, Json]) -> Place:
    """Return what the server tells of a source."""
    told = {name: str(source[name] or "") for name in _TOLD}
    return Place(**told, root=inside(str(source["root"])).rstrip("/"))


def base(repository: Here, source: Place) -> str:
    """Return the head of the branch that a source follows, as it was fetched last."""
    branch = source.branch
    for ref in (f"refs/remotes/origin/{branch}", source.ref):
        try:
            return repository.commit(ref)
        except Invalid:
            continue
    raise Invalid(f"the repository has no branch {branch}; fetch it (git fetch origin {branch})")


def check(repository: Here, commit: str, head: str, source: Place) -> None:
    """Raise Invalid for a commit that is not in the history of a source's branch."""
    words = ("merge-base", "--is-ancestor", commit, head)
    if repository.runner.ask(words, 60).status != 0:
        raise Invalid(
            f"{commit[:12]} is not in {source.ref} as it is here; fetch it (git fetch), or look "
            f"whether the repository around you is that of source {source.name}"
        )


def configured(source: Place, config: str | None, state: str | None) -> Settings | None:
    """Return the configuration at hand, None if it knows no forge of a source."""
    told = load(Path(config) if config else None, os.environ, {"state": state} if state else {})
    known = any(each.name == source.name and each.forge for each in told.settings.sources)
    return told.settings if known else None


def opened(
    repository: Here, settings: Settings, source: Place, branch: str, title: str, body: str
) -> int:
    """Push a branch and ask at the source's forge for it to be merged; return the number.

    That is the number of the open one, if there is one of this branch. Raise SarkError.
    """
    writing.push(repository, f"{_HEADS}{branch}")
    return asked(settings, source, branch, title, body)


def asked(settings: Settings, source: Place, branch: str, title: str, body: str) -> int:
    """Ask at a source's forge for a branch to be merged that is there; return the number.

    Raise SarkError, of which Misconfigured is for a credential that is not there.
    """
    from engine.forge.forges import Forges

    async def ask() -> int:
        async with Forges(settings.sources, settings.adapters) as forges:
            forge = forges.of(source.name)
            assert forge is not None, "the configuration was looked at before"
            return await forge.open_pull(branch, source.branch, title, body)

    return asyncio.run(ask())


def page(url: str, base_: str, branch: str) -> str:
    """Return where a person opens a pull request of a branch, "" where that is not known."""
    found = _WEB.fullmatch(url)
    if found is None:
        return ""
    web = f"https://{found[1]}/{found[2].removesuffix('.git')}"
    if found[1] == "github.com":
        return f"{web}/compare/{base_}...{branch}?expand=1"
    ends = f"merge_request[source_branch]={branch}&merge_request[target_branch]={base_}"
    return f"{web}/-/merge_requests/new?{ends}"
