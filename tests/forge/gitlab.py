"""A small GitLab for tests: one project, with its merge requests, notes, statuses and people.

Source: docs.gitlab.com/api: "Merge requests", "Notes", "Commits", "Members", "Emoji reactions".
"""

from typing import Any

from tests.forge.serving import Fake, Reply, Request, Route, page, route, stamp

TOKEN = "glpat-of-ann"
GUEST, DEVELOPER, OWNER = 10, 30, 50


class FakeGitLab(Fake):
    """A GitLab with the project `acme/tools/shop`; `levels` are those of its members."""

    repository = "acme/tools/shop"

    def __init__(self) -> None:
        self.levels = {"ann": OWNER, "dana": DEVELOPER, "eve": GUEST}
        self.ids = {login: number for number, login in enumerate(self.levels, 70)}
        self.groups: dict[str, set[str]] = {}
        self.heads = {"main": "b" * 40}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.changed: dict[int, list[dict[str, Any]]] = {}
        self.notes: list[dict[str, Any]] = []
        self.reactions: list[tuple[int, str]] = []
        self.statuses: list[dict[str, Any]] = []
        super().__init__()

    @property
    def api(self) -> str:
        """Return the URL of its API."""
        return f"{self.url}/api/v4"

    def routes(self) -> list[Route]:
        """Return what of GitLab's API there is."""
        at, merge = "/api/v4/projects/*", "/api/v4/projects/*/merge_requests"
        return [
            route("GET", "/api/v4/user", lambda _: Reply(200, self._user("ann"))),
            route("GET", "/api/v4/users", self._users),
            route("GET", f"{at}/members/all/*", self._member),
            route("GET", "/api/v4/groups/*/members/all/*", self._of_group),
            route("GET", f"{at}/repository/branches/*", self._branch),
            route("POST", f"{at}/statuses/*", self._status),
            route("GET", merge, self._listed),
            route("POST", merge, self._open),
            route("GET", f"{merge}/*", lambda _, __, n: self._found(self.pulls.get(int(n)))),
            route("GET", f"{merge}/*/diffs", self._diffs),
            route("GET", f"{merge}/*/notes", self._noted),
            route("POST", f"{merge}/*/notes", self._note),
            route("PUT", f"{merge}/*/notes/*", self._renote),
            route("POST", f"{merge}/*/notes/*/award_emoji", self._award),
        ]

    def pull(self, head: str, *, branch: str = "change", fork: bool = False, **told: Any) -> int:
        """Open a merge request; return its iid."""
        number = len(self.pulls) + 1
        self.pulls[number] = {
            "id": 900 + number, "iid": number, "project_id": 1, "title": "Tune invoice export",
            "description": "", "state": "opened", "source_branch": branch, "target_branch": "main",
            "source_project_id": 2 if fork else 1, "target_project_id": 1, "draft": False,
            "author": self._user("dana"), "sha": head, "merge_commit_sha": None,
            "squash_commit_sha": None, "created_at": stamp(), **told,
        }  # fmt: skip
        return number

    def say(self, number: int, body: str, login: str = "dana", system: bool = False) -> int:
        """Write a note as somebody; return its id."""
        id_ = 5000 + len(self.notes)
        note = {"id": id_, "body": body, "author": self._user(login),
                "system": system, "noteable_iid": number, "created_at": stamp()}  # fmt: skip
        self.notes.append(note)
        return id_

    def texts(self, number: int) -> list[str]:
        """Return the notes of a merge request, the oldest first."""
        return [each["body"] for each in self.notes if each["noteable_iid"] == number]

    def told(self, context: str) -> list[tuple[str, str, str]]:
        """Return what was said in a context: commit, state and text, the oldest first."""
        found = [each for each in self.statuses if each["name"] == context]
        return [(each["sha"], each["status"], each["description"]) for each in found]

    def _answer(self, request: Request) -> Reply:
        if request.token != TOKEN:
            return self.refuse(401, "401 Unauthorized")
        return super()._answer(request)

    def _user(self, login: str) -> dict[str, Any]:
        return {"id": self.ids[login], "username": login, "state": "active", "name": login}

    def _found(self, told: Any) -> Reply:
        return self.refuse(404, "404 Not found") if told is None else Reply(200, told)

    def _users(self, request: Request) -> Reply:
        login = request.query["username"].lower()
        return Reply(200, [self._user(login)] if login in self.ids else [])

    def _member(self, _: Request, project: str, number: str) -> Reply:
        login = next((name for name, id_ in self.ids.items() if str(id_) == number), "")
        known = project == self.repository and login in self.levels
        told = {**self._user(login), "access_level": self.levels[login]} if known else None
        return self._found(told)

    def _of_group(self, _: Request, group: str, number: str) -> Reply:
        members = {str(self.ids[each]): each for each in self.groups.get(group, ())}
        told = {**self._user(members[number]), "access_level": 30} if number in members else None
        return self._found(told)

    def _branch(self, _: Request, __: str, name: str) -> Reply:
        head = self.heads.get(name)
        return self._found(head and {"name": name, "commit": {"id": head}})

    def _status(self, request: Request, _: str, sha: str) -> Reply:
        told = request.body
        if len(told["description"]) > 255:
            return Reply(400, {"message": {"description": ["is too long"]}})
        before = [
            each for each in self.statuses if (each["sha"], each["name"]) == (sha, told["name"])
        ]
        if before and before[-1]["status"] == told["state"]:
            return self.refuse(400, "Cannot transition status via :enqueue from :pending")
        found = {"id": len(self.statuses), "sha": sha, "status": told["state"],
                 "name": told["name"], "description": told["description"],
                 "target_url": told.get("target_url")}  # fmt: skip
        self.statuses.append(found)
        return Reply(201, found)

    def _listed(self, request: Request, _: str) -> Reply:
        asked = request.query
        found = [
            each
            for _, each in sorted(self.pulls.items(), reverse=True)
            if asked.get("state") == each["state"]
            and asked.get("target_branch") == each["target_branch"]
            and asked.get("source_branch") in (None, each["source_branch"])
        ]
        return page(request, found, self.url, 20)

    def _open(self, request: Request, _: str) -> Reply:
        told = request.body
        for number, each in self.pulls.items():
            if (each["source_branch"], each["state"]) == (told["source_branch"], "opened"):
                message = f"Another open merge request already exists: !{number}"
                return Reply(409, {"message": [message]})
        number = self.pull("5" * 40, branch=told["source_branch"], title=told["title"])
        return Reply(201, self.pulls[number])

    def _diffs(self, request: Request, _: str, number: str) -> Reply:
        return page(request, self.changed.get(int(number), []), self.url, 20)

    def _noted(self, request: Request, _: str, number: str) -> Reply:
        found = [each for each in self.notes if each["noteable_iid"] == int(number)]
        return page(request, found, self.url, 20)

    def _note(self, request: Request, _: str, number: str) -> Reply:
        self.say(int(number), request.body["body"], "ann")
        return Reply(201, self.notes[-1])

    def _renote(self, request: Request, _: str, number: str, id_: str) -> Reply:
        for each in self.notes:
            if (str(each["noteable_iid"]), str(each["id"])) == (number, id_):
                each["body"] = request.body["body"]
                return Reply(200, each)
        return self.refuse(404, "404 Not found")

    def _award(self, request: Request, _: str, __: str, id_: str) -> Reply:
        told = (int(id_), request.body["name"])
        if told in self.reactions:
            return self.refuse(404, "404 Award Emoji Name has already been taken Not Found")
        self.reactions.append(told)
        return Reply(201, {"id": 1, "name": told[1]})
