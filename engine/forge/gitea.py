"""Gitea and Forgejo: GitHub's API in most words, and their own in a few.

Source: docs.gitea.com/api, version 1.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from engine.errors import Invalid, NotFound
from engine.forge import reading
from engine.forge.contract import Pull
from engine.forge.conversation import Dialect
from engine.forge.github import MOST_PULLS, GitHub, pull_of

GITEA = Dialect("gitea", "Gitea", {"Accept": "application/json"})
_NOTHING: Mapping[str, str] = {}


class Gitea(GitHub):
    """One repository; checks are statuses."""

    page = "limit", 50
    writers = frozenset({"owner", "admin", "write"})
    writing = "assignees", _NOTHING  # its collaborators lack those who may push as of a team

    async def open_pulls(self, base: str) -> Sequence[Pull]:
        """Return the open pull requests into a branch, newest first, of the newest 300."""
        found = await self._all(f"{self._at}/pulls", MOST_PULLS, {"state": "open"})
        with self._talk.read("a list of pull requests"):
            told = [pull_of(each) for each in found]
        return sorted((e for e in told if e.base == base), key=lambda e: e.number, reverse=True)

    async def is_member(self, login: str, team: str) -> bool:
        """True if somebody is of a team, as `acme/payments`."""
        owner, _, name = team.rpartition("/")
        asked = urlencode({"q": name, "limit": self.page[1]})
        at = f"/orgs/{quote(owner or self._owner, safe='')}/teams/search?{asked}"
        try:
            found = (await self._talk.ask("GET", at)).body
            with self._talk.read("a list of teams"):
                teams = reading.rows(reading.field(found, "data"))
                ids = [reading.number(t, "id") for t in teams if reading.words(t, "name") == name]
            for id_ in ids:
                await self._talk.ask("GET", f"/teams/{id_}/members/{quote(login, safe='')}")
        except NotFound:
            return False
        return bool(ids)

    async def open_pull(self, branch: str, base: str, title: str, body: str) -> int:
        """Ask for a branch to be merged; return the number, that of the open one if there is."""
        try:
            return await self._make_pull(branch, base, title, body)
        except Invalid:
            found = await self._all(f"{self._at}/pulls", MOST_PULLS, {"state": "open"})
            for each in found:
                if (branch, base) == tuple(reading.words(each, x, "ref") for x in ("head", "base")):
                    return reading.number(each, "number")
            raise
